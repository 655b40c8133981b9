namespace SharpSeg.Kernels.Cpu.Convolution;

/// <summary>
/// Where the taps of a tile lie: Planes × Rows runs of Run consecutive floats each, relative to a voxel's first tap.
/// </summary>
internal struct Taps
{
    /// <summary>Taps along z.</summary>
    public int Planes;

    /// <summary>Taps along y.</summary>
    public int Rows;

    /// <summary>Taps along x times input channels: one contiguous run of floats.</summary>
    public int Run;

    /// <summary>Floats from one plane of taps to the next.</summary>
    public nint PlanePitch;

    /// <summary>Floats from one row of taps to the next.</summary>
    public nint RowPitch;

    /// <summary>Floats from one voxel of a group to the next.</summary>
    public nint VoxelPitch;
}
