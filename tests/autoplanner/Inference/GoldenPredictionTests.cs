using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Inference;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.Engine.Autograd;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Networks;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Cpu;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Inference;

/// <summary>
/// Networks that nnU-Net v2 trained, and what its predictor answered: one forward pass in float32; whole cases, whose logits the
/// reference keeps and sums in float16, and their segmentations on the original grid.
/// </summary>
public sealed class GoldenPredictionTests
{
    // The reference sums tiles and views in float16. Where the Gaussian weights of a tile's corner underflow there to its
    // smallest number, weighted logits are whole multiples of that number: a few in corners are off by up to half a unit. Our
    // weights stay exact (docs/method/inference.md §4).
    private const double ForwardTolerance = 1e-4, LogitsTolerance = 3e-2, CornerTolerance = 0.6, CornerShare = 0.01;

    [SharedFact]
    public void Forward_2d_matches() => CheckForward("hip_2d", "2d");

    [SharedFact]
    public void Forward_3d_matches() => CheckForward("hip_3d", "3d_fullres");

    [SharedFact]
    public void Forward_with_regions_matches() => CheckForward("mr_3d_regions_ignore", "3d_fullres");

    [SharedFact]
    public void Tiles_match_3d() =>
        Check("hip_3d", "3d_fullres", "hippocampus_001", "nomirror", new InferenceOptions(Mirroring: false), 0);

    [Trait("Tier", "slow")]
    [SharedFact]
    public void Mirrored_views_match_3d() =>
        Check("hip_3d", "3d_fullres", "hippocampus_003", "mirror", new InferenceOptions(), 0);

    [SharedFact]
    public void Even_weights_and_another_step_match_3d() => Check(
        "hip_3d", "3d_fullres", "hippocampus_001", "nomirror_nogauss_step0.75",
        new InferenceOptions(0.75, Gaussian: false, Mirroring: false), 0);

    [SharedFact]
    public void Mirrored_views_match_2d() => Check("hip_2d", "2d", "hippocampus_001", "mirror", new InferenceOptions(), 0);

    [SharedFact]
    public void Two_folds_match_2d() =>
        Check("hip_2d", "2d", "hippocampus_001", "ensemble_folds01_nomirror", new InferenceOptions(Mirroring: false), 0, 1);

    [Fact]
    public void Regions_in_a_cropped_case_match() =>
        Check("mr_3d_regions_ignore", "3d_fullres", "mr_0", "mirror", new InferenceOptions(), 0);

    [SharedFact]
    public void Regions_in_a_resampled_case_match() =>
        Check("mr_3d_regions_ignore", "3d_fullres", "mr_3", "mirror", new InferenceOptions(), 0);

    private static void CheckForward(string model, string configurationName)
    {
        using var backend = Cpu.Open(2);
        var (plans, description) = Read(model);
        var configuration = plans.Resolve(configurationName);
        using var network = Load(model, configuration, description, backend, fold: 0);
        var arrays = Npz.Read(SharedFolder.At("golden", "predict", model, "forward.npz"));
        using var pool = new BufferPool(backend);
        var x = pool.Rent(Shape.Activation(1, configuration.Patch, network.Plan.InputChannels));
        backend.Upload(ChannelsLast(arrays["input"].Floats, network.Plan.InputChannels), x);
        var tape = new Tape(backend, pool, recording: false);
        var outputs = network.Forward(tape, tape.Input(x), allOutputs: true);
        Assert.Equal(arrays.Keys.Count(name => name.StartsWith("ds_", StringComparison.Ordinal)), outputs.Count);
        for (var i = 0; i < outputs.Count; i++)
        {
            var actual = new float[outputs[i].Value.Length];
            backend.Download(outputs[i].Value, actual);
            AssertNear(ChannelsLast(arrays[$"ds_{i}"].Floats, network.Plan.OutputChannels), actual, ForwardTolerance);
        }
    }

    private static void Check(
        string model, string configurationName, string caseId, string setting, InferenceOptions options, params int[] folds)
    {
        using var backend = Cpu.Open(2);
        var (plans, description) = Read(model);
        var configuration = plans.Resolve(configurationName);
        var networks = folds.Select(fold => Load(model, configuration, description, backend, fold)).ToArray();
        try
        {
            var labels = description.Labels;
            int[] mirrorAxes = configuration.Is2D ? [1, 2] : [0, 1, 2];
            using var predictor = new Predictor(
                backend, networks, configuration, plans.Profile, labels.HasRegions, mirrorAxes, options);
            var data = Npz.Read(At(model, $"{caseId}__preprocessed.npz"))["data"];
            var shape = new Extent(data.Shape[1], data.Shape[2], data.Shape[3]);
            using var outputs = predictor.Predict(ChannelsLast(data.Floats, data.Shape[0]), shape);
            var maps = outputs.ToHost();
            var logits = ChannelsLast(Npz.Read(At(model, $"{caseId}__{setting}__logits.npz"))["logits"].Floats, labels.HeadCount);
            if (options.Gaussian)
            {
                AssertNear(logits, maps, CornerTolerance, CornerShare);
            }
            else
            {
                AssertNear(logits, maps, LogitsTolerance); // even weights do not underflow
            }

            var expected = ImageFile.ReadLabels(At(model, $"{caseId}__{setting}__seg.nii.gz"));
            var facts = GoldenJson.Read("predict", model, "meta.json").GetProperty("cases").GetProperty(caseId);
            var box = facts.GetProperty("bbox_used_for_cropping");
            var properties = InferenceFixtures.Properties(
                shape, GoldenExtent(facts.GetProperty("shape_after_cropping_and_before_resampling")), expected.Spacing,
                GoldenExtent(facts.GetProperty("shape_before_cropping")),
                new(box[0][0].GetInt32(), box[1][0].GetInt32(), box[2][0].GetInt32()));
            var segmentation = SegmentationExporter.ToOriginalGrid(outputs, properties, plans, configuration, labels);
            Assert.Equal(expected.Voxels.Length, segmentation.Length);
            var different = expected.Voxels.Zip(segmentation).Count(pair => pair.First != pair.Second);
            // near ties in float16
            Assert.True(different <= segmentation.Length / 1000, $"{different} of {segmentation.Length} labels differ");
            if (labels.HasRegions)
            {
                CompareProbabilities(
                    At(model, $"{caseId}__{setting}__prob.npz"),
                    new PredictedMaps(outputs, properties, plans, configuration, labels));
            }
        }
        finally
        {
            foreach (var network in networks)
            {
                network.Dispose();
            }
        }
    }

    /// <summary>
    /// Probabilities on the original grid, outside the crop too; a sigmoid's slope is at most 1/4, so a quarter of the logits'
    /// tolerance.
    /// </summary>
    private static void CompareProbabilities(string file, PredictedMaps maps)
    {
        var expected = Npz.Read(file)["probabilities"];
        Assert.Equal([maps.Heads, maps.Extent.Z, maps.Extent.Y, maps.Extent.X], expected.Shape);
        var map = new float[maps.Extent.Voxels];
        for (var head = 0; head < maps.Heads; head++)
        {
            maps.Read(head, 0, map);
            var reference = expected.Floats[(head * map.Length)..((head + 1) * map.Length)];
            Assert.Contains(0f, reference); // what was cropped away
            AssertNear(reference, map, CornerTolerance / 4, CornerShare);
        }
    }

    private static string At(string model, string file) => SharedFolder.At("golden", "predict", model, file);

    private static (Plans Plans, DatasetDescription Description) Read(string model)
    {
        var dataset = SharedFolder.At("golden", "predict", model, "model", "dataset.json");
        return (
            PlansJson.Read(SharedFolder.At("golden", "predict", model, "model", "plans.json")),
            DatasetDescription.FromJson(File.ReadAllText(dataset), dataset));
    }

    private static Network Load(
        string model, ConfigurationPlan configuration, DatasetDescription description, Backend backend, int fold)
    {
        var plan = configuration.ToNetworkPlan(
            description.ChannelNames.Count, description.Labels.HeadCount, deepSupervision: true);
        var network = Network.Build(plan, backend, seed: 0);
        var weights = TorchCheckpoint.ReadWeights(
            SharedFolder.At("golden", "predict", model, "model", $"fold_{fold}", "checkpoint_final.pth"));
        foreach (var parameter in network.Parameters.Parameters)
        {
            var (shape, values) = weights[parameter.Name];
            Assert.Equal(WeightLayout.ReferenceShape(parameter, configuration.Is2D), shape);
            var ours = new float[values.Length];
            WeightLayout.FromReference(parameter.Shape, parameter.Kind, values, ours);
            backend.Upload(ours, parameter.Value);
        }

        return network;
    }

    private static float[] ChannelsLast(float[] channelsFirst, int channels)
    {
        var voxels = channelsFirst.Length / channels;
        var result = new float[channelsFirst.Length];
        for (var i = 0; i < result.Length; i++)
        {
            result[i] = channelsFirst[(i % channels * voxels) + (i / channels)];
        }

        return result;
    }

    private static Extent GoldenExtent(System.Text.Json.JsonElement sizes) =>
        new(sizes[0].GetInt32(), sizes[1].GetInt32(), sizes[2].GetInt32());

    private static void AssertNear(float[] expected, float[] actual, double tolerance, double coarseShare = 0)
    {
        Assert.Equal(expected.Length, actual.Length);
        var differences = expected.Zip(actual, (e, a) => Math.Abs(e - (double)a)).ToArray();
        Assert.True(differences.Max() <= tolerance, $"outputs differ by up to {differences.Max()}");
        var coarse = differences.Count(d => d > LogitsTolerance) / (double)differences.Length;
        Assert.True(coarse <= coarseShare, $"{coarse:P3} of the outputs differ by more than {LogitsTolerance}");
    }
}
