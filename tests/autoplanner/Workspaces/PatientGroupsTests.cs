using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Workspaces;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Workspaces;

/// <summary>Folds that keep the cases of a patient together, and how leaks are found (docs/method/datasets.md §8).</summary>
public sealed class PatientGroupsTests
{
    private const string Pattern = "^(.*)_";

    private static readonly string[] Visits =
        [.. Enumerable.Range(0, 12).SelectMany(p => Enumerable.Range(1, 1 + (p % 3)).Select(v => $"p{p:00}_v{v}"))];

    [Fact]
    public void No_patient_is_on_both_sides_and_folds_are_of_equal_size()
    {
        var groups = PatientGroups.Of(Pattern, Visits);
        Assert.Equal(12, groups.Count);
        var splits = Splits.Create(Visits, groups);
        Assert.Equal(5, splits.Folds.Count);
        Assert.Equal(
            Visits.Order(StringComparer.Ordinal),
            splits.Folds.SelectMany(fold => fold.Val).Order(StringComparer.Ordinal));
        foreach (var fold in splits.Folds)
        {
            Assert.Null(groups.LeakOf(fold));
            Assert.Empty(fold.Train.Select(groups.PatientOf).Intersect(fold.Val.Select(groups.PatientOf)));
            Assert.Equal(Visits.Length, fold.Train.Count + fold.Val.Count);
            Assert.InRange(fold.Val.Count, 4, 6); // 24 visits
        }

        Assert.NotNull(Splits.Create(Visits).Folds.Select(fold => groups.LeakOf(fold)).FirstOrDefault(leak => leak is not null));
        Assert.Equal(splits.ToJson(), Splits.Create(Visits.AsEnumerable().Reverse(), groups).ToJson());
        Assert.Throws<SharpSegException>(() => splits.ForFold(5));
    }

    [Fact]
    public void One_case_a_patient_gives_the_folds_of_the_reference()
    {
        string[] ids = [.. Enumerable.Range(0, 12).Select(i => $"p{i:00}_v1")];
        var grouped = Splits.Create(ids, PatientGroups.Of(Pattern, ids));
        Assert.Equal(
            Splits.Create(ids).Folds.Select(fold => string.Join(' ', fold.Val)),
            grouped.Folds.Select(fold => string.Join(' ', fold.Val)));
        Assert.Equal(Pattern, grouped.GroupBy);
    }

    [Fact]
    public void The_pattern_is_kept_with_the_folds_and_holds_them()
    {
        using var folder = new TemporaryFolder();
        var work = new Workspace(folder.Path);
        var groups = PatientGroups.Of(Pattern, Visits);
        Splits.Group(work, folder.Path, groups, Visits);
        var found = Splits.Find(work, null, Visits);
        Assert.Equal(Pattern, found.GroupBy);
        Splits.Group(work, folder.Path, groups, Visits); // again
        var others = PatientGroups.Of("^(p.)", Visits);
        Assert.Contains(
            Pattern, Assert.Throws<SharpSegException>(() => Splits.Group(work, folder.Path, others, Visits)).Message,
            StringComparison.Ordinal);
        var moved = """[{"train": ["p02_v1", "p00_v1"], "val": ["p02_v2"], "group_by": "^(.*)_"}]""";
        Assert.Contains(
            "patient `p02`", Assert.Throws<SharpSegException>(() => Splits.Parse(moved, "x", Visits)).Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("(", "(")]
    [InlineData("^.*_", "no group")]
    [InlineData("^(x.*)_", "p00_v1")]
    [InlineData("^(x*)p", "empty")]
    [InlineData("^(p)", "one patient")]
    [InlineData("^(?<=a)(b)", "--group-by")]
    public void Bad_patterns_are_refused(string pattern, string says)
    {
        var error = Assert.Throws<SharpSegException>(() => PatientGroups.Of(pattern, Visits));
        Assert.Contains(says, error.Message, StringComparison.Ordinal);
        Assert.NotNull(error.Hint);
    }

    [Theory]
    [InlineData("p01_v1 p01_v2 p02_v1", "p01 p01 p02_v1")]
    [InlineData("sub-01_ses-02 sub-01_ses-03 sub-02_ses-02", "sub-01 sub-01 sub-02")]
    [InlineData("a7.1 a7.2 b9.1", "a7 a7 b9")]
    [InlineData("hippocampus_001 hippocampus_003", null)]
    [InlineData("BRATS20_001 BRATS20_002", null)]
    [InlineData("case_0 other_1", null)]
    [InlineData("p1 p2 p3", null)]
    public void Several_cases_of_a_patient_are_guessed_by_their_names(string names, string? patients)
    {
        string[] ids = names.Split(' ');
        var groups = PatientGroups.Guess(ids);
        Assert.Equal(patients is null, groups is null);
        var expected = (patients ?? "").Split(' ', StringSplitOptions.RemoveEmptyEntries);
        for (var i = 0; i < expected.Length; i++)
        {
            Assert.Equal(
                expected[i] == expected[0], groups!.PatientOf(ids[i]) == groups.PatientOf(ids[0]));
        }
    }

    [Fact]
    public void Leaks_of_a_dataset_are_errors_if_the_pattern_is_given_and_warnings_if_it_is_guessed()
    {
        using var folder = new TemporaryFolder();
        foreach (var id in Visits)
        {
            File.WriteAllText(folder.File("labelsTr", $"{id}.nii.gz"), "");
            File.WriteAllText(folder.File("imagesTr", $"{id}_0000.nii.gz"), "");
        }

        File.WriteAllText(folder.File("dataset.json"), $$$"""
            {
                "channel_names": {"0": "MRI"}, "labels": {"background": 0, "a": 1},
                "numTraining": {{{Visits.Length}}}, "file_ending": ".nii.gz"
            }
            """);
        var dataset = Dataset.Open(folder.Path);
        var guess = Assert.Single(PatientGroups.Leaks(dataset, null));
        Assert.Equal(Severity.Warning, guess.Severity);
        Assert.Contains("--group-by", guess.Hint, StringComparison.Ordinal);
        Assert.Empty(PatientGroups.Leaks(dataset, Pattern)); // the folds would keep them together

        File.WriteAllText(folder.File("splits_final.json"), Splits.Create(Visits).ToJson());
        var leak = Assert.Single(PatientGroups.Leaks(dataset, Pattern));
        Assert.Equal(Severity.Error, leak.Severity);
        Assert.Contains("splits_final.json", leak.Message, StringComparison.Ordinal);
    }
}
