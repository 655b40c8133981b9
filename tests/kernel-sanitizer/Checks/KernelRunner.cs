using ILGPU;

namespace SharpSeg.KernelSanitizer;

/// <summary>Runs launches: checks what a GPU would refuse, then one group after the other.</summary>
internal sealed class KernelRunner : IDisposable
{
    private const int MaxGridYZ = 65535; // CUDA's limit of the two slower grid axes
    private static readonly Lock Runs = new();
    private static readonly List<(GroupRun Run, bool Taken)> All = [];
    private readonly GroupRun group;
    private readonly int number;

    /// <summary>
    /// Takes the first set of threads that no other device uses. They are kept for the next, because starting 255 threads takes
    /// longer than most kernels here. The number of a set is its processor: devices at work beside each other have different
    /// ones.
    /// </summary>
    internal KernelRunner()
    {
        lock (Runs)
        {
            number = All.FindIndex(run => !run.Taken);
            if (number < 0)
            {
                number = All.Count;
                All.Add((new GroupRun(number), true));
            }

            group = All[number].Run;
            All[number] = (group, true);
        }
    }

    /// <summary>Runs a kernel over a grid.</summary>
    /// <exception cref="KernelFaultException">The launch or the kernel is wrong.</exception>
    internal void Launch(string kernel, in KernelConfig config, Action body)
    {
        var (grid, threads) = (config.GridDim, config.GroupDim);
        if (grid.X < 1 || grid.Y < 1 || grid.Z < 1 || grid.Y > MaxGridYZ || grid.Z > MaxGridYZ)
        {
            throw KernelFaultException.InvalidLaunch($"kernel {kernel}: a grid of {grid.X}×{grid.Y}×{grid.Z} groups");
        }

        if (threads.X < 1 || threads.Y < 1 || threads.Z < 1 || (long)threads.X * threads.Y * threads.Z > GroupRun.MaxThreads)
        {
            throw KernelFaultException.InvalidLaunch($"kernel {kernel}: a group of {threads.X}×{threads.Y}×{threads.Z} threads");
        }

        group.Begin(kernel, config);
        for (var z = 0; z < grid.Z; z++)
        {
            for (var y = 0; y < grid.Y; y++)
            {
                for (var x = 0; x < grid.X; x++)
                {
                    group.Run(new Index3D(x, y, z), body);
                }
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (Runs)
        {
            All[number] = (group, false);
        }
    }
}
