using SharpSeg.AutoPlanner.Tests;
using SharpSeg.Conformance;
using SharpSeg.Engine.Autograd;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Losses;
using SharpSeg.Engine.Networks;
using SharpSeg.Engine.Optimizers;
using SharpSeg.Engine.Tensors;
using SharpSeg.Engine.Training;
using SharpSeg.Kernels.Cpu;
using Xunit;

namespace SharpSeg.Engine.Tests.Training;

/// <summary>
/// Three real optimiser steps of nnU-Net v2 (float32, PyTorch) repeated from the same weights and batches: outputs, losses,
/// norms, clipped gradients, updated weights. Tolerances are those of float32 sums over a few thousand voxels.
/// </summary>
public class GoldenTrainingStepTests
{
    // The CPU's wide Winograd tiles, F(4,3), round some ten times as much as plain sums; outputs stay within the 1e-4 of
    // golden/README.
    private const double CpuFactor = 5;

    private const double OutputTolerance = 2e-5;
    private const double LossTolerance = 2e-6;
    private const double GradientTolerance = 2e-6;
    private const double WeightTolerance = 2e-6;

    [Fact]
    public void Plain_2d_matches_in_float64() => Check(new ReferenceBackend(), 1, "2d", NetworkFamily.PlainUNet);

    [SharedFact]
    public void Plain_3d_matches_in_float64() => Check(new ReferenceBackend(), 1, "3d", NetworkFamily.PlainUNet);

    [Trait("Tier", "slow")]
    [SharedFact]
    public void Residual_encoder_3d_matches_in_float64() =>
        Check(new ReferenceBackend(), 1, "3d_resenc", NetworkFamily.ResidualEncoderUNet);

    [Fact]
    public void Plain_2d_matches_on_the_processor() => Check(Cpu.Open(2), CpuFactor, "2d", NetworkFamily.PlainUNet);

    [SharedFact]
    public void Plain_3d_matches_on_the_processor() => Check(Cpu.Open(2), CpuFactor, "3d", NetworkFamily.PlainUNet);

    [SharedFact]
    public void Residual_encoder_3d_matches_on_the_processor() =>
        Check(Cpu.Open(2), CpuFactor, "3d_resenc", NetworkFamily.ResidualEncoderUNet);

    private static void Check(Backend opened, double factor, string name, NetworkFamily family)
    {
        using var backend = opened;
        var meta = GoldenJson.Read("functions", "trainstep_meta.json").GetProperty(name);
        var arrays = Npz.Read(SharedFolder.At("golden", "functions", $"trainstep_{name}.npz"));
        var plan = GoldenPlans.FromArchitecture(
            meta.GetProperty("plans").GetProperty("arch_kwargs"), family, arrays["batch0__data"].Shape[1],
            arrays["w0__decoder.seg_layers.0.weight"].Shape[0]);
        var patch = GoldenPlans.ToExtent(meta.GetProperty("patch_size"));

        using var network = Network.Build(plan, backend, seed: 0);
        LoadWeights(network, arrays, "w0__");
        RequireOutputs(network, arrays, patch, factor);

        using var optimizer = new SgdNesterov(network.Parameters);
        var loss = new LossOptions(network.LossWeights, Regions: false, meta.GetProperty("batch_dice").GetBoolean());
        using var step = new TrainingStep(
            network, optimizer, patch, meta.GetProperty("batch_size").GetInt32(), new TrainingOptions(loss));
        for (var i = 0; i < 3; i++)
        {
            var images = ChannelsLast(arrays[$"batch{i}__data"]);
            var targets = network.OutputScales.Select((_, s) => arrays[$"batch{i}__target{s}"].Floats).ToList();
            var value = step.Run(images, targets, (float)PolySchedule.Rate(i, 1000));
            Near(meta.GetProperty("losses")[i].GetDouble(), value, factor * LossTolerance, $"loss {i}");
            Near(
                meta.GetProperty("total_grad_norm_before_clip12")[i].GetDouble(), step.GradientNorm, factor * 1e-5,
                $"gradient norm {i}");
            if (i == 0)
            {
                RequireGradients(network, arrays, GradientClipping.Coefficient(step.GradientNorm, 12.0), factor);
                RequireWeights(network, arrays, "w1__", factor);
            }
        }

        RequireWeights(network, arrays, "w3__", factor);
        Assert.Equal(0, step.SkippedSteps);
    }

    private static void RequireOutputs(Network network, IReadOnlyDictionary<string, NpyArray> arrays, Extent patch, double factor)
    {
        using var pool = new BufferPool(network.Backend);
        var tape = new Tape(network.Backend, pool, recording: false);
        var images = ChannelsLast(arrays["batch0__data"]);
        var x = pool.Rent(Shape.Activation(arrays["batch0__data"].Shape[0], patch, network.Plan.InputChannels));
        network.Backend.Upload(images, x);
        var outputs = network.Forward(tape, tape.Input(x), allOutputs: true);
        for (var s = 0; s < outputs.Count; s++)
        {
            var actual = new float[outputs[s].Shape.Length];
            network.Backend.Download(outputs[s].Value, actual);
            RequireEqual(ChannelsLast(arrays[$"out0__ds{s}"]), actual, factor * OutputTolerance, $"output {s}");
        }

        tape.Clear();
        pool.Return(x);
        Assert.Equal(0, pool.InUseBytes);
    }

    private static void RequireGradients(
        Network network, IReadOnlyDictionary<string, NpyArray> arrays, float coefficient, double factor)
    {
        foreach (var parameter in network.Parameters.Parameters)
        {
            if (!arrays.TryGetValue($"clippedgrad0__{parameter.Name}", out var expected))
            {
                Assert.False(parameter.HasGradient, $"{parameter.Name} should have no gradient");
                continue;
            }

            var reference = Download(network, parameter, parameter.Gradient);
            RequireEqual(
                expected.Floats, [.. reference.Select(g => g * coefficient)], factor * GradientTolerance,
                $"gradient of {parameter.Name}");
        }
    }

    private static void RequireWeights(
        Network network, IReadOnlyDictionary<string, NpyArray> arrays, string prefix, double factor)
    {
        foreach (var parameter in network.Parameters.Parameters)
        {
            RequireEqual(
                arrays[prefix + parameter.Name].Floats, Download(network, parameter, parameter.Value), factor * WeightTolerance,
                prefix + parameter.Name);
        }
    }

    private static void LoadWeights(Network network, IReadOnlyDictionary<string, NpyArray> arrays, string prefix)
    {
        Assert.Equal(arrays.Keys.Count(k => k.StartsWith(prefix, StringComparison.Ordinal)), network.Parameters.Parameters.Count);
        foreach (var parameter in network.Parameters.Parameters)
        {
            var array = arrays[prefix + parameter.Name];
            Assert.Equal(array.Shape, WeightLayout.ReferenceShape(parameter, network.Plan.Is2D));
            var ours = new float[parameter.Shape.Length];
            WeightLayout.FromReference(parameter.Shape, parameter.Kind, array.Floats, ours);
            network.Backend.Upload(ours, parameter.Value);
        }
    }

    private static float[] Download(Network network, Parameter parameter, Tensor tensor)
    {
        var ours = new float[tensor.Length];
        network.Backend.Download(tensor, ours);
        var reference = new float[tensor.Length];
        WeightLayout.ToReference(parameter.Shape, parameter.Kind, ours, reference);
        return reference;
    }

    /// <summary>(n, c, [z,] y, x) → (n, z, y, x, c).</summary>
    private static float[] ChannelsLast(NpyArray array)
    {
        var (n, c) = (array.Shape[0], array.Shape[1]);
        var voxels = array.Values.Length / n / c;
        var result = new float[array.Values.Length];
        for (var i = 0; i < result.Length; i++)
        {
            var sample = i / (c * voxels);
            var channel = i / voxels % c;
            result[(((sample * voxels) + (i % voxels)) * c) + channel] = (float)array.Values[i];
        }

        return result;
    }

    private static void RequireEqual(float[] expected, float[] actual, double tolerance, string what)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (var i = 0; i < expected.Length; i++)
        {
            Near(expected[i], actual[i], tolerance, $"{what}, element {i}");
        }
    }

    private static void Near(double expected, double actual, double tolerance, string what) =>
        Assert.True(
            Math.Abs(expected - actual) <= tolerance * Math.Max(1.0, Math.Abs(expected)),
            $"{what}: expected {expected}, got {actual}");
}
