namespace SharpSeg.AutoPlanner.Planning.Fingerprinting;

/// <summary>What the training references say about one class, or about one region as the union of its labels.</summary>
/// <param name="Name">Name in dataset.json.</param>
/// <param name="Labels">Label values that make it up.</param>
/// <param name="Voxels">Voxels over all cases.</param>
/// <param name="CasesPresent">Cases with at least one voxel.</param>
/// <param name="MostComponents">
/// The greatest number of connected components (face contact, 6 neighbours) in any one case. `classic` postprocessing keeps only
/// the largest component of a class where this is 1 (docs/method/evaluation.md §5).
/// </param>
public sealed record ClassFacts(string Name, IReadOnlyList<int> Labels, long Voxels, int CasesPresent, int MostComponents);
