namespace SharpSeg.AutoPlanner.Datasets;

/// <summary>
/// Partly labelled cases (docs/method/datasets.md §10): in their label maps some classes were never drawn, so that 0 may be
/// background or one of these. They teach and are scored by the classes that they show.
/// </summary>
public sealed class PartialLabels
{
    private readonly Dictionary<string, IReadOnlyList<int>> lacking = new(StringComparer.Ordinal);

    /// <summary>Takes names for indices.</summary>
    /// <param name="classes">Names of the evaluated classes, in order.</param>
    /// <param name="labelled">Case to the classes that its label map shows; null or empty if all show all.</param>
    /// <exception cref="SharpSegException">A name is no class, or a case shows none.</exception>
    internal PartialLabels(IReadOnlyList<string> classes, IReadOnlyDictionary<string, IReadOnlyList<string>>? labelled)
    {
        Labelled = labelled ?? new Dictionary<string, IReadOnlyList<string>>();
        var known = classes.ToHashSet(StringComparer.Ordinal);
        foreach (var (caseId, names) in Labelled)
        {
            if (names.FirstOrDefault(name => !known.Contains(name)) is { } unknown)
            {
                throw new SharpSegException(
                    $"`labelled`: case `{caseId}` names `{unknown}`, which is no class",
                    $"the classes are {string.Join(", ", classes)}");
            }

            if (names.Count == 0)
            {
                throw new SharpSegException(
                    $"`labelled`: case `{caseId}` shows no class, so that nothing can be learned from it", "leave the case out");
            }

            var shown = names.ToHashSet(StringComparer.Ordinal);
            int[] missing = [.. Enumerable.Range(0, classes.Count).Where(index => !shown.Contains(classes[index]))];
            if (missing.Length > 0)
            {
                lacking.Add(caseId, missing);
            }
        }
    }

    /// <summary>What was said of which case, those with all classes included.</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<string>> Labelled { get; }

    /// <summary>Whether any case lacks a class.</summary>
    public bool Any => lacking.Count > 0;

    /// <summary>Indices of the evaluated classes that a case's label map does not show; none for a case that shows all.</summary>
    public IReadOnlyList<int> Of(string caseId) => lacking.GetValueOrDefault(caseId) ?? [];

    /// <summary>Evaluated classes that none of these cases shows.</summary>
    /// <param name="cases">Names of cases.</param>
    /// <param name="classes">Number of evaluated classes.</param>
    public IReadOnlyList<int> ShownByNone(IReadOnlyCollection<string> cases, int classes) =>
        [.. Enumerable.Range(0, classes).Where(index => cases.Count > 0 && cases.All(id => Of(id).Contains(index)))];
}
