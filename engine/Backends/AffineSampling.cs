using SharpSeg.Engine.Tensors;

namespace SharpSeg.Engine.Backends;

/// <summary>A position or step (z, y, x) in voxels.</summary>
public readonly record struct VoxelPosition(double Z, double Y, double X);

/// <summary>
/// Where a patch's voxels are taken from (docs/method/augmentation.md §3): voxel i of a patch P from position q = M·(i − (P −
/// 1)/2) + (N − 1)/2 of the initial patch N, so that the centres coincide. Only a box of the initial patch is available.
/// </summary>
/// <param name="Patch">Voxels of the patch, P.</param>
/// <param name="Initial">Voxels of the initial patch, N.</param>
/// <param name="Origin">First voxel of the box in the initial patch.</param>
/// <param name="Box">Voxels of the box; all three 0 if it is empty.</param>
/// <param name="Channels">Image channels.</param>
/// <param name="Planar">Each slice on its own: voxel z comes from slice z, with four taps instead of eight.</param>
/// <param name="StepZ">M·(1, 0, 0): from one voxel to the next along z.</param>
/// <param name="StepY">M·(0, 1, 0).</param>
/// <param name="StepX">M·(0, 0, 1).</param>
public readonly record struct AffineSampling(
    Extent Patch, Extent Initial, Extent Origin, Extent Box, int Channels, bool Planar, VoxelPosition StepZ, VoxelPosition StepY,
    VoxelPosition StepX)
{
    /// <summary>The position q that a voxel of the patch is taken from.</summary>
    /// <param name="z">Voxel.</param>
    /// <param name="y">Voxel.</param>
    /// <param name="x">Voxel.</param>
    /// <param name="displacement">Added to the voxel before M is applied; z does not matter in planar maps.</param>
    public VoxelPosition Position(int z, int y, int x, VoxelPosition displacement = default)
    {
        var dz = z - ((Patch.Z - 1) * 0.5) + displacement.Z;
        var dy = y - ((Patch.Y - 1) * 0.5) + displacement.Y;
        var dx = x - ((Patch.X - 1) * 0.5) + displacement.X;
        return new(
            Planar ? z : (StepZ.Z * dz) + (StepY.Z * dy) + (StepX.Z * dx) + ((Initial.Z - 1) * 0.5),
            (StepZ.Y * dz) + (StepY.Y * dy) + (StepX.Y * dx) + ((Initial.Y - 1) * 0.5),
            (StepZ.X * dz) + (StepY.X * dy) + (StepX.X * dx) + ((Initial.X - 1) * 0.5));
    }

    /// <summary>Throws <see cref="ShapeException"/> unless all lengths fit.</summary>
    public void Check(in BoxVoxels from, in PatchVoxels to)
    {
        long box = Box.Voxels, patch = Patch.Voxels;
        Require(from.Image.Length, box * Channels, "image of the box");
        Require(from.Labels.Length, box, "labels of the box");
        Require(from.Previous.Length, to.Previous.IsEmpty ? 0 : box, "second labels of the box");
        Require(to.Image.Length, patch * Channels, "image of the patch");
        Require(to.Labels.Length, patch, "labels of the patch");
        Require(to.Previous.Length, to.Previous.IsEmpty ? 0 : patch, "second labels of the patch");
    }

    private static void Require(long length, long expected, string name)
    {
        if (length != expected)
        {
            throw new ShapeException($"{name}: {length} values, expected {expected}");
        }
    }
}

/// <summary>The available voxels of an initial patch.</summary>
/// <param name="image">Box (z, y, x, c).</param>
/// <param name="labels">Box (z, y, x).</param>
/// <param name="previous">A second label of the box, sampled in the same way; empty if there is none.</param>
public readonly ref struct BoxVoxels(ReadOnlySpan<float> image, ReadOnlySpan<short> labels, ReadOnlySpan<short> previous)
{
    /// <summary>Box (z, y, x, c).</summary>
    public ReadOnlySpan<float> Image { get; } = image;

    /// <summary>Box (z, y, x).</summary>
    public ReadOnlySpan<short> Labels { get; } = labels;

    /// <summary>A second label of the box; empty if there is none.</summary>
    public ReadOnlySpan<short> Previous { get; } = previous;
}

/// <summary>Memory for a sampled patch.</summary>
/// <param name="image">Planes (c, z, y, x).</param>
/// <param name="labels">Patch (z, y, x).</param>
/// <param name="previous">The second label; empty if there is none.</param>
public readonly ref struct PatchVoxels(Span<float> image, Span<short> labels, Span<short> previous)
{
    /// <summary>Planes (c, z, y, x).</summary>
    public Span<float> Image { get; } = image;

    /// <summary>Patch (z, y, x).</summary>
    public Span<short> Labels { get; } = labels;

    /// <summary>The second label; empty if there is none.</summary>
    public Span<short> Previous { get; } = previous;
}

/// <summary>The largest spatial transform that a training run asks for.</summary>
/// <param name="Patch">Voxels of a patch.</param>
/// <param name="Initial">Voxels of the initial patch: no box is larger.</param>
/// <param name="Channels">Image channels.</param>
/// <param name="Labels">Labels per voxel: 2 in a cascade, else 1.</param>
/// <param name="Planar">Each slice on its own.</param>
/// <param name="ElasticTaps">Longest kernel that smooths a displacement; 0 if there is none.</param>
public readonly record struct SamplingLimits(
    Extent Patch, Extent Initial, int Channels, int Labels, bool Planar, int ElasticTaps);
