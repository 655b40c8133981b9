using SharpSeg.AutoPlanner;
using SharpSeg.AutoPlanner.Evaluation;
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
/// Whole cases that are scored while a network learns (docs/method/budget.md §5): the scores are those of validation, and the
/// network does not notice.
/// </summary>
public sealed class WholeCaseTests
{
    private const int Epochs = 4;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void They_have_the_scores_that_validation_would_give(bool regions)
    {
        using var run = Shapes(regions);
        var job = run.Job;
        var schedule = Schedule(job);
        IReadOnlyDictionary<string, double> last;
        using (var backend = Cpu.Open(2))
        using (var trainer = new Trainer(job, schedule, backend, resume: false, SilentReporter.Instance))
        {
            trainer.WholeCases = cancel => Scores(run, job, trainer, cancel);
            trainer.Run(CancellationToken.None);
            last = Scores(run, job, trainer, CancellationToken.None);
        }

        using (var backend = Cpu.Open(2))
        {
            ValidationRun.Execute(job, backend, new InferenceOptions(), SilentReporter.Instance, CancellationToken.None);
        }

        var summary = ValidationRun.Score(job, run.Dataset, surface: false, SilentReporter.Instance, CancellationToken.None);
        Assert.Equal(job.ValidationCases.Order(StringComparer.Ordinal), last.Keys);
        Assert.All(summary.Cases, item => Assert.Equal(
            EvaluationSummary.MeanOfNumbers(item.Metrics.Select(metrics => metrics.Dice)), last[item.CaseId]));

        var log = TrainingLog.Read(Workspace.LogFile(job.Folder));
        Assert.Equal(schedule.Checks, log.Schedule.Checks);
        Assert.Equal([0, 3], log.Epochs.Where(epoch => epoch.WholeCaseDice is null).Select(epoch => epoch.Epoch));
        Assert.All(log.Epochs.Where(epoch => epoch.WholeCaseDice is not null), epoch =>
        {
            Assert.Equal(last.Keys, epoch.WholeCaseDice!.Keys.Order(StringComparer.Ordinal));
            Assert.InRange(epoch.WholeCaseSeconds!.Value, 0, epoch.Seconds);
        });
    }

    [Fact]
    public void A_network_learns_the_same_with_and_without_them_stopped_or_not()
    {
        using var run = Shapes(regions: false);
        var with = Train(run, run.Another("with"), Schedule(run.Job));
        var without = Train(run, run.Another("without"), Schedule(run.Job) with { Checks = null });
        Assert.All(without.Weights, pair => Assert.Equal(pair.Value, with.Weights[pair.Key]));
        Assert.All(without.Records, record => Assert.Null(record.WholeCaseDice));

        // Stopped before, between and while cases are scored: what the epoch has learnt stays, and its cases are scored again.
        var stopped = run.Another("stopped");
        Assert.Throws<OperationCanceledException>(
            () => Train(run, stopped, Schedule(run.Job), $"epoch 1/{Epochs}, iteration 2/"));
        Assert.Throws<OperationCanceledException>(() => Train(run, stopped, Schedule(run.Job), stopWhileScoring: true));
        var resumed = Train(run, stopped, Schedule(run.Job));
        Assert.All(with.Weights, pair => Assert.Equal(pair.Value, resumed.Weights[pair.Key]));
        Assert.Equal(
            with.Records.Select(record => record.WholeCaseDice?.OrderBy(pair => pair.Key)),
            resumed.Records.Select(record => record.WholeCaseDice?.OrderBy(pair => pair.Key)));
    }

    /// <summary>
    /// Of a run's time no more than a share is planned; where that is too little there are none, and a line says so.
    /// </summary>
    [Fact]
    public void So_many_are_scored_as_a_share_of_the_time_allows()
    {
        using var run = Shapes(regions: false, cases: 20);
        using var backend = Cpu.Open(2);
        var scores = new WholeCaseScores(run.Dataset, new MemoryBudget(4L << 30, IsGiven: true));
        var timed = new TrainingSchedule(2, 50, 34, 3, TimeSpan.FromMinutes(10));
        var (all, text) = scores.Choose(run.Job, timed, new SpeedProbe(0.3, 1e-4), backend);
        Assert.Equal((4, 16), (all!.Cases.Count, all.Parts)); // the fold has four
        Assert.StartsWith("4 of 4 validation cases, 15 times, about ", text, StringComparison.Ordinal);

        var slow = new SpeedProbe(0.3, 0.02);
        var seconds = ValidationRun.SecondsFor(run.Job, all.Cases, slow);
        var (fewer, _) = scores.Choose(run.Job, Within(seconds * 15 / 0.03), slow, backend);
        Assert.Equal(8, fewer!.Parts);
        Assert.Equal(4, fewer.Cases.Count);
        var (half, _) = scores.Choose(run.Job, Within(seconds * 7 / 0.03), slow, backend);
        Assert.InRange(half!.Cases.Count, 2, 3);
        Assert.InRange(half.Seconds * 7, 0, 0.02 * seconds * 7 / 0.03);
        var (none, why) = scores.Choose(run.Job, Within(seconds), slow, backend);
        Assert.Null(none);
        Assert.Contains("more than 2 % of the time", why, StringComparison.Ordinal);

        var tight = new WholeCaseScores(run.Dataset, new MemoryBudget(MemoryBudget.ProgramBytes, IsGiven: true));
        (none, why) = tight.Choose(run.Job, timed, slow, backend);
        Assert.Null(none);
        Assert.Contains("0 of 4 validation cases", why, StringComparison.Ordinal);

        TrainingSchedule Within(double time) => timed with { TimeBudget = TimeSpan.FromSeconds(time) };
    }

    /// <summary>They are predicted by the network that learns, whose weights and scratch are not there twice.</summary>
    [Theory]
    [InlineData(16)]
    [InlineData(32)]
    public void What_they_take_beside_training_is_foreseen_within_ten_percent(int features)
    {
        using var run = Shapes(regions: false, features: features, size: 40);
        var schedule = new TrainingSchedule(BatchSize: 2, Epochs: 2, 1, ValidationIterations: 1)
        {
            Checks = new([.. run.Job.ValidationCases], Parts: 2, Seconds: 1),
        };
        using var backend = Cpu.Open(2);
        var scores = new WholeCaseScores(run.Dataset, MemoryBudget.OfMachine());
        var alone = MemoryPlan.Of(
            run.Plans.Profile, run.Job.Configuration with { BatchSize = 2 }, run.Job.Description, backend).Total;
        var foreseen = alone + scores.BytesBeside(run.Job, schedule.Checks, batch: 2, backend);
        using var trainer = new Trainer(run.Job, schedule, backend, resume: false, SilentReporter.Instance);
        var times = 0;
        trainer.WholeCases = cancel =>
        {
            Assert.InRange((double)alone / trainer.PeakBytes, 0.99, 1.1);
            times++;
            return Scores(run, run.Job, trainer, cancel);
        };
        trainer.Run(CancellationToken.None);
        Assert.Equal(1, times);
        Assert.True(
            (double)foreseen / trainer.PeakBytes is >= 0.99 and <= 1.1,
            $"{foreseen} bytes were foreseen, {alone} of them for training, {trainer.PeakBytes} taken");
    }

    /// <summary>Under a time a user is told; names out of a checkpoint that the fold does not have open no file.</summary>
    [Fact]
    public void A_name_that_the_fold_does_not_have_is_left_out()
    {
        using var run = Shapes(regions: false);
        using var backend = Cpu.Open(2);
        using var network = TrainingParts.BuildNetwork(run.Job, backend);
        var scores = new WholeCaseScores(run.Dataset, MemoryBudget.OfMachine());
        Assert.Empty(scores.Of(run.Job, ["../../x", run.Job.TrainingCases[0]], [], network, CancellationToken.None));
    }

    private static TrainingSchedule Schedule(TrainingJob job) => new(BatchSize: 2, Epochs, 3, ValidationIterations: 1)
    {
        Recipe = TrainingRecipe.FewIterations, Checks = new([.. job.ValidationCases], Parts: 3, Seconds: 1),
    };

    private static IReadOnlyDictionary<string, double> Scores(
        ShapeRun run, TrainingJob job, Trainer trainer, CancellationToken cancel) =>
        new WholeCaseScores(run.Dataset, MemoryBudget.OfMachine()).Of(
            job, trainer.Schedule.Checks!.Cases, job.MirrorAxesWith(trainer.Schedule.Recipe), trainer.Network, cancel);

    private static (SortedDictionary<string, float[]> Weights, IReadOnlyList<EpochRecord> Records) Train(
        ShapeRun run, TrainingJob job, TrainingSchedule schedule, string? stopAt = null, bool stopWhileScoring = false)
    {
        using var backend = Cpu.Open(2);
        using var stop = new CancellationTokenSource();
        using var trainer = new Trainer(job, schedule, backend, resume: true, new StopAt(stopAt, stop));
        trainer.WholeCases = cancel =>
        {
            if (stopWhileScoring)
            {
                stop.Cancel();
            }

            return Scores(run, job, trainer, cancel);
        };
        trainer.Run(stop.Token);
        return (WorkspaceFiles.ReadTensors(Workspace.FinalCheckpoint(job.Folder)), trainer.State.Records);
    }

    private static ShapeRun Shapes(bool regions, int cases = 10, int features = 4, int size = 24) => new(
        new ShapeDataset { Size = new Extent(size, size, size), Cases = cases, Radius = 4, Regions = regions }, Profile.Modern,
        "3d_fullres", features);
}
