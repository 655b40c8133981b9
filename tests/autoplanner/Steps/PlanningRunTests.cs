using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Planning.Fingerprinting;
using SharpSeg.AutoPlanner.Steps;
using SharpSeg.AutoPlanner.Workspaces;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Steps;

public sealed class PlanningRunTests
{
    [Fact]
    public void Plans_of_a_fingerprint_alone_say_that_left_and_right_are_not_mirrored()
    {
        using var temporary = new TemporaryFolder();
        var source = temporary.File("fingerprint.json");
        File.WriteAllText(source, """
            {"spacings": [[2, 1, 1], [2, 1, 1]], "shapes_after_crop": [[200, 400, 400], [200, 400, 400]],
             "foreground_intensity_properties_per_channel": {"0": {"mean": 1, "median": 1, "std": 1, "min": 0, "max": 2,
             "percentile_00_5": 0, "percentile_99_5": 2}}, "median_relative_size_after_cropping": 1.0}
            """);
        string[] Warned(string first, string second)
        {
            var description = DatasetDescription.FromJson(
                $$"""{"channel_names": {"0": "MRI"}, "labels": {"background": 0, "{{first}}": 1, "{{second}}": 2}, "numTraining": 2, "file_ending": ".nii.gz"}""",
                "dataset.json");
            var told = new ToldReporter();
            PlanningRun.FromFingerprint(
                FingerprintJson.Read(source), description, null, new Workspace(temporary.File(first, "work")),
                NetworkChoice.UNet.Options(), told);
            return [.. told.Warnings];
        }

        Assert.Contains(
            "labels tell left from right", Assert.Single(Warned("kidney_left", "kidney_right")), StringComparison.Ordinal);
        Assert.Empty(Warned("kidney", "tumour"));
    }

    [Fact]
    public void A_cached_fingerprint_is_read_again_until_the_data_change()
    {
        using var temporary = new TemporaryFolder();
        var copy = Path.Combine(temporary.Path, "Dataset702_SynMR");
        var source = SharedFolder.At("golden", "synthetic", "Dataset702_SynMR");
        foreach (var file in Directory.EnumerateFiles(source, "*", SearchOption.AllDirectories)
            .Where(file => !file.Contains("preprocessed", StringComparison.Ordinal)))
        {
            var target = Path.Combine(copy, Path.GetRelativePath(source, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.WriteAllBytes(target, File.ReadAllBytes(file));
        }

        var workspace = new Workspace(Path.Combine(temporary.Path, "work"));
        var measured = 0;
        Fingerprint Get(Profile profile = Profile.Modern) =>
            PlanningRun.Measure(Dataset.Open(copy), profile, workspace, 1, (_, _) => measured++);

        var first = Get();
        var cases = measured;
        var second = Get();
        Assert.Equal(FingerprintJson.ToJson(first), FingerprintJson.ToJson(second));
        Assert.Equal(cases, measured);

        Get(Profile.Classic);
        Assert.Equal(2 * cases, measured);

        var label = Directory.EnumerateFiles(Path.Combine(copy, "labelsTr")).First();
        File.SetLastWriteTimeUtc(label, File.GetLastWriteTimeUtc(label).AddSeconds(5));
        Get(Profile.Classic);
        Assert.Equal(3 * cases, measured);
    }
}
