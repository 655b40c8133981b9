using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Tests.Planning;
using SharpSeg.AutoPlanner.Workspaces;
using Xunit;
using static SharpSeg.AutoPlanner.Tests.Planning.PlanningFixtures;

namespace SharpSeg.AutoPlanner.Tests.Workspaces;

public sealed class WorkspaceTests
{
    private static readonly DatasetDescription Description = DatasetDescription.FromJson(
        """{"name": "Knee", "channel_names": {"0": "CT"}, "labels": {"background": 0, "bone": [1, 2], "marrow": 2}, "regions_class_order": [1, 2], "numTraining": 3, "file_ending": ".nii.gz"}""");

    [Fact]
    public void The_dataset_folder_is_remembered_beside_the_description()
    {
        using var folder = new TemporaryFolder();
        var workspace = new Workspace(Path.Combine(folder.Path, "work"));
        var data = Path.Combine(folder.Path, "data");
        Directory.CreateDirectory(data);
        workspace.WriteDataset(Description, data);

        Assert.Equal(data, workspace.ReadDatasetFolder());
        var again = workspace.ReadDescription();
        Assert.Equal(Description.ToJson(), again.ToJson());

        Directory.Delete(data);
        var error = Assert.Throws<SharpSegException>(() => workspace.ReadDatasetFolder());
        Assert.Contains(data, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_workspace_planned_without_images_says_so()
    {
        using var folder = new TemporaryFolder();
        var workspace = new Workspace(folder.Path);
        workspace.WriteDataset(Description, datasetFolder: null);
        Assert.Contains(
            "without", Assert.Throws<SharpSegException>(() => workspace.ReadDatasetFolder()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Missing_files_say_which_command_makes_them()
    {
        using var folder = new TemporaryFolder();
        var error = Assert.Throws<SharpSegException>(() => new Workspace(folder.Path).ReadPlans());
        Assert.Contains("plans.json", error.Message, StringComparison.Ordinal);
        Assert.Contains("sharpseg plan", error.Hint!, StringComparison.Ordinal);
    }

    [Fact]
    public void Plans_written_again_keep_added_configurations()
    {
        using var folder = new TemporaryFolder();
        var workspace = new Workspace(folder.Path);
        var plans = Plan(Identical(50, [1, 1, 1], [36, 50, 35]), 3).Plans;
        workspace.WritePlans(plans);
        var mine = plans.Resolve("3d_fullres") with { Name = "mine", InheritsFrom = "3d_fullres", BatchSize = 4 };
        var added = new Dictionary<string, ConfigurationPlan>(plans.Configurations) { ["mine"] = mine };
        File.WriteAllText(workspace.PlansFile, PlansJson.ToJson(plans with { Configurations = added }));

        workspace.WritePlans(plans);

        Assert.Equal(4, workspace.ReadPlans().Resolve("mine").BatchSize);
    }

    [Fact]
    public void Plans_lie_side_by_side_and_their_runs_do_not_meet()
    {
        using var folder = new TemporaryFolder();
        var plans = Plan(Identical(50, [1, 1, 1], [36, 50, 35]), 3).Plans;
        var usual = new Workspace(folder.Path);
        var large = new Workspace(folder.Path, "large");
        usual.WritePlans(plans);
        large.WritePlans(plans with { PlansName = "other" });

        Assert.Equal(folder.File("plans", "large.json"), large.PlansFile);
        Assert.Equal(folder.File("plans", "large", "runs", "2d", "fold_0"), large.RunFolder("2d", 0));
        Assert.Equal((usual.SplitsFile, usual.BestFile), (large.SplitsFile, large.BestFile));
        Assert.Equal([null, "large"], usual.AllPlans().Select(work => work.Plan));
        Assert.Equal("other", large.ReadPlans().PlansName);
        Assert.Equal("2d@large", large.NameOf("2d"));
        Assert.Equal(("large", "2d"), (usual.Locate("2d@large").Work.Plan, usual.Locate("2d@large").Configuration));
        Assert.Equal(((string?)null, "2d"), (usual.Locate("2d").Work.Plan, usual.Locate("2d").Configuration));
        Assert.Null(new Workspace(folder.Path, "default").Plan);
        Assert.Contains(
            "default, large", Assert.Throws<SharpSegException>(() => new Workspace(folder.Path, "small").ReadPlans()).Hint!,
            StringComparison.Ordinal);
        Assert.Throws<SharpSegException>(() => new Workspace(folder.Path, "../elsewhere"));
    }

    [Fact]
    public void Paths_follow_the_design()
    {
        var workspace = new Workspace("/w");
        var plans = Plan(Identical(50, [1, 1, 1], [36, 50, 35]), 3).Plans;
        Assert.Equal(
            Path.Combine(workspace.Folder, "preprocessed", "3d_fullres"),
            workspace.PreprocessedFolder(plans.Resolve("3d_fullres")));
        var run = workspace.RunFolder("2d", 3);
        Assert.Equal(Path.Combine(workspace.Folder, "runs", "2d", "fold_3"), run);
        Assert.Equal(Path.Combine(run, "checkpoint_best.safetensors"), Workspace.BestCheckpoint(run));
        Assert.Equal(Path.Combine(run, "validation"), Workspace.ValidationFolder(run));
    }

    [Fact]
    public void The_network_on_every_case_is_not_called_all_folds()
    {
        using var folder = new TemporaryFolder();
        var workspace = new Workspace(folder.Path);
        Assert.Empty(workspace.RunFolders("2d"));
        var every = workspace.RunFolder("2d", "all");
        Assert.Equal(Path.Combine(workspace.Folder, "runs", "2d", "fold_every-case"), every);
        Directory.CreateDirectory(every);
        Directory.CreateDirectory(workspace.RunFolder("2d", 3));
        Assert.Equal(["3", "all"], workspace.RunFolders("2d").Select(Workspace.FoldOf).Order());

        // What an older version left is found, and stays the one.
        var older = Path.Combine(workspace.Folder, "runs", "3d_fullres", "fold_all");
        Directory.CreateDirectory(older);
        Assert.Equal(older, workspace.RunFolder("3d_fullres", "all"));
        Assert.Equal("all", Workspace.FoldOf(older));
    }
}
