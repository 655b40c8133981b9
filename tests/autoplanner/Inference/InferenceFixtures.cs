using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Preprocessing;
using SharpSeg.AutoPlanner.Volumes;
using SharpSeg.Engine.Autograd;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Networks;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Tests.Inference;

/// <summary>Plans, properties and networks of a few channels, for what happens after training.</summary>
internal static class InferenceFixtures
{
    public static readonly LabelScheme TwoLabels = new([new("background", [0]), new("a", [1])]);

    public static readonly LabelScheme Regions = new([new("background", [0]), new("whole", [1, 2]), new("core", [2])], [1, 2]);

    /// <summary>A configuration of two stages; a patch of two axes is 2D.</summary>
    public static ConfigurationPlan Configuration(int[] patch, double[] spacing) => new()
    {
        Name = patch.Length == 2 ? "2d" : "3d_fullres",
        DataIdentifier = "test",
        BatchSize = 2,
        PatchSize = patch,
        Spacing = spacing,
        MedianImageSize = [.. patch.Select(p => (double)p)],
        Normalization = [NormalizationScheme.ZScore],
        UseMaskForNorm = [false],
        Resampling = ResamplingPlan.Of(Profile.Modern),
        Architecture = new ArchitecturePlan
        {
            Family = NetworkFamily.PlainUNet,
            FeaturesPerStage = [2, 3],
            KernelSizes = [Axes(patch, 3), Axes(patch, 3)],
            Strides = [Axes(patch, 1), Axes(patch, 2)],
            EncoderBlocks = [1, 1],
            DecoderBlocks = [1],
        },
        BatchDice = false,
    };

    public static Plans Plans(
        ConfigurationPlan configuration, Profile profile = Profile.Modern, int[]? forward = null, int[]? backward = null) => new()
        {
            DatasetName = "test",
            PlansName = "test",
            Profile = profile,
            Preset = "default",
            TransposeForward = forward ?? [0, 1, 2],
            TransposeBackward = backward ?? [0, 1, 2],
            OriginalMedianSpacing = [1, 1, 1],
            OriginalMedianShape = [8, 8, 8],
            IntensityProperties = [null],
            Configurations = new Dictionary<string, ConfigurationPlan> { [configuration.Name] = configuration },
        };

    /// <summary>A case whose box begins at an origin of its transposed image.</summary>
    public static CaseProperties Properties(
        Extent shape, Extent cropped, Spacing spacing, Extent? full = null, Extent origin = default) => new()
        {
            CaseId = "case",
            Spacing = spacing,
            ShapeBeforeCropping = full ?? cropped,
            BboxOrigin = origin,
            ShapeAfterCropping = cropped,
            Shape = shape,
            Channels = 1,
            SourceFiles = [],
            RecipeHash = "",
        };

    /// <summary>A network that answers the same everywhere: all weights 0, the last bias the logits.</summary>
    public static Network Constant(Backend backend, ConfigurationPlan configuration, params float[] logits)
    {
        var network = Network.Build(configuration.ToNetworkPlan(1, logits.Length, deepSupervision: false), backend, seed: 1);
        foreach (var parameter in network.Parameters.Parameters)
        {
            if (parameter.Name.Contains("seg_layers", StringComparison.Ordinal) && parameter.Kind == ParameterKind.Bias)
            {
                backend.Upload(logits, parameter.Value);
            }
            else
            {
                backend.Fill(parameter.Value, 0);
            }
        }

        return network;
    }

    public static float[] Noise(long count, int seed)
    {
        var random = new Random(seed);
        var values = new float[count];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = (float)((2 * random.NextDouble()) - 1);
        }

        return values;
    }

    private static int[] Axes(int[] patch, int value) => [.. patch.Select(_ => value)];
}
