using ILGPU;

namespace SharpSeg.Kernels.Gpu.Device;

/// <summary>
/// One thread per element of a volume, with row and plane as axes of the grid: a position is found by dividing nothing but the
/// place in a row, in 32 bits. (A 64-bit division takes a GPU some hundred instructions, more than moving the element.)
/// </summary>
internal static class RowIndex
{
    private const int GroupSize = 256;                    // threads

    /// <summary>Place in the row; may lie beyond its end.</summary>
    public static int Element => (Grid.IdxX * Group.DimX) + Group.IdxX;

    /// <summary>Row of the plane; may lie beyond the last one.</summary>
    public static int Row => (Grid.IdxY * Group.DimY) + Group.IdxY;

    /// <summary>Plane.</summary>
    public static int Plane => Grid.IdxZ;

    /// <summary>A launch with at least one thread per element. GPUs take up to 65535 planes.</summary>
    /// <param name="rowLength">Elements of a row: voxels × channels.</param>
    /// <param name="rows">Rows of a plane.</param>
    /// <param name="planes">Planes of all samples.</param>
    public static KernelConfig Over(int rowLength, int rows, int planes)
    {
        var along = 32;                                   // a warp
        while (along < rowLength && along < (rows == 1 ? GroupSize : GroupSize / 2))
        {
            along *= 2;
        }

        var across = GroupSize / along;
        return new KernelConfig(
            new Index3D((rowLength + along - 1) / along, (rows + across - 1) / across, planes), new Index3D(along, across, 1));
    }
}
