using SharpSeg.KernelSanitizer;

namespace ILGPU;

/// <summary>Where the running thread's group lies in the launch.</summary>
public static class Grid
{
    /// <summary>Position of this group, x.</summary>
    public static int IdxX => Lane.Here.Group.GridIndex.X;

    /// <summary>Position of this group, y.</summary>
    public static int IdxY => Lane.Here.Group.GridIndex.Y;

    /// <summary>Position of this group, z.</summary>
    public static int IdxZ => Lane.Here.Group.GridIndex.Z;

    /// <summary>Number of groups, x.</summary>
    public static int DimX => Lane.Here.Group.Config.GridDim.X;

    /// <summary>Number of groups, y.</summary>
    public static int DimY => Lane.Here.Group.Config.GridDim.Y;

    /// <summary>Number of groups, z.</summary>
    public static int DimZ => Lane.Here.Group.Config.GridDim.Z;
}
