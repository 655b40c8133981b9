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
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Load(
        ArrayView<float> source, ArrayView<float> source2, int channels, int channels2, ArrayView<Float4> brick, BrickSizes s,
        BrickPlace at, int firstChannel, int haloZ, int halo, int precision)
    {
        // Four threads read the words of a voxel, four words each.
        var rowVoxels = BrickSizes.Edge + (2 * halo);
        var planeRows = s.BrickY + (2 * halo);
        var voxels = (s.BrickZ + (2 * haloZ)) * planeRows * rowVoxels;
        var part = Group.IdxX & 3;
        var c = firstChannel + (part * (TileWords.DepthOf(precision) >> 2));
        var sample = (long)at.Sample * s.Z * s.Y * s.X;
        for (var voxel = Group.IdxX >> 2; voxel < voxels; voxel += Group.DimX >> 2)
        {
            var row = voxel / rowVoxels;
            var z = at.Z + (row / planeRows) - haloZ;
            var y = at.Y + (row % planeRows) - halo;
            var x = at.X + (voxel % rowVoxels) - halo;
            var inside = z >= 0 && z < s.Z && y >= 0 && y < s.Y && x >= 0 && x < s.X;
            var position = sample + (((z * s.Y) + y) * s.X) + x;
            var first = Four(source, source2, channels, channels2, position, c, inside);
            var second = precision >= TileWords.Bf16
                ? Four(source, source2, channels, channels2, position, c + 4, inside)
                : first;
            brick[(voxel * (VoxelWords / 4)) + part] = TileWords.Depths(first, second, precision);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Float4 Four(
        ArrayView<float> source, ArrayView<float> source2, int channels, int channels2, long position, int c, bool inside)
    {
        var value = default(Float4);
        if (inside && c < channels + channels2)
        {
            var second = c >= channels;
            var from = (second ? source2 : source).Cast<Float4>();
            value = ReadOnlyMemory.Read(
                from, ((position * (second ? channels2 : channels)) + (second ? c - channels : c)) >> 2);
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
