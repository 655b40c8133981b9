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

namespace SharpSeg.EndToEnd.Tests;

/// <summary>
/// Short real trainings, whole from files to a score on cases that were not trained on, on data that a threshold cannot solve.
/// One for every way in which parts are put together.
/// </summary>
public sealed class ShapeTrainingTests
{
    private static readonly ShapeDataset Volume = new() { Size = new Extent(24, 24, 24) };

    [Fact]
    public void Modern_learns_shapes() => Learns(Volume, Profile.Modern, "3d_fullres", floor: 0.85);

    [Fact]
    public void Classic_learns_shapes() => Learns(Volume, Profile.Classic, "3d_fullres", floor: 0.85);

    [Fact]
    public void Regions_beside_an_ignored_corner_are_learnt() =>
        Learns(Volume with { Regions = true, Ignore = true }, Profile.Modern, "3d_fullres", floor: 0.85);

    [Fact]
    public void Slices_are_learnt() => Learns(Volume with { Size = new Extent(12, 32, 32) }, Profile.Modern, "2d", floor: 0.8);

    [Fact]
    public void What_only_two_channels_show_is_learnt() =>
        Learns(Volume with { Channels = 2 }, Profile.Modern, "3d_fullres", floor: 0.85);

    [Fact]
    public void Thick_slices_along_the_last_axis_are_learnt()
    {
        var shapes = Volume with { Size = new Extent(28, 28, 12), Spacing = new Spacing(1, 1, 3), Radius = 6 };
        Learns(shapes, Profile.Modern, "3d_fullres", floor: 0.85, run =>
        {
            // The coarse axis comes first inside; predictions lie on the scan's own axes again.
            Assert.Equal([2, 0, 1], run.Plans.TransposeForward);
            Assert.Equal(3, run.Job.Configuration.Spacing[0], 6);
        });
    }

    [Fact]
    public void Pictures_are_learnt() =>
        Learns(
            new ShapeDataset { Size = new Extent(1, 48, 48), Ending = ".png", Radius = 8, Cases = 8 }, Profile.Modern, "2d",
            floor: 0.8);

    [Fact]
    public void Nrrd_files_are_learnt() => Learns(Volume with { Ending = ".nrrd" }, Profile.Modern, "3d_fullres", floor: 0.85);

    private static void Learns(
        ShapeDataset shapes, Profile profile, string configuration, double floor, Action<ShapeRun>? check = null)
    {
        using var run = new ShapeRun(shapes, profile, configuration, features: 8);
        check?.Invoke(run);
        using var backend = Cpu.Open(2);
        var schedule = new TrainingSchedule(
            BatchSize: run.Job.Configuration.Is2D ? 8 : 2, Epochs: 12, IterationsPerEpoch: 20, ValidationIterations: 1);
        using (var trainer = new Trainer(run.Job, schedule, backend, resume: false, SilentReporter.Instance))
        {
            trainer.Run(CancellationToken.None);
        }

        ValidationRun.Execute(run.Job, backend, new InferenceOptions(), SilentReporter.Instance, CancellationToken.None);
        var summary = ValidationRun.Score(run.Job, run.Dataset, surface: false, SilentReporter.Instance, CancellationToken.None);
        Assert.Equal(run.Job.ValidationCases.Count, summary.Cases.Count);
        var threshold = run.BestThreshold();
        Assert.True(
            summary.ForegroundDice > floor, $"mean foreground Dice {summary.ForegroundDice}; a threshold reaches {threshold}");
        Assert.True(threshold < floor - 0.1, $"a threshold reaches {threshold}");
    }
}
