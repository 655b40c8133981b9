using System.Runtime.CompilerServices;
using SharpSeg.KernelSanitizer;

namespace ILGPU;

/// <summary>The running thread's place in its group, and the group's barrier.</summary>
public static class Group
{
    /// <summary>Position of this thread, x.</summary>
    public static int IdxX => Lane.Here.ThreadIndex.X;

    /// <summary>Position of this thread, y.</summary>
    public static int IdxY => Lane.Here.ThreadIndex.Y;

    /// <summary>Position of this thread, z.</summary>
    public static int IdxZ => Lane.Here.ThreadIndex.Z;

    /// <summary>Threads of the group, x.</summary>
    public static int DimX => Lane.Here.Group.Config.GroupDim.X;

    /// <summary>Threads of the group, y.</summary>
    public static int DimY => Lane.Here.Group.Config.GroupDim.Y;

    /// <summary>Threads of the group, z.</summary>
    public static int DimZ => Lane.Here.Group.Config.GroupDim.Z;

    /// <summary>
    /// Waits for every thread of the group. The optional arguments are filled in by the compiler: they let the sanitizer see that
    /// all threads wait at one and the same barrier.
    /// </summary>
    public static void Barrier([CallerFilePath] string file = "", [CallerLineNumber] int line = 0) =>
        Lane.Here.Group.Barrier(Lane.Here, new SourceLine(file, line));
}

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
