namespace ILGPU;

/// <summary>The root of everything: settings, then devices.</summary>
public sealed class Context : IDisposable
{
    private Context()
    {
    }

    /// <summary>Collects settings, then makes the context.</summary>
    public static Context Create(Action<Builder> buildingCallback)
    {
        buildingCallback(new Builder());
        return new Context();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
    }

    /// <summary>Settings of a context.</summary>
    public sealed class Builder
    {
        internal Builder()
        {
        }
    }
}

/// <summary>ILGPU.Algorithms' hook into a context.</summary>
public static class AlgorithmContext
{
    /// <summary>Makes <see cref="Algorithms.XMath"/> available in kernels; always so in the sanitizer.</summary>
    public static Context.Builder EnableAlgorithms(this Context.Builder builder) => builder;
}
