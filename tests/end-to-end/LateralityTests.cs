using SharpSeg.Engine.ModelFiles;
using Xunit;

namespace SharpSeg.EndToEnd.Tests;

/// <summary>Left and right from the command line: noticed, said, kept out of mirroring in training and prediction.</summary>
public sealed class LateralityTests
{
    private static readonly string[] Short = ["--epochs", "1", "--iterations", "2", "--batch", "2"];

    [Fact]
    public void Left_and_right_are_noticed_said_and_not_mirrored()
    {
        using var folder = new TemporaryFolder();
        var dataset = TinyDataset.Write(folder.At("dataset"), cases: 4);
        var json = Path.Combine(dataset, "dataset.json");
        File.WriteAllText(
            json, File.ReadAllText(json).Replace("lower", "ball_left", StringComparison.Ordinal)
                .Replace("upper", "ball_right", StringComparison.Ordinal));
        var work = folder.At("work");
        var planned = SharpSegProcess.Succeed("plan", dataset, "-o", work, "--explain");
        Assert.Contains("labels tell left from right (ball_left/ball_right)", planned.Errors, StringComparison.Ordinal);
        Assert.Contains("unmirrored_axes", planned.Output, StringComparison.Ordinal);
        Assert.Contains("left and right lie along x of the files", planned.Output, StringComparison.Ordinal);
        SharpSegProcess.Succeed("preprocess", work, "-c", "3d_fullres");
        SharpSegProcess.Succeed(["train", work, .. Short]);
        Assert.Equal("[0,1]", MirrorAxes(work, "runs"));

        Assert.DoesNotContain(
            "left from right",
            SharpSegProcess.Succeed("plan", dataset, "-o", work, "--plan", "all", "--mirroring", "all").Errors,
            StringComparison.Ordinal);
        SharpSegProcess.Succeed("preprocess", work, "--plan", "all", "-c", "3d_fullres");
        SharpSegProcess.Succeed(["train", work, "--plan", "all", .. Short]);
        Assert.Equal("[0,1,2]", MirrorAxes(work, "plans", "all", "runs"));
        SharpSegProcess.Run("plan", dataset, "-o", work, "--mirroring", "all")
            .AssertErrorWithHint(1, "other plans: unmirrored_axes [2] there, absent here");
        SharpSegProcess.Run("plan", dataset, "-o", work, "--mirroring", "some").AssertError(2, "--mirroring");
    }

    private static string MirrorAxes(string work, params string[] runs)
    {
        using var checkpoint = SafetensorsReader.Open(
            Path.Combine([work, .. runs, "3d_fullres", "fold_0", "checkpoint_final.safetensors"]));
        return checkpoint.Metadata["mirror_axes"];
    }
}
