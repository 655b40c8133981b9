using SharpSeg.AutoPlanner;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Tests;
using SharpSeg.AutoPlanner.Training;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Cpu;
using Xunit;

namespace SharpSeg.EndToEnd.Tests;

/// <summary>A real training that learns to call everything background, and what it is told.</summary>
public sealed class CollapseTests
{
    /// <summary>Cross-entropy alone, of a class in one voxel of a thousand: the surest way to zero.</summary>
    [Fact]
    public void A_training_that_collapses_is_told_so_once_with_what_to_try()
    {
        var shapes = new ShapeDataset { Size = new Extent(24, 24, 24), Cases = 4, Radius = 1.5 };
        using var run = new ShapeRun(shapes, Profile.Modern, "3d_fullres", features: 4);
        using var backend = Cpu.Open(2);
        var told = new ToldReporter();
        var job = run.Job with { Variant = new TrainingVariant { Loss = LossTerms.CrossEntropy, ForegroundShare = 0 } };
        using (var trainer = new Trainer(job, new TrainingSchedule(2, 8, 8, 3), backend, resume: false, told))
        {
            trainer.Run(CancellationToken.None);
            Assert.Equal(0, trainer.State.Records[^1].MeanPseudoDice);
            Assert.True(trainer.State.Records[^1].TrainLoss < trainer.State.Records[0].TrainLoss); // it did learn: background
        }

        var warning = Assert.Single(told.Warnings, text => text.Contains("finds no foreground", StringComparison.Ordinal));
        Assert.Contains("--foreground-share", warning, StringComparison.Ordinal);
        Assert.Contains("--balance-classes", warning, StringComparison.Ordinal);
    }
}
