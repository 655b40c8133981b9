using System.Text.Json;
using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Preprocessing;
using SharpSeg.AutoPlanner.Volumes;
using Xunit;
using Xunit.Abstractions;

namespace SharpSeg.AutoPlanner.Tests.Preprocessing;

/// <summary>
/// Whole cases against the reference's arrays: intensities within 1e-3 of the case's range at 99.9 % of voxels, labels equal at
/// 99.9 %.
/// </summary>
public sealed class GoldenPreprocessingTests(ITestOutputHelper log)
{
    private const double RangeTolerance = 1e-3, Share = 0.999;

    [SharedFact]
    public void Hippocampus_in_all_variants()
    {
        var folder = SharedFolder.At("golden", "preprocess", "hippocampus");
        var meta = GoldenJson.Read("preprocess", "hippocampus", "meta.json");
        var plans = PlansJson.Read(SharedFolder.At("golden", "hippocampus", "nnUNetPlans.json"));
        var scheme = new LabelScheme([new("background", [0]), new("anterior", [1]), new("posterior", [2])]);
        var compared = 0;
        foreach (var file in Directory.GetFiles(folder, "*.npz"))
        {
            var name = Path.GetFileNameWithoutExtension(file);
            var id = name[..name.IndexOf("__", StringComparison.Ordinal)];
            var image = ImageFile.Read(Path.Combine(folder, "input", id + "_0000.nii.gz"));
            var labels = name.EndsWith("__noseg", StringComparison.Ordinal)
                ? null
                : ImageFile.ReadLabels(Path.Combine(folder, "input", id + "_label.nii.gz"));
            Compare(name, Processor.Preprocess(id, image, labels, Recipe(meta.GetProperty(name), plans), scheme), Npz.Read(file));
            compared++;
        }

        Assert.Equal(17, compared);
    }

    [Fact]
    public void Anisotropic_CT() => CompareDataset("Dataset701_SynCT", SharedFolder.Rows(12, 1));

    [Fact]
    public void Two_channel_MR_with_mask_regions_and_ignore_label() =>
        CompareDataset("Dataset702_SynMR", SharedFolder.Rows(12, 1));

    [Fact]
    public void Colour_PNG() => CompareDataset("Dataset703_Syn2D", 6);

    private void CompareDataset(string name, int arrays)
    {
        var folder = SharedFolder.At("golden", "synthetic", name);
        var meta = GoldenJson.Read("synthetic", name, "preprocessed", "meta.json");
        var plans = PlansJson.Read(Path.Combine(folder, "nnUNetPlans.json"));
        var dataset = Dataset.Open(folder);
        var compared = 0;
        foreach (var file in Directory.GetFiles(Path.Combine(folder, "preprocessed"), "*.npz"))
        {
            var tag = Path.GetFileNameWithoutExtension(file);
            var parts = tag.Split("__");
            var item = dataset.TrainingCases.Single(c => c.Id == parts[0]);
            var labels = parts[^1] == "noseg" ? null : dataset.LoadLabels(item);
            var recipe = PreprocessingRecipe.From(plans, plans.Resolve(parts[1]));
            Assert.Equal(Recipe(meta.GetProperty(tag), plans).Spacing, recipe.Spacing);
            var result = Processor.Preprocess(item.Id, dataset.LoadImage(item), labels, recipe, dataset.Description.Labels);
            var golden = Npz.Read(file);
            Compare(tag, result, golden);
            var locations = meta.GetProperty(tag).GetProperty("class_locations");
            if (locations.ValueKind == JsonValueKind.Object && golden["seg"].Labels.SequenceEqual(result.Labels))
            {
                Assert.Equal(
                    locations.EnumerateObject().Select(list => list.Value.GetProperty("n").GetInt32()),
                    result.Locations.Select(list => list.Count));
            }

            compared++;
        }

        Assert.Equal(arrays, compared);
    }

    private static PreprocessingRecipe Recipe(JsonElement meta, Plans plans)
    {
        var used = meta.GetProperty("used");
        return new PreprocessingRecipe
        {
            Profile = Profile.Modern,
            TransposeForward = [.. used.GetProperty("transpose_forward").EnumerateArray().Select(v => v.GetInt32())],
            Spacing = [.. used.GetProperty("spacing").EnumerateArray().Select(v => v.GetDouble())],
            Normalization =
                [.. used.GetProperty("norm").EnumerateArray()
                    .Select(v => NormalizationSchemes.FromClassName(v.GetString()!)!.Value)],
            UseMaskForNorm = [.. used.GetProperty("mask").EnumerateArray().Select(v => v.GetBoolean())],
            Intensities = plans.IntensityProperties,
            Resampling = ResamplingPlan.Of(Profile.Modern),
        };
    }

    private void Compare(string name, PreprocessedCase actual, IReadOnlyDictionary<string, NpyArray> golden)
    {
        var data = golden["data"];
        Assert.Equal([actual.Channels, actual.Shape.Z, actual.Shape.Y, actual.Shape.X], data.Shape);
        var voxels = actual.Labels.Length;
        var worst = 0.0;
        var close = 0;
        for (var c = 0; c < actual.Channels; c++)
        {
            var expected = data.Values.AsSpan(c * voxels, voxels).ToArray();
            var range = expected.Max() - expected.Min();
            for (var i = 0; i < voxels; i++)
            {
                var difference = Math.Abs(expected[i] - actual.Image[i * actual.Channels + c]) / range;
                worst = Math.Max(worst, difference);
                close += difference <= RangeTolerance ? 1 : 0;
            }
        }

        var labels = golden["seg"].Labels;
        var equal = labels.Zip(actual.Labels).Count(pair => pair.First == pair.Second);
        log.WriteLine(
            $"{name}: {100.0 * close / voxels / actual.Channels:0.0000} % within tolerance, worst {worst:0.0e0} of the range; "
                + $"labels {100.0 * equal / voxels:0.0000} %");
        Assert.True(
            close >= Share * voxels * actual.Channels,
            $"{name}: {close} of {voxels * actual.Channels} voxels agree, worst {worst}");
        Assert.True(equal >= Share * voxels, $"{name}: {equal} of {voxels} labels agree");
    }
}
