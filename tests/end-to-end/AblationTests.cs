using SharpSeg.AutoPlanner;
using SharpSeg.AutoPlanner.Batches.Augmentation;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Preprocessing;
using SharpSeg.AutoPlanner.Training;
using SharpSeg.AutoPlanner.Workspaces;
using SharpSeg.Engine.Autograd;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.ModelFiles;
using SharpSeg.Engine.Networks;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Cpu;
using Xunit;

namespace SharpSeg.EndToEnd.Tests;

/// <summary>Trainings that depart from their profile: what reaches the device, what is recorded, what is refused.</summary>
[Collection(TrainedWorkspaceTests.Runs)]
public sealed class AblationTests(TrainedWorkspace trained)
{
    private static readonly TrainingSchedule Schedule = new(
        BatchSize: 2, Epochs: 1, IterationsPerEpoch: 4, ValidationIterations: 1);

    [Theory]
    [InlineData(LossTerms.Dice)]
    [InlineData(LossTerms.CrossEntropy)]
    public void The_loss_and_one_output_reach_the_device(LossTerms terms)
    {
        using var run = Run();
        using var backend = new RecordingBackend(Cpu.Open(2), 1);
        Train(run.Job with { Variant = new TrainingVariant { Loss = terms, DeepSupervision = false } }, backend);
        Assert.Equal(4, backend.Training.Count);
        Assert.All(backend.Training.Concat(backend.Validation), step => Assert.Equal(terms, Assert.Single(step.Losses).Terms));
        Assert.All(backend.Training, step => Assert.Equal([1f], step.Weights));
    }

    [Fact]
    public void Without_augmentation_a_network_learns_from_the_cases_as_they_are_and_predictions_are_not_mirrored()
    {
        using var run = Run();
        using var backend = new RecordingBackend(Cpu.Open(2), 1);
        var job = run.Job with { Variant = new TrainingVariant { Without = AugmentationParts.All } };
        Train(job, backend);
        var cases = Enumerable.Range(0, run.Shapes.Cases).Select(i => run.Shapes.Case(i).Labels).ToArray();
        var voxels = (int)job.Configuration.Patch.Voxels; // the patch has the cases' size
        // The first sample of a batch; the second is forced to hold foreground, which may shift it.
        Assert.All(backend.Training.Select(step => step.Target[..voxels]), target => Assert.Contains(
            cases, labels => labels.SequenceEqual(target.Select(value => (short)value))));
        Assert.Equal("[]", Metadata(job)["mirror_axes"]);
    }

    /// <summary>An option that would change nothing is refused by name: its run would be taken for another than it is.</summary>
    [Fact]
    public void What_would_have_no_effect_is_refused()
    {
        using var folder = new TemporaryFolder();
        var work = folder.Copy(trained.Planned, "work");
        var recipe = folder.At("recipe.json");
        File.WriteAllText(recipe, """{"augmentation_strength": 0.5}""");
        string[] train = ["train", work, "--epochs", "1", "--iterations", "1", "--device", "cpu"];
        SharpSegProcess.Run([.. train, "--balance-classes", "--foreground-share", "0"])
            .AssertErrorWithHint(1, "--balance-classes: no patch must hold foreground with --foreground-share 0 of a batch of 2");
        SharpSegProcess.Run([.. train, "--balance-classes", "--batch", "1"])
            .AssertErrorWithHint(1, "--balance-classes: no patch must hold foreground", "of a batch of 1");
        SharpSegProcess.Run([.. train, "--augmentation", "none", "--recipe", recipe])
            .AssertErrorWithHint(2, "--augmentation none", "`augmentation_strength` 0.5");
        var label = TinyDataset.Label(trained.Dataset, "case_0");
        SharpSegProcess.Run("evaluate", label, label, "--require-all").AssertErrorWithHint(2, "--require-all: two files");
        SharpSegProcess.Succeed([.. train, "--balance-classes", "--batch", "1", "--foreground-share", "1"]);
    }

    [Theory]
    [InlineData(0.0, new[] { false, false })]
    [InlineData(1.0, new[] { true, true })]
    public void The_foreground_share_decides_which_samples_hold_foreground(double share, bool[] forced)
    {
        var shapes = new ShapeDataset { Size = new Extent(32, 32, 32), Cases = 4, Radius = 2.5 };
        using var run = new ShapeRun(shapes, Profile.Classic, "3d_fullres", features: 2, patch: [16, 16, 16]);
        using var backend = new RecordingBackend(Cpu.Open(2), 1);
        const int iterations = 24;
        using (var trainer = new Trainer(
            run.Job with
            {
                Configuration = run.Job.Configuration with
                {
                    Architecture = run.Job.Configuration.Architecture with
                    {
                        FeaturesPerStage = [2, 4],
                        KernelSizes = [[3, 3, 3], [3, 3, 3]],
                        Strides = [[1, 1, 1], [2, 2, 2]],
                        EncoderBlocks = [1, 1],
                        DecoderBlocks = [1],
                    },
                },
                Variant = new TrainingVariant { ForegroundShare = share, Without = AugmentationParts.All },
            },
            new TrainingSchedule(2, 1, iterations, 1), backend, resume: false, SilentReporter.Instance))
        {
            trainer.Run(CancellationToken.None);
        }

        for (var sample = 0; sample < 2; sample++)
        {
            var held = backend.Training.Count(
                step => step.Target.Chunk(step.Target.Length / 2).ElementAt(sample).Any(label => label > 0));
            Assert.True(forced[sample] ? held == iterations : held < iterations, $"{held} of {iterations}");
        }
    }

    [Fact]
    public void A_resumed_run_keeps_its_settings_and_refuses_others()
    {
        using var run = Run();
        using var backend = new RecordingBackend(Cpu.Open(2), 1);
        var job = run.Job with { Variant = new TrainingVariant { Loss = LossTerms.Dice, Without = AugmentationParts.Mirroring } };
        using (var stop = new CancellationTokenSource())
        using (var first = new Trainer(job, Schedule, backend, resume: false, new StopAt("epoch 1/1, iteration 2/4", stop)))
        {
            Assert.Throws<OperationCanceledException>(() => first.Run(stop.Token));
        }

        var other = Assert.Throws<SharpSegException>(() => new Trainer(
            job with { Variant = new TrainingVariant { Loss = LossTerms.CrossEntropy } }, Schedule, backend, resume: true,
            SilentReporter.Instance));
        Assert.Contains(
            "was begun with loss dice, augmentation no-mirroring, not with loss ce", other.Message, StringComparison.Ordinal);
        using (var second = new Trainer(
            job with { Variant = new TrainingVariant() }, Schedule, backend, resume: true, SilentReporter.Instance))
        {
            second.Run(CancellationToken.None);
        }

        Assert.All(backend.Training.SelectMany(step => step.Losses), loss => Assert.Equal(LossTerms.Dice, loss.Terms));
        Assert.Equal("[]", Metadata(job)["mirror_axes"]);
    }

    [Fact]
    public void The_command_line_records_the_settings_and_refuses_what_makes_no_sense()
    {
        string[] short_ = ["--epochs", "1", "--iterations", "1", "--batch", "2", "-f", "3"];
        SharpSegProcess.Run(["train", trained.Planned, .. short_, "--loss", "jaccard"])
            .AssertErrorWithHint(2, "--loss jaccard: unknown");
        SharpSegProcess.Run(["train", trained.Planned, .. short_, "--augmentation", "no-fun"])
            .AssertErrorWithHint(2, "--augmentation no-fun: unknown");
        SharpSegProcess.Run(["train", trained.Planned, .. short_, "--augmentation", "no-elastic"])
            .AssertErrorWithHint(1, "profile modern has none of it");
        SharpSegProcess.Run(["train", trained.Planned, .. short_, "--foreground-share", "1.5"])
            .AssertErrorWithHint(2, "must be from 0 to 1");
        SharpSegProcess.Run(["train", trained.Planned, .. short_, "--augmentation", "no-cascade"])
            .AssertErrorWithHint(1, "none of the configurations is the second stage of a cascade");
        using var folder = new TemporaryFolder();
        var work = folder.Copy(trained.Planned, "work");
        string[] settings = ["--loss", "ce", "--augmentation", "no-noise,no-blur", "--foreground-share", "0.5"];
        SharpSegProcess.Succeed(["train", work, .. short_, .. settings]);
        var log = File.ReadLines(Path.Combine(work, "runs", "3d_fullres", "fold_3", "log.jsonl")).First();
        Assert.Contains(
            """
            "variant":{"loss":"ce","augmentation":"no-blur,no-noise","foreground-share":"0.5"}
            """, log, StringComparison.Ordinal);
        SharpSegProcess.Succeed(["train", work, .. short_, "--resume"]);
        SharpSegProcess.Run(["train", work, .. short_, "--resume", "--loss", "dice"])
            .AssertErrorWithHint(1, "was begun with loss ce");
    }

    /// <summary>Values that the profile has anyway change neither the record nor what the rule for little time sees.</summary>
    [Fact]
    public void Naming_a_default_departs_from_nothing()
    {
        using var folder = new TemporaryFolder();
        var work = folder.Copy(trained.Planned, "work");
        string[] defaults = ["--loss", "dice_ce", "--foreground-share", "0.33"];
        var outcome = SharpSegProcess.Succeed(["train", work, "-f", "3", "--max-time", "6s", .. defaults]);
        Assert.DoesNotContain("other than in the profile", outcome.Errors, StringComparison.Ordinal);
        Assert.Contains($"recipe: {TrainingRecipe.FewIterations} (", outcome.Errors, StringComparison.Ordinal);
        SharpSegProcess.Succeed(["train", work, "-f", "3", "--resume", .. defaults]);
        SharpSegProcess.Run(["train", work, "-f", "3", "--resume", "--foreground-share", "0.5"])
            .AssertErrorWithHint(1, "was begun with its profile's settings");
    }

    [Theory]
    [InlineData(Profile.Modern, false, "")]
    [InlineData(Profile.Modern, true, "augmentation no-cascade")]
    [InlineData(Profile.Classic, false, "foreground-share 0.33")]
    public void What_departs_depends_on_profile_and_configuration(Profile profile, bool isCascade, string departs) =>
        Assert.Equal(departs, $"{new TrainingVariant
        {
            Loss = LossTerms.DiceAndCrossEntropy, Without = AugmentationParts.Cascade, ForegroundShare = 0.33,
        }.Departing(profile, isCascade)}");

    [Fact]
    public void A_network_with_batch_normalisation_predicts_by_its_running_averages()
    {
        using var tiny = new TinyRun(cases: 4, fold: "0", NetworkChoice.UNet with { BatchNorm = true, PlainRelu = true });
        using var backend = Cpu.Open(2);
        var patch = tiny.First.Configuration.Patch;
        float[] trainedLogits, foldedLogits;
        using (var trainer = new Trainer(tiny.First, Schedule, backend, resume: false, SilentReporter.Instance))
        {
            trainer.Run(CancellationToken.None);
            Assert.Equal((0f, NormKind.Batch), (trainer.Network.Plan.LeakySlope, trainer.Network.Plan.Norm));
            trainedLogits = Logits(trainer.Network, patch);
        }

        var final = Workspace.FinalCheckpoint(tiny.First.Folder);
        var predicting = tiny.First.Configuration.NetworkFor(Profile.Modern, tiny.First.Description);
        var recipe = PreprocessingRecipe.From(tiny.First.Plans, tiny.First.Configuration);
        using (var network = Checkpoint.LoadNetwork(final, predicting, backend, recipe, out _))
        {
            foldedLogits = Logits(network, patch);
        }

        var largest = trainedLogits.Max(Math.Abs);
        Assert.All(trainedLogits.Zip(foldedLogits), pair => Assert.Equal(pair.First, pair.Second, 1e-4f * largest));
        Assert.True(trainedLogits.Max() - trainedLogits.Min() > 0.1 * largest, "the network answers the same everywhere");
        var other = Assert.Throws<SharpSegException>(
            () => Checkpoint.LoadNetwork(final, predicting with { LeakySlope = 0.01f }, backend, recipe, out _));
        Assert.Contains("was trained with activation slope 0, batch normalisation", other.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Activation_and_normalisation_go_from_the_plan_to_the_exported_model()
    {
        using var folder = new TemporaryFolder();
        var work = folder.Copy(trained.Planned, "work");
        SharpSegProcess.Succeed("plan", trained.Dataset, "-o", work, "--plan", "bn", "--activation", "relu", "--norm", "batch");
        var plans = File.ReadAllText(Path.Combine(work, "plans", "bn.json"));
        Assert.Contains("torch.nn.ReLU", plans, StringComparison.Ordinal);
        Assert.Contains("BatchNorm3d", plans, StringComparison.Ordinal);
        SharpSegProcess.Succeed("train", work, "--plan", "bn", "--epochs", "1", "--iterations", "3", "--batch", "2");
        var model = folder.At("model.zip");
        SharpSegProcess.Succeed("export", work, "--plan", "bn", "-o", model);
        Assert.Contains("batch normalisation, ReLU", SharpSegProcess.Succeed("inspect", model).Output, StringComparison.Ordinal);
        var scan = TinyDataset.Image(trained.Dataset, "case_1");
        SharpSegProcess.Succeed("predict", work, "--plan", "bn", "-i", scan, "-o", folder.At("a.nii.gz"));
        SharpSegProcess.Succeed("predict", model, "-i", scan, "-o", folder.At("b.nii.gz"));
        Assert.Equal(File.ReadAllBytes(folder.At("a.nii.gz")), File.ReadAllBytes(folder.At("b.nii.gz")));
        SharpSegProcess.Run("train", work, "-f", "1", "--pretrained", model)
            .AssertErrorWithHint(1, "it was trained with activation slope 0, batch normalisation");
        SharpSegProcess.Run("plan", trained.Dataset, "-o", folder.At("other"), "--norm", "group")
            .AssertErrorWithHint(2, "--norm group: unknown");

        // A plan that was changed behind the checkpoint's back would give another answer with the same weights.
        File.WriteAllText(
            Path.Combine(work, "plans", "bn.json"),
            plans.Replace("torch.nn.ReLU", "torch.nn.LeakyReLU", StringComparison.Ordinal));
        SharpSegProcess.Run("predict", work, "--plan", "bn", "-i", scan, "-o", folder.At("c.nii.gz"))
            .AssertErrorWithHint(1, "was trained with activation slope 0");
    }

    private static float[] Logits(Network network, Extent patch)
    {
        using var pool = new BufferPool(network.Backend);
        var tape = new Tape(network.Backend, pool, recording: false);
        var x = pool.Rent(Shape.Activation(1, patch, 1));
        network.Backend.Upload([.. Enumerable.Range(0, (int)x.Length).Select(i => MathF.Sin(0.37f * i))], x);
        var y = network.Forward(tape, tape.Input(x), allOutputs: false)[0];
        var values = new float[y.Value.Length];
        network.Backend.Download(y.Value, values);
        tape.Clear();
        pool.Return(x);
        return values;
    }

    private static ShapeRun Run() => new(
        new ShapeDataset { Size = new Extent(16, 16, 16), Cases = 4, Radius = 3.5, Notched = true }, Profile.Modern,
        "3d_fullres", features: 4);

    private static void Train(TrainingJob job, Backend backend)
    {
        using var trainer = new Trainer(job, Schedule, backend, resume: false, SilentReporter.Instance);
        trainer.Run(CancellationToken.None);
    }

    private static IReadOnlyDictionary<string, string> Metadata(TrainingJob job)
    {
        using var reader = SafetensorsReader.Open(Workspace.FinalCheckpoint(job.Folder));
        return reader.Metadata;
    }
}
