using SharpSeg.Engine.Networks;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.Perf.Benches;

/// <summary>A network with the patch and batch size it is trained with.</summary>
/// <param name="Name">Short name.</param>
/// <param name="Network">The network.</param>
/// <param name="Patch">Patch, voxels.</param>
/// <param name="BatchSize">Images per step.</param>
internal sealed record BenchPlan(string Name, NetworkPlan Network, Extent Patch, int BatchSize)
{
    /// <summary>Plain U-Nets as the planner makes them: Hippocampus 3D, an anisotropic 3D plan, a 2D plan, a 128³ plan.</summary>
    public static IReadOnlyList<BenchPlan> All { get; } =
    [
        Cubic("hippocampus", new(40, 56, 40), 2, [32, 64, 128, 256]),
        Cubic("hippocampus", new(40, 56, 40), 9, [32, 64, 128, 256]),
        Make(
            "anisotropic", new(20, 256, 224), 1, [32, 64, 128, 256, 320, 320],
            [new(1, 3, 3), new(1, 3, 3), Cube, Cube, Cube, Cube],
            [Extent.One, new(1, 2, 2), new(1, 2, 2), new(2, 2, 2), new(2, 2, 2), new(1, 2, 2)]),
        Make(
            "2d", new(1, 256, 256), 12, [32, 64, 128, 256, 512, 512],
            [.. Enumerable.Repeat(new Extent(1, 3, 3), 6)], [Extent.One, .. Enumerable.Repeat(new Extent(1, 2, 2), 5)]),
        Cubic("128³", new(128, 128, 128), 2, [32, 64, 128, 256, 320, 320]),
    ];

    private static Extent Cube => new(3, 3, 3);

    /// <summary>
    /// The same by name with an eighth of the features and patches of a few voxels a side, for devices slower than any GPU: a
    /// trial of the program, not a measurement.
    /// </summary>
    public static IReadOnlyList<BenchPlan> Tiny { get; } =
    [
        Cubic("hippocampus", new(4, 8, 4), 2, [4, 8, 16]), Cubic("128³", new(8, 8, 8), 2, [4, 8, 16]),
    ];

    /// <summary>What PyTorch needs to build the same.</summary>
    public object Request(string op) => new
    {
        op,
        n = BatchSize,
        size = Patch.ToArray(),
        input_channels = Network.InputChannels,
        output_channels = Network.OutputChannels,
        features = Network.Features,
        kernels = Network.Kernels.Select(k => k.ToArray()),
        strides = Network.Strides.Select(s => s.ToArray()),
    };

    private static BenchPlan Cubic(string name, Extent patch, int batchSize, int[] features) => Make(
        name, patch, batchSize, features, [.. Enumerable.Repeat(Cube, features.Length)],
        [Extent.One, .. Enumerable.Repeat(new Extent(2, 2, 2), features.Length - 1)]);

    private static BenchPlan Make(string name, Extent patch, int batchSize, int[] features, Extent[] kernels, Extent[] strides) =>
        new(
        name,
        new NetworkPlan
        {
            Family = NetworkFamily.PlainUNet,
            InputChannels = 1,
            OutputChannels = 3,
            Features = features,
            Kernels = kernels,
            Strides = strides,
            EncoderBlocks = [.. Enumerable.Repeat(2, features.Length)],
            DecoderBlocks = [.. Enumerable.Repeat(2, features.Length - 1)],
            DeepSupervision = true,
        },
        patch,
        batchSize);
}
