using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Planning.Fingerprinting;
using SharpSeg.AutoPlanner.Preprocessing;
using SharpSeg.AutoPlanner.Workspaces;
using SharpSeg.Engine.Tensors;
using SharpSeg.Tests;
using Xunit;

namespace SharpSeg.EndToEnd.Tests;

/// <summary>
/// Inputs after public reports to other programs, each with its right result (tests/reported, whose README says what each is and
/// what it was).
/// </summary>
[Collection(TrainedWorkspaceTests.Refusals)]
public sealed class ReportedCasesTests(TrainedWorkspace trained)
{
    /// <summary>In each: what is printed, errors and hints included.</summary>
    [Theory]
    [InlineData("nrrd-byteskip-gzip", "evaluate pred ref -d dataset.json", 0, "1.0000  1.0000", "mean foreground Dice 1.0000")]
    [InlineData("nifti-units", "evaluate pred ref -d set/dataset.json", 0, "  2.00  ")]
    [InlineData("evaluate-other-orientation", "evaluate pred ref -d dataset.json", 0, "lies elsewhere in space", "LAS and LPS")]
    [InlineData("gzip-trailing-zeros", "verify set", 0, "no errors, 0 warning")]
    [InlineData("nrrd-2d-slice-in-3d-space", "verify set", 0, "no errors")]
    [InlineData("file-ending-differs", "verify set", 1, "that end in .nii", "write \"file_ending\": \".nii\"")]
    [InlineData("nrrd-ascii", "verify set", 1, "encoding `ascii` is not supported", "store it with encoding raw or gzip")]
    [InlineData("label-slope-noise", "verify set", 0, "no errors, 0 warning")]
    [InlineData("mha-headersize-minus1", "verify set", 0, "no errors, 0 warning")]
    [InlineData("names-dots-spaces-0000", "verify set", 0, "no errors")]
    [InlineData("nrrd-flat-image-2d-label", "verify set", 0, "no errors")]
    [InlineData("regions-ignore-own-split", "verify set", 0, "no errors")]
    [InlineData("sheared-sform", "verify set", 0, "no errors, 0 warning")]
    public void The_right_result_is_printed(string name, string command, int code, params string[] says)
    {
        using var folder = new TemporaryFolder();
        var at = folder.Copy(Path.Combine(Checkout.Root, "tests", "reported", name), "case");
        string[] words =
            [.. command.Split(' ').Select((word, i) => i == 0 || word[0] == '-' ? word : Path.Combine(at, word))];
        var outcome = InProcess.Run(words);
        Assert.True(code == outcome.Code, outcome.Output + outcome.Errors);
        Assert.All(says, part => Assert.Contains(part, outcome.Output + outcome.Errors, StringComparison.Ordinal));
    }

    [Fact]
    public void Units_of_a_header_are_heard()
    {
        using var folder = new TemporaryFolder();
        var fingerprint = FingerprintJson.Read(Planned(folder, "nifti-units").FingerprintFile);
        Assert.All(fingerprint.Spacings, spacing => Assert.Equal(new Spacing(2, 1, 1), spacing));
    }

    [Fact]
    public void A_single_slice_of_a_volume_keeps_its_thickness()
    {
        using var folder = new TemporaryFolder();
        var work = Planned(folder, "single-slice-case");
        Assert.All(FingerprintJson.Read(work.FingerprintFile).Spacings, spacing => Assert.Equal(new Spacing(2, 1, 1), spacing));
        Assert.Equal(0, InProcess.Run("preprocess", work.Folder, "-c", "3d_fullres").Code);
        using var stored = StoredCase.Open(work.PreprocessedFolder(work.ReadPlans().Resolve("3d_fullres")), "c2");
        Assert.Equal(new Extent(1, 20, 16), stored.Shape);
    }

    /// <summary>Thin slices, and images that are flat in x: the plan's two axes are those that the pictures have.</summary>
    [Theory]
    [InlineData("slice-finer-than-pixels")]
    [InlineData("flat-first-axis")]
    public void A_dataset_of_slices_gets_a_plan_over_the_slices(string name)
    {
        using var folder = new TemporaryFolder();
        var work = Planned(folder, name);
        var configurations = work.ReadPlans().Configurations;
        Assert.Equal(["2d"], configurations.Keys);
        Assert.Equal(2, configurations["2d"].PatchSize.Length);
        Assert.All(configurations["2d"].PatchSize, edge => Assert.True(edge >= 16, string.Join('×', configurations["2d"].PatchSize)));
    }

    [Fact]
    public void Names_of_a_space_mean_the_same_in_any_case()
    {
        var folder = Path.Combine(Checkout.Root, "tests", "reported", "nrrd-space-case", "in");
        var (low, capital) = (
            ImageFile.ReadGeometry(Path.Combine(folder, "low.nrrd")), ImageFile.ReadGeometry(Path.Combine(folder, "cap.nrrd")));
        Assert.Equal("LPS", PatientSpace.AxisCodes(low.Affine));
        Assert.Equal(low.Affine, capital.Affine);
    }

    [Fact]
    public void Scans_with_other_endings_are_predicted_or_named()
    {
        using var folder = new TemporaryFolder();
        var outcome = InProcess.Run(
            "predict", trained.Work, "-c", "3d_fullres", "-i",
            Path.Combine(Checkout.Root, "tests", "reported", "predict-mixed-endings", "in"), "-o", folder.At("out"), "--no-tta");
        Assert.Equal(0, outcome.Code);
        foreach (var id in new[] { "a", "b", "c" })
        {
            Assert.True(
                File.Exists(folder.At("out", $"{id}.nii.gz")) || outcome.Errors.Contains(id + "_0000", StringComparison.Ordinal),
                outcome.Errors);
        }
    }

    private static Workspace Planned(TemporaryFolder folder, string name)
    {
        var work = folder.At("work");
        var set = folder.Copy(Path.Combine(Checkout.Root, "tests", "reported", name, "set"), "set");
        var outcome = InProcess.Run("plan", set, "-o", work);
        Assert.True(outcome.Code == 0, outcome.Errors);
        return new Workspace(work);
    }
}
