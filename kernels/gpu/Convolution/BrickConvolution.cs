using System.Runtime.CompilerServices;
using ILGPU;
using ILGPU.Runtime;
using SharpSeg.Engine.Backends;
using SharpSeg.Kernels.Gpu.Device;

namespace SharpSeg.Kernels.Gpu.Convolution;

/// <summary>
/// Convolutions of stride 1 on tensor cores, by bricks with their halo (docs/gpu/how-kernels-work.md §8).
/// <para>Shapes, formula, bricks: <see cref="BrickSizes"/>. Mapping: a group per brick and 32 or 64 columns, of four or eight
/// warps with a slab of 64 voxels and 32 columns each. The group reads the brick and its halo once per half a piece of the
/// channels, 16 of 16 bits or 8 of tf32, rounds it and writes zeros where the volume ends, so that the product has no border:
/// every tap of every voxel is the same place plus a constant (<see cref="BrickSums"/>). One half is read while the one before
/// is multiplied: volumes of 16 bits by copies that nobody waits for until then (<see cref="AsyncCopies"/>). Weights come packed
/// from device memory (<see cref="PackedWeights"/>). If asked to, the group leaves the statistics of what it writes
/// (<see cref="BrickStatistics"/>).</para>
/// <para>Shared memory: two halves of 6×10×10 voxels of 32 bytes, 38 656 bytes with what keeps banks apart.</para>
/// </summary>
internal sealed class BrickConvolution(KernelList list)
{
    private readonly GpuKernel<Launcher>[] kernels = list.Add<Launcher>(
        tensorCores: true, ConvolutionCosts.Bricks,
        Tf32Cube, Tf32Plane, Tf32Point, Bf16Cube, Bf16Plane, Bf16Point, Fp16Cube, Fp16Plane, Fp16Point,
        Bf16HalvesCube, Bf16HalvesPlane, Bf16HalvesPoint, Fp16HalvesCube, Fp16HalvesPlane, Fp16HalvesPoint);

    private delegate void Launcher(
        AcceleratorStream stream, KernelConfig config, ArrayView<float> source, ArrayView<float> source2,
        ArrayView<TensorFragment> weights, ArrayView<float> bias, ArrayView<float> dest, ArrayView<float> statistics,
        BrickSizes s);

    /// <summary>
    /// Runs the pass with packed weights (<see cref="PackedWeights"/>); source2, bias and statistics may be any view where they
    /// are not used. Of gradients by the data source2 is where the second result goes, if there are two.
    /// <paramref name="halves"/>: source and dest have 16 bits, in the format of the products.
    /// </summary>
    public void Launch(
        AcceleratorStream stream, GpuPrecision precision, bool halves, in BrickSizes s, ArrayView<float> source,
        ArrayView<float> source2, ArrayView<TensorFragment> weights, ArrayView<float> bias, ArrayView<float> dest,
        ArrayView<float> statistics)
    {
        var config = new KernelConfig(
            new Index3D(checked(s.BricksZ * s.BricksY * s.BricksX), s.ColumnGroups, s.N),
            new Index3D(s.GroupBlocks * BrickSizes.WarpSlabs * PackedWeights.Lanes, 1, 1));
        var shape = s.Taps == 27 ? 0 : s.Taps == 9 ? 1 : 2;
        kernels[(3 * (precision - GpuPrecision.Tf32 + (halves ? 2 : 0))) + shape].Launch(
            stream, config, source, source2, weights, bias, dest, statistics, s);
    }

    private static void Tf32Cube(
        ArrayView<float> source, ArrayView<float> source2, ArrayView<TensorFragment> weights, ArrayView<float> bias,
        ArrayView<float> dest, ArrayView<float> statistics, BrickSizes s) =>
        Run(source, source2, weights, bias, dest, statistics, s, haloZ: 1, halo: 1, TileWords.Tf32, halves: false);

    private static void Tf32Plane(
        ArrayView<float> source, ArrayView<float> source2, ArrayView<TensorFragment> weights, ArrayView<float> bias,
        ArrayView<float> dest, ArrayView<float> statistics, BrickSizes s) =>
        Run(source, source2, weights, bias, dest, statistics, s, haloZ: 0, halo: 1, TileWords.Tf32, halves: false);

    private static void Tf32Point(
        ArrayView<float> source, ArrayView<float> source2, ArrayView<TensorFragment> weights, ArrayView<float> bias,
        ArrayView<float> dest, ArrayView<float> statistics, BrickSizes s) =>
        Run(source, source2, weights, bias, dest, statistics, s, haloZ: 0, halo: 0, TileWords.Tf32, halves: false);

    private static void Bf16Cube(
        ArrayView<float> source, ArrayView<float> source2, ArrayView<TensorFragment> weights, ArrayView<float> bias,
        ArrayView<float> dest, ArrayView<float> statistics, BrickSizes s) =>
        Run(source, source2, weights, bias, dest, statistics, s, haloZ: 1, halo: 1, TileWords.Bf16, halves: false);

    private static void Bf16Plane(
        ArrayView<float> source, ArrayView<float> source2, ArrayView<TensorFragment> weights, ArrayView<float> bias,
        ArrayView<float> dest, ArrayView<float> statistics, BrickSizes s) =>
        Run(source, source2, weights, bias, dest, statistics, s, haloZ: 0, halo: 1, TileWords.Bf16, halves: false);

    private static void Bf16Point(
        ArrayView<float> source, ArrayView<float> source2, ArrayView<TensorFragment> weights, ArrayView<float> bias,
        ArrayView<float> dest, ArrayView<float> statistics, BrickSizes s) =>
        Run(source, source2, weights, bias, dest, statistics, s, haloZ: 0, halo: 0, TileWords.Bf16, halves: false);

    private static void Fp16Cube(
        ArrayView<float> source, ArrayView<float> source2, ArrayView<TensorFragment> weights, ArrayView<float> bias,
        ArrayView<float> dest, ArrayView<float> statistics, BrickSizes s) =>
        Run(source, source2, weights, bias, dest, statistics, s, haloZ: 1, halo: 1, TileWords.Fp16, halves: false);

    private static void Fp16Plane(
        ArrayView<float> source, ArrayView<float> source2, ArrayView<TensorFragment> weights, ArrayView<float> bias,
        ArrayView<float> dest, ArrayView<float> statistics, BrickSizes s) =>
        Run(source, source2, weights, bias, dest, statistics, s, haloZ: 0, halo: 1, TileWords.Fp16, halves: false);

    private static void Fp16Point(
        ArrayView<float> source, ArrayView<float> source2, ArrayView<TensorFragment> weights, ArrayView<float> bias,
        ArrayView<float> dest, ArrayView<float> statistics, BrickSizes s) =>
        Run(source, source2, weights, bias, dest, statistics, s, haloZ: 0, halo: 0, TileWords.Fp16, halves: false);

    private static void Bf16HalvesCube(
        ArrayView<float> source, ArrayView<float> source2, ArrayView<TensorFragment> weights, ArrayView<float> bias,
        ArrayView<float> dest, ArrayView<float> statistics, BrickSizes s) =>
        Run(source, source2, weights, bias, dest, statistics, s, haloZ: 1, halo: 1, TileWords.Bf16, halves: true);

    private static void Bf16HalvesPlane(
        ArrayView<float> source, ArrayView<float> source2, ArrayView<TensorFragment> weights, ArrayView<float> bias,
        ArrayView<float> dest, ArrayView<float> statistics, BrickSizes s) =>
        Run(source, source2, weights, bias, dest, statistics, s, haloZ: 0, halo: 1, TileWords.Bf16, halves: true);

    private static void Bf16HalvesPoint(
        ArrayView<float> source, ArrayView<float> source2, ArrayView<TensorFragment> weights, ArrayView<float> bias,
        ArrayView<float> dest, ArrayView<float> statistics, BrickSizes s) =>
        Run(source, source2, weights, bias, dest, statistics, s, haloZ: 0, halo: 0, TileWords.Bf16, halves: true);

    private static void Fp16HalvesCube(
        ArrayView<float> source, ArrayView<float> source2, ArrayView<TensorFragment> weights, ArrayView<float> bias,
        ArrayView<float> dest, ArrayView<float> statistics, BrickSizes s) =>
        Run(source, source2, weights, bias, dest, statistics, s, haloZ: 1, halo: 1, TileWords.Fp16, halves: true);

    private static void Fp16HalvesPlane(
        ArrayView<float> source, ArrayView<float> source2, ArrayView<TensorFragment> weights, ArrayView<float> bias,
        ArrayView<float> dest, ArrayView<float> statistics, BrickSizes s) =>
        Run(source, source2, weights, bias, dest, statistics, s, haloZ: 0, halo: 1, TileWords.Fp16, halves: true);

    private static void Fp16HalvesPoint(
        ArrayView<float> source, ArrayView<float> source2, ArrayView<TensorFragment> weights, ArrayView<float> bias,
        ArrayView<float> dest, ArrayView<float> statistics, BrickSizes s) =>
        Run(source, source2, weights, bias, dest, statistics, s, haloZ: 0, halo: 0, TileWords.Fp16, halves: true);

    /// <summary>The kernel proper; halos, precision and elements are constants where it is inlined.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Run(
        ArrayView<float> source, ArrayView<float> source2, ArrayView<TensorFragment> weights, ArrayView<float> bias,
        ArrayView<float> dest, ArrayView<float> statistics, BrickSizes s, int haloZ, int halo, int precision, bool halves)
    {
        const int edge = BrickSizes.Edge, slabs = BrickSizes.WarpSlabs, laneMask = PackedWeights.Lanes - 1;
        const int parts = BrickSizes.HalfParts;
        var rowVoxels = edge + (2 * halo);
        var most = Brick.Voxels(slabs, haloZ, halo);
        var partLength = Brick.PartLength(most, parts);
        var brick = SharedMemory.Allocate<Float4>(2 * parts * partLength);
        var at = BrickPlace.Of(s, Grid.IdxZ, Grid.IdxX);
        var warp = Group.IdxX / PackedWeights.Lanes;
        var lane = Group.IdxX & laneMask;
        var slab = warp & (slabs - 1);
        var block = (Grid.IdxY * s.GroupBlocks) + (warp / slabs);

        // Matrices of ldmatrix: 0 and 1 are the eight voxels of a row and of the next, the first part; 2 and 3 the second part.
        var row = (slab * (s.Flat != 0 ? edge : edge + (2 * halo))) + ((lane >> 3) & 1);
        var voxel = (row * rowVoxels) + (lane & 7);
        var mine = SharedFragments.At(brick.Cast<uint>(), (((lane >> 4) * partLength) + voxel) * Brick.VoxelWords);
        var pieces = s.Pieces(precision);
        var taps = (1 + (2 * haloZ)) * (1 + (2 * halo)) * (1 + (2 * halo));
        var column = (block * BrickSizes.WarpColumns) + (2 * (lane & 3));
        var sums = BrickResults.Start(bias, s, column);

        // While half a piece is multiplied, the next half is on its way into the room of the one before, which nobody reads any
        // more.
        var halfPieces = s.HalfPieces(precision);
        for (var next = 0; next <= halfPieces; next++)
        {
            AsyncCopies.Await();
            Group.Barrier();
            if (next < halfPieces)
            {
                Brick.Load(
                    source, source2, s.Channels, s.Channels2, BrickRoom.Of(brick, next & 1, most, parts), s, at,
                    next * parts * Brick.PartDepth(precision), haloZ, halo, precision, halves);
            }

            if (next > 0)
            {
                var half = next - 1;
                var room = SharedFragments.Behind(mine, (half & 1) * parts * partLength * Brick.VoxelWords);
                var packed = PackedFragments.At(weights, PackedWeights.OfHalf(block, pieces, half, taps) + lane);
                Multiply(ref sums, room, packed, haloZ, halo, precision);
            }
        }

        var z = at.Z + (s.Flat != 0 ? 0 : slab);
        var y = at.Y + (s.Flat != 0 ? slab * edge : 0);
        var x = at.X + (lane >> 2);
        if (s.Measured != 0)
        {
            var rows = z < s.Z && x < s.X ? s.Y - y : 0;
            BrickResults.Round(ref sums, precision, halves);
            BrickStatistics.Write(statistics, sums, s, rows, brick.Cast<float>());
        }

        if (z < s.Z && x < s.X)
        {
            var second = column >= s.Columns - s.Columns2;
            var to = second ? source2 : dest;
            var of = BrickSizes.Of(s, second);
            column -= second ? s.Columns - s.Columns2 : 0;
            Store(to, sums.B0, of, z, y, x, column, precision, halves);
            Store(to, sums.B1, of, z, y + 2, x, column, precision, halves);
            Store(to, sums.B2, of, z, y + 4, x, column, precision, halves);
            Store(to, sums.B3, of, z, y + 6, x, column, precision, halves);
        }
    }

    // All taps of half a piece.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Multiply(
        ref BrickSums sums, SharedFragments brick, PackedFragments weights, int haloZ, int halo, int precision)
    {
        const int row = (BrickSizes.Edge + 2) * Brick.VoxelWords, plane = (BrickSizes.Edge + 2) * row;
        if (haloZ != 0)
        {
            BrickSums.AddPlane(ref sums, brick, weights, 0, 0, precision);
            BrickSums.AddPlane(ref sums, brick, weights, plane, 9, precision);
            BrickSums.AddPlane(ref sums, brick, weights, 2 * plane, 18, precision);
        }
        else if (halo != 0)
        {
            BrickSums.AddPlane(ref sums, brick, weights, 0, 0, precision);
        }
        else
        {
            BrickSums.AddTap(ref sums, brick, weights, 0, BrickSizes.Edge * Brick.VoxelWords, 0, precision);
        }
    }

    // Two rows of the slab.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(
        ArrayView<float> dest, BrickBand band, BrickSizes s, int z, int y, int x, int column, int precision, bool halves)
    {
        var voxel = ((((((long)Grid.IdxZ * s.Z) + z) * s.Y) + y) * s.X) + x;
        if (y < s.Y)
        {
            BrickResults.StoreUpper(dest, band, s, voxel, column, precision, halves);
        }

        if (y + 1 < s.Y)
        {
            BrickResults.StoreLower(dest, band, s, voxel + s.X, column, precision, halves);
        }
    }
}
