using SharpSeg.Conformance;
using SharpSeg.Engine.Autograd;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Networks;
using SharpSeg.Engine.Tensors;
using Xunit;

namespace SharpSeg.Engine.Tests.Networks;

/// <summary>
/// Batch normalisation in float64 against its definition (docs/method/networks.md §2.7): statistics over the batch, derivative by
/// central differences, running averages, and what stands for them outside training.
/// </summary>
public sealed class BatchNormTests : IDisposable
{
    private const double Step = 1e-5, Close = 1e-6; // h² times a third derivative, and float32 where averages are rounded
    private static readonly Extent Size = new(2, 3, 2);
    private const int Samples = 3, Channels = 2, Count = Samples * 12;

    private readonly ReferenceBackend backend = new();
    private readonly BufferPool pool;
    private readonly ParameterStore store;
    private readonly ConvBlock block;
    private readonly Random random = new(11);

    public BatchNormTests()
    {
        pool = new BufferPool(backend);
        store = new ParameterStore(backend);
        block = new ConvBlock(
            store, "conv", "norm", [1], Channels, new Extent(3, 3, 3), Extent.One,
            new BlockStyle(0.1f, NormKind.Batch, 1e-5f, Momentum: 0.25f));
        store.Allocate();
        backend.Write(store["conv.weight"].Value, Drawn(54));
        backend.Write(store["norm.weight"].Value, [1.5, 0.5]);
        backend.Write(store["norm.bias"].Value, [0.25, -0.5]);
        backend.Write(store["norm.running_var"].Value, [1, 1]);
    }

    [Fact]
    public void A_training_batch_is_normalised_as_a_whole()
    {
        var x = Drawn(Count);
        var before = Convolved(x);
        var after = Forward(x, recording: true);
        for (var c = 0; c < Channels; c++)
        {
            var (mean, variance) = Moments(before, c);
            var (gamma, beta) = c == 0 ? (1.5, 0.25) : (0.5, -0.5);
            for (var v = 0; v < Count; v++)
            {
                var z = (gamma * (before[(v * Channels) + c] - mean) / Math.Sqrt(variance + 1e-5f)) + beta;
                Assert.Equal(z > 0 ? z : 0.1f * z, after[(v * Channels) + c], 1e-9);
            }
        }
    }

    [Fact]
    public void Running_averages_follow_the_batches_and_stand_for_them_outside_training()
    {
        double[] mean = [0, 0], variance = [1, 1];
        for (var batch = 0; batch < 3; batch++)
        {
            var x = Drawn(Count);
            var before = Convolved(x);
            Forward(x, recording: true);
            for (var c = 0; c < Channels; c++)
            {
                var moments = Moments(before, c);
                mean[c] = (0.75 * mean[c]) + (0.25 * moments.Mean);
                variance[c] = (0.75 * variance[c]) + (0.25 * moments.Variance * Count / (Count - 1)); // PyTorch's: unbiased
            }
        }

        AssertNear(mean, backend.Read(store["norm.running_mean"].Value));
        AssertNear(variance, backend.Read(store["norm.running_var"].Value));
        var image = Drawn(Count);
        var convolved = Convolved(image);
        var predicted = Forward(image, recording: false);
        for (var i = 0; i < predicted.Length; i++)
        {
            var c = i % Channels;
            var (gamma, beta) = c == 0 ? (1.5, 0.25) : (0.5, -0.5);
            var z = (gamma * (convolved[i] - mean[c]) / Math.Sqrt(variance[c] + 1e-5)) + beta;
            Assert.Equal(z > 0 ? z : 0.1 * z, predicted[i], 1e-5);
        }
    }

    [Fact]
    public void A_batch_that_is_not_finite_leaves_the_averages_alone()
    {
        var x = Drawn(Count);
        x[3] = double.NaN;
        Forward(x, recording: true);
        Assert.Equal([0, 0], backend.Read(store["norm.running_mean"].Value));
        Assert.Equal([1, 1], backend.Read(store["norm.running_var"].Value));
    }

    [Fact]
    public void Gradients_are_those_of_central_differences()
    {
        var x = Drawn(Count);
        var dy = Drawn(Count * Channels);
        Forward(x, recording: true, dy);
        Parameter[] moving = [.. store.Parameters.Where(p => p.HasGradient && p.Kind != ParameterKind.Bias)];
        Assert.Equal(["conv.weight", "norm.weight", "norm.bias"], moving.Select(p => p.Name)); // and no average
        var gradients = moving.ToDictionary(p => p, p => backend.Read(p.Gradient));
        foreach (var (parameter, gradient) in gradients)
        {
            var values = backend.Read(parameter.Value);
            Assert.Contains(gradient, g => Math.Abs(g) > 1e-3);
            for (var i = 0; i < values.Length; i++)
            {
                var numeric = (Shifted(Step) - Shifted(-Step)) / (2 * Step);
                Assert.Equal(gradient[i], numeric, 1e-6 * Math.Max(1, gradient.Max(Math.Abs)));

                double Shifted(double by)
                {
                    double[] moved = [.. values];
                    moved[i] += by;
                    backend.Write(parameter.Value, moved);
                    var sum = Forward(x, recording: true).Zip(dy, (a, b) => a * b).Sum();
                    backend.Write(parameter.Value, values);
                    return sum;
                }
            }
        }
    }

    public void Dispose()
    {
        store.Dispose();
        pool.Dispose();
        backend.Dispose();
    }

    private static void AssertNear(double[] expected, double[] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        foreach (var (e, a) in expected.Zip(actual))
        {
            Assert.Equal(e, a, Close);
        }
    }

    private static (double Mean, double Variance) Moments(double[] values, int channel)
    {
        double[] own = [.. values.Where((_, i) => i % Channels == channel)];
        var mean = own.Average();
        return (mean, own.Average(value => (value - mean) * (value - mean)));
    }

    private double[] Drawn(int count) => [.. Enumerable.Range(0, count).Select(_ => (2 * random.NextDouble()) - 1)];

    /// <summary>What the convolution alone gives: its norm is folded, with factor 1, and there is no activation.</summary>
    private double[] Convolved(double[] x)
    {
        using var plain = new ParameterStore(backend);
        var linear = new ConvBlock(
            plain, "conv", "norm", [1], Channels, new Extent(3, 3, 3), Extent.One, new BlockStyle(1, NormKind.Folded));
        plain.Allocate();
        backend.Write(plain["conv.weight"].Value, backend.Read(store["conv.weight"].Value));
        backend.Write(plain["norm.weight"].Value, [1, 1]);
        return Forward(linear, x, recording: false, dy: null);
    }

    private double[] Forward(double[] x, bool recording, double[]? dy = null) => Forward(block, x, recording, dy);

    private double[] Forward(ConvBlock through, double[] x, bool recording, double[]? dy)
    {
        store.ForgetGradients();
        var tape = new Tape(backend, pool, recording);
        var input = pool.Rent(Shape.Activation(Samples, Size, 1));
        backend.Write(input, x);
        var y = through.Forward(tape, [tape.Input(input)]);
        var values = backend.Read(y.Value);
        if (dy is not null)
        {
            backend.Write(tape.Contribute(y, out _), dy);
            tape.Backward();
        }

        tape.Clear();
        pool.Return(input);
        return values;
    }
}
