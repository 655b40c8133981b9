using System.Text.Json.Nodes;
using SharpSeg.AutoPlanner.Training;
using SharpSeg.Kernels.Cpu;
using SharpSeg.Tests;
using Xunit;

namespace SharpSeg.EndToEnd.Tests;

/// <summary>Training that starts from another network, with other channels and other classes.</summary>
[Collection(TrainedWorkspaceTests.Runs)]
public sealed class TransferTests(TrainedWorkspace trained)
{
    private const string First = "encoder.stages.0.0.convs.0.conv.weight", Inner = "encoder.stages.1.0.convs.0.conv.weight";

    private static readonly string[] Train = ["--epochs", "1", "--iterations", "1", "--batch", "2"];

    [Fact]
    public void A_network_of_other_channels_and_classes_starts_from_a_trained_one()
    {
        using var folder = new TemporaryFolder();
        var model = folder.At("model.zip");
        SharpSegProcess.Succeed("export", trained.Work, "-o", model);
        var dataset = TinyDataset.Write(folder.At("dataset"), cases: 4, channels: 2);
        var json = Path.Combine(dataset, "dataset.json");
        File.WriteAllText(json, File.ReadAllText(json).Replace(
            "\"lower\": 1, \"upper\": 2}", "\"ball\": [1, 2]}, \"regions_class_order\": [1]", StringComparison.Ordinal));
        var work = folder.At("work");
        SharpSegProcess.Succeed("plan", dataset, "-o", work);
        SharpSegProcess.Succeed("preprocess", work, "-c", "3d_fullres");

        // A body that does not learn keeps what was loaded; the heads do not.
        string[] start = ["train", work, .. Train, "--pretrained", model, "--body-rate", "0"];
        var outcome = SharpSegProcess.Succeed(start);
        Assert.Matches(
            @"pre-trained from model\.zip: 3d_fullres, fold 0: \d+ parameters loaded, 1 adapted to other channels, \d+ new, \d+ unused", outcome.Errors);
        var before = WorkspaceFiles.ReadTensors(Path.Combine(trained.Run, "checkpoint_final.safetensors"));
        var after = WorkspaceFiles.ReadTensors(
            Path.Combine(work, "runs", "3d_fullres", "fold_0", "checkpoint_final.safetensors"));
        Assert.Equal(before[Inner], after[Inner]);
        Assert.Equal(2 * before[First].Length, after[First].Length);
        // equal images, equal features
        Assert.Equal(Sum(before[First]), Sum(after[First]), Math.Abs(Sum(before[First])) * 1e-4 + 1e-4);

        // Resumed: the same rates without the option, and no other start.
        var again = SharpSegProcess.Run(["train", work, .. Train, "--resume", "--pretrained", model, "--body-rate", "0"]);
        Assert.Equal(0, again.Code);
        SharpSegProcess.Run(["train", work, .. Train, "--resume", "--pretrained", model, "--body-rate", "0.5"])
            .AssertErrorWithHint(1, "fold 0 with body rate 0, not from model.zip: 3d_fullres, fold 0 with body rate 0.5");
        SharpSegProcess.Succeed(
            ["train", work, "-f", "1", .. Train, "--pretrained", Path.Combine(trained.Run, "checkpoint_final.safetensors")]);
        SharpSegProcess.Run(["train", work, "-f", "2", .. Train, "--pretrained", folder.At("none.zip")])
            .AssertErrorWithHint(1, "none.zip`: no such file");
        SharpSegProcess.Succeed("plan", dataset, "-o", work, "--plan", "other", "--network", "stunet_s");
        SharpSegProcess.Succeed("preprocess", work, "--plan", "other");
        SharpSegProcess.Run(["train", work, "--plan", "other", .. Train, "--pretrained", model])
            .AssertErrorWithHint(1, "none of its weights fits");

        // Norms and biases of a 3D network have the shapes of a 2D one's.
        SharpSegProcess.Succeed("preprocess", work, "-c", "2d");
        SharpSegProcess.Run(["train", work, "-c", "2d", .. Train, "--pretrained", model])
            .AssertErrorWithHint(1, "none of its weights fits");
    }

    [Fact]
    public void A_network_starts_from_one_that_nnUNet_trained()
    {
        using var folder = new TemporaryFolder();
        var work = folder.At("work");
        SharpSegProcess.Succeed("plan", TinyDataset.Write(folder.At("dataset"), cases: 2), "-o", work);
        SharpSegProcess.Succeed("preprocess", work, "-c", "3d_fullres");
        var plans = JsonNode.Parse(File.ReadAllText(Path.Combine(work, "plans.json")))!;
        var planned = plans["configurations"]!["3d_fullres"]!;

        // The network of these plans, trained elsewhere with dropout for three classes; here two are learnt from its body.
        var writer = new NnUNetModelWriter
        {
            Dataset = """{"channel_names": {"0": "MR"}, "labels": {"background": 0, "a": 1, "b": 2, "c": 3}, "numTraining": 5, "file_ending": ".nii.gz"}""",
        };
        writer.Configuration()["architecture"] = planned["architecture"]!.DeepClone();
        writer.Configuration()["patch_size"] = planned["patch_size"]!.DeepClone();
        writer.Arguments()["dropout_op"] = "torch.nn.Dropout3d";
        writer.Arguments()["dropout_op_kwargs"] = new JsonObject { ["p"] = 0.2 };
        var model = folder.At("model.zip");
        SharpSegProcess.Succeed("import", writer.Write(folder.At("nnunet")), "-o", model);
        var outcome = SharpSegProcess.Succeed(["train", work, .. Train, "--pretrained", model, "--body-rate", "0"]);
        Assert.Matches(@"pre-trained from model\.zip: 3d_fullres, fold 0: \d+ parameters loaded, 0 adapted", outcome.Errors);

        // A body that does not learn still has nnU-Net's weights, in our order: (z, y, x, cin, cout) of its (cout, cin, z, y, x).
        var theirs = (TorchTensorToWrite)writer.Weights("3d_fullres", "0")[Inner]!;
        var trainedFile = Path.Combine(work, "runs", "3d_fullres", "fold_0", "checkpoint_final.safetensors");
        var ours = WorkspaceFiles.ReadTensors(trainedFile)[Inner];
        var (outputs, kernel) = (theirs.Shape[0], theirs.Shape[2] * theirs.Shape[3] * theirs.Shape[4]);
        var inputs = theirs.Shape[1];
        Assert.Equal(theirs.Storage.Length, ours.Length);
        for (var i = 0; i < ours.Length; i++)
        {
            var (cout, cin, at) = (i % outputs, i / outputs % inputs, i / outputs / inputs);
            Assert.Equal(theirs.Storage[(((cout * inputs) + cin) * kernel) + at], ours[i]);
        }

        // Folded batch norms are no start, and dropout is not trained.
        writer.Arguments()["norm_op"] = "torch.nn.BatchNorm3d";
        SharpSegProcess.Succeed("import", writer.Write(folder.At("batchnorm")), "-o", folder.At("batchnorm.zip"));
        SharpSegProcess.Run(["train", work, "-f", "1", .. Train, "--pretrained", folder.At("batchnorm.zip")])
            .AssertErrorWithHint(1, "batchnorm.zip: 3d_fullres, fold 0`: it was trained with batch normalisation");
        planned["architecture"]!["arch_kwargs"]!["dropout_op"] = "torch.nn.Dropout3d";
        File.WriteAllText(Path.Combine(work, "plans.json"), plans.ToJsonString());
        SharpSegProcess.Run(["train", work, "-f", "1", .. Train])
            .AssertErrorWithHint(1, "`3d_fullres` asks for dropout (`dropout_op`: Dropout3d of 0.5) in training");
    }

    [Fact]
    public void A_resumed_run_keeps_its_rates()
    {
        using var tiny = new TinyRun(cases: 2, fold: "0");
        using var backend = Cpu.Open();
        var schedule = new TrainingSchedule(BatchSize: 2, Epochs: 2, IterationsPerEpoch: 1, ValidationIterations: 1);
        var job = tiny.Another("transfer") with
        {
            Pretrained = new PretrainedStart(Path.Combine(trained.Run, "checkpoint_final.safetensors"), "model", BodyRate: 0.25),
        };
        using var stop = new CancellationTokenSource();
        using (var first = new Trainer(job, schedule, backend, resume: false, SilentReporter()))
        {
            stop.Cancel();
            Assert.Throws<OperationCanceledException>(() => first.Run(stop.Token));
        }

        using var second = new Trainer(job with { Pretrained = null }, schedule, backend, resume: true, SilentReporter());
        var rates = second.Network.Parameters.Parameters.ToLookup(
            parameter => parameter.Name.StartsWith("decoder.seg_layers", StringComparison.Ordinal));
        Assert.All(rates[true], parameter => Assert.Equal(1, parameter.LearningRateFactor));
        Assert.All(rates[false], parameter => Assert.Equal(0.25f, parameter.LearningRateFactor));
        Assert.Contains("not from another", Assert.Throws<AutoPlanner.SharpSegException>(() => new Trainer(
            job with { Pretrained = job.Pretrained with { Source = "another" } }, schedule, backend, resume: true,
            SilentReporter())).Message, StringComparison.Ordinal);
    }

    private static AutoPlanner.IReporter SilentReporter() => AutoPlanner.SilentReporter.Instance;

    private static double Sum(float[] values) => values.Sum(value => (double)value);
}
