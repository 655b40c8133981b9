namespace SharpSeg.AutoPlanner.Inference;

/// <summary>How a volume is tiled and averaged (docs/method/inference.md §3 to §5).</summary>
/// <param name="Step">Largest distance of neighbouring tiles as a fraction of the patch.</param>
/// <param name="Gaussian">Weigh the middle of a tile more than its border.</param>
/// <param name="Mirroring">Average over all mirrored views.</param>
public sealed record InferenceOptions(double Step = 0.5, bool Gaussian = true, bool Mirroring = true);
