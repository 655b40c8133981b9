namespace SharpSeg.AutoPlanner.Inference;

/// <summary>Whether class probabilities are kept, and how (docs/method/inference.md §8).</summary>
public enum SavedProbabilities
{
    /// <summary>No.</summary>
    None,

    /// <summary>The highest classes of every voxel, rounded and deflated: a fraction of the bytes, and the same labels but for
    /// ties within the rounding.</summary>
    Compact,

    /// <summary>All classes in float32.</summary>
    Full,
}
