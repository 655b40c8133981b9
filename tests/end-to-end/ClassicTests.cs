using SharpSeg.AutoPlanner;
using SharpSeg.AutoPlanner.Batches.Augmentation;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Training;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Cpu;
using Xunit;

namespace SharpSeg.EndToEnd.Tests;

/// <summary>The first papers' method as a user meets it: its rate, its deadline, its postprocessing.</summary>
public sealed class ClassicTests
{
    /// <summary>A network that does not move has a constant loss, so that the plateau alone decides.</summary>
    [Theory]
    [InlineData(true, new[] { 3e-4, 6e-5, 1.2e-5, 2.4e-6 }, 17)]
    [InlineData(false, new[] { 3e-4 }, 20)]
    public void A_run_that_is_fitted_to_a_time_lowers_its_rate(bool fitted, double[] rates, int epochs)
    {
        var shapes = new ShapeDataset { Size = new Extent(16, 16, 16), Cases = 4, Radius = 3.5 };
        using var run = new ShapeRun(shapes, Profile.Classic, "3d_fullres", features: 2);
        using var backend = new StillBackend(Cpu.Open(2));
        var job = run.Job with
        {
            TrainingCases = [run.Job.TrainingCases[0]],
            Variant = new TrainingVariant { Without = AugmentationParts.All, ForegroundShare = 0 },
        };
        var schedule = new TrainingSchedule(
            BatchSize: 1, Epochs: fitted ? 50 : 20, IterationsPerEpoch: 1, ValidationIterations: 1,
            fitted ? TimeSpan.FromHours(1) : null);
        using var trainer = new Trainer(job, schedule, backend, resume: false, SilentReporter.Instance);
        trainer.Run(CancellationToken.None);
        Assert.Single(trainer.State.Records.Select(record => record.TrainLoss).Distinct());
        Assert.Equal(epochs, trainer.State.Records.Count); // the fitted run ends when the rate is below 1e-6
        var seen = trainer.State.Records.Select(record => record.LearningRate).Distinct().ToArray();
        Assert.Equal(rates.Length, seen.Length);
        Assert.All(rates.Zip(seen), pair => Assert.Equal(pair.First, pair.Second, 1e-12));
    }

    /// <summary>Every class of the references is one piece: so are predictions, without any cross-validation.</summary>
    [Fact]
    public void A_classic_model_is_postprocessed_without_cross_validation()
    {
        using var folder = new TemporaryFolder();
        var dataset = TinyDataset.Write(folder.At("dataset"), cases: 4);
        var (work, model) = (folder.At("work"), folder.At("model.zip"));
        SharpSegProcess.Succeed("auto", dataset, "-o", work, "--profile", "classic", "--max-time", "15s");
        const string steps = "keep the largest component of lower, then of upper";
        string[] scan = ["-i", TinyDataset.Image(dataset, "case_0"), "-o"];
        Assert.Contains(steps, Predict(work, folder.At("a")).Errors, StringComparison.Ordinal);
        Assert.DoesNotContain(steps, Predict(work, folder.At("b"), "-c", "3d_fullres").Errors, StringComparison.Ordinal);
        Assert.DoesNotContain(steps, Predict(work, folder.At("c"), "--no-postprocessing").Errors, StringComparison.Ordinal);
        SharpSegProcess.Succeed("export", work, "-o", model);
        Assert.Contains(steps, Predict(model, folder.At("d")).Errors, StringComparison.Ordinal);
        Assert.Equal(
            File.ReadAllBytes(folder.At("a", "case_0.nii.gz")), File.ReadAllBytes(folder.At("d", "case_0.nii.gz")));

        // The second paper has none.
        SharpSegProcess.Succeed("plan", dataset, "-o", work, "--plan", "second", "--profile", "classic-2019");
        SharpSegProcess.Succeed("preprocess", work, "--plan", "second", "-c", "2d");
        SharpSegProcess.Succeed(
            "train", work, "--plan", "second", "-c", "2d", "--epochs", "1", "--iterations", "2", "--batch", "2");
        Assert.DoesNotContain(
            "largest component", Predict(work, folder.At("e"), "--plan", "second").Errors, StringComparison.Ordinal);

        Outcome Predict(string from, string to, params string[] options) =>
            SharpSegProcess.Succeed(["predict", from, .. scan, to, .. options]);
    }

    /// <summary>Learns nothing.</summary>
    private sealed class StillBackend(Backend inner) : ForwardingBackend(inner)
    {
        protected override void AdamStepCore(
            in AdamStep options, Tensor theta, Tensor gradient, Tensor m, Tensor v, Tensor? vmax)
        {
        }
    }
}
