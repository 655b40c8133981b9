using System.Runtime.CompilerServices;
using ILGPU;
using ILGPU.Runtime;
using SharpSeg.Kernels.Gpu.Fast;
using SharpSeg.Kernels.Gpu.Kernels;
using SharpSeg.Kernels.Gpu.Sizes;

namespace SharpSeg.Kernels.Gpu.TensorCores;

/// <summary>
/// <see cref="WeightGemm"/> on tensor cores: the same tiles and splits, multiplied by mma.sync. Mapping as in
/// <see cref="TensorGatherGemm"/>; partial results are float32 and are added by <see cref="SplitSum"/>.
/// </summary>
internal sealed class TensorWeightGemm
{
    private const int Tile = 64;
    private readonly Lazy<Kernel> tf32Vector;
    private readonly Lazy<Kernel> tf32Scalar;
    private readonly Lazy<Kernel> bf16Vector;
    private readonly Lazy<Kernel> bf16Scalar;
    private readonly Lazy<Kernel> fp16Vector;
    private readonly Lazy<Kernel> fp16Scalar;

    public TensorWeightGemm(Accelerator accelerator)
    {
        tf32Vector = new(() => Load(accelerator, Tf32Vector));
        tf32Scalar = new(() => Load(accelerator, Tf32Scalar));
        bf16Vector = new(() => Load(accelerator, Bf16Vector));
        bf16Scalar = new(() => Load(accelerator, Bf16Scalar));
        fp16Vector = new(() => Load(accelerator, Fp16Vector));
        fp16Scalar = new(() => Load(accelerator, Fp16Scalar));
    }

    private delegate void Kernel(
        AcceleratorStream stream, KernelConfig config, ArrayView<float> gathered, ArrayView<float> gathered2, ArrayView<float> dense,
        ArrayView<float> partials, WeightSizes s, int voxelsPerSplit);

    /// <summary>The kernels of this file.</summary>
    public static IReadOnlyList<Delegate> Methods => [Tf32Vector, Tf32Scalar, Bf16Vector, Bf16Scalar, Fp16Vector, Fp16Scalar];

    /// <summary>partials[split] ← that split's share of dw; gathered2 may be any view where it is not used.</summary>
    public void Launch(
        AcceleratorStream stream, GpuPrecision precision, in WeightSizes s, ArrayView<float> gathered, ArrayView<float> gathered2,
        ArrayView<float> dense, ArrayView<float> partials, int splits)
    {
        var config = new KernelConfig(
            new Index3D((s.Rows + Tile - 1) / Tile, (s.DenseChannels + Tile - 1) / Tile, splits), new Index3D(GemmTile.Threads, 1, 1));
        var voxelsPerSplit = ((s.N * s.DenseVoxels) + splits - 1) / splits;
        Pick(precision, s.IsVectorizable).Value(stream, config, gathered, gathered2, dense, partials, s, voxelsPerSplit);
    }

    private static Kernel Load(
        Accelerator accelerator, Action<ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>, WeightSizes, int> method) =>
        new(accelerator.LoadKernel(method));

    private static void Tf32Vector(
        ArrayView<float> gathered, ArrayView<float> gathered2, ArrayView<float> dense, ArrayView<float> partials, WeightSizes s, int perSplit)
    {
        var a = SharedMemory.Allocate<float>(2 * GemmTile.Depth * (Tile + GemmTile.Pad));
        var b = SharedMemory.Allocate<float>(2 * GemmTile.Depth * (Tile + GemmTile.Pad));
        var rows = SharedMemory.Allocate<int>(4 * Tile);
        var voxels = SharedMemory.Allocate<int>(2 * VoxelPlan.Length);
        Run(gathered, gathered2, dense, partials, s, perSplit, a, b, rows, voxels, TensorFragment.Tf32, true);
    }

    private static void Tf32Scalar(
        ArrayView<float> gathered, ArrayView<float> gathered2, ArrayView<float> dense, ArrayView<float> partials, WeightSizes s, int perSplit)
    {
        var a = SharedMemory.Allocate<float>(2 * GemmTile.Depth * (Tile + GemmTile.Pad));
        var b = SharedMemory.Allocate<float>(2 * GemmTile.Depth * (Tile + GemmTile.Pad));
        var rows = SharedMemory.Allocate<int>(4 * Tile);
        var voxels = SharedMemory.Allocate<int>(2 * VoxelPlan.Length);
        Run(gathered, gathered2, dense, partials, s, perSplit, a, b, rows, voxels, TensorFragment.Tf32, false);
    }

    private static void Bf16Vector(
        ArrayView<float> gathered, ArrayView<float> gathered2, ArrayView<float> dense, ArrayView<float> partials, WeightSizes s, int perSplit)
    {
        var a = SharedMemory.Allocate<float>(2 * GemmTile.Depth * (Tile + GemmTile.Pad));
        var b = SharedMemory.Allocate<float>(2 * GemmTile.Depth * (Tile + GemmTile.Pad));
        var rows = SharedMemory.Allocate<int>(4 * Tile);
        var voxels = SharedMemory.Allocate<int>(2 * VoxelPlan.Length);
        Run(gathered, gathered2, dense, partials, s, perSplit, a, b, rows, voxels, TensorFragment.Bf16, true);
    }

    private static void Bf16Scalar(
        ArrayView<float> gathered, ArrayView<float> gathered2, ArrayView<float> dense, ArrayView<float> partials, WeightSizes s, int perSplit)
    {
        var a = SharedMemory.Allocate<float>(2 * GemmTile.Depth * (Tile + GemmTile.Pad));
        var b = SharedMemory.Allocate<float>(2 * GemmTile.Depth * (Tile + GemmTile.Pad));
        var rows = SharedMemory.Allocate<int>(4 * Tile);
        var voxels = SharedMemory.Allocate<int>(2 * VoxelPlan.Length);
        Run(gathered, gathered2, dense, partials, s, perSplit, a, b, rows, voxels, TensorFragment.Bf16, false);
    }

    private static void Fp16Vector(
        ArrayView<float> gathered, ArrayView<float> gathered2, ArrayView<float> dense, ArrayView<float> partials, WeightSizes s, int perSplit)
    {
        var a = SharedMemory.Allocate<float>(2 * GemmTile.Depth * (Tile + GemmTile.Pad));
        var b = SharedMemory.Allocate<float>(2 * GemmTile.Depth * (Tile + GemmTile.Pad));
        var rows = SharedMemory.Allocate<int>(4 * Tile);
        var voxels = SharedMemory.Allocate<int>(2 * VoxelPlan.Length);
        Run(gathered, gathered2, dense, partials, s, perSplit, a, b, rows, voxels, TensorFragment.Fp16, true);
    }

    private static void Fp16Scalar(
        ArrayView<float> gathered, ArrayView<float> gathered2, ArrayView<float> dense, ArrayView<float> partials, WeightSizes s, int perSplit)
    {
        var a = SharedMemory.Allocate<float>(2 * GemmTile.Depth * (Tile + GemmTile.Pad));
        var b = SharedMemory.Allocate<float>(2 * GemmTile.Depth * (Tile + GemmTile.Pad));
        var rows = SharedMemory.Allocate<int>(4 * Tile);
        var voxels = SharedMemory.Allocate<int>(2 * VoxelPlan.Length);
        Run(gathered, gathered2, dense, partials, s, perSplit, a, b, rows, voxels, TensorFragment.Fp16, false);
    }

    /// <summary>The kernel proper; precision and the choice of loads are constants where it is inlined.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Run(
        ArrayView<float> gathered, ArrayView<float> gathered2, ArrayView<float> dense, ArrayView<float> partials, WeightSizes s,
        int perSplit, ArrayView<float> a, ArrayView<float> b, ArrayView<int> rows, ArrayView<int> voxels, int precision, bool vector)
    {
        var thread = Group.IdxX;
        var firstRow = Grid.IdxX * Tile;
        var firstColumn = Grid.IdxY * Tile;
        var start = Grid.IdxZ * perSplit;
        var total = s.N * s.DenseVoxels;
        var end = start + perSplit < total ? start + perSplit : total;
        var tiles = end > start ? (end - start + GemmTile.Depth - 1) / GemmTile.Depth : 0;
        WeightTiles.WriteRow(rows, thread, Tile, firstRow + thread, s);
        VoxelPlan.Write(thread, voxels, 0, start, end, s);
        Group.Barrier();
        if (tiles > 0)
        {
            WeightTiles.Load(gathered, gathered2, dense, a, b, rows, voxels, 0, start, end, s, firstColumn, Tile, Tile, vector);
        }

        VoxelPlan.Write(thread, voxels, VoxelPlan.Length, start + GemmTile.Depth, end, s);
        Group.Barrier();

        var sums = default(TensorBlock);
        var stride = Tile + GemmTile.Pad;
        var lane = thread & 31;
        var warpRow = (thread >> 5) * 32;
        for (var tile = 0; tile < tiles; tile++)
        {
            var now = tile & 1;
            if (tile + 1 < tiles)
            {
                WeightTiles.Load(
                    gathered, gathered2, dense, a, b, rows, voxels, 1 - now, start + ((tile + 1) * GemmTile.Depth), end, s, firstColumn, Tile,
                    Tile, vector);
            }

            VoxelPlan.Write(thread, voxels, now * VoxelPlan.Length, start + ((tile + 2) * GemmTile.Depth), end, s);
            var buffer = now * GemmTile.Depth * stride;
            TensorBlock.Accumulate(ref sums, a, buffer + warpRow, stride, b, buffer, stride, lane, precision);
            Group.Barrier();
        }

        var size = (long)s.Rows * s.DenseChannels;
        var to = partials.SubView(Grid.IdxZ * size, size);
        var row = firstRow + warpRow + (lane >> 2);
        var column = firstColumn + (2 * (lane & 3));
        StoreBand(to, sums.Upper, row, column, s);
        StoreBand(to, sums.Lower, row + 16, column, s);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreBand(ArrayView<float> partial, TensorBand band, int row, int column, WeightSizes s)
    {
        Store(partial, band.C0, row, column, s);
        Store(partial, band.C1, row, column + 8, s);
        Store(partial, band.C2, row, column + 16, s);
        Store(partial, band.C3, row, column + 24, s);
        Store(partial, band.C4, row, column + 32, s);
        Store(partial, band.C5, row, column + 40, s);
        Store(partial, band.C6, row, column + 48, s);
        Store(partial, band.C7, row, column + 56, s);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(ArrayView<float> partial, Float4 sums, int row, int column, WeightSizes s)
    {
        if (row < s.Rows)
        {
            WeightTiles.StoreOne(partial, sums.X, row, column, s);
            WeightTiles.StoreOne(partial, sums.Y, row, column + 1, s);
        }

        if (row + 8 < s.Rows)
        {
            WeightTiles.StoreOne(partial, sums.Z, row + 8, column, s);
            WeightTiles.StoreOne(partial, sums.W, row + 8, column + 1, s);
        }
    }

    private Lazy<Kernel> Pick(GpuPrecision precision, bool vector) => precision switch
    {
        GpuPrecision.Tf32 => vector ? tf32Vector : tf32Scalar,
        GpuPrecision.Bf16 => vector ? bf16Vector : bf16Scalar,
        GpuPrecision.Fp16 => vector ? fp16Vector : fp16Scalar,
        _ => throw new ArgumentOutOfRangeException(nameof(precision), precision, "tensor cores do not multiply float32"),
    };
}
