using SharpSeg.Engine.Autograd;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Networks;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Cpu;
using Xunit;

namespace SharpSeg.Engine.Tests.Networks;

/// <summary>
/// Blocks of other styles than the usual one, against the formula written out: y = act(γ·(conv(x) − mean)/√(var + ε) + β).
/// </summary>
public sealed class ConvBlockStyleTests
{
    private static readonly float[] X = [1, -2, 3, 5, -4, 0, 2, 7];
    private const float Weight = 2, Bias = 0.5f, Gamma = 1.5f, Beta = -0.25f;

    [Theory]
    [InlineData(0f, 1e-5f, true, true)]
    [InlineData(0.2f, 0.5f, true, true)]
    [InlineData(0.01f, 1e-5f, false, true)]
    [InlineData(0.01f, 1e-5f, true, false)]
    [InlineData(1f, 3f, false, false)]
    public void Slope_epsilon_affine_and_bias_follow_the_formula(float slope, float epsilon, bool affine, bool hasBias)
    {
        var conv = X.Select(x => (Weight * x) + (hasBias ? Bias : 0)).ToArray();
        double mean = conv.Average(), variance = conv.Average(v => (v - mean) * (v - mean));
        var expected = conv.Select(
            v => Activate(((affine ? Gamma : 1) * (v - mean) / Math.Sqrt(variance + epsilon)) + (affine ? Beta : 0), slope));
        AssertNear(expected, Run(new BlockStyle(slope, NormKind.Instance, epsilon, affine, hasBias)));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_folded_norm_is_a_factor_and_a_summand(bool hasBias)
    {
        var expected = X.Select(x => Activate((Gamma * ((Weight * x) + (hasBias ? Bias : 0))) + Beta, 0.1));
        AssertNear(expected, Run(new BlockStyle(0.1f, NormKind.Folded, HasBias: hasBias)));
    }

    [Fact]
    public void A_folded_norm_is_not_trained()
    {
        using var backend = Cpu.Open(1);
        using var pool = new BufferPool(backend);
        using var store = new ParameterStore(backend);
        var block = new ConvBlock(store, "conv", "norm", [1], 1, Extent.One, Extent.One, new BlockStyle(0.1f, NormKind.Folded));
        store.Allocate();
        var tape = new Tape(backend, pool, recording: true);
        var x = pool.Rent(Shape.Activation(1, new Extent(1, 1, 8), 1));
        backend.Upload(X, x);
        Assert.Throws<ShapeException>(() => block.Forward(tape, [tape.Input(x)]));
    }

    private static double Activate(double z, double slope) => z > 0 ? z : slope * z;

    private static float[] Run(BlockStyle style)
    {
        using var backend = Cpu.Open(1);
        using var pool = new BufferPool(backend);
        using var store = new ParameterStore(backend);
        var block = new ConvBlock(store, "conv", "norm", [1], 1, Extent.One, Extent.One, style);
        store.Allocate();
        Assert.Equal(style.HasBias, store.Contains("conv.bias"));
        Set("conv.weight", Weight);
        Set("norm.weight", style.Affine ? Gamma : 1);
        Set("norm.bias", style.Affine ? Beta : 0);
        if (style.HasBias)
        {
            Set("conv.bias", Bias);
        }

        Assert.Equal(style.Affine ? 1 : 0, store["norm.weight"].LearningRateFactor);
        var x = pool.Rent(Shape.Activation(1, new Extent(1, 1, 8), 1));
        backend.Upload(X, x);
        var tape = new Tape(backend, pool, recording: false);
        var y = block.Forward(tape, [tape.Input(x)]);
        var values = new float[y.Value.Length];
        backend.Download(y.Value, values);
        return values;

        void Set(string name, float value) => backend.Upload([value], store[name].Value);
    }

    private static void AssertNear(IEnumerable<double> expected, float[] actual)
    {
        foreach (var (e, a) in expected.Zip(actual))
        {
            Assert.Equal(e, a, 1e-5); // float32 sums of eight values
        }
    }
}
