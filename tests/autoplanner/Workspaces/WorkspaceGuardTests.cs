using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Steps;
using SharpSeg.AutoPlanner.Tests.Datasets;
using SharpSeg.AutoPlanner.Tests.Imaging;
using SharpSeg.AutoPlanner.Workspaces;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Workspaces;

public sealed class WorkspaceGuardTests : IDisposable
{
    private readonly DatasetFolder data = Cubes("a", "b"), other = Cubes("a", "c");
    private readonly TemporaryFolder folder = new();

    private Workspace Work => new(Path.Combine(folder.Path, "work"));

    public void Dispose()
    {
        data.Dispose();
        other.Dispose();
        folder.Dispose();
    }

    [Fact]
    public void A_workspace_belongs_to_one_dataset()
    {
        Plan(data.Path);
        var before = File.ReadAllBytes(Work.PlansFile);
        var error = Assert.Throws<SharpSegException>(() => Plan(other.Path));
        Assert.Contains(
            $"`{Work.Folder}` belongs to the dataset `{data.Path}`, not to `{other.Path}`", error.Message,
            StringComparison.Ordinal);
        Assert.Contains("-o", error.Hint!, StringComparison.Ordinal);
        Assert.Equal(before, File.ReadAllBytes(Work.PlansFile));
        Assert.Equal(data.Path, Work.ReadDatasetFolder());
        Plan(data.Path);
    }

    [Fact]
    public void A_dataset_that_was_moved_is_the_same()
    {
        Plan(data.Path);
        AddRun();
        var moved = Path.Combine(folder.Path, "moved");
        Directory.Move(data.Path, moved);
        Plan(moved);
        Assert.Equal(moved, Work.ReadDatasetFolder());
        Directory.CreateDirectory(data.Path); // to be cleaned up
    }

    [Fact]
    public void Changed_data_are_measured_again_but_not_under_a_run()
    {
        Plan(data.Path);
        Touch();
        var stale = Assert.Throws<SharpSegException>(() => WorkspaceGuard.RequireUnchanged(Work, Dataset.Open(data.Path)));
        Assert.Contains("has changed since", stale.Message, StringComparison.Ordinal);
        Assert.Contains("sharpseg plan", stale.Hint!, StringComparison.Ordinal);

        Plan(data.Path);
        WorkspaceGuard.RequireUnchanged(Work, Dataset.Open(data.Path));
        AddRun();
        Plan(data.Path);
        Touch();
        var error = Assert.Throws<SharpSegException>(() => Plan(data.Path));
        Assert.Contains(data.Path, error.Message, StringComparison.Ordinal);
        Assert.Contains("runs of 3d_fullres", error.Message, StringComparison.Ordinal);
        var wayOut = $"if only the files' times changed, delete `{Work.FingerprintFile}`";
        Assert.Contains(wayOut, error.Hint!, StringComparison.Ordinal);
        stale = Assert.Throws<SharpSegException>(() => WorkspaceGuard.RequireUnchanged(Work, Dataset.Open(data.Path)));
        Assert.StartsWith(wayOut, stale.Hint!, StringComparison.Ordinal);

        // The way out that the hint names for files of which only the times changed.
        File.Delete(Work.FingerprintFile);
        Plan(data.Path);
        WorkspaceGuard.RequireUnchanged(Work, Dataset.Open(data.Path));
    }

    [Fact]
    public void Other_plans_do_not_replace_those_of_a_run()
    {
        Plan(data.Path);
        AddRun();
        Plan(data.Path);
        var error = Assert.Throws<SharpSegException>(() => Plan(data.Path, Profile.Classic));
        Assert.Contains("run of 3d_fullres", error.Message, StringComparison.Ordinal);
        Assert.Contains("classic", error.Message, StringComparison.Ordinal);
        Assert.Equal(Profile.Modern, Work.ReadPlans().Profile);
    }

    /// <summary>Cases of 24³ voxels, enough to plan for.</summary>
    private static DatasetFolder Cubes(params string[] ids)
    {
        const int edge = 24, voxels = edge * edge * edge;
        var folder = DatasetFolder.V2(ids);
        foreach (var id in ids)
        {
            var cube =
                new NiftiBytes { DataType = 2, Dim = [3, edge, edge, edge, 1, 1, 1, 1], PixDim = [1, 1, 1, 1, 0, 0, 0, 0] };
            folder.Nifti($"imagesTr/{id}_0000.nii.gz", cube, [.. Enumerable.Range(0, voxels).Select(i => (double)(i % 200))]);
            folder.Nifti($"labelsTr/{id}.nii.gz", cube, [.. Enumerable.Range(0, voxels).Select(i => (double)(i % 3))]);
        }

        return folder;
    }

    private PlanResult Plan(string dataset, Profile profile = Profile.Modern) => PlanningRun.Execute(
        Dataset.Open(dataset), Work, new PlannerOptions { Profile = profile }, SilentReporter.Instance, CancellationToken.None);

    private void AddRun()
    {
        var run = Directory.CreateDirectory(Work.RunFolder("3d_fullres", 0)).FullName;
        File.WriteAllText(Workspace.LatestCheckpoint(run), "");
    }

    private void Touch()
    {
        var label = data.File("labelsTr/a.nii.gz");
        File.SetLastWriteTimeUtc(label, File.GetLastWriteTimeUtc(label).AddSeconds(5));
    }
}
