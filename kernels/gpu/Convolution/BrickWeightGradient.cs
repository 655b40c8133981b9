using System.Runtime.CompilerServices;
using ILGPU;
using ILGPU.Runtime;
using SharpSeg.Kernels.Gpu.Device;

namespace SharpSeg.Kernels.Gpu.Convolution;

/// <summary>
/// Gradient with respect to the weights of a 3×3×3 or 1×3×3 convolution of stride 1, by a brick of each operand:
/// <para>dw(tap, c, n) = Σ_v [x, x2][v + tap − pad, c]·dy[v, n].</para>
/// <para>Shapes, bricks: <see cref="BrickSizes"/>, with dy's channels as columns. Mapping: a group computes all taps of 32
/// channels and 32 columns, over a share of the bricks: nine warps, of which each has a tap along y (and z) and the three, or
/// one, along x. It walks through a brick slab by slab, 8×8 voxels of dy and the same of x with their halo, rounded; both are
/// read transposed (ldmatrix.trans), because voxels are the depth of this product, at constant distances. The next slab is on its
/// way meanwhile (<see cref="AsyncCopies"/>), of x only one plane, because the others are there already. Shares write partial
/// results, which <see cref="SplitSum"/> adds in order.</para>
/// <para>Shared memory: (4×10×10 + 2×8×8) voxels of 64 bytes, 35 584 bytes with what keeps banks apart. Only numbers of 16 bits
/// can be transposed while they are read.</para>
/// </summary>
internal sealed class BrickWeightGradient(KernelList list)
{
    /// <summary>Threads of a group.</summary>
    public const int Threads = Warps * PackedWeights.Lanes;

    private const int Warps = 9;
    private const int BlockChannels = 32;                 // of x, and as many columns
    private const int GroupsPerMultiprocessor = 2;        // 288 threads with some 150 registers each

    private readonly GpuKernel<Launcher>[] kernels = list.Add<Launcher>(
        tensorCores: true, ConvolutionCosts.BrickWeights,
        Bf16Cube, Bf16Plane, Fp16Cube, Fp16Plane, Bf16HalvesCube, Bf16HalvesPlane, Fp16HalvesCube,
        Fp16HalvesPlane);

    private delegate void Launcher(
        AcceleratorStream stream, KernelConfig config, ArrayView<float> source, ArrayView<float> source2, ArrayView<float> dy,
        ArrayView<float> partials, BrickSizes s, int perSplit);

    /// <summary>Whether there is a kernel for these sizes and this precision.</summary>
    public static bool Has(in BrickSizes s, GpuPrecision precision) =>
        precision is GpuPrecision.Bf16 or GpuPrecision.Fp16 && s.Taps is 27 or 9;

    /// <summary>Number of partial results for these sizes.</summary>
    public int Splits(in BrickSizes s)
    {
        var blocks = (long)Blocks(s.Channels + s.Channels2) * Blocks(s.Columns);
        var wanted = (((long)list.Multiprocessors * GroupsPerMultiprocessor) + blocks - 1) / blocks;
        var most = WeightGemm.LargestPartialsBytes / sizeof(float) / ((long)s.Taps * (s.Channels + s.Channels2) * s.Columns);
        return (int)Math.Max(1, Math.Min(Math.Min(wanted, most), Bricks(s)));
    }

    /// <summary>
    /// partials[split] ← that split's share of dw; source2 may be any view where it is not used. <paramref name="halves"/>:
    /// source and dy have 16 bits, in the format of the products.
    /// </summary>
    public void Launch(
        AcceleratorStream stream, GpuPrecision precision, bool halves, in BrickSizes s, ArrayView<float> source,
        ArrayView<float> source2, ArrayView<float> dy, ArrayView<float> partials, int splits)
    {
        var config = new KernelConfig(
            new Index3D(Blocks(s.Channels + s.Channels2), Blocks(s.Columns), splits),
            new Index3D(Threads, 1, 1));
        kernels[(2 * (precision - GpuPrecision.Bf16 + (halves ? 2 : 0))) + (s.Taps == 27 ? 0 : 1)].Launch(
            stream, config, source, source2, dy, partials, s, (Bricks(s) + splits - 1) / splits);
    }

    private static int Blocks(int channels) => (channels + BlockChannels - 1) / BlockChannels;

    private static int Bricks(in BrickSizes s) => checked(s.N * s.BricksZ * s.BricksY * s.BricksX);

    [MostThreads(Threads)]
    private static void Bf16Cube(
        ArrayView<float> source, ArrayView<float> source2, ArrayView<float> dy, ArrayView<float> partials, BrickSizes s,
        int perSplit) =>
        Run(source, source2, dy, partials, s, perSplit, haloZ: 1, TileWords.Bf16, halves: false);

    [MostThreads(Threads)]
    private static void Bf16Plane(
        ArrayView<float> source, ArrayView<float> source2, ArrayView<float> dy, ArrayView<float> partials, BrickSizes s,
        int perSplit) =>
        Run(source, source2, dy, partials, s, perSplit, haloZ: 0, TileWords.Bf16, halves: false);

    [MostThreads(Threads)]
    private static void Fp16Cube(
        ArrayView<float> source, ArrayView<float> source2, ArrayView<float> dy, ArrayView<float> partials, BrickSizes s,
        int perSplit) =>
        Run(source, source2, dy, partials, s, perSplit, haloZ: 1, TileWords.Fp16, halves: false);

    [MostThreads(Threads)]
    private static void Fp16Plane(
        ArrayView<float> source, ArrayView<float> source2, ArrayView<float> dy, ArrayView<float> partials, BrickSizes s,
        int perSplit) =>
        Run(source, source2, dy, partials, s, perSplit, haloZ: 0, TileWords.Fp16, halves: false);

    [MostThreads(Threads)]
    private static void Bf16HalvesCube(
        ArrayView<float> source, ArrayView<float> source2, ArrayView<float> dy, ArrayView<float> partials, BrickSizes s,
        int perSplit) =>
        Run(source, source2, dy, partials, s, perSplit, haloZ: 1, TileWords.Bf16, halves: true);

    [MostThreads(Threads)]
    private static void Bf16HalvesPlane(
        ArrayView<float> source, ArrayView<float> source2, ArrayView<float> dy, ArrayView<float> partials, BrickSizes s,
        int perSplit) =>
        Run(source, source2, dy, partials, s, perSplit, haloZ: 0, TileWords.Bf16, halves: true);

    [MostThreads(Threads)]
    private static void Fp16HalvesCube(
        ArrayView<float> source, ArrayView<float> source2, ArrayView<float> dy, ArrayView<float> partials, BrickSizes s,
        int perSplit) =>
        Run(source, source2, dy, partials, s, perSplit, haloZ: 1, TileWords.Fp16, halves: true);

    [MostThreads(Threads)]
    private static void Fp16HalvesPlane(
        ArrayView<float> source, ArrayView<float> source2, ArrayView<float> dy, ArrayView<float> partials, BrickSizes s,
        int perSplit) =>
        Run(source, source2, dy, partials, s, perSplit, haloZ: 0, TileWords.Fp16, halves: true);

    /// <summary>The kernel proper; halo, precision and elements are constants where it is inlined.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Run(
        ArrayView<float> source, ArrayView<float> source2, ArrayView<float> dy, ArrayView<float> partials, BrickSizes s,
        int perSplit, int haloZ, int precision, bool halves)
    {
        const int edge = BrickSizes.Edge, row = edge + 2, parts = BrickSizes.BlockParts, planeVoxels = row * row;
        var planes = haloZ != 0 ? 4 : 2;                  // those that a slab needs, and one that is on its way
        var partLength = Brick.PartLength(planeVoxels, parts);
        var dyPart = Brick.PartLength(edge * edge, parts);
        var voxels = SharedMemory.Allocate<Float4>(planes * parts * partLength);
        var gradient = SharedMemory.Allocate<Float4>(2 * parts * dyPart);
        var warp = Group.IdxX / PackedWeights.Lanes;
        var lane = Group.IdxX & (PackedWeights.Lanes - 1);
        var firstChannel = Grid.IdxX * BlockChannels;
        var firstColumn = Grid.IdxY * BlockChannels;

        // Cube: the warp's taps z, y and all three along x. Plane: one tap, y and x.
        var tapZ = haloZ != 0 ? warp / 3 : 0;
        var tapY = haloZ != 0 ? warp % 3 : warp / 3;
        var tapX = haloZ != 0 ? 0 : warp % 3;

        // Matrices of ldmatrix.trans, for a: 0 and 1 are eight voxels of a row by channels 0 to 7 and 8 to 15; 2 and 3 the same
        // of the next row. For b: 0 and 1 are the two rows by columns 0 to 7; 2 and 3 by columns 8 to 15.
        var ofVoxel = ((tapY + (lane >> 4)) * row) + tapX + (lane & 7);
        var a = SharedFragments.At(voxels.Cast<uint>(), ((((lane >> 3) & 1) * partLength) + ofVoxel) * Brick.VoxelWords);
        var ofGradient = (((lane >> 3) & 1) * edge) + (lane & 7);
        var b = SharedFragments.At(gradient.Cast<uint>(), (((lane >> 4) * dyPart) + ofGradient) * Brick.VoxelWords);

        // In turn t a plane of x and a slab of dy come into rooms number t, round and round, while the slab is multiplied that
        // is complete since the turn before. After the last brick there is only one to multiply.
        var sums = default(TapSums);
        var mine = SlabShare.Of(Group.IdxX);
        var bricks = s.BricksZ * s.BricksY * s.BricksX;
        var first = Grid.IdxZ * perSplit;
        var end = first + perSplit < bricks * s.N ? first + perSplit : bricks * s.N;
        var (turn, complete) = (0, 0);
        for (var number = first; number <= end; number++)
        {
            var at = BrickPlace.Of(s, number / bricks, number % bricks);
            var ofX = ChannelParts.Of(
                source, source2, s.Channels, s.Channels2, firstChannel, mine.Part, at.Sample, s.Voxels, precision, halves);
            var ofDy = ChannelParts.Of(dy, dy, s.Columns, 0, firstColumn, mine.Part, at.Sample, s.Voxels, precision, halves);
            var turns = number < end ? BrickSizes.SlabsFrom(s, at) + (2 * haloZ) : 1;
            for (var step = 0; step < turns; step++)
            {
                AsyncCopies.Await();
                Group.Barrier();
                var arriving = 0;
                if (number < end)
                {
                    var z = at.Z - haloZ + (s.Flat != 0 ? 0 : step);
                    var y = at.Y + (s.Flat != 0 ? step * edge : 0);
                    arriving = step >= 2 * haloZ ? 1 : 0;
                    SlabShare.LoadPlane(
                        mine, ofX, BrickRoom.Of(voxels, turn & (planes - 1), planeVoxels, parts), s, z, y - 1, at.X - 1,
                        precision, halves);
                    if (arriving != 0)
                    {
                        SlabShare.LoadSlab(
                            mine, ofDy, BrickRoom.Of(gradient, turn & 1, edge * edge, parts), s, z - haloZ, y, at.X, precision,
                            halves);
                    }

                    AsyncCopies.Commit();
                }

                if (complete != 0)
                {
                    var plane = (turn + 1 + tapZ) & (planes - 1);
                    TapSums.AddSlab(
                        ref sums, SharedFragments.Behind(a, plane * parts * partLength * Brick.VoxelWords),
                        SharedFragments.Behind(b, (~turn & 1) * parts * dyPart * Brick.VoxelWords), haloZ != 0, precision);
                }

                complete = arriving;
                turn++;
            }
        }

        var channels = s.Channels + s.Channels2;
        var channel = firstChannel + (lane >> 2);
        var column = firstColumn + (2 * (lane & 3));
        var firstTap = haloZ != 0 ? 3 * warp : warp;
        var to = (long)Grid.IdxZ * s.Taps * channels * s.Columns;
        Store(partials, sums.T0, s, to, firstTap, channels, channel, column);
        if (haloZ != 0)
        {
            Store(partials, sums.T1, s, to, firstTap + 1, channels, channel, column);
            Store(partials, sums.T2, s, to, firstTap + 2, channels, channel, column);
        }
    }

    /// <summary>Writes a warp's sums of one tap; <paramref name="first"/>: where the share begins in partials.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Store(
        ArrayView<float> partials, ChannelSums sums, BrickSizes s, long first, int tap, int channels, int channel, int column)
    {
        var to = partials.AsAligned16().Cast<Float2>();
        var at = first + ((((long)tap * channels) + channel) * s.Columns) + column;
        StoreBand(to, sums.Upper, s, at, channels, channel, column);
        StoreBand(to, sums.Lower, s, at + (16 * s.Columns), channels, channel + 16, column);
    }

    // Channels channel and channel + 8.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreBand(
        ArrayView<Float2> to, BrickBand band, BrickSizes s, long at, int channels, int channel, int column)
    {
        if (channel < channels)
        {
            StoreTwo(to, s, at, column, band.C0.X, band.C0.Y);
            StoreTwo(to, s, at + 8, column + 8, band.C1.X, band.C1.Y);
            StoreTwo(to, s, at + 16, column + 16, band.C2.X, band.C2.Y);
            StoreTwo(to, s, at + 24, column + 24, band.C3.X, band.C3.Y);
        }

        if (channel + 8 < channels)
        {
            var lower = at + (8 * s.Columns);
            StoreTwo(to, s, lower, column, band.C0.Z, band.C0.W);
            StoreTwo(to, s, lower + 8, column + 8, band.C1.Z, band.C1.W);
            StoreTwo(to, s, lower + 16, column + 16, band.C2.Z, band.C2.W);
            StoreTwo(to, s, lower + 24, column + 24, band.C3.Z, band.C3.W);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreTwo(ArrayView<Float2> to, BrickSizes s, long at, int column, float x, float y)
    {
        if (column < s.Columns)
        {
            var value = default(Float2);
            value.X = x;
            value.Y = y;
            GlobalMemory.Write(to, at >> 1, value);
        }
    }
}

/// <summary>
/// Which voxels of every plane of x, 10×10, and slab of dy, 8×8, a thread brings: the same ones in each, so that their places are
/// found once.
/// </summary>
internal struct SlabShare
{
    private const int Threads = BrickWeightGradient.Threads / BrickSizes.BlockParts; // that bring the same part of the channels
    private const int Edge = BrickSizes.Edge, Row = Edge + 2;

    public int Part, Voxel, Y, X, NextY, NextX;

    /// <summary>That of a thread of the group.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SlabShare Of(int thread)
    {
        var share = default(SlabShare);
        share.Part = thread & (BrickSizes.BlockParts - 1);
        share.Voxel = thread / BrickSizes.BlockParts;
        (share.Y, share.X) = (share.Voxel / Row, share.Voxel % Row);
        (share.NextY, share.NextX) = ((share.Voxel + Threads) / Row, (share.Voxel + Threads) % Row);
        return share;
    }

    /// <summary>Brings its one or two voxels of a plane that begins at voxel (z, y, x).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void LoadPlane(
        SlabShare share, ChannelParts from, BrickRoom room, BrickSizes s, int z, int y, int x, int precision, bool halves)
    {
        Load(share, from, room, share.Voxel, s, z, y + share.Y, x + share.X, precision, halves);
        if (share.Voxel + Threads < Row * Row)
        {
            Load(share, from, room, share.Voxel + Threads, s, z, y + share.NextY, x + share.NextX, precision, halves);
        }
    }

    /// <summary>Brings its voxel, if it has one, of a slab that begins at voxel (z, y, x).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void LoadSlab(
        SlabShare share, ChannelParts from, BrickRoom room, BrickSizes s, int z, int y, int x, int precision, bool halves)
    {
        if (share.Voxel < Edge * Edge)
        {
            Load(
                share, from, room, share.Voxel, s, z, y + (share.Voxel / Edge), x + (share.Voxel & (Edge - 1)), precision,
                halves);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Load(
        SlabShare share, ChannelParts from, BrickRoom room, int voxel, BrickSizes s, int z, int y, int x, int precision,
        bool halves)
    {
        var column = BrickColumn.Of(s.Z, s.Y, s.X, z, y, x);
        BrickRoom.Fill(
            room, room.First + (share.Part * room.PartLength) + voxel, from, column.Position,
            column.Inside & ((uint)z < (uint)s.Z), precision, halves);
    }
}

/// <summary>One thread's share of its warp's sums: 32 channels by 32 columns of each of three taps along x, or of one.</summary>
internal struct TapSums
{
    public ChannelSums T0, T1, T2;

    /// <summary>
    /// sums += Σ over a slab of 64 voxels. Straight line. All threads of the warp must call this together.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void AddSlab(ref TapSums sums, SharedFragments x, SharedFragments dy, bool three, int precision)
    {
        const int rows = 2 * (BrickSizes.Edge + 2) * Brick.VoxelWords, ofGradient = 2 * BrickSizes.Edge * Brick.VoxelWords;
        AddRows(ref sums, x, dy, 0, 0, three, precision);
        AddRows(ref sums, x, dy, rows, ofGradient, three, precision);
        AddRows(ref sums, x, dy, 2 * rows, 2 * ofGradient, three, precision);
        AddRows(ref sums, x, dy, 3 * rows, 3 * ofGradient, three, precision);
    }

    // Two rows of eight voxels: one instruction deep.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddRows(
        ref TapSums sums, SharedFragments x, SharedFragments dy, int words, int gradientWords, bool three, int precision)
    {
        const int edge = BrickSizes.Edge, parts = BrickSizes.BlockParts;
        var half = 2 * Brick.PartLength((edge + 2) * (edge + 2), parts) * Brick.VoxelWords;
        var halfDy = 2 * Brick.PartLength(edge * edge, parts) * Brick.VoxelWords;
        var left = SharedFragments.ReadTransposed(dy, gradientWords);
        var right = SharedFragments.ReadTransposed(dy, gradientWords + halfDy);
        ChannelSums.Add(ref sums.T0, x, words, words + half, left, right, precision);
        if (three)
        {
            const int next = Brick.VoxelWords, last = 2 * Brick.VoxelWords;
            ChannelSums.Add(ref sums.T1, x, words + next, words + next + half, left, right, precision);
            ChannelSums.Add(ref sums.T2, x, words + last, words + last + half, left, right, precision);
        }
    }
}

/// <summary>One thread's share of 32 channels by 32 columns.</summary>
internal struct ChannelSums
{
    public BrickBand Upper, Lower;

    /// <summary>
    /// sums += channels·(left, right) over sixteen voxels; <paramref name="upper"/>, <paramref name="lower"/>: where the channels
    /// of the two bands lie.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Add(
        ref ChannelSums sums, SharedFragments x, int upper, int lower, TensorFragment left, TensorFragment right, int precision)
    {
        BrickBand.Add(ref sums.Upper, SharedFragments.ReadTransposed(x, upper), left, right, precision);
        BrickBand.Add(ref sums.Lower, SharedFragments.ReadTransposed(x, lower), left, right, precision);
    }
}
