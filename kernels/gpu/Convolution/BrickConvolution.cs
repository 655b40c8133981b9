using System.Runtime.CompilerServices;
using ILGPU;
using ILGPU.Runtime;
using SharpSeg.Engine.Backends;
using SharpSeg.Kernels.Gpu.Device;

namespace SharpSeg.Kernels.Gpu.Convolution;

/// <summary>
/// Convolutions of stride 1 on tensor cores, by bricks with their halo (docs/gpu/how-kernels-work.md §8).
/// <para>Shapes, formula, bricks: <see cref="BrickSizes"/>. Mapping: a group per brick and 32 or 64 columns, of four or eight
/// warps with a slab of 64 voxels and 32 columns each. The group reads the brick and its halo once per piece of the channels,
/// rounds it and writes zeros where the volume ends, so that the product has no border: every tap of every voxel is the same
/// place plus a constant (<see cref="BrickSums"/>). Weights come packed from device memory (<see cref="PackedWeights"/>).</para>
/// <para>Shared memory: 6×10×10 voxels of 80 bytes, 48 000 bytes.</para>
/// </summary>
internal sealed class BrickConvolution(KernelList list)
{
    private const int FloatsPerFragment = 4;

    private readonly PackedWeights pack = new(list);

    private readonly GpuKernel<Launcher>[] kernels = list.Add<Launcher>(
        tensorCores: true, Tf32Cube, Tf32Plane, Tf32Point, Bf16Cube, Bf16Plane, Bf16Point, Fp16Cube, Fp16Plane, Fp16Point,
        Bf16HalvesCube, Bf16HalvesPlane, Bf16HalvesPoint, Fp16HalvesCube, Fp16HalvesPlane, Fp16HalvesPoint);

    private delegate void Launcher(
        AcceleratorStream stream, KernelConfig config, ArrayView<float> source, ArrayView<float> source2,
        ArrayView<TensorFragment> weights, ArrayView<float> bias, ArrayView<float> dest, BrickSizes s);

    /// <summary>Elements of scratch memory that <see cref="Launch"/> needs.</summary>
    public static long ScratchLength(GpuPrecision precision, in BrickSizes s) =>
        (long)FloatsPerFragment * s.PackedLength(TileWords.Of(precision));

    /// <summary>The most scratch memory that a pass of one of these convolutions needs, bytes.</summary>
    public static long LargestScratchBytes(GpuPrecision precision, IEnumerable<ConvProblem> convolutions)
    {
        var most = 0L;
        foreach (var p in convolutions)
        {
            Count(BrickSizes.Fit(p, false, p.Cin, p.Cin2, p.Cout), new(p, hasBias: false));
            Count(BrickSizes.Fit(p, false, p.Cout, p.Cin), new(p, 0, p.Cin, accumulate: false));
            Count(BrickSizes.Fit(p, false, p.Cout, p.Cin2), new(p, p.Cin, p.Cin2, accumulate: false));
        }

        return sizeof(float) * most;

        void Count(bool fits, in BrickSizes s) => most = Math.Max(most, fits ? ScratchLength(precision, s) : 0);
    }

    /// <summary>
    /// Runs the pass; source2 and bias may be any view where they are not used. <paramref name="halves"/>: source and dest have
    /// 16 bits, in the format of the products.
    /// </summary>
    public void Launch(
        AcceleratorStream stream, GpuPrecision precision, bool halves, in BrickSizes s, ArrayView<float> source,
        ArrayView<float> source2, ArrayView<float> weights, ArrayView<float> bias, ArrayView<float> scratch,
        ArrayView<float> dest)
    {
        var packed = scratch.SubView(0, ScratchLength(precision, s)).Cast<TensorFragment>();
        pack.Launch(stream, precision, s, weights, packed);
        var config = new KernelConfig(
            new Index3D(checked(s.BricksZ * s.BricksY * s.BricksX), s.ColumnGroups, s.N),
            new Index3D(s.GroupBlocks * BrickSizes.WarpSlabs * PackedWeights.Lanes, 1, 1));
        var shape = s.Taps == 27 ? 0 : s.Taps == 9 ? 1 : 2;
        kernels[(3 * (precision - GpuPrecision.Tf32 + (halves ? 2 : 0))) + shape].Launch(
            stream, config, source, source2, packed, bias, dest, s);
    }

    private static void Tf32Cube(
        ArrayView<float> source, ArrayView<float> source2, ArrayView<TensorFragment> weights, ArrayView<float> bias,
        ArrayView<float> dest, BrickSizes s) =>
        Run(source, source2, weights, bias, dest, s, haloZ: 1, halo: 1, TileWords.Tf32, halves: false);

    private static void Tf32Plane(
        ArrayView<float> source, ArrayView<float> source2, ArrayView<TensorFragment> weights, ArrayView<float> bias,
        ArrayView<float> dest, BrickSizes s) =>
        Run(source, source2, weights, bias, dest, s, haloZ: 0, halo: 1, TileWords.Tf32, halves: false);

    private static void Tf32Point(
        ArrayView<float> source, ArrayView<float> source2, ArrayView<TensorFragment> weights, ArrayView<float> bias,
        ArrayView<float> dest, BrickSizes s) =>
        Run(source, source2, weights, bias, dest, s, haloZ: 0, halo: 0, TileWords.Tf32, halves: false);

    private static void Bf16Cube(
        ArrayView<float> source, ArrayView<float> source2, ArrayView<TensorFragment> weights, ArrayView<float> bias,
        ArrayView<float> dest, BrickSizes s) =>
        Run(source, source2, weights, bias, dest, s, haloZ: 1, halo: 1, TileWords.Bf16, halves: false);

    private static void Bf16Plane(
        ArrayView<float> source, ArrayView<float> source2, ArrayView<TensorFragment> weights, ArrayView<float> bias,
        ArrayView<float> dest, BrickSizes s) =>
        Run(source, source2, weights, bias, dest, s, haloZ: 0, halo: 1, TileWords.Bf16, halves: false);

    private static void Bf16Point(
        ArrayView<float> source, ArrayView<float> source2, ArrayView<TensorFragment> weights, ArrayView<float> bias,
        ArrayView<float> dest, BrickSizes s) =>
        Run(source, source2, weights, bias, dest, s, haloZ: 0, halo: 0, TileWords.Bf16, halves: false);

    private static void Fp16Cube(
        ArrayView<float> source, ArrayView<float> source2, ArrayView<TensorFragment> weights, ArrayView<float> bias,
        ArrayView<float> dest, BrickSizes s) =>
        Run(source, source2, weights, bias, dest, s, haloZ: 1, halo: 1, TileWords.Fp16, halves: false);

    private static void Fp16Plane(
        ArrayView<float> source, ArrayView<float> source2, ArrayView<TensorFragment> weights, ArrayView<float> bias,
        ArrayView<float> dest, BrickSizes s) =>
        Run(source, source2, weights, bias, dest, s, haloZ: 0, halo: 1, TileWords.Fp16, halves: false);

    private static void Fp16Point(
        ArrayView<float> source, ArrayView<float> source2, ArrayView<TensorFragment> weights, ArrayView<float> bias,
        ArrayView<float> dest, BrickSizes s) =>
        Run(source, source2, weights, bias, dest, s, haloZ: 0, halo: 0, TileWords.Fp16, halves: false);

    private static void Bf16HalvesCube(
        ArrayView<float> source, ArrayView<float> source2, ArrayView<TensorFragment> weights, ArrayView<float> bias,
        ArrayView<float> dest, BrickSizes s) =>
        Run(source, source2, weights, bias, dest, s, haloZ: 1, halo: 1, TileWords.Bf16, halves: true);

    private static void Bf16HalvesPlane(
        ArrayView<float> source, ArrayView<float> source2, ArrayView<TensorFragment> weights, ArrayView<float> bias,
        ArrayView<float> dest, BrickSizes s) =>
        Run(source, source2, weights, bias, dest, s, haloZ: 0, halo: 1, TileWords.Bf16, halves: true);

    private static void Bf16HalvesPoint(
        ArrayView<float> source, ArrayView<float> source2, ArrayView<TensorFragment> weights, ArrayView<float> bias,
        ArrayView<float> dest, BrickSizes s) =>
        Run(source, source2, weights, bias, dest, s, haloZ: 0, halo: 0, TileWords.Bf16, halves: true);

    private static void Fp16HalvesCube(
        ArrayView<float> source, ArrayView<float> source2, ArrayView<TensorFragment> weights, ArrayView<float> bias,
        ArrayView<float> dest, BrickSizes s) =>
        Run(source, source2, weights, bias, dest, s, haloZ: 1, halo: 1, TileWords.Fp16, halves: true);

    private static void Fp16HalvesPlane(
        ArrayView<float> source, ArrayView<float> source2, ArrayView<TensorFragment> weights, ArrayView<float> bias,
        ArrayView<float> dest, BrickSizes s) =>
        Run(source, source2, weights, bias, dest, s, haloZ: 0, halo: 1, TileWords.Fp16, halves: true);

    private static void Fp16HalvesPoint(
        ArrayView<float> source, ArrayView<float> source2, ArrayView<TensorFragment> weights, ArrayView<float> bias,
        ArrayView<float> dest, BrickSizes s) =>
        Run(source, source2, weights, bias, dest, s, haloZ: 0, halo: 0, TileWords.Fp16, halves: true);

    /// <summary>The kernel proper; halos, precision and elements are constants where it is inlined.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Run(
        ArrayView<float> source, ArrayView<float> source2, ArrayView<TensorFragment> weights, ArrayView<float> bias,
        ArrayView<float> dest, BrickSizes s, int haloZ, int halo, int precision, bool halves)
    {
        const int edge = BrickSizes.Edge, slabs = BrickSizes.WarpSlabs, laneMask = PackedWeights.Lanes - 1;
        var rowVoxels = edge + (2 * halo);
        var rowWords = rowVoxels * Brick.VoxelWords;
        var brick = SharedMemory.Allocate<Float4>(Brick.Length(slabs, haloZ, halo));
        var at = BrickPlace.Of(s, Grid.IdxZ, Grid.IdxX);
        var warp = Group.IdxX / PackedWeights.Lanes;
        var lane = Group.IdxX & laneMask;
        var slab = warp & (slabs - 1);
        var block = (Grid.IdxY * s.GroupBlocks) + (warp / slabs);

        // Matrices of ldmatrix: 0 and 1 are the eight voxels of a row and of the next, words 0 to 3; 2 and 3 the same, words 4
        // to 7.
        var row = (slab * (s.Flat != 0 ? edge : edge + (2 * halo))) + ((lane >> 3) & 1);
        var voxel = (row * rowVoxels) + (lane & 7);
        var mine = SharedFragments.At(brick.Cast<uint>(), (voxel * Brick.VoxelWords) + ((lane >> 4) * 4));
        var pieces = s.Pieces(precision);
        var taps = (1 + (2 * haloZ)) * (1 + (2 * halo)) * (1 + (2 * halo));
        var column = (block * BrickSizes.WarpColumns) + (2 * (lane & 3));
        var sums = default(BrickSums);
        sums.B0.C0 = Bias(bias, s, column);
        sums.B0.C1 = Bias(bias, s, column + 8);
        sums.B0.C2 = Bias(bias, s, column + 16);
        sums.B0.C3 = Bias(bias, s, column + 24);
        sums.B1 = sums.B0;
        sums.B2 = sums.B0;
        sums.B3 = sums.B0;
        for (var piece = 0; piece < pieces; piece++)
        {
            Group.Barrier();                              // nobody reads the piece before any more
            Brick.Load(
                source, source2, s.Channels, s.Channels2, brick, s, at, piece * TileWords.DepthOf(precision), haloZ, halo,
                precision, halves);
            Group.Barrier();
            var packed = PackedFragments.At(weights, (((block * pieces) + piece) * taps * PackedWeights.PerTap) + lane);
            if (haloZ != 0)
            {
                var plane = rowVoxels * rowWords;
                BrickSums.AddPlane(ref sums, mine, packed, 0, 0, precision);
                BrickSums.AddPlane(ref sums, mine, packed, plane, 9, precision);
                BrickSums.AddPlane(ref sums, mine, packed, 2 * plane, 18, precision);
            }
            else if (halo != 0)
            {
                BrickSums.AddPlane(ref sums, mine, packed, 0, 0, precision);
            }
            else
            {
                BrickSums.AddTap(ref sums, mine, packed, 0, rowWords, 0, precision);
            }
        }

        var z = at.Z + (s.Flat != 0 ? 0 : slab);
        var y = at.Y + (s.Flat != 0 ? slab * edge : 0);
        var x = at.X + (lane >> 2);
        if (z < s.Z && x < s.X)
        {
            Store(dest, sums.B0, s, z, y, x, column, precision, halves);
            Store(dest, sums.B1, s, z, y + 2, x, column, precision, halves);
            Store(dest, sums.B2, s, z, y + 4, x, column, precision, halves);
            Store(dest, sums.B3, s, z, y + 6, x, column, precision, halves);
        }
    }

    // Two rows of the slab: a thread has two neighbouring columns of each, in each of the band's fragments.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(
        ArrayView<float> dest, BrickBand band, BrickSizes s, int z, int y, int x, int column, int precision, bool halves)
    {
        var voxel = ((((((long)Grid.IdxZ * s.Z) + z) * s.Y) + y) * s.X) + x;
        var upper = ((voxel * s.Columns) + column) >> 1;
        var lower = (((voxel + s.X) * s.Columns) + column) >> 1;
        if (y < s.Y)
        {
            StoreTwo(dest, s, upper, column, band.C0.X, band.C0.Y, precision, halves);
            StoreTwo(dest, s, upper + 4, column + 8, band.C1.X, band.C1.Y, precision, halves);
            StoreTwo(dest, s, upper + 8, column + 16, band.C2.X, band.C2.Y, precision, halves);
            StoreTwo(dest, s, upper + 12, column + 24, band.C3.X, band.C3.Y, precision, halves);
        }

        if (y + 1 < s.Y)
        {
            StoreTwo(dest, s, lower, column, band.C0.Z, band.C0.W, precision, halves);
            StoreTwo(dest, s, lower + 4, column + 8, band.C1.Z, band.C1.W, precision, halves);
            StoreTwo(dest, s, lower + 8, column + 16, band.C2.Z, band.C2.W, precision, halves);
            StoreTwo(dest, s, lower + 12, column + 24, band.C3.Z, band.C3.W, precision, halves);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreTwo(
        ArrayView<float> dest, BrickSizes s, long at, int column, float x, float y, int precision, bool halves)
    {
        if (column < s.Columns)
        {
            if (halves)
            {
                StoreWord(dest, s, at, x, y, precision);
            }
            else
            {
                StoreFloats(dest.AsAligned16().Cast<Float2>(), s, at, x, y);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreWord(ArrayView<float> dest, BrickSizes s, long at, float x, float y, int format)
    {
        if (s.Accumulate != 0)
        {
            var old = GlobalMemory.Read(dest, at);
            x += Elements.Lower(old, format);
            y += Elements.Upper(old, format);
        }

        GlobalMemory.Write(dest, at, Elements.Word(x, y, format));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreFloats(ArrayView<Float2> dest, BrickSizes s, long at, float x, float y)
    {
        var value = default(Float2);
        value.X = x;
        value.Y = y;
        if (s.Accumulate != 0)
        {
            var old = GlobalMemory.Read(dest, at);
            value.X += old.X;
            value.Y += old.Y;
        }

        GlobalMemory.Write(dest, at, value);
    }

    // The sums begin with the bias of their columns.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Float4 Bias(ArrayView<float> bias, BrickSizes s, int column)
    {
        var value = default(Float4);
        if (s.HasBias != 0 && column < s.Columns)
        {
            value.X = ReadOnlyMemory.Read(bias, column);
            value.Y = ReadOnlyMemory.Read(bias, column + 1);
        }

        value.Z = value.X;
        value.W = value.Y;
        return value;
    }
}
