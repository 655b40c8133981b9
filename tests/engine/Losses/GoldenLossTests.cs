using System.Text.Json;
using SharpSeg.AutoPlanner.Tests;
using SharpSeg.Conformance;
using SharpSeg.Engine.Autograd;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Losses;
using SharpSeg.Engine.Tensors;
using Xunit;

namespace SharpSeg.Engine.Tests.Losses;

/// <summary>
/// Losses and gradients of nnU-Net v2 and v1 (float32). v1 adds 1e-8 to the Dice denominator, which is below the tolerance.
/// </summary>
public sealed class GoldenLossTests : IDisposable
{
    private const double Tolerance = 2e-6;

    private readonly ReferenceBackend backend = new();

    [Fact]
    public void Dice_and_cross_entropy_match_the_reference()
    {
        var seen = 0;
        foreach (var entry in GoldenJson.Rows("losses.json", 78, 23))
        {
            var name = entry.GetProperty("name").GetString()!;
            if (!name.Contains("DC_and_", StringComparison.Ordinal))
            {
                continue;
            }

            seen++;
            var regions = name.Contains("BCE", StringComparison.Ordinal);
            var ignore = entry.TryGetProperty("ignore_label", out var label)
                ? label.GetInt32() : regions && name.Contains("ignore", StringComparison.Ordinal) ? 0 : -1;
            RequireLoss(entry, new LossOptions([1f], regions, entry.GetProperty("batch_dice").GetBoolean(), ignore));
        }

        Assert.Equal(SharedFolder.Rows(36, 12), seen);
    }

    /// <summary>Each term as a part of the sum, and as a loss of its own with its gradient.</summary>
    [Fact]
    public void The_dice_and_cross_entropy_parts_match_the_reference()
    {
        var compared = 0;
        foreach (var entry in GoldenJson.Rows("losses.json", 78, 23))
        {
            var name = entry.GetProperty("name").GetString()!;
            if (name.EndsWith("SoftDiceLoss", StringComparison.Ordinal))
            {
                compared++;
                var options = new LossOptions(
                    [1f], Regions: false, entry.GetProperty("batch_dice").GetBoolean(),
                    Smooth: (float)entry.GetProperty("smooth").GetDouble(),
                    DiceIncludesBackground: entry.GetProperty("do_bg").GetBoolean());
                Near(entry.GetProperty("loss").GetDouble(), Evaluate(entry, options).Value.Dice, name);
                RequireLoss(entry, options with { Terms = LossTerms.Dice });
            }
            else if (name.Contains("RobustCE", StringComparison.Ordinal))
            {
                compared++;
                var ignore = entry.TryGetProperty("ignore_label", out var label) ? label.GetInt32() : -1;
                var options = new LossOptions([1f], false, false, ignore);
                Near(entry.GetProperty("loss").GetDouble(), Evaluate(entry, options).Value.CrossEntropy, name);
                RequireLoss(entry, options with { Terms = LossTerms.CrossEntropy });
            }
        }

        Assert.Equal(SharedFolder.Rows(40, 10), compared);
    }

    [Fact]
    public void Deep_supervision_matches_the_reference()
    {
        foreach (var entry in GoldenJson.Rows("deep_supervision.json", 6, 4))
        {
            var expected = entry.GetProperty("weights").EnumerateArray().Select(w => (float)w.GetDouble());
            var weights = DeepSupervision.Weights(entry.GetProperty("scales").GetArrayLength());
            Assert.Equal(expected, weights);
            if (entry.TryGetProperty("example", out var example) && example.TryGetProperty("outputs", out _))
            {
                RequireExample(example, weights);
            }
        }
    }

    [Fact]
    public void Missing_targets_and_weights_are_refused()
    {
        using var pool = new BufferPool(backend);
        var tape = new Tape(backend, pool, recording: true);
        var logits = tape.Input(pool.Rent(Shape.Activation(1, new Extent(1, 2, 2), 2)), needsGradient: true);
        Assert.Throws<ShapeException>(
            () => SegmentationLoss.Evaluate(tape, [logits], [null], new LossOptions([1f], false, false)));
        Assert.Throws<ShapeException>(
            () => SegmentationLoss.Evaluate(tape, [logits], [null], new LossOptions([1f, 0f], false, false)));
        var value = SegmentationLoss.Evaluate(tape, [logits], [null], new LossOptions([0f], false, false));
        Assert.Equal(0.0, value.Total);
        Assert.Null(logits.Gradient);
    }

    public void Dispose() => backend.Dispose();

    private static void Near(double expected, double actual, string what) =>
        Assert.True(
            Math.Abs(expected - actual) <= Tolerance * Math.Max(1.0, Math.Abs(expected)),
            $"{what}: expected {expected}, got {actual}");

    private void RequireLoss(JsonElement entry, LossOptions options)
    {
        var name = entry.GetProperty("name").GetString()!;
        var (value, gradient) = Evaluate(entry, options);
        Near(entry.GetProperty("loss").GetDouble(), value.Total, name);
        var expected = ChannelsLast(entry.GetProperty("grad"));
        Assert.Equal(expected.Length, gradient.Length);
        for (var i = 0; i < expected.Length; i++)
        {
            Near(expected[i], gradient[i], $"{name}, gradient {i}");
        }
    }

    private static double[] ChannelsLast(JsonElement array)
    {
        var shape = GoldenJson.ShapeOf(array);
        var source = GoldenJson.Floats(array);
        var voxels = source.Length / shape[0] / shape[1];
        var result = new double[source.Length];
        for (var i = 0; i < source.Length; i++)
        {
            var (n, c, v) = (i / (shape[1] * voxels), i / voxels % shape[1], i % voxels);
            result[(((n * voxels) + v) * shape[1]) + c] = source[i];
        }

        return result;
    }

    private static Shape ShapeOf(JsonElement array)
    {
        var shape = GoldenJson.ShapeOf(array);
        int[] spatial = [1, .. shape[2..]];
        return Shape.Activation(shape[0], new Extent(spatial[^3], spatial[^2], spatial[^1]), shape[1]);
    }

    private void RequireExample(JsonElement example, IReadOnlyList<float> weights)
    {
        using var pool = new BufferPool(backend);
        var tape = new Tape(backend, pool, recording: true);
        var outputs = example.GetProperty("outputs").EnumerateArray()
            .Select(o => tape.Input(Upload(pool, o), needsGradient: true)).ToList();
        var targets = example.GetProperty("targets").EnumerateArray().Select(t => Upload(pool, t)).ToList();

        // Which Dice the example used is not written down; its loss says it.
        var expected = example.GetProperty("loss").GetDouble();
        var batchDice = new[] { false, true }.Single(b =>
        {
            var silent = new Tape(backend, pool, recording: false);
            var value = SegmentationLoss.Evaluate(
                silent, [.. outputs.Select(o => silent.Input(o.Value))], targets,
                new LossOptions(weights, Regions: false, b)).Total;
            return Math.Abs(value - expected) < 1e-5;
        });
        SegmentationLoss.Evaluate(tape, outputs, targets, new LossOptions(weights, Regions: false, batchDice));
        var gradients = example.GetProperty("grads").EnumerateArray().ToArray();
        for (var s = 0; s < outputs.Count; s++)
        {
            if (weights[s] == 0f)
            {
                Assert.Null(outputs[s].Gradient);
                continue;
            }

            var wanted = ChannelsLast(gradients[s]);
            var actual = backend.Read(outputs[s].Gradient!);
            for (var i = 0; i < wanted.Length; i++)
            {
                Near(wanted[i], actual[i], $"gradient {i} of output {s}");
            }
        }
    }

    private Tensor Upload(BufferPool pool, JsonElement array)
    {
        var tensor = pool.Rent(ShapeOf(array));
        backend.Write(tensor, ChannelsLast(array));
        return tensor;
    }

    private (LossValue Value, double[] Gradient) Evaluate(JsonElement entry, LossOptions options)
    {
        var shape = ShapeOf(entry.GetProperty("logits"));
        return Evaluate(
            ChannelsLast(entry.GetProperty("logits")), ChannelsLast(entry.GetProperty("target")), shape.Spatial, shape.C,
            options, shape.N);
    }

    private (LossValue Value, double[] Gradient) Evaluate(
        double[] logits, double[] target, Extent size, int channels, LossOptions options, int n = 1)
    {
        using var pool = new BufferPool(backend);
        var tape = new Tape(backend, pool, recording: true);
        var z = pool.Rent(Shape.Activation(n, size, channels));
        backend.Write(z, logits);
        var t = pool.Rent(Shape.Activation(n, size, (int)(target.Length / n / size.Voxels)));
        backend.Write(t, target);
        var variable = tape.Input(z, needsGradient: true);
        var value = SegmentationLoss.Evaluate(tape, [variable], [t], options);
        return (value, backend.Read(variable.Gradient!));
    }
}
