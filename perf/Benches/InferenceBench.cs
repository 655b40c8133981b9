using SharpSeg.Engine.Autograd;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Networks;
using SharpSeg.Engine.Tensors;
using SharpSeg.Perf.Measuring;
using SharpSeg.Perf.Onnx;

namespace SharpSeg.Perf.Benches;

/// <summary>
/// Prediction: one forward pass per patch, without gradients, as a tile of a sliding window: Gaussian weights, added to the sums.
/// </summary>
internal sealed class InferenceBench(BenchDevice device, Peer? peer, Report report, BenchOptions options)
{
    /// <summary>Runs all plans.</summary>
    public void Run()
    {
        foreach (var plan in options.Tiny ? BenchPlan.Tiny : BenchPlan.All)
        {
            if (report.Wants($"predict {plan.Name} {plan.BatchSize}"))
            {
                Measure(plan with { BatchSize = plan.Patch.Voxels > 1_000_000 ? 1 : plan.BatchSize });
            }
        }
    }

    private void Measure(BenchPlan plan)
    {
        using var own = device.Open();
        using var network = Network.Build(plan.Network, own, seed: 1);
        using var pool = new BufferPool(own);
        using var operands = new Operands(own);
        var classes = plan.Network.OutputChannels;
        var image = operands.Single(Shape.Activation(plan.BatchSize, plan.Patch, plan.Network.InputChannels));
        Tensor weights = operands.Single(Shape.Activation(1, plan.Patch, 1)),
        total = operands.Single(Shape.Activation(1, plan.Patch, 1));
        var sum = operands.Single(Shape.Activation(1, plan.Patch, classes));
        void Tile()
        {
            var tape = new Tape(own, pool, recording: false);
            var logits = network.Forward(tape, tape.Input(image), allOutputs: false)[0];
            for (var n = 0; n < plan.BatchSize; n++)
            {
                own.BlendAdd(logits.Value, n, weights, default, sum, total);
            }

            tape.Done(logits);
            tape.Clear();
            own.Synchronize();
        }

        using var onnx = options.OnnxRuntime ? new OnnxCase(network, plan, image) : null;
        var isPrepared = peer?.Prepare(onnx?.Request ?? plan.Request("predict")) == true;
        var difference = isPrepared && onnx is not null ? Difference() : (double?)null;
        var (milliseconds, theirs) = Duel.Run(Tile, peer is null ? null : peer.Time, options.Seconds);
        var peak = peer?.PeakBytes();
        report.Add(
            new Row(
                "inference", $"tile {plan.Name}", $"{plan.BatchSize}, {plan.Patch}", null, milliseconds, null, null, null, theirs)
            {
                PeakBytes = own.PeakBytes,
                PeerPeakBytes = peak,
                PeerDifference = difference,
            });

        double Difference()
        {
            var tape = new Tape(own, pool, recording: false);
            var logits = network.Forward(tape, tape.Input(image), allOutputs: false)[0];
            var values = new float[logits.Shape.Length];
            own.Download(logits.Value, values);
            tape.Done(logits);
            tape.Clear();
            return onnx.Difference(values);
        }
    }
}
