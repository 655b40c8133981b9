using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Planning;
using Xunit;
using static SharpSeg.AutoPlanner.Tests.Planning.PlanningFixtures;

namespace SharpSeg.AutoPlanner.Tests.Planning;

/// <summary>Predicted peak memory of training and of prediction.</summary>
public sealed class PeakMemoryTests
{
    private static readonly DatasetDescription Description = DatasetDescription.FromJson(
        """{"channel_names": {"0": "MRI"}, "labels": {"background": 0, "a": 1, "b": 2}, "numTraining": 50, "file_ending": ".nii.gz"}""");

    [Fact]
    public void Predicting_takes_less_than_training()
    {
        var configuration = Plan(Identical(50, [1, 1, 1], [24, 32, 20]), 3).Plans.Resolve("3d_fullres");
        var prediction = PeakMemory.PredictionBytes(Profile.Modern, configuration, Description);
        Assert.InRange(prediction, 1, PeakMemory.TrainingBytes(Profile.Modern, configuration, Description) / 2);
    }
}
