using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Workspaces;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;
using SharpSeg.Engine.Training;

namespace SharpSeg.AutoPlanner.Training;

/// <summary>
/// How much of a device's memory training will take, part by part, before anything is allocated; exact for all tensors
/// (<see cref="PeakMemory"/>).
/// </summary>
/// <param name="Weights">Bytes of the network's weights.</param>
/// <param name="Gradients">Bytes of their gradients.</param>
/// <param name="Optimizer">Bytes of the optimiser's moments.</param>
/// <param name="Activations">Bytes of activations, their gradients, batches and targets.</param>
/// <param name="Workspace">Bytes that operations take besides tensors, estimated.</param>
/// <param name="Augmentation">
/// Most bytes that the augmentation's spatial transform takes; 0 where the processor computes it.
/// </param>
internal sealed record MemoryPlan(
    long Weights, long Gradients, long Optimizer, long Activations, long Workspace, long Augmentation)
{
    private const int LeastEdge = 16;                     // voxels; smaller patches see too little to be worth proposing

    /// <summary>
    /// Activations that are cheap to make again stay instead, so that the backward pass need not: the device has room
    /// (<see cref="TrainingOptions.RecomputeActivations"/>).
    /// </summary>
    public bool KeepsActivations { get; init; }

    /// <summary>The network's, to which <see cref="Workspace"/> belongs.</summary>
    public IReadOnlyCollection<ConvProblem> Convolutions { get; init; } = [];

    /// <summary>Predicted bytes at the peak.</summary>
    public long Total => Weights + Gradients + Optimizer + Activations + Workspace + Augmentation;

    /// <summary>The plan of a configuration on a device.</summary>
    /// <param name="profile">Decides the optimiser.</param>
    /// <param name="configuration">Network, patch, batch.</param>
    /// <param name="description">Channels and labels.</param>
    /// <param name="backend">The device.</param>
    public static MemoryPlan Of(
        Profile profile, ConfigurationPlan configuration, DatasetDescription description, Backend backend) =>
        PeakMemory.Training(profile, configuration, description, backend);

    /// <summary>One line: the parts, the sum, and what the device has.</summary>
    public string Describe(Backend backend) =>
        $"memory plan: weights {Size(Weights)}, gradients {Size(Gradients)}, optimiser {Size(Optimizer)}, activations "
            + $"{Size(Activations)}{(KeepsActivations ? " (all kept)" : "")}, "
        + $"workspace {Size(Workspace)}"
            + (Augmentation > 0 ? $", augmentation {Size(Augmentation)}" : "") + $": peak {Size(Total)}"
        + (backend.MemoryBytes > 0 ? $" of {Size(backend.MemoryBytes)}" : "");

    /// <summary>Refuses what cannot fit, before anything is allocated.</summary>
    /// <returns>The plan that fits.</returns>
    /// <exception cref="SharpSegException">
    /// The device has less memory than the plan needs; the hint says what would fit.
    /// </exception>
    public static MemoryPlan Require(
        Profile profile, ConfigurationPlan configuration, DatasetDescription description, Backend backend) =>
        Require(
            profile, configuration, description, backend, backend.MemoryBytes > 0 ? backend.MemoryBytes : long.MaxValue,
            $"{backend.Name} has {Size(backend.MemoryBytes)}", "use --device cpu");

    /// <summary>As the other, where only a part of the memory is left.</summary>
    /// <param name="profile">Decides the optimiser.</param>
    /// <param name="configuration">Network, patch, batch.</param>
    /// <param name="description">Channels and labels.</param>
    /// <param name="backend">The device.</param>
    /// <param name="limit">Bytes that are left.</param>
    /// <param name="whatIsThere">Says so.</param>
    /// <param name="whereIsMore">What gives the plan the memory that it needs, for the hint.</param>
    public static MemoryPlan Require(
        Profile profile, ConfigurationPlan configuration, DatasetDescription description, Backend backend, long limit,
        string whatIsThere, string whereIsMore)
    {
        var plan = Of(profile, configuration, description, backend);
        if (plan.Total <= limit)
        {
            return plan;
        }

        throw new SharpSegException(
            $"{configuration.Name} with batch {configuration.BatchSize} and patch {configuration.Patch} needs "
                + $"{Size(plan.Total)}, {whatIsThere}",
            WhatFits(profile, configuration, description, backend, limit, whereIsMore));
    }

    /// <summary>What to do when memory is insufficient: the largest smaller batch that fits, else the largest patch.</summary>
    /// <param name="profile">Decides the optimiser.</param>
    /// <param name="configuration">What does not fit.</param>
    /// <param name="description">Channels and labels.</param>
    /// <param name="backend">The device.</param>
    /// <param name="limit">Bytes.</param>
    /// <param name="whereIsMore">What gives more, where no batch fits.</param>
    private static string WhatFits(
        Profile profile, ConfigurationPlan configuration, DatasetDescription description, Backend backend, long limit,
        string whereIsMore)
    {
        bool Fits(ConfigurationPlan smaller) => Of(profile, smaller, description, backend).Total <= limit;

        int fitting = 0, beyond = configuration.BatchSize; // fitting fits (0: nothing known to), beyond does not
        while (beyond - fitting > 1)
        {
            var middle = (fitting + beyond) / 2;
            (fitting, beyond) = Fits(configuration with { BatchSize = middle }) ? (middle, beyond) : (fitting, middle);
        }

        if (fitting > 0)
        {
            return $"batch {fitting} fits: --batch {fitting}";
        }

        for (var patch = Smaller(configuration); patch is not null; patch = Smaller(patch))
        {
            if (Fits(patch with { BatchSize = 1 }))
            {
                return $"no batch of this patch fits; a patch of {patch.Patch} does: plan again with a smaller --memory, or "
                    + whereIsMore;
            }
        }

        return $"no patch of this network fits; plan again with a smaller --memory, or {whereIsMore}";
    }

    /// <summary>
    /// The same with its longest edge shortened by one step of the network's strides; null if there is nothing left to shorten.
    /// </summary>
    private static ConfigurationPlan? Smaller(ConfigurationPlan configuration)
    {
        var patch = configuration.Patch;
        var divisor = configuration.Architecture.Divisor();
        var total = configuration.Is2D ? new Extent(1, divisor[0], divisor[1]) : Extent.FromArray(divisor);
        var (longest, edge) = (-1, 0);
        for (var axis = 0; axis < 3; axis++)
        {
            if (patch[axis] - total[axis] >= Math.Max(LeastEdge, total[axis]) && patch[axis] > edge)
            {
                (longest, edge) = (axis, patch[axis]);
            }
        }

        if (longest < 0)
        {
            return null;
        }

        var smaller = patch.With(longest, edge - total[longest]);
        return configuration with { PatchSize = configuration.Is2D ? [smaller.Y, smaller.X] : smaller.ToArray() };
    }

    /// <summary>Bytes as readable text.</summary>
    internal static string Size(long bytes) => bytes switch
    {
        >= 1_000_000_000 => FormattableString.Invariant($"{bytes / 1e9:0.00} GB"),
        >= 10_000_000 => FormattableString.Invariant($"{bytes / 1e6:0} MB"),
        _ => FormattableString.Invariant($"{bytes / 1e6:0.##} MB"),
    };
}
