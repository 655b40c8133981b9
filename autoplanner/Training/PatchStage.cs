using SharpSeg.AutoPlanner.Batches;
using SharpSeg.Engine.Networks;
using SharpSeg.Engine.Tensors;
using SharpSeg.Engine.Training;

namespace SharpSeg.AutoPlanner.Training;

/// <summary>
/// What a training holds for one size of patches: the step, the loader, and room for a batch's predictions. A run has one stage,
/// or begins with one of smaller patches (docs/method/budget.md §4): more steps in the same time.
/// </summary>
internal sealed class PatchStage : IDisposable
{
    private const double SmallEdge = 0.8; // of the patch's: half of the voxels

    private PatchStage(TrainingStep step, BatchLoader loader, float[] predictions) =>
        (Step, Loader, Predictions) = (step, loader, predictions);

    /// <summary>Learns from batches of the stage's patches.</summary>
    public TrainingStep Step { get; }

    /// <summary>Makes them.</summary>
    public BatchLoader Loader { get; }

    /// <summary>Receives the labels or logits of a batch's full-resolution output.</summary>
    public float[] Predictions { get; }

    /// <summary>Prepares a stage.</summary>
    /// <param name="step">The step.</param>
    /// <param name="loader">The loader, of the same patch.</param>
    /// <param name="network">The network.</param>
    /// <param name="patch">The patch.</param>
    /// <param name="hasRegions">Whether logits are wanted.</param>
    public static PatchStage Of(TrainingStep step, BatchLoader loader, Network network, Extent patch, bool hasRegions) =>
        new(step, loader, new float[step.BatchSize * patch.Voxels * (hasRegions ? network.Plan.OutputChannels : 1)]);

    /// <summary>The patch of an epoch.</summary>
    /// <param name="recipe">The run's; null is nnU-Net's, which has one patch.</param>
    /// <param name="epoch">0-based epoch.</param>
    /// <param name="epochs">Epochs of the run.</param>
    /// <param name="patch">The planned patch.</param>
    /// <param name="plan">The network, which divides patches by its strides.</param>
    public static Extent PatchOf(TrainingRecipe? recipe, int epoch, int epochs, Extent patch, NetworkPlan plan) =>
        recipe is not null && epoch < Math.Floor(recipe.SmallPatchShare * epochs) ? Small(patch, plan) : patch;

    /// <summary>
    /// The smaller patch: each edge 0.8 of the planned one, rounded down to a multiple of the network's total stride, but two
    /// voxels at the bottleneck where the planned patch has them.
    /// </summary>
    public static Extent Small(Extent patch, NetworkPlan plan)
    {
        var stride = plan.CumulativeStride(plan.Stages - 1);
        int Edge(int axis) => Math.Min(
            patch[axis], Math.Max(2 * stride[axis], (int)(SmallEdge * patch[axis]) / stride[axis] * stride[axis]));
        return new Extent(Edge(0), Edge(1), Edge(2));
    }

    /// <summary>Stops the loader's threads and frees the step's memory.</summary>
    public void Dispose()
    {
        Loader.Dispose();
        Step.Dispose();
    }
}
