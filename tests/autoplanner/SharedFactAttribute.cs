using Xunit;

namespace SharpSeg.AutoPlanner.Tests;

/// <summary>A test that needs the shared folder of golden values and data; skipped, with the reason, where it is absent.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class SharedFactAttribute : FactAttribute
{
    public SharedFactAttribute()
    {
        if (SharedFolder.Path is null)
        {
            Skip = "the shared folder (golden values and data) was not found; set SHARPSEG_SHARED";
        }
    }
}
