namespace SharpSeg.KernelSanitizer;

/// <summary>The copies that a thread has begun and not waited for.</summary>
internal sealed class PendingCopies
{
    private readonly List<Action> open = [], closed = [];

    /// <summary>A copy has begun; <paramref name="arrive"/> writes what it copies.</summary>
    internal void Add(Action arrive) => open.Add(arrive);

    /// <summary>Those begun so far may be waited for.</summary>
    internal void Commit()
    {
        closed.AddRange(open);
        open.Clear();
    }

    /// <summary>Those that were closed arrive.</summary>
    internal void Await()
    {
        closed.ForEach(arrive => arrive());
        closed.Clear();
    }

    /// <summary>A group begins.</summary>
    internal void Forget()
    {
        open.Clear();
        closed.Clear();
    }
}
