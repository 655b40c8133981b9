using SharpSeg.AutoPlanner.Datasets;

namespace SharpSeg.AutoPlanner.Evaluation;

/// <summary>A foreground label or region that is scored.</summary>
/// <param name="Key">"2" for a label, "(1, 2, 3)" for a region, as nnU-Net writes them.</param>
/// <param name="Name">Its name in dataset.json.</param>
/// <param name="Labels">The label values that make it up.</param>
public sealed record EvaluatedClass(string Key, string Name, IReadOnlyList<int> Labels)
{
    /// <summary>The classes of a dataset in declared order.</summary>
    public static IReadOnlyList<EvaluatedClass> Of(LabelScheme scheme) =>
    [
        .. scheme.EvaluatedClasses.Select(entry => new EvaluatedClass(
            entry.Values.Count == 1 ? $"{entry.Values[0]}" : $"({string.Join(", ", entry.Values)})", entry.Name, entry.Values)),
    ];
}
