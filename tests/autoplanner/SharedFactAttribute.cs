using Xunit;

namespace SharpSeg.AutoPlanner.Tests;

/// <summary>
/// A test that needs the shared folder of golden values and data; skipped, with the reason, where it is absent.
/// </summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class SharedFactAttribute : FactAttribute
{
    internal const string Reason = "the shared folder (golden values and data) was not found; set SHARPSEG_SHARED";

    public SharedFactAttribute()
    {
        if (SharedFolder.Path is null)
        {
            Skip = Reason;
        }
    }
}

/// <summary>As <see cref="SharedFactAttribute"/>, with data.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class SharedTheoryAttribute : TheoryAttribute
{
    public SharedTheoryAttribute()
    {
        if (SharedFolder.Path is null)
        {
            Skip = SharedFactAttribute.Reason;
        }
    }
}
