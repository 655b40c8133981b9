using SharpSeg.Conformance;
using SharpSeg.Engine.Autograd;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Networks;
using SharpSeg.Engine.Tensors;
using SharpSeg.Engine.Training;
using Xunit;

namespace SharpSeg.Engine.Tests.Networks;

public sealed class NetworkTests : IDisposable
{
    private readonly ReferenceBackend backend = new();

    [Fact]
    public void Weights_are_he_normal_with_the_reference_fan_in()
    {
        var kernel = new Extent(3, 3, 3);
        var stride = new Extent(2, 2, 2);
        using var store = new ParameterStore(backend);
        _ = new UpConvolution(store, "up", 320, 256, stride, hasBias: true);
        _ = new ConvBlock(store, "conv", "norm", [32], 64, kernel, Extent.One, new BlockStyle(0.01f));
        store.Allocate();
        WeightInitialization.Apply(store, seed: 11, slope: 0.01f);

        RequireNormal(backend.Read(store["up.weight"].Value), 0.031248);
        RequireNormal(backend.Read(store["conv.weight"].Value), 0.048110);
        Assert.All(backend.Read(store["up.bias"].Value), b => Assert.Equal(0.0, b));
        Assert.All(backend.Read(store["norm.weight"].Value), g => Assert.Equal(1.0, g));
        Assert.All(backend.Read(store["norm.bias"].Value), b => Assert.Equal(0.0, b));
    }

    [Theory]
    [InlineData(27, 0.272152)]
    [InlineData(810, 0.049688)]
    [InlineData(8640, 0.015214)]
    [InlineData(2048, 0.031248)]
    [InlineData(32, 0.249988)]
    public void Standard_deviations_match_the_table(int fanIn, double std) =>
        Assert.Equal(std, WeightInitialization.StandardDeviation(fanIn, 0.01), 6);

    [Fact]
    public void The_second_norm_of_a_residual_block_starts_at_zero()
    {
        using var network = Network.Build(FixturePlans.F3, backend, seed: 1);
        foreach (var p in network.Parameters.Parameters.Where(p => p.Kind == ParameterKind.NormScale))
        {
            var expected = p.Name.Contains("conv2.norm", StringComparison.Ordinal) ? 0.0 : 1.0;
            Assert.All(backend.Read(p.Value), g => Assert.Equal(expected, g));
        }
    }

    [Fact]
    public void Same_seed_same_weights_other_seed_other_weights()
    {
        using var a = Network.Build(FixturePlans.F1, backend, seed: 1);
        using var b = Network.Build(FixturePlans.F1, backend, seed: 1);
        using var c = Network.Build(FixturePlans.F1, backend, seed: 2);
        var name = "encoder.stages.0.0.convs.1.conv.weight";
        Assert.Equal(backend.Read(a.Parameters[name].Value), backend.Read(b.Parameters[name].Value));
        Assert.NotEqual(backend.Read(a.Parameters[name].Value), backend.Read(c.Parameters[name].Value));
    }

    [Theory]
    [InlineData(1, 6, 7, "divisible")]
    [InlineData(1, 2, 2, "single voxel")]
    [InlineData(1, 0, 4, "divisible")]
    public void Patches_that_do_not_suit_the_plan_are_refused(int z, int y, int x, string complaint)
    {
        var e = Assert.Throws<ShapeException>(() => FixturePlans.F1.CheckPatch(new Extent(z, y, x)));
        Assert.Contains(complaint, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Plans_that_contradict_themselves_are_refused()
    {
        var good = FixturePlans.F1;
        Assert.Throws<ShapeException>(() => Network.Build(good with { Features = [2] }, backend, 1));
        Assert.Throws<ShapeException>(() => Network.Build(good with { Strides = [new(1, 2, 2), new(1, 2, 2)] }, backend, 1));
        Assert.Throws<ShapeException>(() => Network.Build(good with { DecoderBlocks = [0] }, backend, 1));
        Assert.Throws<ShapeException>(() => Network.Build(good with { InputChannels = 0 }, backend, 1));
    }

    /// <summary>One kernel of 343 × 8192 × 8192 values is beyond one buffer's 2³¹; so are many that are smaller.</summary>
    [Theory]
    [InlineData(7, 1)]
    [InlineData(3, 2)]
    public void A_network_that_fits_no_buffer_is_refused_by_its_weights(int kernel, int blocks)
    {
        var large = FixturePlans.F1 with
        {
            Features = [8192, 8192],
            Kernels = [new(kernel, kernel, kernel), new(kernel, kernel, kernel)],
            Strides = [Extent.One, new(2, 2, 2)],
            EncoderBlocks = [blocks, blocks],
            DecoderBlocks = [1],
        };
        var e = Assert.Throws<ShapeException>(() => StepMemory.ParametersOf(large));
        Assert.Contains("weights, at most 2,147,483,647", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Outputs_have_their_scales_and_prediction_gives_only_the_first()
    {
        using var network = Network.Build(FixturePlans.F6, backend, seed: 1);
        Assert.Equal([Extent.One, new(1, 2, 2), new(1, 4, 4)], network.OutputScales);
        using var pool = new BufferPool(backend);
        var tape = new Tape(backend, pool, recording: false);
        var x = pool.Rent(Shape.Activation(2, new Extent(1, 16, 32), 1));
        backend.Fill(x, 0.5f);
        var input = tape.Input(x);
        Assert.Equal(
            [Shape.Activation(2, new Extent(1, 16, 32), 2), Shape.Activation(2, new Extent(1, 8, 16), 2),
                Shape.Activation(2, new Extent(1, 4, 8), 2)],
            network.Forward(tape, input, allOutputs: true).Select(o => o.Shape));
        Assert.Single(network.Forward(tape, input, allOutputs: false));
        Assert.Throws<ShapeException>(
            () => network.Forward(tape, tape.Output(Shape.Activation(1, new Extent(1, 16, 16), 2)), allOutputs: true));
        tape.Clear();
        pool.Return(x);
        Assert.Equal(0, pool.InUseBytes);
    }

    [Fact]
    public void Weight_layouts_translate_both_ways()
    {
        var conv = Shape.Weight(new Extent(1, 2, 1), 2, 3);
        float[] reference = [.. Enumerable.Range(0, 12).Select(i => (float)i)];         // [out 3, in 2, k 2]
        var ours = new float[12];
        WeightLayout.FromReference(conv, ParameterKind.ConvolutionWeight, reference, ours);
        Assert.Equal([0, 4, 8, 2, 6, 10, 1, 5, 9, 3, 7, 11], ours);
        var transposed = new float[12];                                                   // [in 2, out 3, k 2]
        WeightLayout.FromReference(conv, ParameterKind.TransposedConvolutionWeight, reference, transposed);
        Assert.Equal([0, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9, 11], transposed);
        var back = new float[12];
        WeightLayout.ToReference(conv, ParameterKind.TransposedConvolutionWeight, transposed, back);
        Assert.Equal(reference, back);
        Assert.Throws<ShapeException>(() => WeightLayout.FromReference(conv, ParameterKind.Bias, reference, new float[11]));
    }

    public void Dispose() => backend.Dispose();

    private static void RequireNormal(double[] values, double std)
    {
        var mean = values.Average();
        var actual = Math.Sqrt(values.Sum(v => (v - mean) * (v - mean)) / values.Length);
        Assert.InRange(actual / std, 0.99, 1.01);
        Assert.InRange(mean, -5 * std / Math.Sqrt(values.Length), 5 * std / Math.Sqrt(values.Length));
        // 0.683 of a normal distribution
        Assert.InRange(values.Count(v => Math.Abs(v) < std) / (double)values.Length, 0.66, 0.71);
    }
}
