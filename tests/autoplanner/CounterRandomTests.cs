using Xunit;

namespace SharpSeg.AutoPlanner.Tests;

public sealed class CounterRandomTests
{
    [Fact]
    public void A_stream_repeats_and_differs_from_its_neighbours()
    {
        var first = CounterRandom.Derive(1, RandomPurpose.Training, 2, 3, 4);
        var same = CounterRandom.Derive(1, RandomPurpose.Training, 2, 3, 4);
        var others = new[]
        {
            CounterRandom.Derive(2, RandomPurpose.Training, 2, 3, 4),
            CounterRandom.Derive(1, RandomPurpose.Validation, 2, 3, 4),
            CounterRandom.Derive(1, RandomPurpose.Training, 3, 2, 4),
            CounterRandom.Derive(1, RandomPurpose.Training, 2, 4, 3),
        };
        for (var i = 0; i < 100; i++)
        {
            var value = first.NextUInt64();
            Assert.Equal(value, same.NextUInt64());
            Assert.All(others, o => Assert.NotEqual(value, o.NextUInt64()));
        }
    }

    [Fact]
    public void Integers_include_both_ends_and_are_uniform()
    {
        var random = new CounterRandom(5);
        var counts = new int[7];
        for (var i = 0; i < 70_000; i++)
        {
            counts[random.NextInt(-3, 3) + 3]++;
        }

        // Standard error of a count is about 93.
        Assert.All(counts, c => Assert.InRange(c, 10_000 - 370, 10_000 + 370));
        Assert.Equal(4, random.NextInt(4, 4));
        Assert.Throws<ArgumentOutOfRangeException>(() => random.NextInt(1, 0));
        Assert.InRange(random.NextInt(int.MinValue, int.MaxValue), int.MinValue, int.MaxValue);
    }

    [Fact]
    public void Doubles_and_normals_have_the_right_moments()
    {
        var random = new CounterRandom(6);
        double sum = 0, normalSum = 0, normalSquares = 0;
        const int Draws = 100_000;
        for (var i = 0; i < Draws; i++)
        {
            var u = random.NextDouble();
            Assert.InRange(u, 0, 1 - 1e-16);
            sum += u;
            var g = random.NextGaussian();
            normalSum += g;
            normalSquares += g * g;
        }

        Assert.InRange(sum / Draws, 0.5 - 0.004, 0.5 + 0.004);
        Assert.InRange(normalSum / Draws, -0.0127, 0.0127);
        Assert.InRange(normalSquares / Draws, 1 - 0.018, 1 + 0.018);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(31)]
    [InlineData(200_003)]
    public void Bulk_normals_reach_every_element_with_the_right_moments(int length)
    {
        var values = new float[length + 1];
        values[length] = 7;
        new CounterRandom(8).AddGaussian(values.AsSpan(0, length), 0.5f);
        Assert.Equal(7, values[length]);
        Assert.All(values[..length], v => Assert.True(v != 0 && float.IsFinite(v)));
        if (length < 1000)
        {
            return;
        }

        double mean = 0, square = 0, fourth = 0, neighbours = 0;
        for (var i = 0; i < length; i++)
        {
            var v = values[i] * 2.0;
            mean += v / length;
            square += v * v / length;
            fourth += v * v * v * v / length;
            neighbours += i >= 16 ? v * values[i - 16] * 2.0 / length : 0;
        }

        // Four standard errors: 1, √2, √96 and 1 over √200,000.
        Assert.InRange(mean, -0.009, 0.009);
        Assert.InRange(square, 1 - 0.0127, 1 + 0.0127);
        Assert.InRange(fourth, 3 - 0.088, 3 + 0.088);
        Assert.InRange(neighbours, -0.009, 0.009);
    }

    [Fact]
    public void Reserved_draws_are_the_numbers_that_filling_would_have_made()
    {
        CounterRandom filled = new(4, 5), reserved = new(4, 5);
        Assert.Equal(filled.NextUInt64(), reserved.NextUInt64());
        var values = new float[100];
        filled.FillUniform(values);
        var draws = reserved.Reserve(values.Length);
        for (var i = 0; i < values.Length; i++)
        {
            // As the type documents it, for a device to do.
            var x = draws.Key + ((draws.First + (ulong)i) * 0x9E3779B97F4A7C15);
            x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
            x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
            x ^= x >> 31;
            Assert.Equal((2f * (x >> 40) / (1 << 24)) - 1f, values[i]);
        }

        Assert.Equal(filled.NextUInt64(), reserved.NextUInt64());
    }

    [Fact]
    public void A_shuffle_reaches_all_orders_equally()
    {
        var random = new CounterRandom(9);
        var counts = new Dictionary<string, int>();
        for (var i = 0; i < 6000; i++)
        {
            int[] order = [0, 1, 2];
            random.Shuffle(order);
            var name = string.Join(',', order);
            counts[name] = counts.GetValueOrDefault(name) + 1;
        }

        Assert.Equal(6, counts.Count);
        Assert.All(counts.Values, c => Assert.InRange(c, 1000 - 116, 1000 + 116));
    }
}
