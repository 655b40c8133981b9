using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Preprocessing;
using SharpSeg.AutoPlanner.Steps;
using SharpSeg.AutoPlanner.Volumes;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Cpu;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Steps;

public sealed class PreprocessingRunTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_second_run_reuses_what_is_complete_and_redoes_what_is_not()
    {
        var dataset = WriteDataset(5);
        var output = Path.Combine(folder.Path, "out");
        var calls = new List<(int Done, int Total)>();
        var first = PreprocessingRun.Execute(
            dataset, Recipe(1.5), output, Cpu.Open, workers: 2, progress: (done, total) => calls.Add((done, total)));
        Assert.Equal((5, 0), (first.Written, first.Reused));
        Assert.Equal([(1, 5), (2, 5), (3, 5), (4, 5), (5, 5)], calls);

        var second = PreprocessingRun.Execute(dataset, Recipe(1.5), output, Cpu.Open);
        Assert.Equal((0, 5), (second.Written, second.Reused));

        // One case interrupted, one damaged, one with a newer label file.
        File.Delete(Path.Combine(output, "case_0.json"));
        var path = Path.Combine(output, "case_1.image");
        var bytes = File.ReadAllBytes(path);
        bytes[^1] ^= 1;
        File.WriteAllBytes(path, bytes);
        File.SetLastWriteTimeUtc(dataset.TrainingCases[2].LabelFile!, DateTime.UtcNow.AddHours(1));
        var third = PreprocessingRun.Execute(
            dataset, Recipe(1.5), output, Cpu.Open,
            budget: new MemoryBudget(MemoryBudget.ProgramBytes + (10 << 20), IsGiven: true));
        Assert.Equal((3, 2), (third.Written, third.Reused));

        var other = PreprocessingRun.Execute(dataset, Recipe(1.25), output, Cpu.Open);
        Assert.Equal((5, 0), (other.Written, other.Reused));
        using var stored = StoredCase.Open(output, "case_3");
        stored.Verify();
        Assert.Equal(dataset.TrainingCases[3].ImageFiles, stored.Properties.SourceFiles);
        Assert.Equal(new Extent(8, 7, 8), stored.Shape);
    }

    [Fact]
    public void Stored_cases_do_not_depend_on_the_number_of_workers()
    {
        var dataset = WriteDataset(3);
        string one = Path.Combine(folder.Path, "one"), two = Path.Combine(folder.Path, "two");
        PreprocessingRun.Execute(dataset, Recipe(0.8), one, Cpu.Open, workers: 1);
        PreprocessingRun.Execute(dataset, Recipe(0.8), two, Cpu.Open, workers: 4);
        foreach (var file in Directory.GetFiles(one))
        {
            Assert.Equal(File.ReadAllBytes(file), File.ReadAllBytes(Path.Combine(two, Path.GetFileName(file))));
        }
    }

    [Fact]
    public void A_bad_case_is_named_and_the_others_stay()
    {
        var dataset = WriteDataset(3);
        File.WriteAllText(dataset.TrainingCases[1].ImageFiles[0], "no image");
        var output = Path.Combine(folder.Path, "out");
        var error = Assert.Throws<CasesFailedException>(
            () => PreprocessingRun.Execute(dataset, Recipe(1), output, Cpu.Open, workers: 1));
        Assert.Contains("case_1", error.Message, StringComparison.Ordinal);
        Assert.True(StoredCase.Exists(output, "case_0"));
        Assert.False(StoredCase.Exists(output, "case_1"));
        Assert.True(StoredCase.Exists(output, "case_2"));
    }

    private static PreprocessingRecipe Recipe(double spacing) => new()
    {
        Profile = Profile.Modern,
        TransposeForward = [0, 1, 2],
        Spacing = [spacing, spacing, spacing],
        Normalization = [NormalizationScheme.ZScore],
        UseMaskForNorm = [false],
        Intensities = [null],
        Resampling = ResamplingPlan.Of(Profile.Modern),
    };

    private Dataset WriteDataset(int cases)
    {
        var root = Path.Combine(folder.Path, "Dataset001_Small");
        Directory.CreateDirectory(Path.Combine(root, "imagesTr"));
        Directory.CreateDirectory(Path.Combine(root, "labelsTr"));
        File.WriteAllText(
            Path.Combine(root, "dataset.json"),
            """{"channel_names": {"0": "MRI"}, "labels": {"background": 0, "organ": 1}, "numTraining": 5, "file_ending": ".nii.gz"}""");
        var random = new Random(1);
        var extent = new Extent(10, 9, 10);
        for (var i = 0; i < cases; i++)
        {
            var geometry = new ImageGeometry(extent, new Spacing(1, 1, 1), [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0], "none", []);
            var voxels = Enumerable.Range(0, (int)extent.Voxels).Select(_ => random.NextSingle() + 1).ToArray();
            ImageFile.WriteFloats(Path.Combine(root, "imagesTr", $"case_{i}_0000.nii.gz"), voxels, geometry);
            ImageFile.WriteLabels(
                Path.Combine(root, "labelsTr", $"case_{i}.nii.gz"), voxels.Select(v => (short)(v > 1.8 ? 1 : 0)).ToArray(),
                geometry, 1);
        }

        return Dataset.Open(root);
    }
}
