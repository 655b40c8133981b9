using SharpSeg.Conformance;
using SharpSeg.Engine.Losses;
using SharpSeg.Engine.Networks;
using SharpSeg.Engine.Optimizers;
using SharpSeg.Engine.Tensors;
using SharpSeg.Engine.Tests.Networks;
using SharpSeg.Engine.Training;
using Xunit;
using Xunit.Abstractions;

namespace SharpSeg.Engine.Tests.Training;

public class StepMemoryTests(ITestOutputHelper output)
{
    private static readonly Extent Cube2 = new(2, 2, 2);
    private static readonly Extent Cube3 = new(3, 3, 3);

    public static TheoryData<string> Families => ["F1", "F2", "F3", "F4", "F5", "F6", "UNet++"];

    [Theory]
    [MemberData(nameof(Families))]
    public void After_the_first_step_nothing_is_allocated_and_memory_is_as_rehearsed(string name)
    {
        var (plan, patch) = CaseOf(name);
        using var backend = new ReferenceBackend();
        using var network = Network.Build(plan, backend, seed: 3);
        using var optimizer = new SgdNesterov(network.Parameters);
        var options = new TrainingOptions(new LossOptions(network.LossWeights, Regions: false, BatchDice: true));
        using var step = new TrainingStep(network, optimizer, patch, 2, options);
        var (images, targets) = Batch(network, patch);

        step.Run(images, targets, 0.01f);
        var (allocations, bytes) = (step.Pool.Allocations, backend.AllocatedBytes);
        step.Run(images, targets, 0.01f);
        step.Evaluate(images, targets, labels: new float[2 * patch.Voxels]);
        step.Run(images, targets, 0.01f);

        Assert.Equal(1, allocations);
        Assert.Equal(allocations, step.Pool.Allocations);
        Assert.Equal(bytes, backend.AllocatedBytes);
        Assert.Equal(0, step.Pool.InUseBytes);
        Assert.Equal(step.Memory.InUseBytes, step.Pool.PeakBytes);
        Assert.Equal(step.Memory.PoolBytes, step.Pool.HighWaterBytes);
        Assert.Equal(step.PeakBytes, step.Memory.TrainingBytes(moments: 1));
    }

    /// <summary>
    /// The reference keeps float64 whatever it says it keeps, so that only the memory may differ: losses are the same bits.
    /// </summary>
    [Theory]
    [MemberData(nameof(Families))]
    public void Activations_of_16_bits_take_less_memory_as_rehearsed_and_train_the_same_way(string name)
    {
        var (wide, narrow) = (Train(ElementType.Fp32), Train(ElementType.Bf16));
        Assert.Equal(wide.Losses, narrow.Losses);
        Assert.True(narrow.PoolBytes < wide.PoolBytes, $"{narrow.PoolBytes} of {wide.PoolBytes} bytes");

        (double[] Losses, long PoolBytes) Train(ElementType activations)
        {
            var (plan, patch) = CaseOf(name);
            using var backend = new ReferenceBackend(activations);
            using var network = Network.Build(plan, backend, seed: 3);
            using var optimizer = new SgdNesterov(network.Parameters);
            var options = new TrainingOptions(new LossOptions(network.LossWeights, Regions: false, BatchDice: true));
            using var step = new TrainingStep(network, optimizer, patch, 2, options);
            var (images, targets) = Batch(network, patch);
            double[] losses = [step.Run(images, targets, 0.01f), step.Run(images, targets, 0.01f)];
            Assert.Equal(activations == ElementType.Fp32 ? 1 : 2, step.Pool.Allocations);
            Assert.Equal(step.Memory.PoolBytes, step.Pool.HighWaterBytes);
            Assert.Equal(step.PeakBytes, step.Memory.TrainingBytes(moments: 1));
            return (losses, step.Memory.PoolBytes);
        }
    }

    [Fact]
    public void A_full_size_network_needs_about_half_of_what_storing_all_activations_needs()
    {
        var plan = FixturePlans.Plan(
            NetworkFamily.PlainUNet, [32, 64, 128, 256, 320, 320], [.. Enumerable.Repeat(Cube3, 6)],
            [Extent.One, .. Enumerable.Repeat(Cube2, 5)],
            2, 2, outputs: 3) with
        { DeepSupervision = true };
        var loss = new LossOptions(DeepSupervision.Weights(5), Regions: false, BatchDice: false);
        var lean = StepMemory.Measure(plan, new Extent(128, 128, 128), 2, new TrainingOptions(loss));
        var plain = StepMemory.Measure(
            plan, new Extent(128, 128, 128), 2, new TrainingOptions(loss, RecomputeActivations: false));
        var residual =
            plan with
            {
                Family = NetworkFamily.ResidualEncoderUNet,
                EncoderBlocks = [1, 3, 4, 6, 6, 6],
                DecoderBlocks = [1, 1, 1, 1, 1]
            };
        var leanResidual = StepMemory.Measure(residual, new Extent(128, 128, 128), 2, new TrainingOptions(loss));
        var plainResidual = StepMemory.Measure(
            residual, new Extent(128, 128, 128), 2, new TrainingOptions(loss, RecomputeActivations: false));
        foreach (var (
            name, m) in new[] { ("plain", lean), ("plain, stored", plain), ("residual", leanResidual),
            ("residual, stored", plainResidual) })
        {
            output.WriteLine(
                $"{name}: pool {m.PoolBytes >> 20} MiB, in use {m.InUseBytes >> 20} MiB, training {m.TrainingBytes(1) >> 20} MiB");
        }

        // One unit = a full-resolution activation of 32 channels, 512 MiB. Forward and backward hold five at level 0 and a third
        // of
        // four below; the layout must not lose more than a tenth to holes.
        Assert.InRange(lean.InUseBytes / (512.0 * (1 << 20)), 5.0, 7.0);
        Assert.True(lean.PoolBytes <= 1.1 * lean.InUseBytes, $"{lean}");
        Assert.True(lean.PoolBytes <= 0.7 * plain.PoolBytes, $"{lean} {plain}");

        // With two batches and three times the parameters, which stay float32.
        var wide = StepMemory.Measure(plan, new Extent(128, 128, 128), 2, new TrainingOptions(loss), staged: true);
        var narrow = StepMemory.Measure(
            plan, new Extent(128, 128, 128), 2, new TrainingOptions(loss), staged: true, ElementType.Bf16);
        output.WriteLine($"training {wide.TrainingBytes(1) >> 20} MiB, 16 bits {narrow.TrainingBytes(1) >> 20} MiB "
            + $"of which pool {narrow.PoolBytes >> 20}, in use {narrow.InUseBytes >> 20} MiB");
        Assert.True(narrow.TrainingBytes(1) <= 0.6 * wide.TrainingBytes(1), $"{narrow} {wide}");
    }

    private static (NetworkPlan Plan, Extent Patch) CaseOf(string name) => name switch
    {
        "F1" => (FixturePlans.F1, new Extent(1, 8, 8)),
        "F2" => (FixturePlans.F2, new Extent(2, 8, 8)),
        "F3" => (FixturePlans.F3, new Extent(1, 8, 8)),
        "F4" => (FixturePlans.F4, new Extent(4, 4, 4)),
        "F5" => (FixturePlans.F5, new Extent(1, 8, 8)),
        "F6" => (FixturePlans.F6, new Extent(1, 16, 16)),
        _ => (FixturePlans.SmallPlusPlus, new Extent(1, 16, 16)),
    };

    private static (float[] Images, List<float[]> Targets) Batch(Network network, Extent patch)
    {
        var images = Enumerable.Range(0, (int)(2 * patch.Voxels)).Select(i => MathF.Sin(i)).ToArray();
        var targets = network.OutputScales
            .Select(s => Enumerable.Range(0, (int)(2 * patch.Voxels / s.Voxels)).Select(i => (float)(i % 2)).ToArray()).ToList();
        return (images, targets);
    }
}
