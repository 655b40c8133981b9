using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Tests.Planning;
using SharpSeg.AutoPlanner.Training;
using SharpSeg.Engine.Losses;
using SharpSeg.Engine.Networks;
using SharpSeg.Engine.Optimizers;
using SharpSeg.Engine.Training;
using SharpSeg.Kernels.Cpu;
using Xunit;
using static SharpSeg.AutoPlanner.Tests.Planning.PlanningFixtures;

namespace SharpSeg.AutoPlanner.Tests.Training;

/// <summary>The plan's predicted peak memory against the peak that training really reaches on the CPU.</summary>
public sealed class PeakMemoryTests
{
    private static readonly DatasetDescription Description = DatasetDescription.FromJson(
        """{"channel_names": {"0": "MRI"}, "labels": {"background": 0, "a": 1, "b": 2}, "numTraining": 50, "file_ending": ".nii.gz"}""");

    [Trait("Tier", "slow")]
    [Theory]
    [InlineData(Profile.Modern, PresetName.Default, "3d_fullres")]
    [InlineData(Profile.Modern, PresetName.ResEncM, "2d")]
    [InlineData(Profile.Classic, PresetName.Default, "3d_fullres")]
    public void The_predicted_peak_is_the_measured_one(Profile profile, PresetName preset, string name)
    {
        var plans = Plan(
            Identical(50, [1, 1, 1], [40, 48, 36]), 3, new PlannerOptions { Profile = profile, Preset = preset }).Plans;
        var configuration = plans.Resolve(name) with { BatchSize = name == "2d" ? 16 : 2 };
        using var backend = Cpu.Open(threads: 2);
        var predicted = PeakMemory.TrainingBytes(profile, configuration, Description, backend);
        using var network = Network.Build(configuration.NetworkFor(profile, Description), backend, seed: 1);
        using Optimizer optimizer = profile == Profile.Classic
            ? new Adam(network.Parameters)
            : new SgdNesterov(network.Parameters);
        var loss = new LossOptions(network.LossWeights, Regions: false, configuration.BatchDice);
        using var step = new TrainingStep(
            network, optimizer, configuration.Patch, configuration.BatchSize, new TrainingOptions(loss));
        var images = new float[configuration.BatchSize * configuration.Patch.Voxels];
        var targets = network.OutputScales
            .Select(scale => new float[configuration.BatchSize * (configuration.Patch.Voxels / scale.Voxels)]).ToArray();
        step.Run(images, targets, learningRate: 0);

        Assert.InRange((double)predicted / step.PeakBytes, 1, 1.02); // all scratch is rehearsed
    }

    [Fact]
    public void Predicting_takes_less_than_training()
    {
        var configuration = Plan(Identical(50, [1, 1, 1], [40, 48, 36]), 3).Plans.Resolve("3d_fullres");
        using var backend = Cpu.Open(threads: 2);
        var prediction = PeakMemory.PredictionBytes(Profile.Modern, configuration, Description, backend);
        Assert.InRange(prediction, 1, PeakMemory.TrainingBytes(Profile.Modern, configuration, Description, backend) / 2);
    }
}
