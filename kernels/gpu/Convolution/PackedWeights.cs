using System.Runtime.CompilerServices;
using ILGPU;
using ILGPU.Runtime;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Gpu.Device;

namespace SharpSeg.Kernels.Gpu.Convolution;

/// <summary>
/// The weights of a convolution in the order in which <see cref="BrickConvolution"/> and <see cref="PhaseConvolution"/> read
/// them, rounded: every group reads each weight, but it is packed once per pass.
/// <para>Layout: packed[block of 32 columns, piece of the channels, tap, half of the piece's words, half of the block, lane], a
/// <see cref="TensorFragment"/> each: R0 and R1 are a lane's b operand for eight columns, R2 and R3 for the next eight. Beyond
/// the last channel or column there are zeros, so that the product tests for neither.</para>
/// <para>Of its sums a lane then has two neighbouring columns of each eight. Where they are to be neighbours all
/// (<see cref="BrickSizes.Neighbours"/>), b operand f takes columns 8·(g / 2) + 2·f + g mod 2 as its columns g.</para>
/// <para>Mapping: a thread per fragment.</para>
/// </summary>
internal sealed class PackedWeights(KernelList list)
{
    /// <summary>Fragments of a tap: two halves of the words, two of the columns, a warp's lanes.</summary>
    public const int PerTap = 2 * PerHalf;

    /// <summary>Fragments of a tap's half of the words.</summary>
    public const int PerHalf = 2 * Lanes;

    /// <summary>Fragments of sixteen columns.</summary>
    public const int Lanes = 32;

    private const int FloatsPerFragment = 4;

    private readonly GpuKernel<Launcher>[] kernels = list.Add<Launcher>(
        tensorCores: true, ConvolutionCosts.Packing, Tf32, Bf16, Fp16);

    private delegate void Launcher(
        AcceleratorStream stream, KernelConfig config, ArrayView<float> weights, ArrayView<TensorFragment> packed, BrickSizes s,
        int pieces);

    /// <summary>The first fragment of half a piece of a block, of which the taps are <see cref="PerTap"/> apart.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int OfHalf(int block, int pieces, int half, int taps) =>
        (((block * pieces) + (half >> 1)) * taps * PerTap) + ((half & 1) * PerHalf);

    /// <summary>Elements of scratch memory that the packed weights take.</summary>
    public static long ScratchLength(GpuPrecision precision, in BrickSizes s) =>
        (long)FloatsPerFragment * s.PackedLength(TileWords.Of(precision));

    /// <summary>
    /// The most scratch memory that a pass of one of these convolutions by bricks needs for them, and behind them for the
    /// statistics of its results, bytes.
    /// </summary>
    public static long LargestScratchBytes(GpuPrecision precision, IEnumerable<ConvProblem> convolutions)
    {
        var most = 0L;
        foreach (var p in convolutions)
        {
            Count(
                Products.Fit(p, false, p.Cin, p.Cin2, p.Cout),
                new(p, hasBias: false, measured: p.Stride == Extent.One));
            Count(Products.Fit(p, false, p.Cout, p.Cin), new(p, 0, p.Cin, accumulate: false));
            Count(Products.Fit(p, false, p.Cout, p.Cin2), new(p, p.Cin, p.Cin2, accumulate: false));
            Count(BrickSizes.CanJoin(p), new(p, accumulate: false, p.Cin2, accumulate2: false));
        }

        return sizeof(float) * most;

        void Count(bool fits, in BrickSizes s) => most = Math.Max(
            most, fits ? ScratchLength(precision, s) + s.StatisticsLength : 0);
    }

    /// <summary>packed ← weights; packed has <see cref="BrickSizes.PackedLength"/> elements.</summary>
    public void Launch(
        AcceleratorStream stream, GpuPrecision precision, in BrickSizes s, ArrayView<float> weights,
        ArrayView<TensorFragment> packed) => kernels[precision - GpuPrecision.Tf32].Launch(
            stream, ElementIndex.OverSmall(packed.Length), weights, packed, s, s.Pieces(TileWords.Of(precision)));

    private static void Tf32(ArrayView<float> weights, ArrayView<TensorFragment> packed, BrickSizes s, int pieces) =>
        Pack(weights, packed, s, pieces, TileWords.Tf32);

    private static void Bf16(ArrayView<float> weights, ArrayView<TensorFragment> packed, BrickSizes s, int pieces) =>
        Pack(weights, packed, s, pieces, TileWords.Bf16);

    private static void Fp16(ArrayView<float> weights, ArrayView<TensorFragment> packed, BrickSizes s, int pieces) =>
        Pack(weights, packed, s, pieces, TileWords.Fp16);

    private static void Pack(
        ArrayView<float> weights, ArrayView<TensorFragment> packed, BrickSizes s, int pieces, int precision)
    {
        var i = ElementIndex.Small;
        if (i >= packed.Length)
        {
            return;
        }

        var lane = i & (Lanes - 1);
        var tapNumber = i / PerTap;
        var tap = tapNumber % s.Taps;
        var piece = tapNumber / s.Taps % pieces;
        var block = tapNumber / s.Taps / pieces;
        var word = (piece * GemmTile.Words) + (((i / PerHalf) & 1) * TensorFragment.Words) + (lane & 3);
        var half = (i / Lanes) & 1;
        var column = (block * BrickSizes.WarpColumns) + (s.Neighbours != 0
            ? ((lane >> 3) * 8) + (half * 4) + ((lane >> 2) & 1)
            : (half * 16) + (lane >> 2));
        var next = column + (s.Neighbours != 0 ? 2 : 8);
        var fragment = default(TensorFragment);
        fragment.R0 = Word(weights, s, tap, word, column, precision);
        fragment.R1 = Word(weights, s, tap, word + 4, column, precision);
        fragment.R2 = Word(weights, s, tap, word, next, precision);
        fragment.R3 = Word(weights, s, tap, word + 4, next, precision);
        packed[i] = fragment;
    }

    private static uint Word(ArrayView<float> weights, BrickSizes s, int tap, int word, int column, int precision) =>
        precision == TileWords.Tf32
            ? TensorInstructions.ToTf32(Weight(weights, s, tap, word, column))
            : TileWords.Pair(
                Weight(weights, s, tap, 2 * word, column), Weight(weights, s, tap, (2 * word) + 1, column), precision);

    private static float Weight(ArrayView<float> weights, BrickSizes s, int tap, int channel, int column)
    {
        var value = 0f;
        if (channel < s.Channels + s.Channels2 && column < s.Columns)
        {
            value = ReadOnlyMemory.Read(weights, s.Transposed == 0
                ? (((tap * s.WeightRows) + channel) * s.WeightColumns) + column
                : ((((s.Taps - 1 - tap) * s.WeightRows) + s.FirstRow + column) * s.WeightColumns) + channel);
        }

        return value;
    }
}
