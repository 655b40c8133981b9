using SharpSeg.Conformance;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Cpu;
using Xunit;

namespace SharpSeg.EndToEnd.Tests;

/// <summary>The check of single layers that `bench plan` makes: right ones pass, each planted error is seen.</summary>
public sealed class LayerCheckTests
{
    private static readonly Extent Cube = new(3, 3, 3);

    private static readonly ConvProblem[] Convolutions =
    [
        new(2, new(11, 13, 12), 5, 0, 7, Cube, Extent.One), new(2, new(10, 13, 12), 4, 3, 6, Cube, Extent.One),
        new(1, new(11, 9, 12), 3, 0, 4, Cube, new(1, 2, 2)), new(2, new(1, 21, 19), 3, 0, 5, new(1, 3, 3), new(1, 2, 2)),
        new(2, new(3, 4, 2), 3, 0, 2, Extent.One, Extent.One), new(1, new(12, 12, 12), 2, 0, 3, new(5, 3, 7), new(2, 3, 1)),
    ];

    [Fact]
    public void Layers_that_are_right_pass_at_any_size()
    {
        using var processor = Cpu.Open();
        using var reference = new ReferenceBackend();
        foreach (var check in new[] { new LayerCheck(processor), new LayerCheck(reference) })
        {
            foreach (var p in Convolutions)
            {
                AssertRight(check.Of(p), $"{p}");
            }

            AssertRight(check.Of(new TransposedConvProblem(2, new(5, 6, 7), 6, 3, new(2, 2, 2))), "transposed");
            AssertRight(check.Of(new TransposedConvProblem(1, new(1, 6, 7), 6, 3, new(1, 2, 2))), "transposed, flat");
            AssertRight(check.Of(new InstanceNormProblem(2, new(5, 6, 7), 6, 0.01f)), "norm", gradient: 1e-2);
            AssertRight(check.Of(new InstanceNormProblem(1, Extent.One, 3, 0.01f)), "norm of one voxel");
        }
    }

    [Fact]
    public void A_wrong_value_in_any_pass_is_seen()
    {
        var p = Convolutions[0];
        AssertSeen(new Spoilt(Pass.Forward), check => check.Of(p));
        AssertSeen(new Spoilt(Pass.Data), check => check.Of(p));
        AssertSeen(new Spoilt(Pass.Weights), check => check.Of(p));
        AssertSeen(new Spoilt(Pass.Norm), check => check.Of(new InstanceNormProblem(1, new(4, 5, 6), 3, 0.01f)));
    }

    private static void AssertRight(LayerErrors errors, string what, double gradient = 1e-4)
    {
        Assert.True(errors.Error < 1e-4, $"{what}: error {errors.Error}");
        Assert.True(errors.Gradient < gradient, $"{what}: gradient {errors.Gradient}");
    }

    private static void AssertSeen(Backend backend, Func<LayerCheck, LayerErrors> check)
    {
        using (backend)
        {
            var errors = check(new LayerCheck(backend));
            Assert.True(errors.Error > 1e-3 || errors.Gradient > 1e-2, $"{errors}");
        }
    }

    private enum Pass
    {
        Forward,
        Data,
        Weights,
        Norm,
    }

    /// <summary>Adds to the first value of one operation's result.</summary>
    private sealed class Spoilt(Pass pass) : ForwardingBackend(Cpu.Open())
    {
        protected override void ConvForwardCore(in ConvProblem p, Tensor x, Tensor? x2, Tensor w, Tensor? b, Tensor y)
        {
            base.ConvForwardCore(p, x, x2, w, b, y);
            Spoil(Pass.Forward, y);
        }

        protected override void ConvBackwardDataCore(
            in ConvProblem p, Tensor dy, Tensor w, Tensor? dx, bool accumulate, Tensor? dx2, bool accumulate2)
        {
            base.ConvBackwardDataCore(p, dy, w, dx, accumulate, dx2, accumulate2);
            Spoil(Pass.Data, dx!);
        }

        protected override void ConvBackwardWeightsCore(
            in ConvProblem p, Tensor x, Tensor? x2, Tensor dy, Tensor dw, Tensor? db, bool accumulate)
        {
            base.ConvBackwardWeightsCore(p, x, x2, dy, dw, db, accumulate);
            Spoil(Pass.Weights, dw);
        }

        protected override void InstanceNormApplyCore(
            in InstanceNormProblem p, Tensor x, Tensor mean, Tensor rstd, Tensor gamma, Tensor beta, Tensor y)
        {
            base.InstanceNormApplyCore(p, x, mean, rstd, gamma, beta, y);
            Spoil(Pass.Norm, y);
        }

        private void Spoil(Pass done, Tensor result)
        {
            if (done == pass)
            {
                var values = new float[result.Length];
                Download(result, values);
                values[0] += 0.05f * values.Max();
                Upload(values, result);
            }
        }
    }
}
