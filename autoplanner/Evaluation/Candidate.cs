namespace SharpSeg.AutoPlanner.Evaluation;

/// <summary>A configuration, or two whose probabilities are averaged.</summary>
/// <param name="Configurations">One or two names.</param>
public sealed record Candidate(IReadOnlyList<string> Configurations)
{
    /// <summary>Whether it averages two configurations.</summary>
    public bool IsEnsemble => Configurations.Count > 1;

    /// <inheritdoc/>
    public override string ToString() => string.Join("+", Configurations);
}
