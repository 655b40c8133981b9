using SharpSeg.Engine.Autograd;
using SharpSeg.Engine.Networks;
using SharpSeg.Engine.Tensors;
using SharpSeg.Engine.Training;

namespace SharpSeg.Engine.Tests.Networks;

/// <summary>The networks whose parameters docs/method/networks.md §9 counts. No weights are allocated.</summary>
internal static class CountedPlans
{
    private static readonly Extent Flat2 = new(1, 2, 2);
    private static readonly Extent Cube2 = new(2, 2, 2);
    private static readonly Extent Flat3 = new(1, 3, 3);
    private static readonly Extent Cube3 = new(3, 3, 3);

    public static int[] Classic3D => [30, 60, 120, 240, 320, 320];

    public static int[] Modern3D => [32, 64, 128, 256, 320, 320];

    /// <summary>The network of a row of the page's table.</summary>
    public static NetworkPlan OfRow(int row, int inputs, int outputs) => row switch
    {
        <= 3 => Cubic(NetworkFamily.ClassicUNet, Classic3D, inputs, outputs),
        4 => Cubic(NetworkFamily.ClassicUNet, Classic3D[..4], inputs, outputs),
        5 => Flat(NetworkFamily.ClassicUNet, Features(30, 480, 7), inputs, outputs),
        6 => Flat(NetworkFamily.ClassicUNet, Features(30, 480, 6), inputs, outputs),
        <= 9 => Cubic(NetworkFamily.PlainUNet, Modern3D, inputs, outputs),
        10 => Cubic(NetworkFamily.PlainUNet, [.. Modern3D, 320], inputs, outputs) with
        { Strides = [Extent.One, .. Enumerable.Repeat(Cube2, 5), Flat2] },
        11 => Cubic(NetworkFamily.PlainUNet, Modern3D, inputs, outputs) with
        { Strides = [Extent.One, Flat2, Flat2, Cube2, Cube2, Flat2], Kernels = [Flat3, Flat3, .. Enumerable.Repeat(Cube3, 4)] },
        12 => Flat(NetworkFamily.PlainUNet, Features(32, 512, 8), inputs, outputs),
        13 => Flat(NetworkFamily.PlainUNet, Features(32, 512, 7), inputs, outputs),
        14 => Flat(NetworkFamily.PlainUNet, Features(32, 512, 6), inputs, outputs),
        <= 17 => Residual(Cubic(NetworkFamily.ResidualEncoderUNet, Modern3D, inputs, outputs)),
        18 => Residual(Flat(NetworkFamily.ResidualEncoderUNet, Features(32, 512, 7), inputs, outputs)),
        19 => Cubic(NetworkFamily.UNetPlusPlus, Classic3D, inputs, outputs),
        20 => Cubic(NetworkFamily.UNetPlusPlus, Modern3D, inputs, outputs),
        21 => Flat(NetworkFamily.UNetPlusPlus, Features(30, 480, 6), inputs, outputs),
        <= 25 => StuNetVariant.All[row - 22].Plan([Extent.One, Cube2, Cube2, Flat2], inputs, outputs, deepSupervision: false),
        _ => throw new ArgumentOutOfRangeException(nameof(row), row, "the table has no such row"),
    };

    /// <summary>Trainable values of a network.</summary>
    public static long Count(NetworkPlan plan) => Parameters(plan).Sum(p => p.Shape.Length);

    /// <summary>The parameters of a network, which have no memory any more.</summary>
    public static IReadOnlyList<Parameter> Parameters(NetworkPlan plan)
    {
        using var backend = new RehearsalBackend();
        using var network = Network.Create(plan, backend);
        return network.Parameters.Parameters;
    }

    public static int[] Features(int start, int cap, int stages) =>
        [.. Enumerable.Range(0, stages).Select(l => Math.Min(start << l, cap))];

    public static NetworkPlan Cubic(NetworkFamily family, int[] features, int inputs, int outputs) =>
        Regular(family, features, inputs, outputs, Cube3, Cube2);

    public static NetworkPlan Flat(NetworkFamily family, int[] features, int inputs, int outputs) =>
        Regular(family, features, inputs, outputs, Flat3, Flat2);

    public static NetworkPlan Residual(NetworkPlan plan) => plan with
    {
        EncoderBlocks = [.. new[] { 1, 3, 4, 6, 6, 6, 6 }.Take(plan.Stages)],
        DecoderBlocks = [.. Enumerable.Repeat(1, plan.Stages - 1)],
    };

    private static NetworkPlan Regular(
        NetworkFamily family, int[] features, int inputs, int outputs, Extent kernel, Extent stride) => FixturePlans.Plan(
            family, features, [.. Enumerable.Repeat(kernel, features.Length)],
            [Extent.One, .. Enumerable.Repeat(stride, features.Length - 1)], 2, 2, inputs, outputs);
}
