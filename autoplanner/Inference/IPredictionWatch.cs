using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Preprocessing;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Inference;

/// <summary>
/// Looks on while a scan is predicted, and changes nothing: what it is shown is what the prediction goes on with.
/// </summary>
internal interface IPredictionWatch
{
    /// <summary>How many augmented patches one who looks on may draw; planned for (docs/method/memory.md §2).</summary>
    const int Patches = 5;

    /// <summary>A configuration begins; in a cascade or an ensemble several do, one after the other.</summary>
    /// <param name="plans">Its plans.</param>
    /// <param name="configuration">The configuration.</param>
    /// <param name="folds">Networks that are averaged.</param>
    void Begin(Plans plans, ConfigurationPlan configuration, int folds);

    /// <summary>A channel after a step of preprocessing: <see cref="PreprocessingWatch"/>.</summary>
    void Preprocessed(PreprocessingStep step, int channel, float[] voxels, Extent shape, CaseProperties properties);

    /// <summary>
    /// Preprocessing is over, and no network has answered: of the case nothing is in memory but what they will see.
    /// </summary>
    void Prepared();

    /// <summary>The tiles, and how much each voxel of the preprocessed grid was looked at.</summary>
    /// <param name="tiling">Where the tiles lie.</param>
    /// <param name="tile">Weights within a tile (z, y, x).</param>
    /// <param name="sum">Sum of the weights of all tiles at each voxel (z, y, x).</param>
    void Weighed(Tiling tiling, float[] tile, float[] sum);

    /// <summary>What the networks say. The outputs go on to be decided: they are not to be disposed of.</summary>
    /// <param name="outputs">On the preprocessed grid.</param>
    /// <param name="properties">What preprocessing did to the case.</param>
    void Answered(NetworkOutputs outputs, CaseProperties properties);
}
