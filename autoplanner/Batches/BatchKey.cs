namespace SharpSeg.AutoPlanner.Batches;

/// <summary>Names one batch of a run.</summary>
/// <param name="Training">Training or validation.</param>
/// <param name="Epoch">0-based epoch.</param>
/// <param name="Iteration">0-based iteration within the epoch's training or validation.</param>
internal readonly record struct BatchKey(bool Training, int Epoch, int Iteration)
{
    /// <summary>What a training loop asks for next: an epoch's training batches, its validation batches, then the next epoch.</summary>
    public BatchKey Next(int trainingIterations, int validationIterations)
    {
        if (Iteration + 1 < (Training ? trainingIterations : validationIterations))
        {
            return this with { Iteration = Iteration + 1 };
        }

        return Training && validationIterations > 0 ? new BatchKey(false, Epoch, 0) : new BatchKey(true, Epoch + 1, 0);
    }
}
