using System.Text.Json;
using SharpSeg.AutoPlanner.Workspaces;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Workspaces;

/// <summary>
/// Folds: the vectors of docs/method/datasets.md §8 and docs/method/training.md §2, and the reference's own splits.
/// </summary>
public sealed class SplitsTests
{
    [Fact]
    public void The_generator_gives_the_published_numbers()
    {
        var generator = new MersenneTwister(12345);
        Assert.Equal([3992670690u, 3823185381u, 1358822685u], [generator.Next(), generator.Next(), generator.Next()]);
        Assert.Equal([0, 7, 3, 9, 6, 4, 1, 8, 5, 2], new MersenneTwister(12345).Permutation(10));
    }

    [Theory]
    [InlineData(5, "0 | 4 | 3 | 1 | 2")]
    [InlineData(7, "3,6 | 0,4 | 1 | 5 | 2")]
    [InlineData(10, "0,7 | 3,9 | 4,6 | 1,8 | 2,5")]
    [InlineData(12, "0,3,8 | 7,10,11 | 6,9 | 1,4 | 2,5")]
    [InlineData(20, "3,8,13,16 | 0,10,12,15 | 6,7,11,17 | 9,14,18,19 | 1,2,4,5")]
    public void Five_folds_follow_the_table(int cases, string expected)
    {
        var splits = Splits.Create(Ids(cases).AsEnumerable().Reverse());
        Assert.Equal(expected, string.Join(" | ", splits.Folds.Select(fold => string.Join(",", fold.Val.Select(Number)))));
        foreach (var fold in splits.Folds)
        {
            Assert.Equal(Ids(cases), fold.Train.Concat(fold.Val).Order(StringComparer.Ordinal));
            Assert.Equal(fold.Train.Order(StringComparer.Ordinal), fold.Train);
        }
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void Fewer_than_five_cases_are_left_out_one_by_one(int cases)
    {
        var splits = Splits.Create(Ids(cases));
        Assert.Equal(cases, splits.Folds.Count);
        Assert.All(splits.Folds, fold => Assert.Single(fold.Val));
        Assert.Equal(Ids(cases), splits.Folds.SelectMany(fold => fold.Val).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void One_case_has_no_cross_validation()
    {
        var error = Assert.Throws<SharpSegException>(() => Splits.Create(Ids(1)));
        Assert.Contains("every-case", error.Hint!, StringComparison.Ordinal);
        Assert.Equal(Ids(1), Splits.All(Ids(1)).Train);
    }

    [Fact]
    public void A_fold_beyond_the_file_is_a_random_80_to_20_split()
    {
        var split = Splits.Create(Ids(10)).ForFold(5);
        Assert.Equal([0, 8, 4, 5, 3, 9, 7, 6], split.Train.Select(Number));
        Assert.Equal([1, 2], split.Val.Select(Number));
        Assert.Contains("fold 5 is beyond the 5 folds", split.Warning, StringComparison.Ordinal);
        Assert.Contains("80:20", split.Warning, StringComparison.Ordinal);
        Assert.All(Enumerable.Range(0, 5), fold => Assert.Null(Splits.Create(Ids(10)).ForFold(fold).Warning));
    }

    [Fact]
    public void Fold_all_trains_and_validates_on_everything()
    {
        var split = Splits.Create(Ids(6)).ForFold("all");
        Assert.Equal(Ids(6), split.Train);
        Assert.Equal(Ids(6), split.Val);
        Assert.Equal(Splits.Create(Ids(6)).Folds[3].Val, Splits.Create(Ids(6)).ForFold("3").Val);
        Assert.Throws<SharpSegException>(() => Splits.Create(Ids(6)).ForFold("-1"));
        Assert.Throws<SharpSegException>(() => Splits.Create(Ids(6)).ForFold("three"));
        Assert.Throws<SharpSegException>(() => Splits.Create(Ids(6)).ForFold("03")); // a second folder for fold 3
        Assert.Contains("the cases it trains on", split.Warning, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_written_is_read_back()
    {
        using var folder = new TemporaryFolder();
        var path = folder.File("splits.json");
        var splits = Splits.Create(Ids(11));
        splits.Save(path);
        var again = Splits.Load(path, Ids(11));
        Assert.Equal(splits.ToJson(), again.ToJson());
        Assert.All(again.Folds, fold => Assert.Null(fold.Warning));
    }

    [Theory]
    [InlineData("[]", "at least one")]
    [InlineData("{}", "at least one")]
    [InlineData("""[{"train": ["c000"], "val": ["c999"]}]""", "c999")]
    [InlineData("""[{"train": ["c000"]}]""", "0.val: missing")]
    [InlineData("""[{"train": [], "val": ["c000"]}]""", "no case")]
    [InlineData("""[{"train": ["c000"], "val": []}]""", "fold 0: no case in `val`")]
    [InlineData("""[{"train": [1], "val": []}]""", "a text, found 1")]
    [InlineData("""[{"train": ["c000", "c000"], "val": ["c001"]}]""", "fold 0 lists `c000` more than once in `train`")]
    [InlineData("""[{"train": ["c000"], "val": ["c001", "c001"]}]""", "fold 0 lists `c001` more than once in `val`")]
    public void Bad_files_are_refused_in_one_line(string text, string expected)
    {
        var error = Assert.Throws<SharpSegException>(() => Splits.Parse(text, "splits.json", Ids(5)));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Overlap_is_a_warning()
    {
        var splits = Splits.Parse("""[{"train": ["c000", "c001"], "val": ["c001"]}]""", "splits.json", Ids(5));
        Assert.Contains("1 case", splits.ForFold(0).Warning, StringComparison.Ordinal);
    }

    [Fact]
    public void A_split_file_beside_the_dataset_is_used_and_must_agree_with_the_workspace()
    {
        using var folder = new TemporaryFolder();
        var workspace = new Workspace(Path.Combine(folder.Path, "work"));
        Directory.CreateDirectory(workspace.Folder);
        var theirs = folder.File("dataset", "splits_final.json");
        File.WriteAllText(theirs, """[{"train": ["c001", "c000"], "val": ["c002"]}]""");
        var dataset = Path.GetDirectoryName(theirs)!;

        Assert.Single(Splits.Find(workspace, dataset, Ids(3)).Folds);
        Assert.True(File.Exists(workspace.SplitsFile));
        File.WriteAllText(workspace.SplitsFile, """[{"train": ["c000", "c001"], "val": ["c002"]}]""");
        Assert.Single(Splits.Find(workspace, dataset, Ids(3)).Folds);

        File.WriteAllText(workspace.SplitsFile, """[{"train": ["c000", "c002"], "val": ["c001"]}]""");
        Assert.Throws<SharpSegException>(() => Splits.Find(workspace, dataset, Ids(3)));
    }

    [Fact]
    public void New_splits_are_written_to_the_workspace()
    {
        using var folder = new TemporaryFolder();
        var workspace = new Workspace(folder.Path);
        var splits = Splits.Find(workspace, null, Ids(8));
        Assert.Equal(splits.ToJson(), File.ReadAllText(workspace.SplitsFile));
        Assert.Equal(5, splits.Folds.Count);
    }

    [Fact]
    public void Folds_equal_the_reference()
    {
        var golden = GoldenJson.Read("functions", "crossval_splits.json");
        Assert.Equal(3, golden.EnumerateObject().Count());
        foreach (var entry in golden.EnumerateObject())
        {
            var folds = entry.Value.EnumerateArray().ToArray();
            var ids = Strings(folds[0].GetProperty("train")).Concat(Strings(folds[0].GetProperty("val"))).ToArray();
            var ours = Splits.Create(ids).Folds;
            Assert.Equal(folds.Length, ours.Count);
            for (var fold = 0; fold < folds.Length; fold++)
            {
                Assert.Equal(Strings(folds[fold].GetProperty("train")), ours[fold].Train);
                Assert.Equal(Strings(folds[fold].GetProperty("val")), ours[fold].Val);
            }
        }
    }

    private static string[] Strings(JsonElement list) => [.. list.EnumerateArray().Select(value => value.GetString()!)];

    private static string[] Ids(int count) => [.. Enumerable.Range(0, count).Select(i => $"c{i:000}")];

    private static int Number(string id) => int.Parse(id[1..], System.Globalization.CultureInfo.InvariantCulture);
}
