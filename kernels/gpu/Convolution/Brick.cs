using System.Runtime.CompilerServices;
using ILGPU;
using SharpSeg.Kernels.Gpu.Device;

namespace SharpSeg.Kernels.Gpu.Convolution;

/// <summary>
/// A brick of a volume with its halo, in shared memory: voxels in the order z, y, x, of each as many channels as
/// <see cref="TileWords"/> has depths, rounded, two of 16 bits to a word, and zeros where the volume ends.
/// </summary>
internal static class Brick
{
    /// <summary>Words from one voxel to the next: sixteen, and four that nobody uses.</summary>
    /// <remarks>
    /// The eight rows of a matrix that ldmatrix reads begin at banks 0, 20, 8, 28, 16, 4, 24, 12 of 32: no two share one.
    /// </remarks>
    public const int VoxelWords = GemmTile.Words + 4;

    /// <summary>Sixteen-byte elements of the largest brick of a number of slabs.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Length(int slabs, int haloZ, int halo)
    {
        var row = BrickSizes.Edge + (2 * halo);
        var voxels = haloZ != 0 ? (slabs + 2) * row * row : slabs * row * row; // one behind the other they share halos: fewer
        return voxels * (VoxelWords / 4);
    }

    /// <summary>Fills a brick; all threads of the group together, a multiple of four.</summary>
    /// <param name="source">The volume, of (batch, z, y, x, channels).</param>
    /// <param name="source2">Further channels of the same voxels.</param>
    /// <param name="channels">Channels of source.</param>
    /// <param name="channels2">Channels of source2.</param>
    /// <param name="brick">Where to.</param>
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
        ArrayView<float> source, ArrayView<float> source2, int channels, int channels2, ArrayView<Float4> brick, BrickSizes s,
        BrickPlace at, int firstChannel, int haloZ, int halo, int precision, bool halves)
    {
        // Four threads read the words of a voxel, four words each: the same channels of every voxel.
        var part = Group.IdxX & 3;
        var c = firstChannel + (part * (TileWords.DepthOf(precision) >> 2));
        var voxels = s.Z * s.Y * s.X;
        var shift = halves ? 3 : 2;
        var first = ChannelQuad.Of(source, source2, channels, channels2, c, at.Sample, voxels, shift);
        var second = halves ? first : ChannelQuad.Of(source, source2, channels, channels2, c + 4, at.Sample, voxels, shift);

        // From voxel to voxel by addition, because divisions are long. Positions are the source's.
        var rowVoxels = BrickSizes.Edge + (2 * halo);
        var planeRows = s.BrickY + (2 * halo);
        var (firstY, firstX) = (at.Y - halo, at.X - halo);
        var (endY, endX) = (firstY + planeRows, firstX + rowVoxels);
        var step = Group.DimX >> 2;
        var (stepY, stepX) = (step / rowVoxels, step % rowVoxels);
        var voxel = Group.IdxX >> 2;
        var row = voxel / rowVoxels;
        var x = firstX + (voxel % rowVoxels);
        var y = firstY + (row % planeRows);
        var z = at.Z - haloZ + (row / planeRows);
        for (var end = (s.BrickZ + (2 * haloZ)) * planeRows * rowVoxels; voxel < end; voxel += step)
        {
            var inside = ((uint)z < (uint)s.Z) & ((uint)y < (uint)s.Y) & ((uint)x < (uint)s.X);
            var position = (((z * s.Y) + y) * s.X) + x;
            var lower = ChannelQuad.Read(first, position, inside);
            var upper = precision >= TileWords.Bf16 && !halves ? ChannelQuad.Read(second, position, inside) : lower;
            brick[(voxel * (VoxelWords / 4)) + part] = halves ? lower : TileWords.Depths(lower, upper, precision);
            x += stepX;
            var overX = x >= endX;
            x -= overX ? rowVoxels : 0;
            y += overX ? stepY + 1 : stepY;
            var overY = y >= endY;
            y -= overY ? planeRows : 0;
            z += overY ? 1 : 0;
            overY = y >= endY;                            // a step is less than two planes
            y -= overY ? planeRows : 0;
            z += overY ? 1 : 0;
        }
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
        ArrayView<float> source, ArrayView<float> source2, int channels, int channels2, int c, int sample, int voxels, int shift)
    {
        var second = c >= channels;
        var quad = default(ChannelQuad);
        quad.Quads = (second ? channels2 : channels) >> shift;
        quad.Quad = c >= channels + channels2 ? -1 : (second ? c - channels : c) >> shift;
        quad.From = (second ? source2 : source).Cast<Float4>().SubView((long)sample * voxels * quad.Quads);
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
