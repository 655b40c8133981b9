namespace SharpSeg.AutoPlanner.Evaluation;

/// <summary>A prediction and what to compare it with.</summary>
/// <param name="CaseId">Name of the case.</param>
/// <param name="ReferenceFile">Label file on the original grid.</param>
/// <param name="PredictionFile">Predicted label file on the same grid.</param>
public sealed record EvaluationCase(string CaseId, string ReferenceFile, string PredictionFile);
