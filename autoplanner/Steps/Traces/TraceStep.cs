namespace SharpSeg.AutoPlanner.Steps.Traces;

/// <summary>One station of a case on its way through the method.</summary>
/// <param name="Kind">Which.</param>
/// <param name="Configuration">Of which configuration; empty where all share it.</param>
/// <param name="Facts">What happened to this very case, a line each.</param>
/// <param name="Volumes">What came out.</param>
internal sealed record TraceStep(
    TraceKind Kind, string Configuration, IReadOnlyList<string> Facts, IReadOnlyList<TraceVolume> Volumes);

/// <summary>A volume of a station.</summary>
/// <param name="Name">What it is.</param>
/// <param name="File">Its NIfTI file, in the trace's folder.</param>
/// <param name="Labels">Labels on the same grid, drawn as outlines; null for none.</param>
/// <param name="Notes">What is special about it, a line each.</param>
/// <param name="ShownAs">For a volume with a place of its own, a patch or a tile: it is shown there, hung like volumes of this
/// affine but without sides, which may be mirrored. Null shows the point at which all others are shown.</param>
/// <param name="Range">Values shown black and white; null takes them from the volume.</param>
internal sealed record TraceVolume(
    string Name, string File, string? Labels = null, IReadOnlyList<string>? Notes = null, double[]? ShownAs = null,
    (float Low, float High)? Range = null);

/// <summary>The stations.</summary>
internal enum TraceKind
{
    /// <summary>The scan as its file holds it.</summary>
    Raw,

    /// <summary>The box of signal.</summary>
    Cropped,

    /// <summary>Intensities on the network's scale.</summary>
    Normalised,

    /// <summary>On the target spacing.</summary>
    Resampled,

    /// <summary>What training makes of it.</summary>
    Augmented,

    /// <summary>How tiles are weighed.</summary>
    Tiles,

    /// <summary>What the networks answer.</summary>
    Logits,

    /// <summary>The answers as probabilities on the scan's grid.</summary>
    Probabilities,

    /// <summary>The segmentation.</summary>
    Final,
}
