using System.Runtime.CompilerServices;
using ILGPU;
using ILGPU.Runtime;
using SharpSeg.Kernels.Gpu.Device;

namespace SharpSeg.Kernels.Gpu.Convolution;

/// <summary>
/// Convolutions of stride 2 and their gradients by the data on tensor cores, by bricks of one phase of the voxels after the
/// other (docs/gpu/how-kernels-work.md §8).
/// <para>Shapes, formulas: <see cref="PhaseSizes"/>. Mapping: as in <see cref="BrickConvolution"/>, a group per brick of the
/// coarse volume and 32 or 64 columns, of four or eight warps with a slab of 64 voxels and 32 columns each. What gathers sums
/// over all phases; what scatters has a group for each phase, which writes its voxels.</para>
/// <para>Shared memory: two halves of 6×9×9 voxels of 32 bytes, 31 488 bytes with what keeps banks apart.</para>
/// </summary>
internal sealed class PhaseConvolution(KernelList list)
{
    private readonly GpuKernel<Launcher>[] kernels = list.Add<Launcher>(
        tensorCores: true, ConvolutionCosts.Phases, Tf32, Bf16, Fp16, Bf16Halves, Fp16Halves);

    private delegate void Launcher(
        AcceleratorStream stream, KernelConfig config, ArrayView<float> source, ArrayView<float> source2,
        ArrayView<TensorFragment> weights, ArrayView<float> bias, ArrayView<float> dest, PhaseSizes s);

    /// <summary>
    /// Runs the pass with weights that are packed for the bricks (<see cref="PackedWeights"/>); source2 and bias may be any view
    /// where they are not used. <paramref name="halves"/>: source and dest have 16 bits, in the format of the products.
    /// </summary>
    public void Launch(
        AcceleratorStream stream, GpuPrecision precision, bool halves, in PhaseSizes s, ArrayView<float> source,
        ArrayView<float> source2, ArrayView<TensorFragment> weights, ArrayView<float> bias, ArrayView<float> dest)
    {
        var bricks = s.Bricks;
        var config = new KernelConfig(
            new Index3D(
                checked(bricks.BricksZ * bricks.BricksY * bricks.BricksX), bricks.ColumnGroups,
                bricks.N * (s.Scatter != 0 ? s.Phases : 1)),
            new Index3D(bricks.GroupBlocks * BrickSizes.WarpSlabs * PackedWeights.Lanes, 1, 1));
        kernels[precision - GpuPrecision.Tf32 + (halves ? 2 : 0)].Launch(
            stream, config, source, source2, weights, bias, dest, s);
    }

    private static void Tf32(
        ArrayView<float> source, ArrayView<float> source2, ArrayView<TensorFragment> weights, ArrayView<float> bias,
        ArrayView<float> dest, PhaseSizes s) =>
        Run(source, source2, weights, bias, dest, s, TileWords.Tf32, halves: false);

    private static void Bf16(
        ArrayView<float> source, ArrayView<float> source2, ArrayView<TensorFragment> weights, ArrayView<float> bias,
        ArrayView<float> dest, PhaseSizes s) =>
        Run(source, source2, weights, bias, dest, s, TileWords.Bf16, halves: false);

    private static void Fp16(
        ArrayView<float> source, ArrayView<float> source2, ArrayView<TensorFragment> weights, ArrayView<float> bias,
        ArrayView<float> dest, PhaseSizes s) =>
        Run(source, source2, weights, bias, dest, s, TileWords.Fp16, halves: false);

    private static void Bf16Halves(
        ArrayView<float> source, ArrayView<float> source2, ArrayView<TensorFragment> weights, ArrayView<float> bias,
        ArrayView<float> dest, PhaseSizes s) =>
        Run(source, source2, weights, bias, dest, s, TileWords.Bf16, halves: true);

    private static void Fp16Halves(
        ArrayView<float> source, ArrayView<float> source2, ArrayView<TensorFragment> weights, ArrayView<float> bias,
        ArrayView<float> dest, PhaseSizes s) =>
        Run(source, source2, weights, bias, dest, s, TileWords.Fp16, halves: true);

    /// <summary>The kernel proper; precision and elements are constants where it is inlined.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Run(
        ArrayView<float> source, ArrayView<float> source2, ArrayView<TensorFragment> weights, ArrayView<float> bias,
        ArrayView<float> dest, PhaseSizes s, int precision, bool halves)
    {
        const int edge = BrickSizes.Edge, slabs = BrickSizes.WarpSlabs, laneMask = PackedWeights.Lanes - 1;
        const int parts = BrickSizes.HalfParts;
        var bricks = s.Bricks;
        var most = PhaseBrick.Voxels(slabs);
        var partLength = Brick.PartLength(most, parts);
        var brick = SharedMemory.Allocate<Float4>(2 * parts * partLength);
        var ofPhases = s.ShiftZ + s.ShiftY + s.ShiftX;
        var sample = s.Scatter != 0 ? Grid.IdxZ >> ofPhases : Grid.IdxZ;
        var firstPhase = s.Scatter != 0 ? Grid.IdxZ & ((1 << ofPhases) - 1) : 0;
        var endPhase = s.Scatter != 0 ? firstPhase + 1 : 1 << ofPhases;
        var at = BrickPlace.Of(bricks, sample, Grid.IdxX);
        var warp = Group.IdxX / PackedWeights.Lanes;
        var lane = Group.IdxX & laneMask;
        var slab = warp & (slabs - 1);
        var block = (Grid.IdxY * bricks.GroupBlocks) + (warp / slabs);

        // Matrices of ldmatrix: see BrickConvolution.
        var row = (slab * (bricks.Flat != 0 ? edge : PhaseBrick.PlaneRows(bricks))) + ((lane >> 3) & 1);
        var voxel = (row * PhaseBrick.RowVoxels) + (lane & 7);
        var mine = SharedFragments.At(brick.Cast<uint>(), (((lane >> 4) * partLength) + voxel) * Brick.VoxelWords);
        var pieces = bricks.Pieces(precision);
        var column = (block * BrickSizes.WarpColumns) + (2 * (lane & 3));
        var sums = BrickResults.Start(bias, bricks, column);

        // As in BrickConvolution the next half of a piece, which may be the next phase's, is on its way while one is multiplied.
        // After the last phase there is only one to multiply.
        var halfPieces = bricks.HalfPieces(precision);
        var held = default(PhaseTaps);
        var (turn, packed) = (0, 0);
        for (var phase = firstPhase; phase <= endPhase; phase++)
        {
            var alongZ = PhaseSizes.AlongZ(s, phase);
            var alongY = PhaseSizes.AlongY(s, phase);
            var alongX = PhaseSizes.AlongX(s, phase);
            var part = PhasePart.Of(s, at, alongZ, alongY, alongX);
            var taps = PhaseTaps.Of(s, alongZ, alongY, alongX);
            var turns = phase == endPhase ? 1 : alongZ.Taps * alongY.Taps * alongX.Taps > 0 ? halfPieces : 0;
            for (var half = 0; half < turns; half++)
            {
                AsyncCopies.Await();
                Group.Barrier();
                if (phase < endPhase)
                {
                    PhaseBrick.Load(
                        source, source2, BrickRoom.Of(brick, turn & 1, most, parts), bricks, part,
                        half * parts * Brick.PartDepth(precision), precision, halves);
                }

                if (turn > 0)
                {
                    var room = SharedFragments.Behind(mine, (~turn & 1) * parts * partLength * Brick.VoxelWords);
                    for (var z = 0; z < held.CountZ; z++)
                    {
                        var plane = SharedFragments.Behind(room, z * PhaseBrick.PlaneRows(bricks) * PhaseBrick.RowWords);
                        PhaseTaps.AddPlane(ref sums, plane, weights, packed, held, z, precision);
                    }
                }

                held = taps;
                packed = PackedWeights.OfHalf(block, pieces, half, bricks.Taps) + lane;
                turn++;
            }
        }

        // Scattered, a voxel of the brick is one of the phase; else the phases are summed up.
        var z0 = at.Z + (bricks.Flat != 0 ? 0 : slab);
        var y0 = at.Y + (bricks.Flat != 0 ? slab * edge : 0);
        var x0 = at.X + (lane >> 2);
        var to = PhaseResults.Of(s, sample, firstPhase, z0, x0);
        if (to.Inside)
        {
            PhaseResults.Store(dest, sums.B0, bricks, to, y0, column, precision, halves);
            PhaseResults.Store(dest, sums.B1, bricks, to, y0 + 2, column, precision, halves);
            PhaseResults.Store(dest, sums.B2, bricks, to, y0 + 4, column, precision, halves);
            PhaseResults.Store(dest, sums.B3, bricks, to, y0 + 6, column, precision, halves);
        }
    }
}

/// <summary>The taps of a phase as the weights are packed: the first, and how far the next ones are.</summary>
internal struct PhaseTaps
{
    public int First, StepZ, StepY, StepX, CountZ, CountY, CountX;

    /// <summary>Those of three axes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static PhaseTaps Of(PhaseSizes s, PhaseAxis z, PhaseAxis y, PhaseAxis x)
    {
        var taps = default(PhaseTaps);
        taps.First = (((z.Tap * s.KernelY) + y.Tap) * s.KernelX) + x.Tap;
        taps.StepZ = z.Step * s.KernelY * s.KernelX;
        taps.StepY = y.Step * s.KernelX;
        taps.StepX = x.Step;
        taps.CountZ = z.Taps;
        taps.CountY = y.Taps;
        taps.CountX = x.Taps;
        if (s.Bricks.Transposed != 0)                     // packed in reverse
        {
            taps.First = s.Bricks.Taps - 1 - taps.First;
            taps.StepZ = -taps.StepZ;
            taps.StepY = -taps.StepY;
            taps.StepX = -taps.StepX;
        }

        return taps;
    }

    /// <summary>
    /// sums += Σ over the taps of tap <paramref name="z"/> along z: straight-line code for each of the four shapes that a plane
    /// can have. All threads of the warp must call this together.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void AddPlane(
        ref BrickSums sums, SharedFragments plane, ArrayView<TensorFragment> weights, int packed, PhaseTaps taps, int z,
        int precision)
    {
        var first = taps.First + (z * taps.StepZ);
        if (taps.CountY > 1 && taps.CountX > 1)
        {
            Add(ref sums, plane, weights, packed, first, 0, precision);
            Add(ref sums, plane, weights, packed, first + taps.StepX, Brick.VoxelWords, precision);
            Add(ref sums, plane, weights, packed, first + taps.StepY, PhaseBrick.RowWords, precision);
            Add(
                ref sums, plane, weights, packed, first + taps.StepY + taps.StepX, PhaseBrick.RowWords + Brick.VoxelWords,
                precision);
        }
        else if (taps.CountX > 1)
        {
            Add(ref sums, plane, weights, packed, first, 0, precision);
            Add(ref sums, plane, weights, packed, first + taps.StepX, Brick.VoxelWords, precision);
        }
        else if (taps.CountY > 1)
        {
            Add(ref sums, plane, weights, packed, first, 0, precision);
            Add(ref sums, plane, weights, packed, first + taps.StepY, PhaseBrick.RowWords, precision);
        }
        else
        {
            Add(ref sums, plane, weights, packed, first, 0, precision);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add(
        ref BrickSums sums, SharedFragments plane, ArrayView<TensorFragment> weights, int packed, int tap, int words,
        int precision) =>
        BrickSums.AddTap(
            ref sums, plane, PackedFragments.At(weights, packed + (tap * PackedWeights.PerTap)), words, PhaseBrick.RowWords, 0,
            precision);
}

/// <summary>Where a thread's voxels go: a column along y of the destination.</summary>
internal struct PhaseResults
{
    /// <summary>Whether the column lies in the volume.</summary>
    public bool Inside;

    /// <summary>Number of the voxel at y = 0 in dest, and voxels from row to row.</summary>
    public long First;

    /// <inheritdoc cref="First"/>
    public int SizeY, SizeX, ShiftY, PhaseY;

    /// <summary>That of the brick's voxels z, x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static PhaseResults Of(PhaseSizes s, int sample, int phase, int z, int x)
    {
        var to = default(PhaseResults);
        var (sizeZ, toZ, toX) = (s.Bricks.Z, z, x);
        (to.SizeY, to.SizeX) = (s.Bricks.Y, s.Bricks.X);
        if (s.Scatter != 0)
        {
            toZ = (z << s.ShiftZ) + PhaseSizes.AlongZ(s, phase).Phase;
            toX = (x << s.ShiftX) + PhaseSizes.AlongX(s, phase).Phase;
            sizeZ = s.FineZ;
            (to.SizeY, to.SizeX) = (s.FineY, s.FineX);
            (to.ShiftY, to.PhaseY) = (s.ShiftY, PhaseSizes.AlongY(s, phase).Phase);
        }

        to.Inside = (toZ < sizeZ) & (toX < to.SizeX);
        to.First = ((((long)sample * sizeZ) + toZ) * to.SizeY * to.SizeX) + toX;
        return to;
    }

    /// <summary>Writes a band's two rows, y and y + 1 of the brick.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(
        ArrayView<float> dest, BrickBand band, BrickSizes s, PhaseResults to, int y, int column, int precision, bool halves)
    {
        var upper = (y << to.ShiftY) + to.PhaseY;
        if (upper < to.SizeY)
        {
            BrickResults.StoreUpper(dest, band, s, to.First + (upper * to.SizeX), column, precision, halves);
        }

        var lower = ((y + 1) << to.ShiftY) + to.PhaseY;
        if (lower < to.SizeY)
        {
            BrickResults.StoreLower(dest, band, s, to.First + (lower * to.SizeX), column, precision, halves);
        }
    }
}
