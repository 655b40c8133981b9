using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Steps;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Steps;

/// <summary>A watched folder over time: what is ready at which second.</summary>
public sealed class WatchedScansTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly WatchedScans scans = new();
    private readonly HashSet<string> segmented = [];

    [Fact]
    public void A_file_is_taken_when_it_rests_from_one_look_to_the_next()
    {
        Add("a.nii");
        Assert.Empty(At(0, "a.nii"));
        Add("a.nii", "more");
        Assert.Empty(At(1, "a.nii"));
        Assert.Equal(["a.nii"], At(2, "a.nii"));
    }

    [Fact]
    public void A_series_is_taken_when_it_rests_for_ten_seconds_and_again_when_it_grew()
    {
        Add("p/1.dcm");
        Assert.Empty(At(0, "p"));
        Add("p/2.dcm");
        Assert.Empty(At(8, "p"));
        Assert.Empty(At(17, "p"));
        Assert.Equal(["p"], At(18, "p"));
        Assert.Empty(At(40, "p"));
        Add("p/3.dcm");
        Assert.Empty(At(41, "p"));
        Assert.Empty(At(50, "p"));
        Assert.Equal(["p again"], At(51, "p"));
        Assert.Empty(At(80, "p"));

        // Who deletes a segmentation wants it anew.
        segmented.Clear();
        Assert.Equal(["p"], At(81, "p"));
    }

    [Fact]
    public void What_failed_waits_for_its_files_to_change()
    {
        Add("p/1.dcm");
        At(0, "p");
        Assert.Equal(["p"], At(10, "p", fails: true));
        Assert.Empty(At(30, "p"));
        Add("p/1.dcm", "the rest of it");
        At(31, "p");
        Assert.Equal(["p"], At(41, "p"));
    }

    [Fact]
    public void Segmentations_that_were_there_before_stay_and_are_told_if_they_are_older()
    {
        Add("p/1.dcm");
        Add("p.nii.gz");
        segmented.Add("p");
        At(0, "p");
        Assert.Empty(At(20, "p"));
        var item = Case("p");
        File.SetLastWriteTimeUtc(folder.File("p", "1.dcm"), new DateTime(2026, 1, 1, 0, 0, 0, DateTimeKind.Utc));
        Assert.False(scans.IsOutdated(item, folder.File("p.nii.gz")));
        File.SetLastWriteTimeUtc(folder.File("p.nii.gz"), new DateTime(2025, 1, 1, 0, 0, 0, DateTimeKind.Utc));
        Assert.True(scans.IsOutdated(item, folder.File("p.nii.gz")));
    }

    public void Dispose() => folder.Dispose();

    private void Add(string name, string text = "x") => File.WriteAllText(folder.File(name.Split('/')), text);

    private DatasetCase Case(string name) => new(name, [folder.File(name)], null);

    private string[] At(double seconds, string name, bool fails = false)
    {
        var ready = scans.Look([Case(name)], item => segmented.Contains(item.Id), TimeSpan.FromSeconds(seconds));
        foreach (var (item, state, _) in ready)
        {
            scans.Took(item, state, fails);
            segmented.UnionWith(fails ? [] : [item.Id]);
        }

        return [.. ready.Select(found => found.Case.Id + (found.Again ? " again" : ""))];
    }
}
