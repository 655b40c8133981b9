using System.Runtime.CompilerServices;
using ILGPU;
using ILGPU.Runtime;
using SharpSeg.Kernels.Gpu.Fast;
using SharpSeg.Kernels.Gpu.Kernels;
using SharpSeg.Kernels.Gpu.Sizes;

namespace SharpSeg.Kernels.Gpu.TensorCores;

/// <summary>
/// <see cref="GatherGemm"/> on tensor cores: the same tiles, filled by the same loads, multiplied by mma.sync. float32 in memory and in
/// the sums; tf32, bfloat16 or float16 only inside the products.
/// <para>Shapes, formula: <see cref="GatherSizes"/>. Mapping: groups of 64 threads, two warps, each 32 of the 64 rows of a tile and all 64
/// columns: 64 sums per thread, as in the float32 kernel.</para>
/// </summary>
internal sealed class TensorGatherGemm
{
    private const int Tile = 64;
    private readonly Lazy<Kernel> tf32Vector;
    private readonly Lazy<Kernel> tf32Scalar;
    private readonly Lazy<Kernel> bf16Vector;
    private readonly Lazy<Kernel> bf16Scalar;
    private readonly Lazy<Kernel> fp16Vector;
    private readonly Lazy<Kernel> fp16Scalar;

    public TensorGatherGemm(Accelerator accelerator)
    {
        tf32Vector = new(() => Load(accelerator, Tf32Vector));
        tf32Scalar = new(() => Load(accelerator, Tf32Scalar));
        bf16Vector = new(() => Load(accelerator, Bf16Vector));
        bf16Scalar = new(() => Load(accelerator, Bf16Scalar));
        fp16Vector = new(() => Load(accelerator, Fp16Vector));
        fp16Scalar = new(() => Load(accelerator, Fp16Scalar));
    }

    private delegate void Kernel(
        AcceleratorStream stream, KernelConfig config, ArrayView<float> source, ArrayView<float> source2, ArrayView<float> weights,
        ArrayView<float> bias, ArrayView<float> dest, GatherSizes s);

    /// <summary>The kernels of this file.</summary>
    public static IReadOnlyList<Delegate> Methods => [Tf32Vector, Tf32Scalar, Bf16Vector, Bf16Scalar, Fp16Vector, Fp16Scalar];

    /// <summary>Runs the pass; source2 and bias may be any view where they are not used.</summary>
    public void Launch(
        AcceleratorStream stream, GpuPrecision precision, in GatherSizes s, ArrayView<float> source, ArrayView<float> source2,
        ArrayView<float> weights, ArrayView<float> bias, ArrayView<float> dest)
    {
        var config = new KernelConfig(
            new Index3D((s.LargestClass + Tile - 1) / Tile, (s.Columns + Tile - 1) / Tile, s.N * s.Classes),
            new Index3D(GemmTile.Threads, 1, 1));
        Pick(precision, s.IsVectorizable).Value(stream, config, source, source2, weights, bias, dest, s);
    }

    private static Kernel Load(
        Accelerator accelerator,
        Action<ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>, GatherSizes> method) =>
        new(accelerator.LoadKernel(method));

    private static void Tf32Vector(
        ArrayView<float> source, ArrayView<float> source2, ArrayView<float> weights, ArrayView<float> bias, ArrayView<float> dest,
        GatherSizes s)
    {
        var a = SharedMemory.Allocate<float>(2 * GemmTile.Depth * (Tile + GemmTile.Pad));
        var b = SharedMemory.Allocate<float>(2 * GemmTile.Depth * (Tile + GemmTile.Pad));
        var rows = SharedMemory.Allocate<int>(3 * Tile);
        var depths = SharedMemory.Allocate<int>(2 * DepthPlan.Length);
        Run(source, source2, weights, bias, dest, s, a, b, rows, depths, TensorFragment.Tf32, true);
    }

    private static void Tf32Scalar(
        ArrayView<float> source, ArrayView<float> source2, ArrayView<float> weights, ArrayView<float> bias, ArrayView<float> dest,
        GatherSizes s)
    {
        var a = SharedMemory.Allocate<float>(2 * GemmTile.Depth * (Tile + GemmTile.Pad));
        var b = SharedMemory.Allocate<float>(2 * GemmTile.Depth * (Tile + GemmTile.Pad));
        var rows = SharedMemory.Allocate<int>(3 * Tile);
        var depths = SharedMemory.Allocate<int>(2 * DepthPlan.Length);
        Run(source, source2, weights, bias, dest, s, a, b, rows, depths, TensorFragment.Tf32, false);
    }

    private static void Bf16Vector(
        ArrayView<float> source, ArrayView<float> source2, ArrayView<float> weights, ArrayView<float> bias, ArrayView<float> dest,
        GatherSizes s)
    {
        var a = SharedMemory.Allocate<float>(2 * GemmTile.Depth * (Tile + GemmTile.Pad));
        var b = SharedMemory.Allocate<float>(2 * GemmTile.Depth * (Tile + GemmTile.Pad));
        var rows = SharedMemory.Allocate<int>(3 * Tile);
        var depths = SharedMemory.Allocate<int>(2 * DepthPlan.Length);
        Run(source, source2, weights, bias, dest, s, a, b, rows, depths, TensorFragment.Bf16, true);
    }

    private static void Bf16Scalar(
        ArrayView<float> source, ArrayView<float> source2, ArrayView<float> weights, ArrayView<float> bias, ArrayView<float> dest,
        GatherSizes s)
    {
        var a = SharedMemory.Allocate<float>(2 * GemmTile.Depth * (Tile + GemmTile.Pad));
        var b = SharedMemory.Allocate<float>(2 * GemmTile.Depth * (Tile + GemmTile.Pad));
        var rows = SharedMemory.Allocate<int>(3 * Tile);
        var depths = SharedMemory.Allocate<int>(2 * DepthPlan.Length);
        Run(source, source2, weights, bias, dest, s, a, b, rows, depths, TensorFragment.Bf16, false);
    }

    private static void Fp16Vector(
        ArrayView<float> source, ArrayView<float> source2, ArrayView<float> weights, ArrayView<float> bias, ArrayView<float> dest,
        GatherSizes s)
    {
        var a = SharedMemory.Allocate<float>(2 * GemmTile.Depth * (Tile + GemmTile.Pad));
        var b = SharedMemory.Allocate<float>(2 * GemmTile.Depth * (Tile + GemmTile.Pad));
        var rows = SharedMemory.Allocate<int>(3 * Tile);
        var depths = SharedMemory.Allocate<int>(2 * DepthPlan.Length);
        Run(source, source2, weights, bias, dest, s, a, b, rows, depths, TensorFragment.Fp16, true);
    }

    private static void Fp16Scalar(
        ArrayView<float> source, ArrayView<float> source2, ArrayView<float> weights, ArrayView<float> bias, ArrayView<float> dest,
        GatherSizes s)
    {
        var a = SharedMemory.Allocate<float>(2 * GemmTile.Depth * (Tile + GemmTile.Pad));
        var b = SharedMemory.Allocate<float>(2 * GemmTile.Depth * (Tile + GemmTile.Pad));
        var rows = SharedMemory.Allocate<int>(3 * Tile);
        var depths = SharedMemory.Allocate<int>(2 * DepthPlan.Length);
        Run(source, source2, weights, bias, dest, s, a, b, rows, depths, TensorFragment.Fp16, false);
    }

    /// <summary>The kernel proper; precision and the choice of loads are constants where it is inlined.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Run(
        ArrayView<float> source, ArrayView<float> source2, ArrayView<float> weights, ArrayView<float> bias, ArrayView<float> dest,
        GatherSizes s, ArrayView<float> a, ArrayView<float> b, ArrayView<int> rows, ArrayView<int> depths, int precision, bool vector)
    {
        var thread = Group.IdxX;
        var sample = Grid.IdxZ / s.Classes;
        var place = VoxelClass.Of(s, Grid.IdxZ % s.Classes);
        var firstRow = Grid.IdxX * Tile;
        var firstColumn = Grid.IdxY * Tile;
        var voxels = place.Z.Count * place.Y.Count * place.X.Count;
        if (firstRow >= voxels)
        {
            return; // the whole group: classes differ in size, and the grid is made for the largest
        }

        var depth = place.Z.Taps * place.Y.Taps * place.X.Taps * (s.Channels + s.Channels2);
        var tiles = (depth + GemmTile.Depth - 1) / GemmTile.Depth;
        var from = source.SubView((long)sample * s.SourceVoxels * s.Channels, s.SourceVoxels * s.Channels);
        var from2 = s.Channels2 > 0 ? source2.SubView((long)sample * s.SourceVoxels * s.Channels2, s.SourceVoxels * s.Channels2) : from;
        VoxelClass.WritePosition(rows, thread, Tile, firstRow + thread, voxels, place);
        var plan = DepthPlan.Start(thread, s, place);
        DepthPlan.Write(ref plan, thread, depths, 0, s, place);
        Group.Barrier();
        if (tiles > 0)
        {
            GatherTiles.Load(from, from2, weights, a, b, rows, depths, 0, s, firstColumn, Tile, Tile, vector);
        }

        DepthPlan.Write(ref plan, thread, depths, DepthPlan.Length, s, place);
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
                GatherTiles.Load(from, from2, weights, a, b, rows, depths, 1 - now, s, firstColumn, Tile, Tile, vector);
            }

            DepthPlan.Write(ref plan, thread, depths, now * DepthPlan.Length, s, place);
            var buffer = now * GemmTile.Depth * stride;
            TensorBlock.Accumulate(ref sums, a, buffer + warpRow, stride, b, buffer, stride, lane, precision);
            Group.Barrier();
        }

        var to = dest.SubView((long)sample * s.DestVoxels * s.Columns, s.DestVoxels * s.Columns);
        var row = firstRow + warpRow + (lane >> 2);
        var column = firstColumn + (2 * (lane & 3));
        StoreBand(to, bias, sums.Upper, row, column, voxels, s, place);
        StoreBand(to, bias, sums.Lower, row + 16, column, voxels, s, place);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreBand(
        ArrayView<float> dest, ArrayView<float> bias, TensorBand band, int row, int column, int voxels, GatherSizes s, VoxelClass place)
    {
        Store(dest, bias, band.C0, row, column, voxels, s, place);
        Store(dest, bias, band.C1, row, column + 8, voxels, s, place);
        Store(dest, bias, band.C2, row, column + 16, voxels, s, place);
        Store(dest, bias, band.C3, row, column + 24, voxels, s, place);
        Store(dest, bias, band.C4, row, column + 32, voxels, s, place);
        Store(dest, bias, band.C5, row, column + 40, voxels, s, place);
        Store(dest, bias, band.C6, row, column + 48, voxels, s, place);
        Store(dest, bias, band.C7, row, column + 56, voxels, s, place);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(
        ArrayView<float> dest, ArrayView<float> bias, Float4 sums, int row, int column, int voxels, GatherSizes s, VoxelClass place)
    {
        if (row < voxels)
        {
            var first = GatherTiles.RowStart(row, s, place);
            GatherTiles.StoreOne(dest, bias, sums.X, first, column, s);
            GatherTiles.StoreOne(dest, bias, sums.Y, first, column + 1, s);
        }

        if (row + 8 < voxels)
        {
            var first = GatherTiles.RowStart(row + 8, s, place);
            GatherTiles.StoreOne(dest, bias, sums.Z, first, column, s);
            GatherTiles.StoreOne(dest, bias, sums.W, first, column + 1, s);
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
