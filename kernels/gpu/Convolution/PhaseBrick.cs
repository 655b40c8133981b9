using System.Runtime.CompilerServices;
using ILGPU;
using SharpSeg.Kernels.Gpu.Device;

namespace SharpSeg.Kernels.Gpu.Convolution;

/// <summary>
/// What the taps of one phase (<see cref="PhaseSizes"/>) read for a brick: a <see cref="Brick"/> of every second voxel, or of
/// neighbours. Rows have room for nine voxels, planes for one row more than the brick, whatever the phase needs.
/// </summary>
internal static class PhaseBrick
{
    /// <summary>Voxels from one row to the next.</summary>
    public const int RowVoxels = BrickSizes.Edge + 1;

    /// <summary>Words from one row to the next.</summary>
    public const int RowWords = RowVoxels * Brick.VoxelWords;

    /// <summary>Sixteen-byte elements of the largest brick of a number of slabs.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Length(int slabs) =>
        (slabs + 2) * RowVoxels * RowVoxels * (Brick.VoxelWords / 4); // one behind the other there are fewer

    /// <summary>Rows from one plane of a brick to the next.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int PlaneRows(BrickSizes s) => s.BrickY + 1;

    /// <summary>Fills a brick; all threads of the group together, a multiple of four, fewer than 288.</summary>
    /// <param name="source">The volume, of (batch, z, y, x, channels).</param>
    /// <param name="source2">Further channels of the same voxels.</param>
    /// <param name="brick">Where to.</param>
    /// <param name="s">Sizes; the channels are source's and source2's.</param>
    /// <param name="part">What of the volume.</param>
    /// <param name="firstChannel">The first channel; those beyond the last are zeros.</param>
    /// <param name="precision">See <see cref="TileWords"/>.</param>
    /// <param name="halves">See <see cref="Brick.Load"/>.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Load(
        ArrayView<float> source, ArrayView<float> source2, ArrayView<Float4> brick, BrickSizes s, PhasePart part,
        int firstChannel, int precision, bool halves)
    {
        // Four threads read the words of a voxel, 36 a row; a thread keeps its place in the row, so that a step is an addition.
        const int parts = 4;
        var quarter = Group.IdxX & (parts - 1);
        var c = firstChannel + (quarter * (TileWords.DepthOf(precision) / parts));
        var voxels = part.SizeZ * part.SizeY * part.SizeX;
        var shift = halves ? 3 : 2;
        var first = ChannelQuad.Of(source, source2, s.Channels, s.Channels2, c, part.Sample, voxels, shift);
        var second = halves
            ? first
            : ChannelQuad.Of(source, source2, s.Channels, s.Channels2, c + 4, part.Sample, voxels, shift);

        var column = Group.IdxX / parts;
        var (y, column9) = (column / RowVoxels, column % RowVoxels);
        var step = Group.DimX / parts / RowVoxels;        // rows at a time: fewer than a plane has
        var x = part.X + (column9 << part.ShiftX);
        var insideX = (uint)x < (uint)part.SizeX;
        var to = (column9 * (Brick.VoxelWords / 4)) + quarter;
        var z = 0;
        var rows = (y < step) & (column9 < part.CountX) ? part.CountZ * part.CountY : 0;
        for (var row = y; row < rows; row += step)
        {
            var fineZ = part.Z + (z << part.ShiftZ);
            var fineY = part.Y + (y << part.ShiftY);
            var inside = insideX & ((uint)fineZ < (uint)part.SizeZ) & ((uint)fineY < (uint)part.SizeY);
            var position = (((fineZ * part.SizeY) + fineY) * part.SizeX) + x;
            var lower = ChannelQuad.Read(first, position, inside);
            var upper = precision >= TileWords.Bf16 && !halves ? ChannelQuad.Read(second, position, inside) : lower;
            brick[(((z * PlaneRows(s)) + y) * (RowWords / 4)) + to] =
                halves ? lower : TileWords.Depths(lower, upper, precision);
            y += step;
            var over = y >= part.CountY;
            y -= over ? part.CountY : 0;
            z += over ? 1 : 0;
        }
    }
}

/// <summary>The voxels of a volume that a <see cref="PhaseBrick"/> holds.</summary>
internal struct PhasePart
{
    /// <summary>Which sample, and the volume's size.</summary>
    public int Sample, SizeZ, SizeY, SizeX;

    /// <summary>The first voxel; it may lie outside.</summary>
    public int Z, Y, X;

    /// <summary>1: every second voxel; 0: neighbours.</summary>
    public int ShiftZ, ShiftY, ShiftX;

    /// <summary>How many voxels.</summary>
    public int CountZ, CountY, CountX;

    /// <summary>What the taps of a phase read for a brick.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static PhasePart Of(PhaseSizes s, BrickPlace at, PhaseAxis z, PhaseAxis y, PhaseAxis x)
    {
        var part = default(PhasePart);
        part.Sample = at.Sample;
        part.CountZ = s.Bricks.BrickZ + z.Taps - 1;
        part.CountY = s.Bricks.BrickY + y.Taps - 1;
        part.CountX = BrickSizes.Edge + x.Taps - 1;
        (part.Z, part.Y, part.X) = (at.Z + z.First, at.Y + y.First, at.X + x.First);
        if (s.Scatter == 0)
        {
            (part.SizeZ, part.SizeY, part.SizeX) = (s.FineZ, s.FineY, s.FineX);
            (part.ShiftZ, part.ShiftY, part.ShiftX) = (s.ShiftZ, s.ShiftY, s.ShiftX);
            part.Z = (part.Z << s.ShiftZ) + z.Phase;
            part.Y = (part.Y << s.ShiftY) + y.Phase;
            part.X = (part.X << s.ShiftX) + x.Phase;
        }
        else
        {
            (part.SizeZ, part.SizeY, part.SizeX) = (s.Bricks.Z, s.Bricks.Y, s.Bricks.X);
        }

        return part;
    }
}
