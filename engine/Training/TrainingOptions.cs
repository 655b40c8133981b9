using SharpSeg.Engine.Losses;

namespace SharpSeg.Engine.Training;

/// <summary>How a <see cref="TrainingStep"/> works.</summary>
/// <param name="Loss">The loss; one weight per output of the network.</param>
/// <param name="ClipNorm">Limit of the global gradient norm; null = no clipping (classic profile).</param>
/// <param name="RecomputeActivations">Make cheap activations again in the backward pass: about half of the memory.</param>
/// <param name="ScaleLoss">Scale the loss (<see cref="LossScale"/>); null: if the backend needs it.</param>
public sealed record TrainingOptions(
    LossOptions Loss, double? ClipNorm = TrainingOptions.DefaultClipNorm, bool RecomputeActivations = true, bool? ScaleLoss = null)
{
    /// <summary>nnU-Net's limit (docs/method/losses-and-optimisers.md §6).</summary>
    public const double DefaultClipNorm = 12.0;
}
