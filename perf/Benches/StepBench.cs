using SharpSeg.AutoPlanner.Training;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Losses;
using SharpSeg.Engine.Networks;
using SharpSeg.Engine.Optimizers;
using SharpSeg.Engine.Tensors;
using SharpSeg.Engine.Training;
using SharpSeg.Perf.Measuring;

namespace SharpSeg.Perf.Benches;

/// <summary>
/// Whole training steps: upload, forward with deep supervision, Dice + cross-entropy, backward, clipping, SGD with Nesterov
/// momentum. Each on its own backend, so that peak bytes are those of the step alone. Where a device launches steps as graphs,
/// once more without.
/// </summary>
internal sealed class StepBench(BenchDevice device, Peer? peer, Report report, BenchOptions options)
{
    private const int Moments = 1;                        // SGD: its velocity

    /// <summary>Runs all plans.</summary>
    public void Run()
    {
        foreach (var plan in options.Tiny ? BenchPlan.Tiny : BenchPlan.All)
        {
            if (report.Wants($"step {plan.Name} {plan.BatchSize}"))
            {
                Measure(plan);
            }
        }
    }

    /// <summary>Measures the step of a plan.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="regions">Outputs are regions instead of labels.</param>
    public void Measure(BenchPlan plan, bool regions = false)
    {
        var shape = $"{plan.BatchSize}, {plan.Patch}, features {string.Join(',', plan.Network.Features)}";
        using var own = device.Open();
        using var network = Network.Build(plan.Network, own, seed: 1);
        using var optimizer = new SgdNesterov(network.Parameters);
        var loss = new LossOptions(network.LossWeights, regions, BatchDice: false);
        var training = AsInTraining(plan, loss, own);
        var random = new Random(1);
        var images = new float[Shape.Activation(plan.BatchSize, plan.Patch, plan.Network.InputChannels).Length];
        Array.ConvertAll(images, _ => random.NextSingle()).CopyTo(images, 0);
        var targets = network.OutputScales.Select(s => Labels(random, plan, s)).ToArray();
        peer?.Prepare(plan.Request("step"));
        var (isGraph, milliseconds, theirs) = Time(training, peer is null ? null : peer.Time);
        report.Add(new Row("step", $"step {plan.Name}", shape, isGraph ? "graph" : null, milliseconds, null, null, null, theirs)
        {
            PeakBytes = own.PeakBytes,
            PeerPeakBytes = peer?.PeakBytes(),
        });
        if (isGraph)
        {
            var (_, launched, _) = Time(training with { Record = false }, null);
            report.Add(new Row("step", $"step {plan.Name}, no graph", shape, null, launched, null, null, null, null));
        }

        (bool IsGraph, Timing Ours, Timing? Theirs) Time(TrainingOptions chosen, Func<int, double[]?>? other)
        {
            using var step = new TrainingStep(network, optimizer, plan.Patch, plan.BatchSize, chosen);
            var (ours, others) = Duel.Run(
                () =>
                {
                    step.Run(images, targets, 1e-3f);
                    own.Synchronize();
                },
                other, options.Seconds);
            return (step.WasReplayed, ours, others);
        }
    }

    /// <summary>With all activations kept where training would keep them.</summary>
    private static TrainingOptions AsInTraining(BenchPlan plan, LossOptions loss, Backend backend)
    {
        var kept = new TrainingOptions(loss, RecomputeActivations: false);
        var memory = StepMemory.Measure(
            plan.Network, plan.Patch, plan.BatchSize, kept, backend.UploadsRunBeside, backend.Activations);
        var bytes = memory.TrainingBytes(Moments) + backend.WorkspaceBytes(memory.Convolutions, isTraining: true);
        return PeakMemory.HasRoomForAll(backend, bytes) ? kept : new TrainingOptions(loss);
    }

    private static float[] Labels(Random random, BenchPlan plan, Extent scale)
    {
        var voxels = plan.BatchSize * (plan.Patch.Z / scale.Z) * (plan.Patch.Y / scale.Y) * (plan.Patch.X / scale.X);
        var labels = new float[voxels];
        for (var i = 0; i < voxels; i++)
        {
            labels[i] = random.Next(plan.Network.OutputChannels);
        }

        return labels;
    }
}
