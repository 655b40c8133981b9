namespace SharpSeg.AutoPlanner.Steps;

/// <summary>What a run over a dataset did.</summary>
/// <param name="Folder">Where the cases are stored.</param>
/// <param name="CaseIds">All cases, in the dataset's order.</param>
/// <param name="Written">How many were computed now.</param>
/// <param name="Reused">How many were complete, undamaged and up to date already.</param>
public sealed record PreprocessingReport(string Folder, IReadOnlyList<string> CaseIds, int Written, int Reused);
