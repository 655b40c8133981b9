using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Steps;
using SharpSeg.AutoPlanner.Tests.Datasets;
using SharpSeg.AutoPlanner.Tests.Imaging;
using SharpSeg.AutoPlanner.Workspaces;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Steps;

/// <summary>What `verify` says of one image under two names, by the folds that are there or would be made.</summary>
public sealed class VerificationRunTests
{
    private static readonly string[] Ids = ["a", "b", "c", "d"];

    [Fact]
    public void One_image_under_two_names_is_a_warning_that_names_both_and_the_fold_that_it_spoils()
    {
        using var folder = DatasetFolder.V2(Ids);
        Assert.Empty(Verify(folder.Path));

        // The same voxels, stored otherwise.
        folder.Nifti("imagesTr/c_0000.nii.gz", new NiftiBytes { DataType = 64 }, DatasetFolder.Ramp);
        var finding = Assert.Single(Verify(folder.Path));
        Assert.Equal((Severity.Warning, (string?)null), (finding.Severity, finding.Case));
        var fold = Splits.Create(Ids).Folds.Index().First(item => item.Item.Val.Any(id => id is "a" or "c")).Index;
        Assert.Contains("2 cases have the same voxels: a, c", finding.Message, StringComparison.Ordinal);
        Assert.Contains($"fold {fold} trains on", finding.Message, StringComparison.Ordinal);

        // Folds that keep them together are not spoilt; another image of the same numbers in another shape is another one.
        folder.Text(
            "splits_final.json", """[{"train": ["a", "c", "b"], "val": ["d"]}, {"train": ["b", "d"], "val": ["a", "c"]}]""");
        Assert.DoesNotContain("trains on", Assert.Single(Verify(folder.Path)).Message, StringComparison.Ordinal);
        folder.Text(
            "splits_final.json", """[{"train": ["a", "c", "b"], "val": ["d"]}, {"train": ["a", "d"], "val": ["b", "c"]}]""");
        Assert.Contains(
            "fold 1 trains on `a` and validates on `c`", Assert.Single(Verify(folder.Path)).Message, StringComparison.Ordinal);
        folder.Nifti("imagesTr/c_0000.nii.gz", new NiftiBytes { Dim = [3, 3, 4, 2, 1, 1, 1, 1] }, DatasetFolder.Ramp);
        Assert.DoesNotContain(Verify(folder.Path), item => item.Message.Contains("same voxels", StringComparison.Ordinal));
    }

    [Fact]
    public void A_workspace_is_verified_with_its_own_folds()
    {
        using var folder = DatasetFolder.V2(Ids);
        folder.Nifti("imagesTr/b_0000.nii.gz", new NiftiBytes(), DatasetFolder.Ramp);
        using var other = new TemporaryFolder();
        var work = new Workspace(other.File("work"));
        work.WriteDataset(Dataset.Open(folder.Path).Description, folder.Path);
        File.WriteAllText(work.SplitsFile, """[{"train": ["a", "c"], "val": ["d"]}, {"train": ["c", "d"], "val": ["a", "b"]}]""");
        Assert.DoesNotContain("trains on", Assert.Single(Verify(work.Folder)).Message, StringComparison.Ordinal);
        File.WriteAllText(work.SplitsFile, """[{"train": ["c", "d"], "val": ["a"]}, {"train": ["a", "d"], "val": ["b", "c"]}]""");
        Assert.Contains(
            "fold 1 trains on `a` and validates on `b`", Assert.Single(Verify(work.Folder)).Message, StringComparison.Ordinal);
    }

    private static IReadOnlyList<Finding> Verify(string folder) =>
        VerificationRun.Execute(folder, SilentReporter.Instance, CancellationToken.None);
}
