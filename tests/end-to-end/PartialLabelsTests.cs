using System.Globalization;
using SharpSeg.AutoPlanner;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Inference;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Steps;
using SharpSeg.AutoPlanner.Training;
using SharpSeg.AutoPlanner.Workspaces;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Cpu;
using Xunit;
using Xunit.Abstractions;

namespace SharpSeg.EndToEnd.Tests;

/// <summary>
/// Real trainings on cases of which each shows one of two classes (docs/method/datasets.md §10), whole from files to a score
/// against what the label maps do not show.
/// </summary>
public sealed class PartialLabelsTests(ITestOutputHelper output)
{
    private static readonly ShapeDataset Shapes = new() { Size = new Extent(24, 24, 24), Cases = 10, Partial = true };

    [Fact]
    public void Each_class_is_learnt_from_the_cases_that_show_it()
    {
        var told = TrainedDice(Shapes);
        var untold = TrainedDice(Shapes with { SaysSo = false });
        output.WriteLine($"rim {told.Rim:0.000}, core {told.Core:0.000}; as background: {untold.Rim:0.000}, {untold.Core:0.000}");
        Assert.True(Math.Min(told.Rim, told.Core) > 0.8, $"rim {told.Rim}, core {told.Core}");
        var (mean, worse) = ((told.Rim + told.Core) / 2, (untold.Rim + untold.Core) / 2);
        Assert.True(worse < mean - 0.2, $"{mean}; trained as background {worse}");
    }

    /// <summary>Before a run is fitted to a time, a step is timed: it has what is not labelled as an input, too.</summary>
    [Theory]
    [InlineData("3d_fullres", false)]
    [InlineData("2d", false)]
    [InlineData("3d_fullres", true)]
    public void A_step_is_timed(string configuration, bool regions)
    {
        using var run = new ShapeRun(Shapes with { Regions = regions }, Profile.Modern, configuration, features: 4);
        using var backend = Cpu.Open(2);
        var speed = SpeedProbe.Measure(run.Job, backend, new InferenceOptions(), CancellationToken.None);
        Assert.True(speed is { SecondsPerStep: > 0, SecondsPerTile: > 0 });
    }

    private static (double Rim, double Core) TrainedDice(ShapeDataset shapes)
    {
        using var run = new ShapeRun(shapes, Profile.Modern, "3d_fullres", features: 8);
        using var backend = Cpu.Open(2);
        var schedule = new TrainingSchedule(BatchSize: 2, Epochs: 12, IterationsPerEpoch: 20, ValidationIterations: 1);
        using (var trainer = new Trainer(run.Job, schedule, backend, resume: false, SilentReporter.Instance))
        {
            trainer.Run(CancellationToken.None);
        }

        ValidationRun.Execute(run.Job, backend, new InferenceOptions(), SilentReporter.Instance, CancellationToken.None);
        var summary = ValidationRun.Score(run.Job, run.Dataset, surface: false, SilentReporter.Instance, CancellationToken.None);
        foreach (var item in summary.Cases)
        {
            // of the class that is not in the reference nothing is known, not even that it was found
            var (shown, other) = Number(item.CaseId) % 2 == 0 ? (0, 1) : (1, 0);
            Assert.False(double.IsNaN(item.Metrics[shown].Dice));
            Assert.Equal(shapes.SaysSo, double.IsNaN(item.Metrics[other].FalsePositives));
        }

        return (Mean(ShapeDataset.Rim), Mean(ShapeDataset.Core));

        double Mean(short label) => run.Job.ValidationCases.Average(id =>
        {
            var found = ImageFile.ReadLabels(Path.Combine(Workspace.ValidationFolder(run.Job.Folder), id + shapes.Ending)).Voxels;
            var truth = shapes.Case(Number(id)).Labels;
            var both = found.Zip(truth).Count(pair => pair.First == label && pair.Second == label);
            return 2.0 * both / (found.Count(value => value == label) + truth.Count(value => value == label));
        });

        static int Number(string id) => int.Parse(id[5..], CultureInfo.InvariantCulture);
    }
}
