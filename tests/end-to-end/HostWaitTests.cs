using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Losses;
using SharpSeg.Engine.Networks;
using SharpSeg.Engine.Optimizers;
using SharpSeg.Engine.Tensors;
using SharpSeg.Engine.Training;
using SharpSeg.Kernels.Cpu;
using Xunit;

namespace SharpSeg.EndToEnd.Tests;

/// <summary>Where a training step waits for the device: a wait in its middle leaves a GPU idle.</summary>
public sealed class HostWaitTests
{
    [Fact]
    public void A_step_waits_for_the_losses_and_the_norm_of_the_gradients_once_all_is_launched()
    {
        var plan = new NetworkPlan
        {
            Family = NetworkFamily.PlainUNet,
            InputChannels = 1,
            OutputChannels = 2,
            Features = [4, 8, 8, 8],
            Kernels = [.. Enumerable.Repeat(new Extent(3, 3, 3), 4)],
            Strides = [Extent.One, new(2, 2, 2), new(2, 2, 2), new(2, 2, 2)],
            EncoderBlocks = [1, 1, 1, 1],
            DecoderBlocks = [1, 1, 1],
            DeepSupervision = true,
        };
        using var backend = new WaitingBackend(Cpu.Open(1));
        using var network = Network.Build(plan, backend, seed: 1);
        using var optimizer = new SgdNesterov(network.Parameters);
        var patch = new Extent(16, 16, 16);
        var loss = new LossOptions(network.LossWeights, Regions: false, BatchDice: true);
        using var step = new TrainingStep(network, optimizer, patch, 1, new TrainingOptions(loss));
        float[][] targets = [.. network.OutputScales.Select(s => new float[patch.Voxels / (s.Z * s.Y * s.X)])];
        step.Run(new float[patch.Voxels], targets, 0.01f);
        backend.Calls.Clear();
        step.Run(new float[patch.Voxels], targets, 0.01f);

        // The lowest output has the weight 0 and is not looked at; its head has no gradient and parts those of the others in two.
        var supervised = network.LossWeights.Count(weight => weight != 0);
        Assert.Equal(2, supervised);
        string[] wanted =
        [
            .. Enumerable.Repeat("loss", supervised), "backward", "read", "norm", "norm", "update", "update",
        ];
        Assert.Equal(wanted, backend.Calls.SkipWhile(call => call != "loss"));
    }

    /// <summary>Writes down what reads, and what must not wait for it.</summary>
    private sealed class WaitingBackend(Backend inner) : ForwardingBackend(inner)
    {
        public List<string> Calls { get; } = [];

        protected override void DownloadCore(Tensor source, Span<float> target)
        {
            Calls.Add("read");
            base.DownloadCore(source, target);
        }

        protected override void SegmentationLossForwardCore(in LossProblem p, Tensor logits, Tensor target, Tensor sums)
        {
            Calls.Add("loss");
            base.SegmentationLossForwardCore(p, logits, target, sums);
        }

        protected override void ConvBackwardWeightsCore(
            in ConvProblem p, Tensor x, Tensor? x2, Tensor dy, Tensor dw, Tensor? db, bool accumulate)
        {
            if (Calls[^1] != "backward")
            {
                Calls.Add("backward");
            }

            base.ConvBackwardWeightsCore(p, x, x2, dy, dw, db, accumulate);
        }

        protected override double SumOfSquaresCore(Tensor g)
        {
            Calls.Add("norm");
            return base.SumOfSquaresCore(g);
        }

        protected override void SgdStepCore(in SgdStep options, Tensor theta, Tensor gradient, Tensor velocity)
        {
            Calls.Add("update");
            base.SgdStepCore(options, theta, gradient, velocity);
        }
    }
}
