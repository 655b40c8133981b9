using SharpSeg.Engine.Tensors;

namespace SharpSeg.Engine.Networks;

/// <summary>
/// A published size of STU-Net (docs/method/networks.md §8): width and depth grow together. Always 3D, six stages and 3×3×3
/// kernels, so that weights can be transferred between datasets.
/// </summary>
/// <param name="Name">S, B, L or H.</param>
/// <param name="Features">Channels of the six stages.</param>
/// <param name="Depth">Residual blocks per stage, encoder and decoder alike.</param>
public sealed record StuNetVariant(string Name, IReadOnlyList<int> Features, int Depth)
{
    private const int Poolings = 5;

    /// <summary>14.6 million parameters.</summary>
    public static StuNetVariant S { get; } = new("S", [16, 32, 64, 128, 256, 256], 1);

    /// <summary>58 million parameters.</summary>
    public static StuNetVariant B { get; } = new("B", [32, 64, 128, 256, 512, 512], 1);

    /// <summary>440 million parameters.</summary>
    public static StuNetVariant L { get; } = new("L", [64, 128, 256, 512, 1024, 1024], 2);

    /// <summary>1457 million parameters.</summary>
    public static StuNetVariant H { get; } = new("H", [96, 192, 384, 768, 1536, 1536], 3);

    /// <summary>All sizes, smallest first.</summary>
    public static IReadOnlyList<StuNetVariant> All { get; } = [S, B, L, H];

    /// <summary>
    /// The network plan of this size for a dataset with the given strides: the first five poolings are kept, missing ones are
    /// 1×1×1. Scales of the supervision and divisibility follow from the plan that is returned.
    /// </summary>
    /// <param name="strides">Strides per stage as planned, the leading 1×1×1 included.</param>
    /// <param name="inputChannels">Channels of the images.</param>
    /// <param name="outputChannels">Classes with background, or regions.</param>
    /// <param name="deepSupervision">Train all decoder levels.</param>
    public NetworkPlan Plan(IReadOnlyList<Extent> strides, int inputChannels, int outputChannels, bool deepSupervision)
    {
        var poolings = strides.Skip(1).Take(Poolings).ToList();
        return new NetworkPlan
        {
            Family = NetworkFamily.StuNet,
            InputChannels = inputChannels,
            OutputChannels = outputChannels,
            Features = Features,
            Kernels = [.. Enumerable.Repeat(new Extent(3, 3, 3), Poolings + 1)],
            Strides = [Extent.One, .. poolings, .. Enumerable.Repeat(Extent.One, Poolings - poolings.Count)],
            EncoderBlocks = [.. Enumerable.Repeat(Depth, Poolings + 1)],
            DecoderBlocks = [.. Enumerable.Repeat(Depth, Poolings)],
            DeepSupervision = deepSupervision,
        };
    }
}
