namespace SharpSeg.AutoPlanner;

/// <summary>
/// One failed case does not stop a cohort: it is reported and remembered, the others go on. A single case fails as such.
/// </summary>
/// <param name="cases">How many cases there are.</param>
/// <param name="warn">Receives a line for every failed case.</param>
internal sealed class CaseFailures(int cases, Action<string> warn)
{
    private readonly List<FailedCase> failed = [];

    /// <summary>Does something for a case; false if that failed. May be called from several threads.</summary>
    /// <exception cref="SharpSegException">The only case failed.</exception>
    public bool Try(string id, Action work)
    {
        try
        {
            work();
            return true;
        }
        catch (SharpSegException error) when (cases > 1)
        {
            lock (failed)
            {
                failed.Add(new FailedCase(id, error.Message, error.Hint));
                warn($"case `{id}` failed, the others go on: {error.Message}");
            }

            return false;
        }
    }

    /// <summary>The cases that are left to do, which are never none.</summary>
    /// <exception cref="SharpSegException">None is left: all failed.</exception>
    public IReadOnlyList<T> Left<T>(IReadOnlyList<T> cases)
    {
        if (cases.Count == 0)
        {
            ThrowIfAny([]);
        }

        return cases;
    }

    /// <summary>What failed, in order.</summary>
    /// <exception cref="SharpSegException">All failed.</exception>
    public IReadOnlyList<FailedCase> AllOrSome()
    {
        var inOrder = failed.OrderBy(item => item.CaseId, StringComparer.Ordinal).ToArray();
        return inOrder.Length == 0 || inOrder.Length < cases
            ? inOrder
            : throw new SharpSegException($"all {cases} cases failed, the first: {inOrder[0].Message}", inOrder[0].Hint);
    }

    /// <summary>Ends the work: everything that failed is thrown together.</summary>
    /// <param name="done">What was written for the others.</param>
    /// <exception cref="CasesFailedException">Some failed.</exception>
    /// <exception cref="SharpSegException">All failed.</exception>
    public void ThrowIfAny(IReadOnlyList<string> done)
    {
        if (AllOrSome() is { Count: > 0 } some)
        {
            throw new CasesFailedException(some, done);
        }
    }
}
