using System.Runtime.CompilerServices;
using ILGPU;
using ILGPU.Runtime;
using SharpSeg.Kernels.Gpu.Device;

namespace SharpSeg.Kernels.Gpu.Convolution;

/// <summary>
/// Gradient with respect to the weights of a convolution of stride 2, by a brick of dy and one of a phase of x:
/// <para>dw(tap, c, n) = Σ_v [x, x2][v·stride + tap − pad, c]·dy[v, n].</para>
/// <para>Shapes, phases: <see cref="PhaseSizes"/>. Mapping: a group computes the taps of one phase for 32 channels and 32 or 64
/// columns, over a share of the bricks. A warp has 32 columns and one of the up to four taps along y and x; of those along z it
/// has all. A warp without a tap only helps to fill. Shares write partial results, which <see cref="SplitSum"/> adds in
/// order.</para>
/// <para>Shared memory: (4×9×9 + 2·2×8×8) voxels of 64 bytes, 37 760 bytes with what keeps banks apart. Only numbers of 16 bits
/// can be transposed while they are read.</para>
/// </summary>
internal sealed class PhaseWeightGradient(KernelList list)
{
    private const int MostThreads = 2 * WarpsPerBlock * PackedWeights.Lanes;
    private const int WarpsPerBlock = 4;                  // of 32 columns
    private const int BlockChannels = 32;
    private const int GroupsPerMultiprocessor = 2;        // 256 threads with some 150 registers each, or 128

    private readonly GpuKernel<Launcher>[] kernels = list.Add<Launcher>(
        tensorCores: true, ConvolutionCosts.PhaseWeights, Bf16, Fp16, Bf16Halves, Fp16Halves);

    private delegate void Launcher(
        AcceleratorStream stream, KernelConfig config, ArrayView<float> source, ArrayView<float> source2, ArrayView<float> dy,
        ArrayView<float> partials, PhaseSizes s, int perSplit);

    /// <summary>Whether there is a kernel for this precision.</summary>
    public static bool Has(GpuPrecision precision) => precision is GpuPrecision.Bf16 or GpuPrecision.Fp16;

    /// <summary>Number of partial results for these sizes.</summary>
    public int Splits(in PhaseSizes s)
    {
        var bricks = s.Bricks;
        var groups = (long)ChannelGroups(s) * bricks.ColumnGroups;
        var wanted = (((long)list.Multiprocessors * GroupsPerMultiprocessor) + groups - 1) / groups;
        var one = (long)bricks.Taps * (bricks.Channels + bricks.Channels2) * bricks.Columns;
        var most = WeightGemm.LargestPartialsBytes / sizeof(float) / one;
        return (int)Math.Max(1, Math.Min(Math.Min(wanted, most), Bricks(bricks)));
    }

    /// <summary>
    /// partials[split] ← that split's share of dw; source2 may be any view where it is not used. <paramref name="halves"/>:
    /// source and dy have 16 bits, in the format of the products.
    /// </summary>
    public void Launch(
        AcceleratorStream stream, GpuPrecision precision, bool halves, in PhaseSizes s, ArrayView<float> source,
        ArrayView<float> source2, ArrayView<float> dy, ArrayView<float> partials, int splits)
    {
        var config = new KernelConfig(
            new Index3D(ChannelGroups(s), s.Bricks.ColumnGroups, splits),
            new Index3D(s.Bricks.GroupBlocks * WarpsPerBlock * PackedWeights.Lanes, 1, 1));
        kernels[precision - GpuPrecision.Bf16 + (halves ? 2 : 0)].Launch(
            stream, config, source, source2, dy, partials, s, (Bricks(s.Bricks) + splits - 1) / splits);
    }

    private static int ChannelGroups(in PhaseSizes s) =>
        (s.Bricks.Channels + s.Bricks.Channels2 + BlockChannels - 1) / BlockChannels * s.Phases;

    private static int Bricks(in BrickSizes s) => checked(s.N * s.BricksZ * s.BricksY * s.BricksX);

    [MostThreads(MostThreads)]
    private static void Bf16(
        ArrayView<float> source, ArrayView<float> source2, ArrayView<float> dy, ArrayView<float> partials, PhaseSizes s,
        int perSplit) =>
        Run(source, source2, dy, partials, s, perSplit, TileWords.Bf16, halves: false);

    [MostThreads(MostThreads)]
    private static void Fp16(
        ArrayView<float> source, ArrayView<float> source2, ArrayView<float> dy, ArrayView<float> partials, PhaseSizes s,
        int perSplit) =>
        Run(source, source2, dy, partials, s, perSplit, TileWords.Fp16, halves: false);

    [MostThreads(MostThreads)]
    private static void Bf16Halves(
        ArrayView<float> source, ArrayView<float> source2, ArrayView<float> dy, ArrayView<float> partials, PhaseSizes s,
        int perSplit) =>
        Run(source, source2, dy, partials, s, perSplit, TileWords.Bf16, halves: true);

    [MostThreads(MostThreads)]
    private static void Fp16Halves(
        ArrayView<float> source, ArrayView<float> source2, ArrayView<float> dy, ArrayView<float> partials, PhaseSizes s,
        int perSplit) =>
        Run(source, source2, dy, partials, s, perSplit, TileWords.Fp16, halves: true);

    /// <summary>The kernel proper; precision and elements are constants where it is inlined.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Run(
        ArrayView<float> source, ArrayView<float> source2, ArrayView<float> dy, ArrayView<float> partials, PhaseSizes s,
        int perSplit, int precision, bool halves)
    {
        const int edge = BrickSizes.Edge, slabs = BrickSizes.GradientSlabs;
        const int dyVoxels = slabs * edge * edge, laneMask = PackedWeights.Lanes - 1, parts = BrickSizes.BlockParts;
        var bricks = s.Bricks;
        var numbers = bricks.BricksZ * bricks.BricksY * bricks.BricksX;
        var most = PhaseBrick.Voxels(slabs);
        var partLength = Brick.PartLength(most, parts);
        var dyPart = Brick.PartLength(dyVoxels, parts);
        var voxels = SharedMemory.Allocate<Float4>(parts * partLength);
        var gradient = SharedMemory.Allocate<Float4>(2 * parts * dyPart);
        var warp = Group.IdxX / PackedWeights.Lanes;
        var lane = Group.IdxX & laneMask;
        var ofPhases = s.ShiftZ + s.ShiftY + s.ShiftX;
        var phase = Grid.IdxX & ((1 << ofPhases) - 1);
        var firstChannel = (Grid.IdxX >> ofPhases) * BlockChannels;
        var block = warp / WarpsPerBlock;
        var firstColumn = Grid.IdxY * bricks.GroupBlocks * BrickSizes.WarpColumns;
        var alongZ = PhaseSizes.AlongZ(s, phase);
        var alongY = PhaseSizes.AlongY(s, phase);
        var alongX = PhaseSizes.AlongX(s, phase);
        var tapY = (warp >> 1) & 1;
        var tapX = warp & 1;
        var has = (tapY < alongY.Taps) & (tapX < alongX.Taps) & (alongZ.Taps > 0);

        // Matrices of ldmatrix.trans: see BrickWeightGradient.
        var ofVoxel = ((tapY + (lane >> 4)) * PhaseBrick.RowVoxels) + tapX + (lane & 7);
        var a = SharedFragments.At(voxels.Cast<uint>(), ((((lane >> 3) & 1) * partLength) + ofVoxel) * Brick.VoxelWords);
        var ofGradient = (block * parts * dyPart) + (((lane >> 3) & 1) * edge) + (lane & 7);
        var b = SharedFragments.At(gradient.Cast<uint>(), (((lane >> 4) * dyPart) + ofGradient) * Brick.VoxelWords);
        var plane = PhaseBrick.PlaneRows(bricks) * PhaseBrick.RowWords;
        var nextSlab = bricks.Flat != 0 ? edge * PhaseBrick.RowWords : plane;

        var sums = default(TapSums);
        var first = Grid.IdxZ * perSplit;
        for (var number = first; number < first + perSplit && number < numbers * bricks.N; number++)
        {
            var at = BrickPlace.Of(bricks, number / numbers, number % numbers);
            Group.Barrier();                              // nobody reads the bricks before any more
            PhaseBrick.Load(
                source, source2, BrickRoom.Of(voxels, 0, most, parts), bricks, PhasePart.Of(s, at, alongZ, alongY, alongX),
                firstChannel, precision, halves);
            Brick.Load(
                dy, dy, bricks.Columns, 0, BrickRoom.Of(gradient, 0, dyVoxels, parts), bricks, at, firstColumn, 0, 0, precision,
                halves);
            if (bricks.GroupBlocks > 1)
            {
                Brick.Load(
                    dy, dy, bricks.Columns, 0, BrickRoom.Of(gradient, 1, dyVoxels, parts), bricks, at,
                    firstColumn + BrickSizes.WarpColumns, 0, 0, precision, halves);
            }

            AsyncCopies.Await();
            Group.Barrier();
            if (has)
            {
                AddSlabs(ref sums.T0, a, b, nextSlab, precision);
                if (alongZ.Taps > 1)
                {
                    AddSlabs(ref sums.T1, SharedFragments.Behind(a, plane), b, nextSlab, precision);
                }

                if (alongZ.Taps > 2)
                {
                    AddSlabs(ref sums.T2, SharedFragments.Behind(a, 2 * plane), b, nextSlab, precision);
                }
            }
        }

        if (has)
        {
            var channels = bricks.Channels + bricks.Channels2;
            var channel = firstChannel + (lane >> 2);
            var column = firstColumn + (block * BrickSizes.WarpColumns) + (2 * (lane & 3));
            var taps = PhaseTaps.Of(s, alongZ, alongY, alongX);
            var tap = taps.First + (tapY * taps.StepY) + (tapX * taps.StepX);
            var to = (long)Grid.IdxZ * bricks.Taps * channels * bricks.Columns;
            BrickWeightGradient.Store(partials, sums.T0, bricks, to, tap, channels, channel, column);
            if (alongZ.Taps > 1)
            {
                BrickWeightGradient.Store(partials, sums.T1, bricks, to, tap + taps.StepZ, channels, channel, column);
            }

            if (alongZ.Taps > 2)
            {
                BrickWeightGradient.Store(partials, sums.T2, bricks, to, tap + (2 * taps.StepZ), channels, channel, column);
            }
        }
    }

    // A brick's two slabs of 64 voxels, in a straight line.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddSlabs(ref ChannelSums sums, SharedFragments x, SharedFragments dy, int nextSlab, int precision)
    {
        const int slabWords = BrickSizes.Edge * BrickSizes.Edge * Brick.VoxelWords;
        AddSlab(ref sums, x, dy, 0, precision);
        AddSlab(ref sums, SharedFragments.Behind(x, nextSlab), dy, slabWords, precision);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddSlab(ref ChannelSums sums, SharedFragments x, SharedFragments dy, int words, int precision)
    {
        const int rows = 2 * PhaseBrick.RowWords, ofGradient = 2 * BrickSizes.Edge * Brick.VoxelWords;
        AddRows(ref sums, x, dy, 0, words, precision);
        AddRows(ref sums, x, dy, rows, words + ofGradient, precision);
        AddRows(ref sums, x, dy, 2 * rows, words + (2 * ofGradient), precision);
        AddRows(ref sums, x, dy, 3 * rows, words + (3 * ofGradient), precision);
    }

    // Two rows of eight voxels: one instruction deep.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddRows(
        ref ChannelSums sums, SharedFragments x, SharedFragments dy, int words, int gradientWords, int precision)
    {
        const int slabs = BrickSizes.GradientSlabs, parts = BrickSizes.BlockParts;
        const int dyVoxels = slabs * BrickSizes.Edge * BrickSizes.Edge;
        var halfX = 2 * Brick.PartLength(PhaseBrick.Voxels(slabs), parts) * Brick.VoxelWords;
        var halfDy = 2 * Brick.PartLength(dyVoxels, parts) * Brick.VoxelWords;
        var left = SharedFragments.ReadTransposed(dy, gradientWords);
        var right = SharedFragments.ReadTransposed(dy, gradientWords + halfDy);
        ChannelSums.Add(ref sums, x, words, words + halfX, left, right, precision);
    }
}
