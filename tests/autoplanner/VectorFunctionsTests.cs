using System.Numerics;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests;

/// <summary>Functions of whole vectors beside those of float64.</summary>
public sealed class VectorFunctionsTests
{
    private const double Tolerance = 3e-7;
    private const int Draws = 20_000;

    [Fact]
    public void Logarithms_of_everything_from_the_smallest_normal_number_on() => Seeded.Run(random =>
    {
        float[] edges = [1, 1.17549435e-38f, MathF.BitDecrement(1), MathF.BitIncrement(1), MathF.Sqrt(2), 0.5f, 1 / 16777216f];
        var spread = Many(() => (float)Math.Exp((random.NextDouble() * 174) - 87));
        foreach (var x in edges.Concat(spread).Concat(Many(() => Unit(random))))
        {
            var expected = Math.Log(Math.Max(x, 1.17549435e-38f));
            Near(expected, One(VectorFunctions.Log(new Vector<float>(x))), Tolerance * Math.Max(1, Math.Abs(expected)), x);
        }

        Assert.Equal(0, One(VectorFunctions.Log(Vector<float>.One)));
        Near(Math.Log(1.17549435e-38), One(VectorFunctions.Log(Vector<float>.Zero)), 3e-5, 0);
    });

    [Fact]
    public void Exponentials_between_their_limits() => Seeded.Run(random =>
    {
        foreach (var x in new[] { 0f, -87f, 88f, 1e-8f }.Concat(Many(() => (float)((random.NextDouble() * 175) - 87))))
        {
            var expected = Math.Exp(x);
            Near(expected, One(VectorFunctions.Exp(new Vector<float>(x))), Tolerance * expected, x);
        }

        Assert.True(One(VectorFunctions.Exp(new Vector<float>(1000))) < float.PositiveInfinity);
        Assert.True(One(VectorFunctions.Exp(new Vector<float>(-1000))) > 0);
    });

    [Fact]
    public void Sines_and_cosines_of_a_turn() => Seeded.Run(random =>
    {
        foreach (var t in new[] { 0, 0.125f, 0.25f, 0.375f, 0.5f, 0.625f, 0.75f, 0.875f, 1 }.Concat(Many(() => Unit(random))))
        {
            var (sine, cosine) = VectorFunctions.SinCosOfTurns(new Vector<float>(t));
            Near(Math.Sin(2 * Math.PI * t), One(sine), Tolerance, t);
            Near(Math.Cos(2 * Math.PI * t), One(cosine), Tolerance, t);
        }
    });

    private static float Unit(Random random) => random.Next(1 << 24) / (float)(1 << 24);

    private static IEnumerable<float> Many(Func<float> draw) => Enumerable.Range(0, Draws).Select(_ => draw());

    /// <summary>All lanes are the same.</summary>
    private static float One(Vector<float> value)
    {
        Assert.True(Vector.EqualsAll(value, new Vector<float>(value[0])));
        return value[0];
    }

    private static void Near(double expected, float actual, double tolerance, float x) =>
        Assert.True(Math.Abs(expected - actual) <= tolerance, $"at {x:R}: {actual:R}, not {expected:R}");
}
