namespace ILGPU.Runtime;

/// <summary>What is promised of a kernel's launches.</summary>
/// <param name="maxNumThreadsPerGroup">Most threads of a group; null: nothing is promised.</param>
/// <param name="minNumGroupsPerMultiprocessor">Groups that a multiprocessor should hold at once; ignored here.</param>
public readonly struct KernelSpecialization(int? maxNumThreadsPerGroup, int? minNumGroupsPerMultiprocessor)
{
    /// <summary>No promise.</summary>
    public static readonly KernelSpecialization Empty;

    /// <summary>Most threads of a group.</summary>
    public int? MaxNumThreadsPerGroup { get; } = maxNumThreadsPerGroup;

    /// <summary>Groups that a multiprocessor should hold at once.</summary>
    public int? MinNumGroupsPerMultiprocessor { get; } = minNumGroupsPerMultiprocessor;
}
