namespace SharpSeg.AutoPlanner.Planning;

/// <summary>One decision of the planner, for `plan --explain`.</summary>
/// <param name="Rule">The rule in words, with the chapter of the specification.</param>
/// <param name="Inputs">The numbers that went in.</param>
/// <param name="Result">What came out.</param>
public sealed record PlanDecision(string Rule, string Inputs, string Result)
{
    /// <summary>The configuration it belongs to; null for the whole dataset.</summary>
    public string? Configuration { get; init; }

    /// <summary>What is decided, as the key in plans.json where there is one, e.g. `patch_size`.</summary>
    public required string Subject { get; init; }
}

/// <summary>Plans and how they came about.</summary>
/// <param name="Plans">The plans.</param>
/// <param name="Decisions">Every decision in the order in which it was made.</param>
public sealed record PlanResult(Plans Plans, IReadOnlyList<PlanDecision> Decisions)
{
    /// <summary>
    /// Per configuration the rule-based estimate: feature-map voxels of one sample (docs/method/planning.md §3.5).
    /// </summary>
    public required IReadOnlyDictionary<string, long> MemoryEstimates { get; init; }
}

/// <summary>The decisions made so far.</summary>
internal sealed class DecisionLog
{
    private readonly List<PlanDecision> decisions = [];

    /// <summary>In the order in which they were made.</summary>
    public IReadOnlyList<PlanDecision> Decisions => decisions;

    /// <summary>Adds one.</summary>
    public void Add(string? configuration, string subject, string rule, string inputs, string result) =>
        decisions.Add(new PlanDecision(rule, inputs, result) { Configuration = configuration, Subject = subject });
}
