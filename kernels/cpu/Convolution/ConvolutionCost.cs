using SharpSeg.Engine.Backends;
using SharpSeg.Kernels.Cpu.Simd;
using SharpSeg.Kernels.Cpu.Winograd;

namespace SharpSeg.Kernels.Cpu.Convolution;

/// <summary>
/// Chooses between direct, gathered and Winograd convolution by counting vector instructions and the weights' bytes. A model
/// instead of a timing, so that a problem is computed the same way in every run and results are bitwise repeatable.
/// </summary>
internal static unsafe class ConvolutionCost<TLanes, TVector>
    where TLanes : struct, ILanes<TVector>
    where TVector : unmanaged
{
    /// <summary>Instructions around one tile product: clearing, storing and calling.</summary>
    private const double PerProduct = 70;

    /// <summary>Additions, loads and stores per transformed point and vector.</summary>
    private const double PerPoint = 3.5;

    /// <summary>Relative cost of Winograd's products, whose operands come from the second-level cache.</summary>
    private const double ProductFactor = 1.15;

    /// <summary>
    /// Cost of moving a byte of weights from or to memory: about 20 GB/s, while two cores execute 8·10⁹ instructions per second.
    /// </summary>
    private const double PerByte = 0.6;

    /// <summary>The same from and to a fast shared cache.</summary>
    private const double PerCachedByte = 0.3;

    /// <summary>Bytes that stay in such a cache beside what else a pass reads: a third of 32 MB.</summary>
    private const long CachedBytes = 12 << 20;

    /// <summary>Relative cost of the products of gathered voxels, which are accumulated in memory.</summary>
    private const double GatherFactor = 1.5;

    /// <summary>The same for products of transformed lines.</summary>
    private const double LineFactor = 1.25;

    /// <summary>The same for their weight gradient, whose tiles see some dozens of voxels each.</summary>
    private const double LineGradientFactor = 1.6;

    /// <summary>The same where the voxels of a tile lie in the first-level cache.</summary>
    private const double NearLineGradientFactor = 1.2;

    /// <summary>Bytes of a first-level cache.</summary>
    private const int FirstCache = 32 << 10;

    /// <summary>Instructions that pack and transform three vectors of weights along a line.</summary>
    private const double PerLineWeight = 24;

    /// <summary>Bytes of transformed weights up to which wide tiles pay off.</summary>
    private static long WideBudget(bool sharedCacheIsFast) => sharedCacheIsFast ? 40 << 20 : 1200 << 10;

    /// <summary>The variant to use for a problem; <paramref name="weightGradient"/>: for the weight gradient.</summary>
    public static ConvolutionVariant Choose(in TapProblem p, bool weightGradient) =>
        Choose(p, weightGradient, SharedCache.IsFast);

    /// <summary>The same for a processor whose cores share a fast cache, or none.</summary>
    public static ConvolutionVariant Choose(in TapProblem p, bool weightGradient, bool sharedCacheIsFast)
    {
        if (!weightGradient && FewOutputsConvWork<TLanes, TVector>.Fits(p))
        {
            return ConvolutionVariant.FewOutputs;
        }

        return Cheapest(p, weightGradient, sharedCacheIsFast).Variant;
    }

    /// <summary>The cheapest variant but for <see cref="ConvolutionVariant.FewOutputs"/>, and its vector instructions.</summary>
    public static (double Cost, ConvolutionVariant Variant) Cheapest(
        in TapProblem p, bool weightGradient, bool sharedCacheIsFast)
    {
        var best = (Cost: Direct(p, weightGradient), Variant: ConvolutionVariant.Direct);
        Consider(Gather(p, weightGradient), ConvolutionVariant.Gather);
        if (weightGradient
            ? WinogradLineGradientWork<TLanes, TVector>.Fits(p)
            : WinogradLineWork<TLanes, TVector>.Fits(p))
        {
            Consider(weightGradient ? LineGradient(p) : Line(p), ConvolutionVariant.WinogradLine);
        }

        if (!weightGradient && WinogradStrideWork<TLanes, TVector>.Fits(p))
        {
            Consider(Stride(p), ConvolutionVariant.WinogradStride);
        }

        if (WinogradTiles.Fits(p))
        {
            Consider(Winograd(p, wide: false, weightGradient, sharedCacheIsFast), ConvolutionVariant.Winograd);
            if (WideBytes(p) <= WideBudget(sharedCacheIsFast))
            {
                Consider(Winograd(p, wide: true, weightGradient, sharedCacheIsFast), ConvolutionVariant.WinogradWide);
            }
        }

        return best;

        void Consider(double cost, ConvolutionVariant variant) => best = cost < best.Cost ? (cost, variant) : best;
    }

    /// <summary>
    /// Bytes of the transformed weights (or the sums of the weight gradient) of wide tiles: they should stay in a core's
    /// second-level cache, or in a fast shared one. Beyond that, the many points cost more in memory traffic than they save in
    /// arithmetic: 64→64 at 20×28×20 took 26 ms wide and 20 ms with small tiles on an Intel Xeon, but 7.6 and 10.7 on an AMD
    /// EPYC, where 256→256 at 16×16×16 (38 MB) gained as much (docs/performance.md).
    /// </summary>
    private static long WideBytes(in TapProblem p)
    {
        var outputs = (long)PackWeightsWork<TLanes, TVector>.Blocks(p.Cout) * PackWeightsWork<TLanes, TVector>.Block;
        return new WinogradTiles(p, wide: true).Points * outputs * p.CTotal * sizeof(float);
    }

    /// <summary>Vector instructions of the direct convolution.</summary>
    public static double Direct(in TapProblem p, bool weightGradient)
    {
        double blocks = PackWeightsWork<TLanes, TVector>.Blocks(p.Cout), voxels = (double)p.N * p.Grid.Voxels;
        var products = weightGradient
            ? DirectGradientWork<TLanes, TVector>.RowsComputed(p) * voxels
            : p.Window.Voxels * p.CTotal * voxels / p.Grid.X * RoundUp(p.Grid.X, ForwardTile<TLanes, TVector>.GroupSize);
        return (2 * blocks * products * 1.03) + (3 * PerByte * WeightBytes(p, (int)p.Window.Voxels));
    }

    /// <summary>Vector instructions of the convolution over gathered voxels, one tap at a time.</summary>
    public static double Gather(in TapProblem p, bool weightGradient)
    {
        double blocks = PackWeightsWork<TLanes, TVector>.Blocks(p.Cout), pairs = p.Pairs,
        vectors = p.CTotal / (double)TLanes.Count;
        var copies = 2 * pairs * (weightGradient ? vectors + (2 * blocks) : vectors);
        var products = weightGradient
            ? 2 * blocks * RoundUp(p.CTotal, GradientTile<TLanes, TVector>.Height) * pairs
            : blocks * ((2 * p.CTotal) + 8) * pairs;
        var tiles = weightGradient
            ? p.Window.Voxels * blocks * p.CTotal / GradientTile<TLanes, TVector>.Height
            : blocks * pairs / 12;
        return (GatherFactor * products) + copies + (PerProduct * tiles) + (PerByte * WeightBytes(p, (int)p.Window.Voxels));
    }

    /// <summary>Vector instructions of the Winograd convolution along one axis.</summary>
    public static double Line(in TapProblem p)
    {
        double blocks = PackWeightsWork<TLanes, TVector>.Blocks(p.Cout), products = WinogradLineWork<TLanes, TVector>.Products(p),
        vectors = p.CTotal / (double)TLanes.Count;
        return (LineFactor * 2 * blocks * p.CTotal * products) + (PerPoint * products * vectors)
            + (PerLineWeight * 2 * blocks * p.CTotal * p.Window.Voxels / 3) + (PerByte * WeightBytes(p, (int)p.Window.Voxels));
    }

    /// <summary>Vector instructions of the convolution with stride 2, pairs of outputs at a time.</summary>
    public static double Stride(in TapProblem p)
    {
        const double Points = WinogradStrideWork<TLanes, TVector>.Points * WinogradStrideWork<TLanes, TVector>.Points;
        double blocks = PackWeightsWork<TLanes, TVector>.Blocks(p.Cout), sums = 9,
        pairs = (double)p.N * p.Grid.Z * WinogradStrideWork<TLanes, TVector>.PairsComputed(p);
        var products = 2 * blocks * Points * p.Window.Z * p.CTotal * 1.03;
        var transforms = PerPoint * ((Points * p.Window.Z * p.CTotal / TLanes.Count) + (sums * 2 * blocks));
        var tiles = PerProduct * sums * blocks / (3 * ForwardTile<TLanes, TVector>.GroupSize);
        return (pairs * (products + transforms + tiles)) + (3 * PerByte * WeightBytes(p, (int)Points * p.Window.Z));
    }

    /// <summary>Vector instructions of the gradient by data with stride 2, pairs of outputs at a time.</summary>
    /// <param name="p">The convolution.</param>
    /// <param name="channels">Channels of the gradient.</param>
    public static double StrideData(in ConvProblem p, int channels)
    {
        const int Points = WinogradStrideDataWork<TLanes, TVector>.Points;
        var bytes = (double)Points * Points * p.Kernel.Z * p.Cout * PackWeightsWork<TLanes, TVector>.Blocks(channels)
            * PackWeightsWork<TLanes, TVector>.Block * sizeof(float);
        return WinogradStrideDataWork<TLanes, TVector>.Plan(p, null, null, null, channels, false, 1).Cost
            + (3 * PerByte * bytes);
    }

    /// <summary>Vector instructions of the weight gradient by Winograd along one axis.</summary>
    public static double LineGradient(in TapProblem p)
    {
        int rows = GradientTile<TLanes, TVector>.RowsFor(p.C), runs = (p.C + rows - 1) / rows;
        double blocks = PackWeightsWork<TLanes, TVector>.Blocks(p.Cout), products = WinogradLineWork<TLanes, TVector>.Products(p);
        var points = 2.0 * p.Window.Voxels; // six for three taps
        var tiles = points * runs * blocks;
        var transforms = products / p.Window.Voxels * 3 * ((p.C / (double)TLanes.Count) + (2 * blocks));
        var isNear = products / points * (rows + PackWeightsWork<TLanes, TVector>.Block) * sizeof(float) <= FirstCache;
        var factor = isNear ? NearLineGradientFactor : LineGradientFactor;
        return (factor * 2 * blocks * runs * rows * products) + (PerProduct * tiles) + (PerPoint * transforms)
            + (PerByte * WeightBytes(p, (int)p.Window.Voxels));
    }

    /// <summary>Bytes of weights that have as many points as the kernel has taps, or the transformed kernel has points.</summary>
    private static double WeightBytes(in TapProblem p, int points) =>
        (double)points * p.CTotal * PackWeightsWork<TLanes, TVector>.Blocks(
            p.Cout) * PackWeightsWork<TLanes, TVector>.Block * sizeof(float);

    /// <summary>Vector instructions of the Winograd convolution.</summary>
    public static double Winograd(in TapProblem p, bool wide, bool weightGradient, bool sharedCacheIsFast)
    {
        var tiles = new WinogradTiles(p, wide);
        int lanes = TLanes.Count, rows = 3 * ForwardTile<TLanes, TVector>.GroupSize;
        double blocks = PackWeightsWork<TLanes, TVector>.Blocks(p.Cout), points = tiles.Points;
        double vectorsIn = RoundUp(p.CTotal, lanes) / (double)lanes, vectorsOut = 2 * blocks;
        var inputs = weightGradient ? RoundUp(p.CTotal, GradientTile<TLanes, TVector>.Height) : p.CTotal;
        var products = points * tiles.Count * blocks * ((2.0 * inputs * ProductFactor) + (PerProduct / rows));
        var transforms = points * PerPoint * ((tiles.Count * (vectorsIn + vectorsOut)) + (p.CTotal * vectorsOut * 1.5));
        var transformed = WeightBytes(p, tiles.Points);
        var perByte = sharedCacheIsFast && transformed <= CachedBytes ? PerCachedByte : PerByte;
        return products + transforms + (2 * perByte * transformed) + (PerByte * WeightBytes(p, (int)p.Window.Voxels));
    }

    private static double RoundUp(int value, int multiple) => (value + multiple - 1) / multiple * (double)multiple;
}
