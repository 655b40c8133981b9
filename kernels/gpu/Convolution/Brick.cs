using System.Runtime.CompilerServices;
using ILGPU;
using SharpSeg.Kernels.Gpu.Device;

namespace SharpSeg.Kernels.Gpu.Convolution;

/// <summary>
/// A brick of a volume with its halo, in shared memory, rounded, two channels of 16 bits to a word, and zeros where the volume
/// ends: one <em>part</em> of the channels after the other, sixteen bytes of each voxel, voxels in the order z, y, x.
/// </summary>
/// <remarks>
/// The eight rows of a matrix that ldmatrix reads are eight voxels one behind the other: all banks once.
/// </remarks>
internal static class Brick
{
    /// <summary>Words of a voxel's part, and from one voxel to the next.</summary>
    public const int VoxelWords = 4;

    /// <summary>Voxels of the largest brick of a number of slabs.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Voxels(int slabs, int haloZ, int halo)
    {
        var row = BrickSizes.Edge + (2 * halo);
        return haloZ != 0 ? (slabs + 2) * row * row : slabs * row * row; // one behind the other they share halos: fewer
    }

    /// <summary>Channels of a part.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int PartDepth(int precision) => TileWords.DepthOf(precision) / (GemmTile.Words / VoxelWords);

    /// <summary>Sixteen-byte elements from one part to the next.</summary>
    /// <remarks>
    /// Eight threads write the 2 (or 4) parts of 4 (or 2) voxels: these few elements let the parts begin 16 (or 8) banks apart.
    /// </remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int PartLength(int voxels, int parts) => ((voxels + 7) & ~7) + (8 / parts);

    /// <summary>
    /// Fills a brick, or begins to: where volumes have 16 bits, it is full after <see cref="AsyncCopies.Await"/>. All threads of
    /// the group together, a multiple of the parts.
    /// </summary>
    /// <param name="source">The volume, of (batch, z, y, x, channels).</param>
    /// <param name="source2">Further channels of the same voxels.</param>
    /// <param name="channels">Channels of source.</param>
    /// <param name="channels2">Channels of source2.</param>
    /// <param name="room">Where to.</param>
    /// <param name="s">The volume's size.</param>
    /// <param name="at">The brick.</param>
    /// <param name="firstChannel">The first channel; those beyond the last are zeros.</param>
    /// <param name="haloZ">Planes of voxels around it, below and above.</param>
    /// <param name="halo">Voxels around it, along y and x.</param>
    /// <param name="precision">See <see cref="TileWords"/>.</param>
    /// <param name="halves">
    /// The volumes hold such numbers already, and eights of channels: sixteen bytes of memory are sixteen bytes of the brick.
    /// </param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Load(
        ArrayView<float> source, ArrayView<float> source2, int channels, int channels2, BrickRoom room, BrickSizes s,
        BrickPlace at, int firstChannel, int haloZ, int halo, int precision, bool halves)
    {
        // As many threads as there are parts read a voxel, each the same part. A thread goes through the brick along z, where a
        // step is an addition.
        var part = Group.IdxX & (room.Parts - 1);
        var from = ChannelParts.Of(
            source, source2, channels, channels2, firstChannel, part, at.Sample, s.Voxels, precision, halves);
        var rowVoxels = BrickSizes.Edge + (2 * halo);
        var planeVoxels = (s.BrickY + (2 * halo)) * rowVoxels;
        for (var voxel = Group.IdxX / room.Parts; voxel < planeVoxels; voxel += Group.DimX / room.Parts)
        {
            var y = at.Y - halo + (voxel / rowVoxels);
            var x = at.X - halo + (voxel % rowVoxels);
            var column = BrickColumn.Of(s.Z, s.Y, s.X, at.Z - haloZ, y, x);
            BrickRoom.FillColumn(room, part, voxel, planeVoxels, s.BrickZ + (2 * haloZ), from, column, 1, precision, halves);
        }

        AsyncCopies.Commit();
    }
}

/// <summary>Where a brick lies in shared memory.</summary>
internal struct BrickRoom
{
    public ArrayView<Float4> Elements;
    public int First, Parts, PartLength;

    /// <summary>
    /// Room number <paramref name="number"/> of those that follow each other; <paramref name="voxels"/>: of the largest brick.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static BrickRoom Of(ArrayView<Float4> elements, int number, int voxels, int parts)
    {
        var room = default(BrickRoom);
        room.Elements = elements;
        room.Parts = parts;
        room.PartLength = Brick.PartLength(voxels, parts);
        room.First = number * parts * room.PartLength;
        return room;
    }

    /// <summary>
    /// Fills a part of <paramref name="count"/> voxels, <paramref name="step"/> voxels of the room apart, from a column of a
    /// volume, of every voxel or of every second (<paramref name="stride"/>).
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void FillColumn(
        BrickRoom room, int part, int voxel, int step, int count, ChannelParts from, BrickColumn column, int stride,
        int precision, bool halves)
    {
        var to = room.First + (part * room.PartLength) + voxel;
        for (var end = to + (count * step); to < end; to += step)
        {
            Fill(room, to, from, column.Position, column.Inside & ((uint)column.Z < (uint)column.SizeZ), precision, halves);
            column.Z += stride;
            column.Position += stride * column.PlaneVoxels;
        }
    }

    /// <summary>
    /// Fills an element from voxel <paramref name="position"/> of a sample, or with zeros, if that is not inside.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Fill(
        BrickRoom room, int to, ChannelParts from, int position, bool inside, int precision, bool halves)
    {
        if (halves)
        {
            ChannelQuad.Copy(from.First, position, inside, room.Elements, to);
        }
        else
        {
            var lower = ChannelQuad.Read(from.First, position, inside);
            var upper = precision >= TileWords.Bf16 ? ChannelQuad.Read(from.Second, position, inside) : lower;
            room.Elements[to] = TileWords.Depths(lower, upper, precision);
        }
    }
}

/// <summary>A column of voxels along z of a volume, from one that may lie outside on.</summary>
internal struct BrickColumn
{
    /// <summary>The volume's planes and the voxels of each.</summary>
    public int SizeZ, PlaneVoxels;

    /// <summary>The voxel: its plane, and its number in the sample.</summary>
    public int Z, Position;

    /// <summary>Whether the column lies in the planes.</summary>
    public bool Inside;

    /// <summary>That from voxel (z, y, x) of a volume on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static BrickColumn Of(int sizeZ, int sizeY, int sizeX, int z, int y, int x)
    {
        var column = default(BrickColumn);
        (column.SizeZ, column.PlaneVoxels) = (sizeZ, sizeY * sizeX);
        column.Z = z;
        column.Position = (((z * sizeY) + y) * sizeX) + x;
        column.Inside = ((uint)y < (uint)sizeY) & ((uint)x < (uint)sizeX);
        return column;
    }
}

/// <summary>The channels of a <see cref="Brick"/>'s part, of every voxel of a sample: as many fours as a part takes.</summary>
internal struct ChannelParts
{
    public ChannelQuad First, Second;

    /// <summary>
    /// Part number <paramref name="part"/> of the channels from <paramref name="firstChannel"/> on, of both volumes together.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ChannelParts Of(
        ArrayView<float> source, ArrayView<float> source2, int channels, int channels2, int firstChannel, int part, int sample,
        long voxels, int precision, bool halves)
    {
        var c = firstChannel + (part * Brick.PartDepth(precision));
        var shift = halves ? 3 : 2;
        var parts = default(ChannelParts);
        parts.First = ChannelQuad.Of(source, source2, channels, channels2, c, sample, voxels, shift);
        parts.Second = halves ? parts.First : ChannelQuad.Of(source, source2, channels, channels2, c + 4, sample, voxels, shift);
        return parts;
    }
}

/// <summary>
/// Four neighbouring channels of every voxel of a sample, of one of two volumes, or eight of 16 bits: sixteen bytes.
/// </summary>
internal struct ChannelQuad
{
    public ArrayView<Float4> From;
    public int Quads, Quad;

    /// <summary>
    /// Channels c … c + 3 (or 7) of both volumes together; a negative number marks those beyond the last.
    /// <paramref name="shift"/>: 2 for fours, 3 for eights.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ChannelQuad Of(
        ArrayView<float> source, ArrayView<float> source2, int channels, int channels2, int c, int sample, long voxels, int shift)
    {
        var second = c >= channels;
        var quad = default(ChannelQuad);
        quad.Quads = (second ? channels2 : channels) >> shift;
        quad.Quad = c >= channels + channels2 ? -1 : (second ? c - channels : c) >> shift;
        quad.From = (second ? source2 : source).Cast<Float4>().SubView(sample * voxels * quad.Quads);
        return quad;
    }

    /// <summary>Those of a voxel, or zeros: if it is not inside, or there are no such channels.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 Read(ChannelQuad quad, int voxel, bool inside)
    {
        var value = default(Float4);
        if (inside & (quad.Quad >= 0))
        {
            value = ReadOnlyMemory.Read(quad.From, (voxel * quad.Quads) + quad.Quad);
        }

        return value;
    }

    /// <summary>Begins to copy them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Copy(ChannelQuad quad, int voxel, bool inside, ArrayView<Float4> to, int at) =>
        AsyncCopies.Begin(to, at, quad.From, (voxel * quad.Quads) + quad.Quad, inside & (quad.Quad >= 0));
}

/// <summary>Where a brick lies: its sample and its first voxel, without the halo.</summary>
internal struct BrickPlace
{
    public int Sample, Z, Y, X;

    /// <summary>Brick number <paramref name="number"/> of a sample, in the order z, y, x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static BrickPlace Of(BrickSizes s, int sample, int number)
    {
        var at = default(BrickPlace);
        at.Sample = sample;
        at.X = number % s.BricksX * BrickSizes.Edge;
        at.Y = number / s.BricksX % s.BricksY * s.BrickY;
        at.Z = number / s.BricksX / s.BricksY * s.BrickZ;
        return at;
    }
}
