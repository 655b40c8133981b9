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
