namespace ILGPU;

/// <summary>How many groups a launch has, and how many threads each.</summary>
public readonly struct KernelConfig
{
    /// <summary>A one-dimensional launch.</summary>
    public KernelConfig(Index1D gridDim, Index1D groupDim)
        : this(new Index3D(gridDim.X, 1, 1), new Index3D(groupDim.X, 1, 1))
    {
    }

    /// <summary>A two-dimensional launch.</summary>
    public KernelConfig(Index2D gridDim, Index2D groupDim)
        : this(new Index3D(gridDim.X, gridDim.Y, 1), new Index3D(groupDim.X, groupDim.Y, 1))
    {
    }

    /// <summary>A three-dimensional launch.</summary>
    public KernelConfig(Index3D gridDim, Index3D groupDim)
    {
        GridDim = gridDim;
        GroupDim = groupDim;
    }

    /// <summary>Number of groups per axis.</summary>
    public Index3D GridDim { get; }

    /// <summary>Number of threads of a group per axis.</summary>
    public Index3D GroupDim { get; }
}
