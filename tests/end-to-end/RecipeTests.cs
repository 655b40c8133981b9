using SharpSeg.AutoPlanner;
using SharpSeg.AutoPlanner.Batches.Augmentation;
using SharpSeg.AutoPlanner.Inference;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Steps;
using SharpSeg.AutoPlanner.Training;
using SharpSeg.AutoPlanner.Workspaces;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Networks;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Cpu;
using Xunit;

namespace SharpSeg.EndToEnd.Tests;

/// <summary>What a recipe makes of a training (docs/method/budget.md): seen from the device, resumed, chosen by rule.</summary>
public sealed class RecipeTests
{
    private const int Epochs = 4, Iterations = 3;

    private static readonly TrainingRecipe Everything = new()
    {
        Momentum = 0.9, InitialRate = 0.02, WarmUpShare = 0.25, FlatShare = 0.5, AugmentationStrength = 0.5,
        SmallPatchShare = 0.5,
    };

    private static readonly TrainingSchedule Schedule = new(BatchSize: 2, Epochs, Iterations, ValidationIterations: 1)
    {
        Recipe = Everything,
    };

    [Fact]
    public void A_recipe_reaches_the_device()
    {
        using var run = Shapes();
        var patch = run.Job.Configuration.Patch;
        using var backend = new RecordingBackend(Cpu.Open(2), 1);
        Extent small;
        using (var trainer = new Trainer(run.Job, Schedule, backend, resume: false, SilentReporter.Instance))
        {
            trainer.Run(CancellationToken.None);
            small = PatchStage.Small(patch, trainer.Network.Plan);
            Assert.Equal(
                [.. Enumerable.Repeat(InSmall(), 2), Iterations, Iterations],
                trainer.State.Records.Select(record => record.Iterations));
        }

        Assert.NotEqual(patch, small);
        int InSmall() => (int)(Iterations / ((double)PatchStage.Small(patch, Plan(run)).Voxels / patch.Voxels));
        var steps = backend.Training;
        Assert.Equal(2 * (InSmall() + Iterations), steps.Count);
        for (var i = 0; i < steps.Count; i++)
        {
            var (epoch, iteration, length) = i < 2 * InSmall()
                ? (i / InSmall(), i % InSmall(), InSmall())
                : (2 + ((i - (2 * InSmall())) / Iterations), (i - (2 * InSmall())) % Iterations, Iterations);
            Assert.Equal(epoch < 2 ? small : patch, steps[i].Losses[0].Spatial);
            Assert.All(steps[i].Sgd, sgd =>
            {
                Assert.Equal(0.9, sgd.Momentum, 1e-7);
                Assert.Equal(Everything.Rate(epoch, Epochs, iteration, length), sgd.LearningRate, 1e-8);
            });
        }

        Assert.Equal([small, small, patch, patch], backend.Validation.Select(pass => pass.Losses[0].Spatial));
    }

    [Fact]
    public void A_stopped_run_goes_on_to_the_same_bytes_whatever_its_patches()
    {
        using var run = Shapes();
        var straight = Train(run.Another("straight"), Schedule);
        var stopped = run.Another("stopped");
        Assert.Throws<OperationCanceledException>(() => Train(stopped, Schedule, $"epoch 1/{Epochs}, iteration 2/"));
        Assert.Throws<OperationCanceledException>(() => Train(stopped, Schedule, $"epoch 3/{Epochs}, iteration 1/"));
        var resumed = Train(stopped, Schedule);
        Assert.Equal(straight.Keys, resumed.Keys);
        Assert.All(straight, pair => Assert.Equal(pair.Value, resumed[pair.Key]));
    }

    /// <summary>
    /// The network of a run in cycles is the mean of the networks at their ends, however often the run is stopped.
    /// </summary>
    [Fact]
    public void The_weights_at_the_ends_of_cycles_are_averaged()
    {
        using var run = Shapes();
        var schedule = Schedule with
        {
            Recipe = Everything with { Cycles = new() { Count = 3, FirstShare = 0.5, Rate = 0.01 } },
        };
        var job = run.Another("watched");
        var watch = new CycleEnds(job);
        using (var backend = Cpu.Open(2))
        using (var trainer = new Trainer(job, schedule, backend, resume: false, watch))
        {
            trainer.Run(CancellationToken.None);
        }

        var (straight, ends) = (WorkspaceFiles.ReadTensors(Workspace.FinalCheckpoint(job.Folder)), watch.Networks);
        Assert.Equal(3, ends.Count);
        Assert.Empty(Directory.EnumerateFiles(job.Folder, "checkpoint_cycle_*"));
        Assert.All(straight, pair =>
        {
            for (var i = 0; i < pair.Value.Length; i++)
            {
                Assert.Equal(ends.Average(end => (double)end[pair.Key][i]), pair.Value[i], 1e-6);
            }
        });
        Assert.Contains(straight, pair => !pair.Value.AsSpan().SequenceEqual(ends[2][pair.Key]));

        // Stopped in the second cycle and right after it; what lay beyond the first stop is done again.
        var stopped = run.Another("stopped");
        Assert.Throws<OperationCanceledException>(() => Train(stopped, schedule, $"epoch 3/{Epochs}, iteration 2/"));
        Assert.Throws<OperationCanceledException>(() => Train(stopped, schedule, $"epoch 4/{Epochs}, iteration 1/"));
        var resumed = Train(stopped, schedule);
        Assert.All(straight, pair => Assert.Equal(pair.Value, resumed[pair.Key]));
    }

    /// <summary>In the middle of a cycle the rate is high, and the network worse than at the last end.</summary>
    [Fact]
    public void A_cycle_that_the_time_does_not_reach_counts_for_nothing()
    {
        using var run = Shapes();
        var cycles = new RateCycles { Count = 2, FirstShare = 0.5, Rate = 0.01 };
        var watch = new CycleEnds(run.Job);
        using (var backend = Cpu.Open(2))
        using (var trainer = new Trainer(
            run.Job, Schedule with { Recipe = new() { Cycles = cycles } }, backend, resume: false, watch))
        {
            trainer.IsOver = _ => trainer.State.Epoch >= 2;
            trainer.Run(CancellationToken.None);
            Assert.Equal(3, trainer.State.Epoch);
        }

        var end = Assert.Single(watch.Networks);
        Assert.All(
            WorkspaceFiles.ReadTensors(Workspace.FinalCheckpoint(run.Job.Folder)),
            pair => Assert.Equal(end[pair.Key], pair.Value));
    }

    [Fact]
    public void Cycles_are_refused_where_they_make_no_sense()
    {
        using var run = Shapes();
        var recipe = new TrainingRecipe { Cycles = new() { Count = 5, FirstShare = 0.5, Rate = 0.01 } };
        Assert.Equal(recipe, TrainingRecipe.Choose(run.Job, Schedule with { Epochs = 5 }, recipe).Recipe);
        Refused(run.Job, "the run has 4");
        var plans = run.Plans with { Profile = Profile.Classic };
        Refused(run.Job with { Plans = plans }, "initial_rate");
        recipe = recipe with { InitialRate = 0.001 };
        Refused(run.Job with { Plans = plans }, "classic");
        var norm = run.Job.Configuration.Architecture with { Norm = NormKind.Batch };
        Refused(run.Job with { Configuration = run.Job.Configuration with { Architecture = norm } }, "batch normalisation");

        void Refused(TrainingJob job, string why) => Assert.Contains(
            why, Assert.Throws<SharpSegException>(() => TrainingRecipe.Choose(job, Schedule, recipe)).Message,
            StringComparison.Ordinal);
    }

    /// <summary>
    /// Without mirroring a recipe does what the ablation does; where folds differ, no network is shown a mirror image that it
    /// never saw.
    /// </summary>
    [Fact]
    public void Without_mirroring_neither_training_nor_prediction_is_mirrored()
    {
        using var run = Shapes();
        var plain = new TrainingSchedule(BatchSize: 2, Epochs: 1, IterationsPerEpoch: 3, ValidationIterations: 1);
        var (recipe, ablation, usual) = (run.Another("recipe"), run.Another("ablation"), run.Another("usual"));
        var without = Train(recipe, plain with { Recipe = new() { Mirroring = RecipeMirroring.None } });
        var same = Train(ablation with { Variant = new() { Without = AugmentationParts.Mirroring } }, plain);
        var mirrored = Train(usual, plain);
        Assert.All(same, pair => Assert.Equal(pair.Value, without[pair.Key]));
        Assert.Contains(mirrored, pair => !pair.Value.AsSpan().SequenceEqual(without[pair.Key]));

        Assert.Equal(0, Flips(recipe));
        Assert.NotEqual(0, Flips(usual));
        Assert.Equal(0, Flips(recipe, usual));
        Assert.Equal(0, Flips(usual, recipe));

        // One axis of three: two views of a tile instead of eight, one of them turned there and back.
        var sides = run.Another("sides") with { LeftRightAxes = [2] };
        var one = Train(sides, plain with { Recipe = new() { Mirroring = RecipeMirroring.LeftRight } });
        var others = Train(
            run.Another("others") with { Plans = run.Plans with { UnmirroredAxes = [0, 1] } }, plain with { Recipe = new() });
        Assert.All(one, pair => Assert.Equal(pair.Value, others[pair.Key]));
        Assert.Equal(Flips(usual), 7 * Flips(sides));

        int Flips(params TrainingJob[] folds)
        {
            using var backend = new FlipCounter(Cpu.Open(2));
            var options = new InferenceOptions();
            using var model = new TrainedModel(
                run.Job.Plans, run.Job.Configuration, run.Job.Description,
                [.. folds.Select(fold => Workspace.FinalCheckpoint(fold.Folder))], backend, Cpu.Open, options,
                new PredictionMemory(
                    run.Job.Plans, run.Job.Configuration, run.Job.Description, folds.Length, options, MemoryBudget.OfMachine(),
                    backend),
                run.Job.Folder);
            var item = run.Dataset.TrainingCases[0];
            model.Segment("case", new ScanSource(() => run.Dataset.LoadImage(item), item.ImageFiles), null, default);
            return backend.Count;
        }
    }

    /// <summary>Labels that tell left from right keep the axis from being mirrored, whatever a recipe says.</summary>
    [Theory]
    [InlineData(new[] { 2 }, new int[0], new[] { 2 })]
    [InlineData(new[] { 2 }, new[] { 2 }, new int[0])]
    [InlineData(new int[0], new int[0], new int[0])]
    public void Only_the_left_right_axis_is_mirrored(int[] leftRight, int[] unmirrored, int[] expected)
    {
        using var run = Shapes();
        var job = run.Job with { LeftRightAxes = leftRight, Plans = run.Plans with { UnmirroredAxes = unmirrored } };
        var recipe = new TrainingRecipe { Mirroring = RecipeMirroring.LeftRight };
        Assert.Equal(expected, job.MirrorAxesWith(recipe));
        using var backend = Cpu.Open(1);
        var samples = TrainingParts.Samples(backend, job, recipe, job.Configuration.Patch);
        Assert.Equal(expected.Length > 0 ? 0.5 : 0, samples.Recipe!.MirrorPerAxis);
        if (expected.Length > 0)
        {
            Assert.Equal(expected, samples.Geometry!.MirrorAxes);
        }
    }

    [Fact]
    public void The_rule_leaves_alone_what_is_not_measured()
    {
        using var run = Shapes();
        var job = run.Job;
        var timed = new TrainingSchedule(2, 50, 34, 3, TimeSpan.FromMinutes(10));
        Assert.Equal(TrainingRecipe.FewIterations, Chosen(job, timed));
        Assert.Null(Chosen(job, timed with { TimeBudget = null }));
        Assert.Equal(TrainingRecipe.FewIterations, Chosen(job, timed with { IterationsPerEpoch = 105 }));
        Assert.Equal(TrainingRecipe.SomeIterations, Chosen(job, timed with { IterationsPerEpoch = 106 }));
        Assert.Equal(TrainingRecipe.SomeIterations, Chosen(job, timed with { IterationsPerEpoch = 249 }));
        Assert.Null(Chosen(job, timed with { IterationsPerEpoch = 250 }));
        Assert.Null(Chosen(job with { Plans = job.Plans with { Profile = Profile.Classic } }, timed));
        Assert.Null(Chosen(job with { Variant = new() { DeepSupervision = false } }, timed));
        Assert.Equal(TrainingRecipe.FewIterations, Chosen(job with { Configuration = run.Plans.Resolve("2d") }, timed));
        Assert.Equal(TrainingRecipe.FewIterations, Chosen(job with { Pretrained = new PretrainedStart("a", "b", 0.1) }, timed));
        Assert.Null(Chosen(job, timed, TrainingRecipe.Published));
        Assert.Equal(TrainingRecipe.SomeIterations, Chosen(job with { Plans = job.Plans with { MirrorsAll = true } }, timed));
        Assert.Equal(Everything, Chosen(job, timed with { TimeBudget = null }, Everything));
        Assert.Throws<SharpSegException>(
            () => Chosen(job with { Plans = job.Plans with { Profile = Profile.Classic } }, timed, Everything));

        static TrainingRecipe? Chosen(TrainingJob job, TrainingSchedule schedule, TrainingRecipe? asked = null)
        {
            var (recipe, reason) = TrainingRecipe.Choose(job, schedule, asked);
            Assert.NotEmpty(reason);
            return recipe;
        }
    }

    /// <summary>Adam takes a recipe's rate, the shape of its curve and smaller patches, and no momentum.</summary>
    [Fact]
    public void The_classic_profile_takes_the_rate_of_a_recipe()
    {
        using var run = Shapes(Profile.Classic);
        using var backend = new RecordingBackend(Cpu.Open(2), 1);
        var schedule = new TrainingSchedule(BatchSize: 2, Epochs: 2, IterationsPerEpoch: 2, ValidationIterations: 1);
        var recipe = new TrainingRecipe { InitialRate = 0.004, FlatShare = 0.5, WarmUpShare = 0.5, SmallPatchShare = 0.5 };
        (recipe, _) = TrainingRecipe.Choose(run.Job, schedule, recipe);
        using (var trainer = new Trainer(
            run.Job, schedule with { Recipe = recipe }, backend, resume: false, SilentReporter.Instance))
        {
            trainer.Run(CancellationToken.None);
        }

        var rates = backend.Training.Select(step => step.Adam.Select(adam => adam.LearningRate).Distinct().Single()).ToArray();
        double[] expected = [.. Climbing(rates.Length - 2), 0.004, 0.002];
        Assert.Equal(expected, rates.Select(rate => Math.Round((double)rate, 8)));
        Assert.Equal(2, backend.Training.Select(step => step.Losses[0].Spatial).Distinct().Count());

        void Refused(TrainingRecipe asked, string named) => Assert.Contains(
            named, Assert.Throws<SharpSegException>(() => TrainingRecipe.Choose(run.Job, schedule, asked)).Message,
            StringComparison.Ordinal);
        Refused(recipe! with { Momentum = 0.9 }, "momentum");
        Refused(new TrainingRecipe { Mirroring = RecipeMirroring.None }, "initial_rate");

        static IEnumerable<double> Climbing(int steps) =>
            Enumerable.Range(1, steps).Select(step => Math.Round(0.004 * step / steps, 8));
    }

    [Fact]
    public void The_command_line_refuses_what_is_no_recipe_before_it_begins()
    {
        using var folder = new TemporaryFolder();
        var file = folder.At("recipe.json");
        File.WriteAllText(file, """{"momentun": 0.9}""");
        string[] auto = ["auto", folder.At("dataset"), "-o", folder.At("work"), "--recipe"];
        SharpSegProcess.Run([.. auto, "publised"]).AssertErrorWithHint(2, "--recipe publised: neither `published` nor a file");
        SharpSegProcess.Run([.. auto, file]).AssertErrorWithHint(1, file, "momentun: no setting of a recipe");
        Assert.False(Directory.Exists(folder.At("work")));
    }

    /// <summary>Under a time the rule's recipe is in effect, and log, checkpoint and record say so.</summary>
    [Fact]
    public void A_run_within_a_time_says_how_it_learns_and_why()
    {
        using var run = Shapes();
        using var backend = new RecordingBackend(Cpu.Open(2), 1);
        var said = new Lines();
        TrainingRun.Execute(
            run.Job, run.Dataset, new TrainingRequest(TrainingLength.Within(TimeSpan.FromSeconds(1)), Resume: false), backend,
            said, CancellationToken.None);
        var line = Assert.Single(said.All, text => text.StartsWith("recipe:", StringComparison.Ordinal));
        Assert.Contains($"{TrainingRecipe.FewIterations}", line, StringComparison.Ordinal);
        Assert.Contains("fewer than", line, StringComparison.Ordinal);
        var steps = backend.Training.SelectMany(step => step.Sgd).Where(sgd => sgd.LearningRate > 0).ToArray(); // not the probe's
        Assert.NotEmpty(steps);
        Assert.All(steps, sgd => Assert.Equal(TrainingRecipe.FewIterations.Momentum, sgd.Momentum, 1e-6));
        Assert.Equal(
            TrainingRecipe.FewIterations, Checkpoint.Peek(Workspace.FinalCheckpoint(run.Job.Folder), run.Job).Schedule.Recipe);
        Assert.Equal($"{TrainingRecipe.FewIterations}", TrainingLog.Read(Workspace.LogFile(run.Job.Folder)).Settings["recipe"]);
        Assert.Contains(
            $"\"recipe\": \"{TrainingRecipe.FewIterations}\"", File.ReadAllText(Workspace.RunRecordFile(run.Job.Folder)),
            StringComparison.Ordinal);
    }

    private static SortedDictionary<string, float[]> Train(TrainingJob job, TrainingSchedule schedule, string? stopAt = null)
    {
        using var backend = Cpu.Open(2);
        using var stop = new CancellationTokenSource();
        using var trainer = new Trainer(job, schedule, backend, resume: true, new StopAt(stopAt, stop));
        trainer.Run(stop.Token);
        return WorkspaceFiles.ReadTensors(Workspace.FinalCheckpoint(job.Folder));
    }

    /// <summary>Reads the networks at the ends of a run's cycles when the run has averaged them.</summary>
    private sealed class CycleEnds(TrainingJob job) : IReporter
    {
        public List<SortedDictionary<string, float[]>> Networks { get; } = [];

        public void Stage(string name)
        {
        }

        public void Progress(double fraction, string detail)
        {
        }

        public void Info(string line)
        {
            if (line.StartsWith("the network is the mean", StringComparison.Ordinal))
            {
                Networks.AddRange(
                    Directory.EnumerateFiles(job.Folder, "checkpoint_cycle_*").Order(StringComparer.Ordinal).Select(
                        WorkspaceFiles.ReadTensors));
            }
        }

        public void Warning(string line)
        {
        }
    }

    private sealed class FlipCounter(Backend inner) : ForwardingBackend(inner)
    {
        public int Count { get; private set; }

        protected override void FlipCore(Tensor x, bool alongZ, bool alongY, bool alongX, Tensor y)
        {
            Count++;
            base.FlipCore(x, alongZ, alongY, alongX, y);
        }
    }

    private static NetworkPlan Plan(ShapeRun run) =>
        run.Job.Configuration.TrainingNetworkFor(run.Job.Plans.Profile, run.Job.Description);

    private static ShapeRun Shapes(Profile profile = Profile.Modern) => new(
        new ShapeDataset { Size = new Extent(24, 24, 24), Cases = 5, Radius = 4 }, profile, "3d_fullres", features: 4);

    private sealed class Lines : IReporter
    {
        public List<string> All { get; } = [];

        public void Stage(string name)
        {
        }

        public void Progress(double fraction, string detail)
        {
        }

        public void Info(string line) => All.Add(line);

        public void Warning(string line) => All.Add(line);
    }
}
