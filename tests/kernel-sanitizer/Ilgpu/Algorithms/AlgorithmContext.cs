namespace ILGPU;

/// <summary>ILGPU.Algorithms' hook into a context.</summary>
public static class AlgorithmContext
{
    /// <summary>Makes <see cref="Algorithms.XMath"/> available in kernels; always so in the sanitizer.</summary>
    public static Context.Builder EnableAlgorithms(this Context.Builder builder) => builder;
}
