using ILGPU;

namespace SharpSeg.KernelSanitizer;

/// <summary>What a thread of a group is doing.</summary>
internal enum LaneState
{
    /// <summary>It may run when its turn comes.</summary>
    Ready,

    /// <summary>It waits at the group's barrier.</summary>
    AtBarrier,

    /// <summary>It waits for the other threads of its warp.</summary>
    AtCollective,

    /// <summary>It looks at sums of products to which other threads of its warp have not come yet.</summary>
    AtProducts,

    /// <summary>It has left the kernel.</summary>
    Done,
}

/// <summary>One thread of the emulated GPU.</summary>
internal sealed class Lane(GroupRun group, int index, WarpProducts products)
{
    [ThreadStatic]
    private static Lane? current;

    private readonly Turn turn = new();

    /// <summary>The emulated thread that this thread of the process runs now; null outside kernels.</summary>
    internal static Lane? Current
    {
        get => current;
        set => current = value;
    }

    /// <summary>Like <see cref="Current"/>, inside kernels.</summary>
    internal static Lane Here =>
        current ?? throw new InvalidOperationException("device memory and thread positions exist only inside a kernel");

    internal GroupRun Group { get; } = group;

    /// <summary>x + DimX·(y + DimY·z).</summary>
    internal int Index { get; } = index;

    internal Index3D ThreadIndex { get; set; }

    internal LaneState State { get; set; }

    /// <summary>Where it waits, if it waits.</summary>
    internal SourceLine Site { get; set; }

    /// <summary>How many blocks of shared memory it has asked for in this group.</summary>
    internal int SharedBlocks { get; set; }

    /// <summary>How many exchanges inside its warp it has taken part in.</summary>
    internal int Collectives { get; set; }

    /// <summary>
    /// What it gave to the last two exchanges. Two, because a thread may reach the next exchange before a slower one has looked
    /// at what was given to this one.
    /// </summary>
    internal uint[] Given { get; } = new uint[2];

    /// <summary>Its copies that are on their way.</summary>
    internal PendingCopies Copies { get; } = new();

    /// <summary>The products of its warp.</summary>
    internal WarpProducts Products { get; } = products;

    /// <summary>To how many products all threads of the warp must have come before it may go on, if it waits for that.</summary>
    internal int ProductsNeeded { get; set; }

    /// <summary>Lets this thread go on.</summary>
    internal void Resume() => turn.Give();

    /// <summary>Sleeps until it is this thread's turn.</summary>
    internal void AwaitTurn() => turn.Await();
}

/// <summary>A line of kernel source.</summary>
/// <param name="File">Source file.</param>
/// <param name="Line">Line, from 1.</param>
internal readonly record struct SourceLine(string File, int Line)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Path.GetFileName(File)}:{Line}";
}
