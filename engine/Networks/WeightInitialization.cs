using SharpSeg.Engine.Tensors;

namespace SharpSeg.Engine.Networks;

/// <summary>
/// Start values (docs/method/networks.md §3; He et al. 2015, arXiv:1502.01852). Weights: normal, mean 0, std = √(2/(1 +
/// slope²))/√fanIn. Vectors: the value they were declared with. Every element is a function of (seed, parameter number, element
/// number) alone, so that threads, devices and the order of drawing do not matter.
/// </summary>
internal static class WeightInitialization
{
    private const int Chunk = 1 << 16;

    /// <summary>Fills all parameters of a store.</summary>
    /// <param name="store">The parameters.</param>
    /// <param name="seed">Same seed, same weights.</param>
    /// <param name="slope">Slope of the leaky ReLU for negative values.</param>
    public static void Apply(ParameterStore store, ulong seed, float slope)
    {
        var longest = store.Parameters.Max(p => p.Shape.Length);
        var host = new float[longest];
        for (var i = 0; i < store.Parameters.Count; i++)
        {
            var parameter = store.Parameters[i];
            if (parameter.FanIn == 0)
            {
                store.Backend.Fill(parameter.Value, parameter.InitialValue);
                continue;
            }

            var length = checked((int)parameter.Shape.Length);
            FillNormal(
                host.AsMemory(0, length), Mix(seed + (0x9E3779B97F4A7C15UL * (ulong)(i + 1))),
                StandardDeviation(parameter.FanIn, slope));
            store.Backend.Upload(host.AsSpan(0, length), parameter.Value);
        }
    }

    /// <summary>√(2/(1 + slope²))/√fanIn.</summary>
    public static double StandardDeviation(int fanIn, double slope) =>
        Math.Sqrt(2.0 / (1.0 + (slope * slope))) / Math.Sqrt(fanIn);

    private static void FillNormal(Memory<float> target, ulong key, double std)
    {
        Parallel.For(0, (target.Length + Chunk - 1) / Chunk, chunk =>
        {
            var start = chunk * Chunk;
            var span = target.Span.Slice(start, Math.Min(Chunk, target.Length - start));
            for (var i = 0; i < span.Length; i += 2)
            {
                var (a, b) = NormalPair(key, (ulong)(start + i) / 2);
                span[i] = (float)(a * std);
                if (i + 1 < span.Length)
                {
                    span[i + 1] = (float)(b * std);
                }
            }
        });
    }

    /// <summary>Two independent standard normal values (Box and Muller 1958) from a counter.</summary>
    private static (double First, double Second) NormalPair(ulong key, ulong counter)
    {
        // (0, 1]: the logarithm of 0 must not occur.
        var u = ((Mix(key + (2 * counter)) >> 11) + 1) * (1.0 / (1UL << 53));
        var v = (Mix(key + (2 * counter) + 1) >> 11) * (1.0 / (1UL << 53));
        var radius = Math.Sqrt(-2.0 * Math.Log(u));
        var (sin, cos) = Math.SinCos(2.0 * Math.PI * v);
        return (radius * cos, radius * sin);
    }

    /// <summary>The finaliser of SplitMix64 (Steele, Lea and Flood 2014): 64 well-mixed bits of a counter.</summary>
    private static ulong Mix(ulong z)
    {
        z += 0x9E3779B97F4A7C15UL;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9UL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBUL;
        return z ^ (z >> 31);
    }
}
