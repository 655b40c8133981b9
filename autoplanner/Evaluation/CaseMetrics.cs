namespace SharpSeg.AutoPlanner.Evaluation;

/// <summary>Metrics of one case.</summary>
/// <param name="CaseId">Name of the case.</param>
/// <param name="ReferenceFile">Label file it was compared with.</param>
/// <param name="PredictionFile">Predicted label file.</param>
/// <param name="Metrics">Per class, in the order of the summary's classes.</param>
/// <param name="Warning">What was odd but did not prevent the comparison, or null.</param>
public sealed record CaseMetrics(
    string CaseId, string ReferenceFile, string PredictionFile, IReadOnlyList<ClassMetrics> Metrics, string? Warning = null);
