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

    /// <summary>Voxels of the largest brick of a number of slabs.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Voxels(int slabs) => (slabs + 2) * RowVoxels * RowVoxels; // one behind the other there are fewer

    /// <summary>Rows from one plane of a brick to the next.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int PlaneRows(BrickSizes s) => s.BrickY + 1;

    /// <summary>
    /// Fills a brick, or begins to; see <see cref="Brick.Load"/>. All threads of the group together, a multiple of the parts.
    /// </summary>
    /// <param name="source">The volume, of (batch, z, y, x, channels).</param>
    /// <param name="source2">Further channels of the same voxels.</param>
    /// <param name="room">Where to.</param>
    /// <param name="s">Sizes; the channels are source's and source2's.</param>
    /// <param name="part">What of the volume.</param>
    /// <param name="firstChannel">The first channel; those beyond the last are zeros.</param>
    /// <param name="precision">See <see cref="TileWords"/>.</param>
    /// <param name="halves">See <see cref="Brick.Load"/>.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Load(
        ArrayView<float> source, ArrayView<float> source2, BrickRoom room, BrickSizes s, PhasePart part,
        int firstChannel, int precision, bool halves)
    {
        var ofVoxel = Group.IdxX & (room.Parts - 1);      // as in Brick.Load
        var from = ChannelParts.Of(
            source, source2, s.Channels, s.Channels2, firstChannel, ofVoxel, part.Sample,
            (long)part.SizeZ * part.SizeY * part.SizeX, precision, halves);
        var end = part.CountY * RowVoxels;
        for (var voxel = Group.IdxX / room.Parts; voxel < end; voxel += Group.DimX / room.Parts)
        {
            var (y, x) = (voxel / RowVoxels, voxel % RowVoxels);
            if (x < part.CountX)
            {
                var column = BrickColumn.Of(
                    part.SizeZ, part.SizeY, part.SizeX, part.Z, part.Y + (y << part.ShiftY), part.X + (x << part.ShiftX));
                BrickRoom.FillColumn(
                    room, ofVoxel, voxel, PlaneRows(s) * RowVoxels, part.CountZ, from, column, 1 << part.ShiftZ, precision,
                    halves);
            }
        }

        AsyncCopies.Commit();
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
