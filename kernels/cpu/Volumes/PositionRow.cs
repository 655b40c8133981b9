using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Cpu.Simd;

namespace SharpSeg.Kernels.Cpu.Volumes;

/// <summary>
/// Where the voxels of one row of a patch are taken from, and what a sampler derives from that, eight voxels at a time. Positions
/// are computed in float64 and kept in float32. Lists have room for whole vectors; what they hold behind the row's end is not
/// to be used.
/// </summary>
internal sealed unsafe class PositionRow
{
    /// <summary>Instead of an index: the position leaves the initial patch.</summary>
    public const int Outside = -1;

    /// <summary>Instead of an index: some neighbours lie outside the box.</summary>
    public const int Border = -2;

    private const int Together = 8;
    private const int Taps = 4; // of a cubic spline along an axis

    private readonly GrowingBuffer<float> floats = new();
    private readonly GrowingBuffer<int> indices = new();
    private AffineSampling p;

    /// <summary>Elements of a list: the row in whole vectors.</summary>
    public int Length { get; private set; }

    /// <summary>Positions along z, in voxels of the initial patch.</summary>
    public float* Z { get; private set; }

    /// <summary>Positions along y.</summary>
    public float* Y => Z + Length;

    /// <summary>Positions along x.</summary>
    public float* X => Z + (2 * Length);

    /// <summary>Spline weights along z: four lists, one after the other.</summary>
    public float* WeightsZ => Z + (3 * Length);

    /// <summary>Spline weights along y: four lists, one after the other.</summary>
    public float* WeightsY => WeightsZ + (Taps * Length);

    /// <summary>Spline weights along x: four for a voxel, then four for the next.</summary>
    public float* WeightsX => WeightsY + (Taps * Length);

    /// <summary>The indices that were last asked for.</summary>
    public int* Indices { get; private set; }

    /// <summary>Prepares for the rows of a patch.</summary>
    public void Begin(in AffineSampling sampling)
    {
        p = sampling;
        Length = (p.Patch.X + Together - 1) / Together * Together;
        Z = floats.Take((3 + (4 * Taps)) * Length);
        Indices = indices.Take(Length);
    }

    /// <summary>Finds the positions of a row.</summary>
    /// <param name="z">Of the row.</param>
    /// <param name="y">Of the row.</param>
    /// <param name="alongZ">Displacements of its voxels; null: none. In planar maps they do not matter.</param>
    /// <param name="alongY">Displacements along y.</param>
    /// <param name="alongX">Displacements along x.</param>
    public void Find(int z, int y, float* alongZ, float* alongY, float* alongX)
    {
        var centre = new VoxelPosition((p.Initial.Z - 1) * 0.5, (p.Initial.Y - 1) * 0.5, (p.Initial.X - 1) * 0.5);
        var voxelZ = Vector256.Create(z - ((p.Patch.Z - 1) * 0.5));
        var voxelY = Vector256.Create(y - ((p.Patch.Y - 1) * 0.5));
        var firstX = Vector256.Create(0.0, 1, 2, 3) - Vector256.Create((p.Patch.X - 1) * 0.5);
        for (var i = 0; i < Length; i += Together)
        {
            Vector256<float> ez = At(alongZ, i), ey = At(alongY, i), ex = At(alongX, i);
            Vector256<double> z0 = voxelZ + Vector256.WidenLower(ez), z1 = voxelZ + Vector256.WidenUpper(ez);
            Vector256<double> y0 = voxelY + Vector256.WidenLower(ey), y1 = voxelY + Vector256.WidenUpper(ey);
            var x0 = Vector256.Create((double)i) + firstX + Vector256.WidenLower(ex);
            var x1 = Vector256.Create(i + 4.0) + firstX + Vector256.WidenUpper(ex);
            var along = Vector256.Narrow(
                Map(p.StepZ.Z, z0, p.StepY.Z, y0, p.StepX.Z, x0, centre.Z),
                Map(p.StepZ.Z, z1, p.StepY.Z, y1, p.StepX.Z, x1, centre.Z));
            (p.Planar ? Vector256.Create((float)z) : along).Store(Z + i);
            Vector256.Narrow(
                Map(p.StepZ.Y, z0, p.StepY.Y, y0, p.StepX.Y, x0, centre.Y),
                Map(p.StepZ.Y, z1, p.StepY.Y, y1, p.StepX.Y, x1, centre.Y)).Store(Y + i);
            Vector256.Narrow(
                Map(p.StepZ.X, z0, p.StepY.X, y0, p.StepX.X, x0, centre.X),
                Map(p.StepZ.X, z1, p.StepY.X, y1, p.StepX.X, x1, centre.X)).Store(X + i);
        }
    }

    /// <summary>Finds the cubic B-spline's weights at voxels −1, 0, 1, 2 around every position.</summary>
    public void FindWeights()
    {
        var interleaved = WeightsX;
        var apart = interleaved + (Taps * Length);
        for (var i = 0; i < Length; i += Together)
        {
            StoreWeights(Z + i, WeightsZ + i, Length);
            StoreWeights(Y + i, WeightsY + i, Length);
            StoreWeights(X + i, apart + i, Length);
        }

        Transposition.Run(apart, Length, Taps, Length, interleaved, Taps);
    }

    /// <summary>
    /// Finds the index of the voxel at or before every position, (z, y, x), or <see cref="Outside"/>.
    /// </summary>
    /// <param name="first">The voxel of the initial patch whose index is 0.</param>
    /// <param name="rowStride">Elements from one row to the next.</param>
    /// <param name="sliceStride">Elements from one slice to the next.</param>
    public void FindIndices(Extent first, int rowStride, int sliceStride)
    {
        for (var i = 0; i < Length; i += Together)
        {
            Vector256<float> z = Vector256.Load(Z + i), y = Vector256.Load(Y + i), x = Vector256.Load(X + i);
            Vector256.ConditionalSelect(
                Inside(z, y, x), Index(Voxel(z, first.Z), Voxel(y, first.Y), Voxel(x, first.X), rowStride, sliceStride),
                Vector256.Create(Outside)).Store(Indices + i);
        }
    }

    /// <summary>
    /// Finds the index in the box of the voxel at or before every position, or <see cref="Outside"/>, or <see cref="Border"/>.
    /// </summary>
    public void FindIndicesInBox()
    {
        var zero = Vector256<int>.Zero;
        Extent box = p.Box, origin = p.Origin;
        for (var i = 0; i < Length; i += Together)
        {
            Vector256<float> z = Vector256.Load(Z + i), y = Vector256.Load(Y + i), x = Vector256.Load(X + i);
            Vector256<int> bz = Voxel(z, origin.Z), by = Voxel(y, origin.Y), bx = Voxel(x, origin.X);
            var whole = Vector256.GreaterThanOrEqual(bz, zero) & Vector256.GreaterThanOrEqual(by, zero)
                & Vector256.GreaterThanOrEqual(bx, zero)
                & Vector256.LessThan(bz, Vector256.Create(p.Planar ? box.Z : box.Z - 1))
                & Vector256.LessThan(by, Vector256.Create(box.Y - 1)) & Vector256.LessThan(bx, Vector256.Create(box.X - 1));
            var index = Vector256.ConditionalSelect(
                whole, Index(bz, by, bx, box.X, box.Y * box.X), Vector256.Create(Border));
            Vector256.ConditionalSelect(Inside(z, y, x), index, Vector256.Create(Outside)).Store(Indices + i);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> At(float* displacements, int i) =>
        displacements == null ? Vector256<float>.Zero : Vector256.Load(displacements + i);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<double> Map(
        double stepZ, Vector256<double> z, double stepY, Vector256<double> y, double stepX, Vector256<double> x, double centre) =>
        (Vector256.Create(stepZ) * z) + (Vector256.Create(stepY) * y) + (Vector256.Create(stepX) * x) + Vector256.Create(centre);

    // Positions inside are never negative, so that truncation is floor.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Voxel(Vector256<float> position, int first) =>
        Vector256.ConvertToInt32Native(position) - Vector256.Create(first);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Index(Vector256<int> z, Vector256<int> y, Vector256<int> x, int rowStride, int sliceStride) =>
        (z * Vector256.Create(sliceStride)) + (y * Vector256.Create(rowStride)) + x;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreWeights(float* positions, float* to, int length)
    {
        var position = Vector256.Load(positions);
        var t = position - Vector256.ConvertToSingle(Vector256.ConvertToInt32Native(position));
        Vector256<float> sixth = Vector256.Create(1 / 6f), three = Vector256.Create(3f), one = Vector256<float>.One;
        Vector256<float> s = one - t, t2 = t * t, t3 = t2 * t;
        (s * s * s * sixth).Store(to);
        ((Vector256.Create(4f) - (Vector256.Create(6f) * t2) + (three * t3)) * sixth).Store(to + length);
        ((one + (three * t) + (three * t2) - (three * t3)) * sixth).Store(to + (2 * length));
        (t3 * sixth).Store(to + (3 * length));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Vector256<int> Inside(Vector256<float> z, Vector256<float> y, Vector256<float> x)
    {
        var zero = Vector256<float>.Zero;
        var inside = Vector256.GreaterThanOrEqual(z, zero) & Vector256.GreaterThanOrEqual(y, zero)
            & Vector256.GreaterThanOrEqual(x, zero)
            & Vector256.LessThanOrEqual(z, Vector256.Create(p.Initial.Z - 1f))
            & Vector256.LessThanOrEqual(y, Vector256.Create(p.Initial.Y - 1f))
            & Vector256.LessThanOrEqual(x, Vector256.Create(p.Initial.X - 1f));
        return inside.AsInt32();
    }
}
