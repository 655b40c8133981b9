using ILGPU;
using SharpSeg.Kernels.Gpu.Device;

namespace SharpSeg.Kernels.Gpu.Convolution;

/// <summary>
/// What the kernels of convolutions cost (<see cref="KernelCost"/>), counted from the same sizes as they run by. Parameters have
/// the kernels' names. What a group of threads asks for several times, weights above all, counts once: its first cache has it.
/// </summary>
internal static class ConvolutionCosts
{
    private const int WordsPerFragment = 4;

    /// <summary><see cref="PackedWeights"/>.</summary>
    public static KernelCost Packing(ArrayView<float> weights, ArrayView<TensorFragment> packed) =>
        KernelCost.OfWords(weights.Length, WordsPerFragment * packed.Length);

    /// <summary><see cref="BrickConvolution"/>: a group for each brick and block of columns reads it and all weights.</summary>
    public static KernelCost Bricks(
        ArrayView<float> source, ArrayView<float> source2, ArrayView<TensorFragment> weights, ArrayView<float> dest,
        ArrayView<float> statistics, BrickSizes s)
    {
        var read = Voxels(s, halo: s.Taps > 1 ? 1 : 0, haloZ: s.Taps == 27 ? 1 : 0);
        var second = s.Columns2 > 0 ? KernelCost.OfWords(s.Accumulate2 * source2.Length, source2.Length) : default;
        return OfBricks(s, Volumes(source, source2, s.Channels2), read, s.N * s.Voxels, weights, dest) + second
            + KernelCost.Of([], [statistics]);
    }

    /// <summary><see cref="PhaseConvolution"/>.</summary>
    public static KernelCost Phases(
        ArrayView<float> source, ArrayView<float> source2, ArrayView<TensorFragment> weights, ArrayView<float> dest,
        PhaseSizes s)
    {
        var of = s.Scatter != 0 ? s.Bricks.Voxels : (long)s.FineZ * s.FineY * s.FineX;
        return OfBricks(
            s.Bricks, Volumes(source, source2, s.Bricks.Channels2), VoxelsOfPhases(s), s.Bricks.N * of, weights, dest);
    }

    /// <summary><see cref="BrickWeightGradient"/>: a group for each block of channels and of columns reads both.</summary>
    public static KernelCost BrickWeights(
        ArrayView<float> source, ArrayView<float> source2, ArrayView<float> dy, ArrayView<float> partials, BrickSizes s)
    {
        var volumes = Volumes(source, source2, s.Channels2);
        var read = Along(s.Z, s.BrickZ, s.Taps == 27 ? 1 : 0) * Along(s.Y, BrickSizes.Edge, 1) * Along(s.X, BrickSizes.Edge, 1);
        return KernelCost.OfWords(
            volumes + dy.Length, partials.Length,
            (volumes * read / s.Voxels * Blocks(s.Columns)) + (dy.Length * Blocks(s.Channels + s.Channels2)), Flops(s));
    }

    /// <summary><see cref="PhaseWeightGradient"/>.</summary>
    public static KernelCost PhaseWeights(
        ArrayView<float> source, ArrayView<float> source2, ArrayView<float> dy, ArrayView<float> partials, PhaseSizes s)
    {
        var volumes = Volumes(source, source2, s.Bricks.Channels2);
        var read = volumes * VoxelsOfPhases(s) / ((long)s.FineZ * s.FineY * s.FineX);
        return KernelCost.OfWords(
            volumes + dy.Length, partials.Length,
            (read * s.Bricks.ColumnGroups) + (dy.Length * Blocks(s.Bricks.Channels + s.Bricks.Channels2) * s.Phases),
            Flops(s.Bricks));
    }

    /// <summary>
    /// <see cref="TransposedConvolution"/>: rows that a group can hold it reads once, else for every set of columns.
    /// </summary>
    public static KernelCost Transposed(
        ArrayView<float> source, ArrayView<TensorFragment> weights, ArrayView<float> dest, TransposedRows s, int setsPerGroup)
    {
        var packed = WordsPerFragment * weights.Length;
        var held = s.Bricks.Accumulate * dest.Length;
        var times = s.Held != 0 ? Tiles(s.Sets, setsPerGroup) : s.Sets;
        return KernelCost.OfWords(
            source.Length + packed + held, dest.Length, (source.Length * times) + (s.RowGroups * packed) + held,
            Flops(s.Bricks));
    }

    /// <summary><see cref="TransposedWeightGradient"/>: a group for each block of channels and of columns reads both.</summary>
    public static KernelCost TransposedWeights(
        ArrayView<float> x, ArrayView<float> dy, ArrayView<float> partials, TransposedRows s) => KernelCost.OfWords(
        x.Length + dy.Length, partials.Length,
        (x.Length * Blocks(s.Bricks.Columns)) + (dy.Length * TransposedWeightGradient.ChannelBlocks(s)), Flops(s.Bricks));

    /// <summary>
    /// <see cref="GatherGemm"/> and <see cref="TensorGatherGemm"/>: a group for each tile of voxels and columns reads what the
    /// taps of its voxels meet, and their weights.
    /// </summary>
    public static KernelCost Gather(ArrayView<float> source, ArrayView<float> source2, ArrayView<float> dest, GatherSizes s)
    {
        var (coarseZ, coarseY, coarseX) = s.Scatter != 0
            ? (s.SourceZ, s.SourceY, s.SourceX)
            : (s.DestZ, s.DestY, s.DestX);
        var (fineZ, fineY, fineX) = s.Scatter != 0 ? (s.DestZ, s.DestY, s.DestX) : (s.SourceZ, s.SourceY, s.SourceX);
        var pairs = Pairs(coarseZ, fineZ, s.KernelZ, s.StrideZ, s.PadZ) * Pairs(coarseY, fineY, s.KernelY, s.StrideY, s.PadY)
            * Pairs(coarseX, fineX, s.KernelX, s.StrideX, s.PadX);
        var narrow = s.Columns <= GemmTile.NarrowColumns;
        var volumes = Volumes(source, source2, s.Channels2);
        var weights = (long)s.KernelZ * s.KernelY * s.KernelX * (s.Channels + s.Channels2) * s.Columns;
        var held = s.Accumulate * dest.Length;
        return KernelCost.OfWords(
            volumes + weights + held, dest.Length,
            (volumes * pairs / s.SourceVoxels * Tiles(s.Columns, GemmTile.ColumnsOf(narrow)))
                + (s.N * Tiles(s.LargestClass, GemmTile.RowsOf(narrow)) * weights) + held,
            2L * s.N * coarseZ * coarseY * coarseX * weights);
    }

    /// <summary><see cref="WeightGemm"/> and <see cref="TensorWeightGemm"/>, by the same tiles.</summary>
    public static KernelCost Weights(
        ArrayView<float> gathered, ArrayView<float> gathered2, ArrayView<float> dense, ArrayView<float> partials, WeightSizes s)
    {
        var pairs = Pairs(s.DenseZ, s.GatheredZ, s.KernelZ, s.StrideZ, s.PadZ)
            * Pairs(s.DenseY, s.GatheredY, s.KernelY, s.StrideY, s.PadY)
            * Pairs(s.DenseX, s.GatheredX, s.KernelX, s.StrideX, s.PadX);
        var narrow = s.DenseChannels <= GemmTile.NarrowColumns;
        var volumes = Volumes(gathered, gathered2, s.Channels2);
        return KernelCost.OfWords(
            volumes + dense.Length, partials.Length,
            (volumes * pairs / s.GatheredVoxels * Tiles(s.DenseChannels, GemmTile.ColumnsOf(narrow)))
                + (dense.Length * Tiles(s.Rows, GemmTile.RowsOf(narrow))),
            2L * s.N * s.DenseVoxels * s.Rows * s.DenseChannels);
    }

    /// <summary>A plain kernel: both factors of every product come from the caches.</summary>
    /// <param name="read">Words of what it reads.</param>
    /// <param name="written">Words of the result.</param>
    /// <param name="products">How many products there are.</param>
    public static KernelCost Plain(long read, long written, long products) =>
        KernelCost.OfWords(read, written, 2 * products, 2 * products);

    // ofVoxels: how many the volumes have, of which the bricks read some several times.
    private static KernelCost OfBricks(
        in BrickSizes s, long volumes, long read, long ofVoxels, ArrayView<TensorFragment> weights, ArrayView<float> dest)
    {
        var packed = WordsPerFragment * weights.Length;
        var held = s.Accumulate * dest.Length;
        var bricks = (long)s.N * s.BricksZ * s.BricksY * s.BricksX;
        return KernelCost.OfWords(
            volumes + packed + held, dest.Length,
            (volumes * read * s.N / ofVoxels * s.ColumnGroups) + (bricks * packed) + held, Flops(s));
    }

    private static long Volumes(ArrayView<float> first, ArrayView<float> second, int channels2) =>
        first.Length + (channels2 > 0 ? second.Length : 0);

    private static long Flops(in BrickSizes s) => 2 * s.N * s.Voxels * s.Taps * (s.Channels + s.Channels2) * s.Columns;

    // That all bricks of a sample read, with their halo.
    private static long Voxels(in BrickSizes s, int halo, int haloZ) =>
        Along(s.Z, s.BrickZ, haloZ) * Along(s.Y, s.BrickY, halo) * Along(s.X, BrickSizes.Edge, halo);

    private static long Along(int size, int brick, int halo)
    {
        var read = 0L;
        for (var start = 0; start < size; start += brick)
        {
            read += Math.Min(size, start + brick + halo) - Math.Max(0, start - halo);
        }

        return read;
    }

    // The same, one phase after the other.
    private static long VoxelsOfPhases(in PhaseSizes s)
    {
        var (bricks, read) = (s.Bricks, 0L);
        var (sizeZ, sizeY, sizeX) = s.Scatter != 0 ? (bricks.Z, bricks.Y, bricks.X) : (s.FineZ, s.FineY, s.FineX);
        for (var phase = 0; phase < s.Phases; phase++)
        {
            read += Along(s, PhaseSizes.AlongZ(s, phase), s.ShiftZ, sizeZ, bricks.BricksZ, bricks.BrickZ)
                * Along(s, PhaseSizes.AlongY(s, phase), s.ShiftY, sizeY, bricks.BricksY, bricks.BrickY)
                * Along(s, PhaseSizes.AlongX(s, phase), s.ShiftX, sizeX, bricks.BricksX, BrickSizes.Edge);
        }

        return read;
    }

    private static long Along(in PhaseSizes s, in PhaseAxis axis, int shift, int size, int bricks, int brick)
    {
        var read = 0L;
        for (var first = 0; axis.Taps > 0 && first < bricks * brick; first += brick)
        {
            for (var i = 0; i < brick + axis.Taps - 1; i++)
            {
                var voxel = first + axis.First + i;
                voxel = s.Scatter != 0 ? voxel : (voxel << shift) + axis.Phase;
                read += voxel >= 0 && voxel < size ? 1 : 0;
            }
        }

        return read;
    }

    // Voxels of the coarse volume and taps that meet a voxel of the fine one.
    private static long Pairs(int coarse, int fine, int kernel, int stride, int pad)
    {
        var pairs = 0L;
        for (var voxel = 0; voxel < coarse; voxel++)
        {
            for (var tap = 0; tap < kernel; tap++)
            {
                var at = (voxel * stride) + tap - pad;
                pairs += at >= 0 && at < fine ? 1 : 0;
            }
        }

        return pairs;
    }

    private static long Blocks(int channels) => Tiles(channels, BrickSizes.WarpColumns);

    private static long Tiles(int size, int tile) => (size + tile - 1) / tile;
}
