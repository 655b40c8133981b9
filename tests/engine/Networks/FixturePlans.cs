using SharpSeg.Engine.Networks;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.Engine.Tests.Networks;

/// <summary>The small networks of docs/method/networks.md §10.</summary>
internal static class FixturePlans
{
    private static readonly Extent Flat3 = new(1, 3, 3);
    private static readonly Extent Cube3 = new(3, 3, 3);
    private static readonly Extent Flat2 = new(1, 2, 2);
    private static readonly Extent Cube2 = new(2, 2, 2);

    public static NetworkPlan F1 => Plan(NetworkFamily.PlainUNet, [2, 4], [Flat3, Flat3], [Extent.One, Flat2], 2, 2);

    public static NetworkPlan F2 => Plan(NetworkFamily.PlainUNet, [2, 3], [Flat3, Cube3], [Extent.One, Flat2], 2, 2);

    public static NetworkPlan F3 =>
        Plan(
            NetworkFamily.ResidualEncoderUNet, [2, 4], [Flat3, Flat3], [Extent.One, Flat2], 1, 1) with
        { EncoderBlocks = [1, 2] };

    public static NetworkPlan F4 => Plan(NetworkFamily.StuNet, [2, 3], [Cube3, Cube3], [Extent.One, Cube2], 1, 1);

    public static NetworkPlan F5 => Plan(NetworkFamily.ClassicUNet, [2, 4], [Flat3, Flat3], [Extent.One, Flat2], 2, 2);

    public static NetworkPlan F6 => Plan(
        NetworkFamily.PlainUNet, [2, 2, 2, 2], [Flat3, Flat3, Flat3, Flat3], [Extent.One, Flat2, Flat2, Flat2], 1, 1) with
    { DeepSupervision = true };

    public static NetworkPlan F7 => Plan(
        NetworkFamily.UNetPlusPlus, [2, 4, 8, 8, 8, 8], [.. Enumerable.Repeat(Flat3, 6)],
        [Extent.One, .. Enumerable.Repeat(Flat2, 5)], 2, 2) with
    { DeepSupervision = true };

    /// <summary>UNet++ with three poolings, small enough to train in float64.</summary>
    public static NetworkPlan SmallPlusPlus => Plan(
        NetworkFamily.UNetPlusPlus, [2, 3, 4, 4], [.. Enumerable.Repeat(Flat3, 4)],
        [Extent.One, .. Enumerable.Repeat(Flat2, 3)], 1, 1) with
    { DeepSupervision = true };

    public static NetworkPlan Plan(
        NetworkFamily family, int[] features, Extent[] kernels, Extent[] strides, int encoderBlocks, int decoderBlocks,
        int inputs = 1, int outputs = 2) =>
        new()
        {
            Family = family,
            InputChannels = inputs,
            OutputChannels = outputs,
            Features = features,
            Kernels = kernels,
            Strides = strides,
            EncoderBlocks = [.. Enumerable.Repeat(encoderBlocks, features.Length)],
            DecoderBlocks = [.. Enumerable.Repeat(decoderBlocks, features.Length - 1)],
        };
}
