using System.Numerics;
using SharpSeg.Engine.Backends;

namespace SharpSeg.AutoPlanner;

/// <summary>
/// A counter-based random generator: draw number i of a stream is a hash of (stream key, i), so a stream needs no history. The
/// key is a hash of everything that identifies the stream, e.g. (seed, purpose, epoch, iteration, sample): which thread draws,
/// and what was drawn before, cannot matter, and a resumed run continues identically (docs/method/training.md §7).
/// <para>Hash: the finaliser of SplitMix64 over a Weyl sequence (Steele, Lea, Flood 2014, "Fast splittable pseudorandom number
/// generators"). Not for cryptography. Not safe for use by several threads at once.</para>
/// </summary>
internal sealed class CounterRandom
{
    private const ulong Weyl = 0x9E3779B97F4A7C15;
    private const ulong SecondKey = 0x3C6EF372FE94F82A; // 2·Weyl modulo 2⁶⁴: another round than that of the seed
    private const int NormalsPerRound = 32;

    private readonly ulong key;
    private ulong counter;

    /// <summary>Opens the stream that belongs to a seed and any number of identifying parts.</summary>
    /// <param name="seed">Seed of the run.</param>
    /// <param name="parts">What distinguishes this stream from the others; order matters.</param>
    public CounterRandom(ulong seed, params ReadOnlySpan<long> parts)
    {
        key = Mix(seed + Weyl);
        foreach (var part in parts)
        {
            key = Mix((key + Weyl) ^ Mix((ulong)part + SecondKey));
        }
    }

    /// <summary>The stream of one training or validation sample.</summary>
    /// <param name="seed">Seed of the run.</param>
    /// <param name="purpose">What the numbers are for.</param>
    /// <param name="epoch">0-based epoch.</param>
    /// <param name="iteration">0-based iteration within the epoch.</param>
    /// <param name="sample">0-based position in the batch.</param>
    public static CounterRandom Derive(ulong seed, RandomPurpose purpose, int epoch, int iteration, int sample) =>
        new(seed, (long)purpose, epoch, iteration, sample);

    /// <summary>64 uniform bits.</summary>
    public ulong NextUInt64() => Mix(key + (++counter * Weyl));

    /// <summary>Uniform in [0, 1), 53 bits.</summary>
    public double NextDouble() => (NextUInt64() >> 11) * (1.0 / (1UL << 53));

    /// <summary>Uniform in [0, 1), 24 bits.</summary>
    public float NextFloat() => (NextUInt64() >> 40) * (1f / (1 << 24));

    /// <summary>Uniform in [low, high).</summary>
    public double NextDouble(double low, double high) => low + ((high - low) * NextDouble());

    /// <summary>True with the given probability; draws even when the probability is 0 or 1.</summary>
    public bool NextBool(double probability) => NextDouble() < probability;

    /// <summary>Uniform integer, both ends included, without bias (Lemire 2019, arXiv:1805.10941).</summary>
    /// <exception cref="ArgumentOutOfRangeException">highInclusive is below low.</exception>
    public int NextInt(int low, int highInclusive)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(highInclusive, low);
        var range = (ulong)((long)highInclusive - low) + 1;
        while (true)
        {
            var high = Math.BigMul(NextUInt64(), range, out ulong remainder);
            if (remainder >= range || remainder >= (0UL - range) % range)
            {
                return (int)(low + (long)high);
            }
        }
    }

    /// <summary>Standard normal (Box, Muller 1958).</summary>
    public double NextGaussian()
    {
        var radius = Math.Sqrt(-2 * Math.Log(1 - NextDouble()));
        return radius * Math.Cos(2 * Math.PI * NextDouble());
    }

    /// <summary>Puts the entries into random order, every order equally likely.</summary>
    public void Shuffle(Span<int> values)
    {
        for (var i = values.Length - 1; i > 0; i--)
        {
            var j = NextInt(0, i);
            (values[i], values[j]) = (values[j], values[i]);
        }
    }

    /// <summary>Adds independent N(0, σ²) values to every element.</summary>
    /// <param name="values">Changed in place.</param>
    /// <param name="sigma">Standard deviation.</param>
    public void AddGaussian(Span<float> values, float sigma)
    {
        for (; values.Length >= NormalsPerRound; values = values[NormalsPerRound..])
        {
            AddNormals(values, sigma);
        }

        if (values.Length > 0)
        {
            Span<float> tail = stackalloc float[NormalsPerRound];
            tail.Clear();
            AddNormals(tail, sigma);
            for (var i = 0; i < values.Length; i++)
            {
                values[i] += tail[i];
            }
        }
    }

    /// <summary>Fills with independent uniform values in [−1, 1).</summary>
    public void FillUniform(Span<float> values)
    {
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = (2 * NextFloat()) - 1;
        }
    }

    /// <summary>
    /// Leaves the next draws to a device, which makes the numbers that <see cref="FillUniform"/> would; this stream continues
    /// after them.
    /// </summary>
    /// <param name="count">How many.</param>
    public UniformDraws Reserve(int count)
    {
        var draws = new UniformDraws(key, counter + 1);
        counter += (uint)count;
        return draws;
    }

    // 32 normals from 16 draws: each 64-bit draw gives two 24-bit uniforms; a uniform of draws 1 to 8 and one of draws 9 to 16
    // give two normals, 16 elements apart.
    private void AddNormals(Span<float> values, float sigma)
    {
        const int half = NormalsPerRound / 2;
        var steps = (Vector<ulong>.Indices + Vector<ulong>.One) * Weyl;
        for (var i = 0; i < half; i += Vector<float>.Count)
        {
            var start = new Vector<ulong>(key + ((counter + (ulong)(i / 2)) * Weyl));
            var a = ToUnit(Mix(start + steps));
            var b = ToUnit(Mix(start + steps + new Vector<ulong>(unchecked(half / 2 * Weyl))));
            var log = VectorFunctions.Log(Vector<float>.One - a);
            var radius = Vector.SquareRoot(Vector.MaxNative(log * -2f, Vector<float>.Zero));
            var (sine, cosine) = VectorFunctions.SinCosOfTurns(b);
            Span<float> near = values[i..], far = values[(half + i)..];
            (new Vector<float>(near) + (radius * cosine * sigma)).CopyTo(near);
            (new Vector<float>(far) + (radius * sine * sigma)).CopyTo(far);
        }

        counter += half;
    }

    private static Vector<float> ToUnit(Vector<ulong> bits) =>
        Vector.ConvertToSingle(Vector.AsVectorInt32(Vector.AsVectorUInt32(bits) >> 8)) * (1f / (1 << 24));

    private static ulong Mix(ulong x)
    {
        x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
        x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
        return x ^ (x >> 31);
    }

    private static Vector<ulong> Mix(Vector<ulong> x)
    {
        x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
        x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
        return x ^ (x >> 31);
    }
}

/// <summary>What a stream of random numbers is for. The numbers are part of every run's identity: never renumber.</summary>
internal enum RandomPurpose
{
    /// <summary>Training samples: case, patch, augmentation.</summary>
    Training = 1,

    /// <summary>Validation samples: case and patch.</summary>
    Validation = 2,

    /// <summary>Initial weights.</summary>
    Weights = 3,
}
