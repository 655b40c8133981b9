namespace SharpSeg.Engine.Training;

/// <summary>A batch in host memory. Disposing gives its arrays back to whoever made it.</summary>
public interface IBatch : IDisposable
{
    /// <summary>Images (n, z, y, x, c).</summary>
    float[] Image { get; }

    /// <summary>
    /// One target per output of the network, full resolution first: (n, z, y, x, 1) labels or (n, z, y, x, r) regions, with
    /// one channel more for the mask of an ignore label. Outputs of one resolution (UNet++) share the first of their targets.
    /// Where label maps may lack classes (<see cref="Losses.LossOptions.PartlyLabelled"/>), one more: (n, 1, 1, 1, C),
    /// 1 for what a sample's label map lacks.
    /// </summary>
    IReadOnlyList<float[]> Targets { get; }
}

/// <summary>
/// Batches in the order in which <see cref="TrainingStep"/> learns from them. The step asks for a batch when the device has time
/// to receive it, which may be while it still computes with the one before.
/// </summary>
public interface IBatchSource
{
    /// <summary>Whether a batch may be taken ahead of its step; false at the end, and once the training is to stop.</summary>
    bool HasNext { get; }

    /// <summary>The next batch, which the step disposes of; waits until it is made.</summary>
    IBatch TakeNext();
}
