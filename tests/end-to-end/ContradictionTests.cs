using System.Text.Json.Nodes;
using SharpSeg.AutoPlanner.Imaging;
using Xunit;

namespace SharpSeg.EndToEnd.Tests;

/// <summary>
/// Files of a workspace that were edited, each valid by itself, and contradict what was preprocessed or trained by them: nothing
/// goes on with a mixture of the two.
/// </summary>
[Collection(TrainedWorkspaceTests.Refusals)]
public sealed class ContradictionTests(TrainedWorkspace trained)
{
    [Theory]
    [InlineData("spacing", "[1.5,1,1]", "spacing 1,1,1 there, spacing 1.5,1,1 in the plan")]
    [InlineData("normalization_schemes", "[\"NoNormalization\"]", "ZScore")]
    [InlineData("transpose_forward", "[1,0,2]", "transpose 0,1,2 there, transpose 1,0,2 in the plan")]
    [InlineData("profile", "\"classic\"", "Modern there, ")]
    public void Plans_that_changed_are_not_those_of_the_cases_or_of_the_network(string key, string value, string difference)
    {
        using var folder = new TemporaryFolder();
        var work = folder.Copy(trained.Work, "work");
        Edit(Path.Combine(work, "plans.json"), root =>
        {
            var place = root.ContainsKey(key) ? root : root["configurations"]!["3d_fullres"]!.AsObject();
            place[key] = JsonNode.Parse(value);
            if (key == "transpose_forward")
            {
                root["transpose_backward"] = JsonNode.Parse(value);
            }
        });
        var run = Path.Combine(work, "runs", "3d_fullres", "fold_0");
        InProcess.Run("train", work, "-f", "1", "--epochs", "1", "--iterations", "1", "--batch", "2")
            .AssertErrorWithHint(1, "was preprocessed by other plans");
        Assert.False(File.Exists(Path.Combine(work, "runs", "3d_fullres", "fold_1", "checkpoint_final.safetensors")));
        var scan = TinyDataset.Image(trained.Dataset, "case_0");
        var outcome = InProcess.Run("predict", work, "-c", "3d_fullres", "-i", scan, "-o", folder.At("out.nii.gz"));
        outcome.AssertErrorWithHint(1, run, "preprocessed otherwise");
        Assert.Contains(difference, outcome.Errors, StringComparison.Ordinal);
        Assert.False(File.Exists(folder.At("out.nii.gz")));
    }

    [Theory]
    [InlineData("labels", """{"background": 0, "lower": 1}""")]
    [InlineData("labels", """{"background": 0, "lower": 1, "upper": 2, "ignore": 3}""")]
    [InlineData("labelled", """{"case_0": ["lower"]}""")]
    [InlineData("channel_names", """{"0": "T1", "1": "T2"}""")]
    public void A_description_that_contradicts_the_datasets_own_is_refused_by_name(string key, string value)
    {
        using var folder = new TemporaryFolder();
        var work = folder.Copy(trained.Work, "work");
        Edit(Path.Combine(work, "dataset.json"), root => root[key] = JsonNode.Parse(value));
        string[][] commands = [["preprocess"], ["train", "-f", "1"], ["find-best", "-f", "0", "--trained-only"]];
        foreach (var command in commands)
        {
            InProcess.Run([command[0], work, .. command[1..]])
                .AssertErrorWithHint(1, Path.Combine(work, "dataset.json"), $"was copied: `{key}`");
        }
    }

    [Fact]
    public void Names_are_free()
    {
        using var folder = new TemporaryFolder();
        var work = folder.Copy(trained.Work, "work");
        Edit(Path.Combine(work, "dataset.json"), root =>
        {
            root["name"] = "another";
            root["labels"] = JsonNode.Parse("""{"background": 0, "below": 1, "above": 2}""");
        });
        Assert.Equal(0, InProcess.Run("preprocess", work, "-c", "3d_fullres").Code);
    }

    /// <summary>A spacing in metres where millimetres are meant asks for more tiles than there is memory to list.</summary>
    [Fact]
    public void A_scan_in_other_units_than_the_plan_is_refused()
    {
        using var folder = new TemporaryFolder();
        var scan = folder.At("metres.nii.gz");
        ImageFile.WriteFloats(
            scan, new float[TinyDataset.Size.Voxels], TinyDataset.Geometry(new Spacing(1000, 1000, 1000)));
        InProcess.Run("predict", trained.Work, "-c", "3d_fullres", "-i", scan, "-o", folder.At("out.nii.gz"))
            .AssertErrorWithHint(1, "metres", "16000×20000×16000 voxels", "tiles");
    }

    [Theory]
    [InlineData(0.1)]
    [InlineData(5)]
    public void A_scan_that_may_be_in_other_units_is_named(double spacing)
    {
        using var folder = new TemporaryFolder();
        var image = ImageFile.Read(TinyDataset.Image(trained.Dataset, "case_0"));
        ImageFile.WriteFloats(
            folder.At("s.nii.gz"), image.Channels[0], TinyDataset.Geometry(new Spacing(spacing, spacing, spacing)));
        var outcome = InProcess.Run(
            "predict", trained.Work, "-c", "3d_fullres", "-i", folder.At("s.nii.gz"), "-o", folder.At("out.nii.gz"));
        Assert.Equal(0, outcome.Code);
        Assert.Contains(
            FormattableString.Invariant($"warning: case `s`: its voxels are {spacing}×{spacing}×{spacing} mm, the median of the ")
                + "training cases is 1×1×1 mm (z, y, x)",
            outcome.Errors, StringComparison.Ordinal);
    }

    private static void Edit(string path, Action<JsonObject> change)
    {
        var root = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        change(root);
        File.WriteAllText(path, root.ToJsonString());
    }
}
