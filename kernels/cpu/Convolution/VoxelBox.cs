namespace SharpSeg.Kernels.Cpu.Convolution;

/// <summary>A box of voxels in two arrays at once: the input (x) and the output's gradient (g). Pitches in floats.</summary>
internal struct VoxelBox
{
    /// <summary>Voxels along z.</summary>
    public int Planes;

    /// <summary>Voxels along y.</summary>
    public int Rows;

    /// <summary>Voxels along x.</summary>
    public int Columns;

    /// <summary>Input: one plane on.</summary>
    public nint XPlanePitch;

    /// <summary>Input: one row on.</summary>
    public nint XRowPitch;

    /// <summary>Input: one voxel on.</summary>
    public nint XVoxelPitch;

    /// <summary>Gradient: one plane on.</summary>
    public nint GPlanePitch;

    /// <summary>Gradient: one row on.</summary>
    public nint GRowPitch;

    /// <summary>Gradient: one voxel on.</summary>
    public nint GVoxelPitch;
}
