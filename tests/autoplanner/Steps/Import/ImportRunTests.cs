using System.IO.Compression;
using System.Text.Json.Nodes;
using SharpSeg.AutoPlanner.Evaluation;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Steps;
using SharpSeg.AutoPlanner.Steps.Import;
using SharpSeg.AutoPlanner.Workspaces;
using SharpSeg.Engine.ModelFiles;
using SharpSeg.Tests;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Steps.Import;

/// <summary>What an import takes over from a model of nnU-Net, in all its forms, and what it refuses.</summary>
[Collection(UnpackedModelTests.Name)]
public sealed class ImportRunTests : IDisposable
{
    private const string FirstWeight = "encoder.stages.0.0.convs.0.conv.weight", FirstNorm = "encoder.stages.0.0.convs.0.norm";
    private readonly TemporaryFolder folder = new();
    private readonly NnUNetModelWriter writer = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Weights_plans_labels_and_mirror_axes_are_taken_over()
    {
        writer.MirrorAxes = [2];
        var work = Import(writer.Write(Results("3d_fullres"), folds: ["0", "1"]));
        Assert.Equal(["MR"], work.ReadDescription().ChannelNames);
        Assert.Equal("nnUNetPlans", work.ReadPlans().PlansName);
        foreach (var fold in new[] { "0", "1" })
        {
            using var reader = SafetensorsReader.Open(Workspace.FinalCheckpoint(work.RunFolder("3d_fullres", fold)));
            Assert.Equal("[2]", reader.Metadata["mirror_axes"]);
            var bias = (TorchTensorToWrite)writer.Weights("3d_fullres", fold)["decoder.seg_layers.0.bias"]!;
            Assert.Equal(bias.Storage, Read(reader, "decoder.seg_layers.0.bias"));

            // nnU-Net keeps [cout, cin, z, y, x]; we keep (z, y, x, cin, cout).
            var theirs = (TorchTensorToWrite)writer.Weights("3d_fullres", fold)[FirstWeight]!;
            var ours = Read(reader, FirstWeight);
            Assert.Equal([4, 1, 3, 3, 3], theirs.Shape);
            Assert.Equal(theirs.Storage[(2 * 27) + 5], ours[(5 * 4) + 2]);
        }
    }

    [Fact]
    public void A_2d_network_mirrors_the_last_two_axes()
    {
        Make2D();
        writer.MirrorAxes = [1];
        var work = Import(writer.Write(Results("2d"), "2d"));
        using var reader = SafetensorsReader.Open(Workspace.FinalCheckpoint(work.RunFolder("2d", "0")));
        Assert.Equal("[2]", reader.Metadata["mirror_axes"]);
    }

    [Fact]
    public void Without_mirror_axes_nothing_is_mirrored()
    {
        writer.MirrorAxes = null;
        var work = Import(writer.Write(Results("3d_fullres")));
        using var reader = SafetensorsReader.Open(Workspace.FinalCheckpoint(work.RunFolder("3d_fullres", "0")));
        Assert.Equal("[]", reader.Metadata["mirror_axes"]);
    }

    [Theory]
    [InlineData("results folder")]
    [InlineData("dataset folder")]
    [InlineData("zip of the results folder")]
    [InlineData("zip of the dataset folder")]
    public void All_forms_of_a_model_give_the_same(string form)
    {
        writer.Write(Results("3d_fullres"), folds: ["0", "1"]);
        var source = form.EndsWith("results folder", StringComparison.Ordinal)
            ? Results("3d_fullres")
            : Path.GetDirectoryName(Results(""))!;
        if (form.StartsWith("zip", StringComparison.Ordinal))
        {
            var zip = folder.File("model.zip");
            ZipFile.CreateFromDirectory(source, zip, CompressionLevel.Optimal, includeBaseDirectory: true);
            source = zip;
        }

        var work = Import(source);
        Assert.Equal(["0", "1"], BestModel.Read(work.BestFile).Folds);
        Assert.True(File.Exists(Workspace.FinalCheckpoint(work.RunFolder("3d_fullres", "1"))));
    }

    [Fact]
    public void Several_configurations_become_runs_and_the_best_known_predicts()
    {
        Make2D();
        writer.MirrorAxes = [0, 1];
        writer.Write(Results("2d"), "2d");
        writer.Write(Results("3d_fullres"), folds: ["0", "1", "2"]);
        var report = ImportRun.Execute(
            Request(Path.GetDirectoryName(Results(""))!, "model.zip"), SilentReporter.Instance, default);
        Assert.Contains("3d_fullres, folds 0, 1, 2", report.Description, StringComparison.Ordinal);
        using var model = UnpackedModel.Open(At("model.zip"), default);
        Assert.Equal(["2d", "3d_fullres"], model.Work.ReadPlans().Configurations.Keys.Order());
        Assert.True(File.Exists(Workspace.FinalCheckpoint(model.Work.RunFolder("2d", "0"))));
        var only = ImportRun.Execute(
            Request(Path.GetDirectoryName(Results(""))!, "only.zip") with { Configurations = ["2d"], Folds = ["0"] },
            SilentReporter.Instance, default);
        Assert.Contains("3d_fullres: not asked for", only.Left);
        Assert.Single(only.Read);
    }

    /// <summary>The names of parts are folders in the file, and no two may be one on any system.</summary>
    [Theory]
    [InlineData("..zip", "part")]
    [InlineData("...zip", "part")]
    [InlineData(".hidden.zip", "hidden")]
    [InlineData("Tümor 1.zip", "T_mor_1")]
    [InlineData("same_2.zip", "same_2", "SAME.zip", "SAME", "same.zip", "same_3")]
    public void Parts_are_named_by_their_files_and_apart(params string[] namesAndParts)
    {
        var source = writer.Write(Results("3d_fullres"));
        var models = new List<string> { source };
        foreach (var name in namesAndParts.Chunk(2).Select(pair => pair[0]))
        {
            var zip = At(models.Count.ToString(System.Globalization.CultureInfo.InvariantCulture), name);
            Directory.CreateDirectory(Path.GetDirectoryName(zip)!);
            ZipFile.CreateFromDirectory(source, zip, CompressionLevel.Optimal, includeBaseDirectory: true);
            models.Add(zip);
        }

        ImportRun.Execute(new([.. models], At("parts.zip"), [], []), SilentReporter.Instance, default);
        using var model = UnpackedModel.Open(At("parts.zip"), default);
        Assert.Equal(
            [Path.GetFileName(source), .. namesAndParts.Chunk(2).Select(pair => pair[1])],
            model.Parts.Select(part => part.Name));
    }

    [Fact]
    public void A_cascade_brings_its_first_stage()
    {
        AddCascade();
        writer.Write(Results("3d_lowres"), "3d_lowres");
        // as shells complete it
        var cascade = writer.Write(Results("3d_cascade_fullres"), "3d_cascade_fullres") + Path.DirectorySeparatorChar;
        // the folder of the second stage alone: the first lies beside it
        var work = Import(cascade);
        Assert.Equal(["3d_cascade_fullres", "3d_lowres"], work.ReadPlans().Configurations.Keys.Order());
        Assert.True(File.Exists(Workspace.FinalCheckpoint(work.RunFolder("3d_lowres", "0"))));
        Directory.Delete(Results("3d_lowres"), recursive: true);
        Refused(cascade, "3d_cascade_fullres needs the segmentations of 3d_lowres, which is not there");
    }

    [Fact]
    public void Fold_all_is_taken_where_there_is_no_other()
    {
        writer.Write(Results("3d_fullres"), folds: ["all"]);
        Assert.Equal(["all"], BestModel.Read(Import(Results("3d_fullres")).BestFile).Folds);
        writer.Write(Results("3d_fullres"), folds: ["0"]);
        var report = ImportRun.Execute(Request(Results("3d_fullres"), "both"), SilentReporter.Instance, default);
        Assert.Contains(
            report.Left, line =>
                line.Contains("fold all, trained on all cases; numbered folds are taken first", StringComparison.Ordinal));
    }

    [Fact]
    public void Folds_and_checkpoints_are_chosen()
    {
        writer.Write(Results("3d_fullres"), folds: ["0", "1", "2"]);
        writer.File = "checkpoint_best.pth";
        writer.Write(Results("3d_fullres"), folds: ["1"]);
        var report = ImportRun.Execute(
            Request(Results("3d_fullres"), "w") with { Folds = ["1"], Checkpoint = "best" }, SilentReporter.Instance, default);
        Assert.Contains("checkpoint_best.pth of fold 1", report.Read[0], StringComparison.Ordinal);
        var error = Assert.Throws<SharpSegException>(
            () =>
                ImportRun.Execute(Request(Results("3d_fullres"), "x") with { Folds = ["7"] }, SilentReporter.Instance, default));
        Assert.Contains("no checkpoint_final.pth of fold 7", error.Message, StringComparison.Ordinal);
        Assert.Contains("0, 1, 2", error.Hint, StringComparison.Ordinal);
        error = Assert.Throws<SharpSegException>(
            () => ImportRun.Execute(
                Request(Results("3d_fullres"), "y") with { Checkpoint = "latest" }, SilentReporter.Instance, default));
        Assert.Contains("no `checkpoint_latest.pth`", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Wrapped_modules_have_the_same_names()
    {
        writer.Change = weights =>
        {
            foreach (var (name, value) in weights.ToArray())
            {
                weights.Remove(name);
                weights["_orig_mod.module." + name] = value;
            }
        };
        Import(writer.Write(Results("3d_fullres")));
    }

    [Fact]
    public void A_batch_norm_is_folded_into_a_factor_and_a_summand()
    {
        writer.Arguments()["norm_op"] = "torch.nn.BatchNorm3d";
        writer.Arguments()["norm_op_kwargs"] = new JsonObject { ["eps"] = 0.01 };
        var work = Import(writer.Write(Results("3d_fullres")));
        var weights = writer.Weights("3d_fullres", "0");
        float Value(string name) => ((TorchTensorToWrite)weights[$"{FirstNorm}.{name}"]!).Storage[3];
        var factor = Value("weight") / Math.Sqrt(Value("running_var") + 0.01);
        using var reader = SafetensorsReader.Open(Workspace.FinalCheckpoint(work.RunFolder("3d_fullres", "0")));
        Assert.Equal(factor, Read(reader, $"{FirstNorm}.weight")[3], 1e-6);
        Assert.Equal(Value("bias") - (Value("running_mean") * factor), Read(reader, $"{FirstNorm}.bias")[3], 1e-6);
    }

    [Fact]
    public void Missing_biases_and_affine_parameters_are_no_error_where_the_plans_say_so()
    {
        writer.Arguments()["conv_bias"] = false;
        writer.Arguments()["norm_op_kwargs"] = new JsonObject { ["affine"] = false };
        var work = Import(writer.Write(Results("3d_fullres")));
        using var reader = SafetensorsReader.Open(Workspace.FinalCheckpoint(work.RunFolder("3d_fullres", "0")));
        Assert.DoesNotContain("encoder.stages.0.0.convs.0.conv.bias", reader.Names);
        Assert.All(Read(reader, $"{FirstNorm}.weight"), value => Assert.Equal(1, value));
        Assert.All(Read(reader, $"{FirstNorm}.bias"), value => Assert.Equal(0, value));
        Assert.Contains("decoder.seg_layers.0.bias", reader.Names); // heads always have one
    }

    [Fact]
    public void A_residual_encoder_is_imported()
    {
        writer.Configuration()["architecture"]!["network_class_name"] =
            "dynamic_network_architectures.architectures.unet.ResidualEncoderUNet";
        writer.Arguments().Remove("n_conv_per_stage");
        writer.Arguments()["n_blocks_per_stage"] = new JsonArray(1, 2);
        var report = ImportRun.Execute(Request(writer.Write(Results("3d_fullres")), "w"), SilentReporter.Instance, default);
        Assert.Contains("ResidualEncoderUNet", report.Read[0], StringComparison.Ordinal);
    }

    [Fact]
    public void Other_weights_than_the_plans_network_has_are_refused_by_name()
    {
        Changed(
            weights => weights["encoder.stages.0.0.convs.0.attention.weight"] = new TorchTensorToWrite([1], [1]),
            "1 left over (encoder.stages.0.0.convs.0.attention.weight)");
        Changed(weights => weights.Remove("decoder.seg_layers.0.bias"), "1 missing (decoder.seg_layers.0.bias)");
        Changed(
            weights => weights[FirstWeight] = new TorchTensorToWrite(new float[108], [4, 1, 3, 9, 1]),
            $"tensor `{FirstWeight}` is [4, 1, 3, 9, 1], the network of 3d_fullres in plans.json has [4, 1, 3, 3, 3]");
        Changed(weights => ((TorchTensorToWrite)weights[FirstWeight]!).Storage[5] = float.NaN, "values that are not numbers");
        Changed(
            weights => weights[FirstWeight] = new NumpyScalarToWrite(1),
            $"`{FirstWeight}` is not a tensor but numpy.core.multiarray.scalar");
        Changed(
            weights => weights[FirstWeight] =
                new TorchTensorToWrite([.. Enumerable.Repeat(1f, 108)], [4, 1, 3, 3, 3], Type: "Long"), "type Long");
    }

    [Fact]
    public void What_is_no_model_is_told_with_what_to_give()
    {
        Directory.CreateDirectory(At("empty"));
        Refused(At("empty"), "no model of nnU-Net v2 in it");
        Refused(At("nowhere"), "no such folder or file");
        File.WriteAllText(folder.File("v1", "3d_fullres", "nnUNetTrainerV2__nnUNetPlansv2.1", "plans.pkl"), "");
        Refused(At("v1"), "a model of nnU-Net v1, which is not supported");
        File.WriteAllText(At("text.zip"), "no zip");
        Refused(At("text.zip"), "text.zip");
        writer.Write(Results("3d_fullres"));
        writer.Write(Path.Combine(Path.GetDirectoryName(Results(""))!, "nnUNetTrainerNoMirroring__nnUNetPlans__3d_fullres"));
        Refused(Path.GetDirectoryName(Results(""))!, "holds models of several trainers or datasets");
        var pth = Path.Combine(Results("3d_fullres"), "fold_0", "checkpoint_final.pth");
        File.WriteAllBytes(pth, File.ReadAllBytes(pth)[..1000]);
        Refused(Results("3d_fullres"), "checkpoint_final.pth");
        File.WriteAllBytes(pth, []);
        Refused(Results("3d_fullres"), "the file is empty");
        TorchFileWriter.Write(pth, new Dictionary<string, object?> { ["state_dict"] = 1 });
        Refused(Results("3d_fullres"), "it has no `network_weights`");
    }

    [Fact]
    public void Unsupported_plans_are_refused_by_their_key()
    {
        writer.Arguments()["nonlin"] = "torch.nn.LeakyReLU";
        writer.Write(Results("3d_fullres"));
        writer.Arguments()["nonlin"] = "torch.nn.GELU";
        File.WriteAllText(Path.Combine(Results("3d_fullres"), "plans.json"), writer.Plans.ToJsonString());
        Refused(Results("3d_fullres"), "nonlin: `GELU` is not supported");
    }

    [Fact]
    public void Postprocessing_is_read_from_json_and_never_from_a_pickle()
    {
        var results = writer.Write(Results("3d_fullres"));
        var crossValidation = folder.File(
            "Dataset001_Tiny", Path.GetFileName(results), "crossval_results_folds_0_1_2_3_4", "postprocessing.pkl");
        File.WriteAllText(crossValidation, "cos\nsystem\n");
        var report = ImportRun.Execute(Request(results, "w1"), SilentReporter.Instance, default);
        Assert.Contains(report.Left, line => line.Contains("postprocessing.pkl: a pickle", StringComparison.Ordinal));
        Assert.Empty(BestModel.Read(new Workspace(At("w1")).BestFile).Postprocessing.LabelSets);

        var json = Path.ChangeExtension(crossValidation, ".json");
        File.WriteAllText(json, """
            {"postprocessing_fns": ["remove_all_but_largest_component_from_segmentation", "remove_all_but_largest_component_from_segmentation"],
             "postprocessing_kwargs": [{"labels_or_regions": [[1, 2], 1]}, {"labels_or_regions": 2, "background_label": 0}]}
            """);
        ImportRun.Execute(Request(results, "w2"), SilentReporter.Instance, default);
        Assert.Equal([[1, 2], [2]], BestModel.Read(new Workspace(At("w2")).BestFile).Postprocessing.LabelSets);

        File.WriteAllText(json, """{"postprocessing_fns": ["fill_holes"], "postprocessing_kwargs": [{}]}""");
        Refused(results, "postprocessing_fns: `fill_holes` is not supported");
        File.WriteAllText(json, """{"postprocessing_fns": ["remove_all_but_largest_component_from_segmentation"], "postprocessing_kwargs": [{"labels_or_regions": 9}]}""");
        Refused(results, "labels_or_regions: 9 are no labels");
    }

    [Fact]
    public void Labels_may_be_texts_and_channels_modalities()
    {
        writer.Dataset = """{"modality": {"0": "CT"}, "labels": {"background": "0", "a": "1", "b": "2"}, "numTraining": 5, "file_ending": ".nii.gz"}""";
        var description = Import(writer.Write(Results("3d_fullres"))).ReadDescription();
        Assert.Equal(["CT"], description.ChannelNames);
        Assert.Equal([0, 1, 2], description.Labels.AllLabels);
    }

    [Fact]
    public void Nothing_that_is_there_is_written_over()
    {
        writer.Write(Results("3d_fullres"));
        File.WriteAllText(folder.File("work", "mine.txt"), "mine");
        var error = Assert.Throws<SharpSegException>(
            () => ImportRun.Execute(Request(Results("3d_fullres"), "work"), SilentReporter.Instance, default));
        Assert.Contains("exists already", error.Message, StringComparison.Ordinal);
        Assert.Equal("mine", File.ReadAllText(At("work", "mine.txt")));
        ZipFile.CreateFromDirectory(Results("3d_fullres"), At("original.zip"));
        foreach (var (
            model, output) in new[] { (At("original.zip"), "original.zip"),
            (At("Dataset001_Tiny"), Path.Combine("Dataset001_Tiny", "mine.zip")) })
        {
            error = Assert.Throws<SharpSegException>(
                () => ImportRun.Execute(Request(model, output), SilentReporter.Instance, default));
            Assert.Contains("that is read", error.Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void An_import_that_fails_leaves_nothing(bool folderIsThere)
    {
        writer.Write(Results("3d_fullres"), folds: ["0", "1"]);
        var second = Path.Combine(Results("3d_fullres"), "fold_1", "checkpoint_final.pth");
        File.WriteAllBytes(second, File.ReadAllBytes(second)[..1000]);
        if (folderIsThere)
        {
            Directory.CreateDirectory(At("work"));
        }

        Assert.Throws<SharpSegException>(
            () => ImportRun.Execute(Request(Results("3d_fullres"), "work"), SilentReporter.Instance, default));
        Assert.Empty(Directory.EnumerateFileSystemEntries(At("work")));
        ImportRun.Execute(Request(Results("3d_fullres"), "work") with { Folds = ["0"] }, SilentReporter.Instance, default);
    }

    [Fact]
    public void Hostile_names_in_a_zip_are_not_unpacked()
    {
        var zip = folder.File("evil.zip");
        using (var archive = ZipFile.Open(zip, ZipArchiveMode.Create))
        {
            foreach (var name in new[] { "../plans.json", "a/../../plans.json", "/plans.json", "a/b/c/d/e/f/plans.json",
                "fold_0/checkpoint_final.pth.exe" })
            {
                using var stream = archive.CreateEntry(name).Open();
                stream.WriteByte(1);
            }
        }

        Refused(zip, "no model of nnU-Net v2 in it");
        Assert.False(File.Exists(At("plans.json")));
    }

    [Fact]
    public void Reorientation_is_remembered()
    {
        var results = writer.Write(Results("3d_fullres"));
        Assert.False(Import(results).ReadPlans().ReorientToRas);
        ImportRun.Execute(Request(results, "ras") with { ReorientToRas = true }, SilentReporter.Instance, default);
        Assert.True(new Workspace(At("ras")).ReadPlans().ReorientToRas);
    }

    private void Make2D()
    {
        var plan = writer.AddConfiguration("2d");
        plan["patch_size"] = new JsonArray(8, 8);
        plan["spacing"] = new JsonArray(1, 1);
        var arguments = writer.Arguments("2d");
        arguments["conv_op"] = "torch.nn.modules.conv.Conv2d";
        arguments["norm_op"] = "torch.nn.modules.instancenorm.InstanceNorm2d";
        arguments["kernel_sizes"] = JsonNode.Parse("[[3, 3], [3, 3]]");
        arguments["strides"] = JsonNode.Parse("[[1, 1], [2, 2]]");
    }

    private void AddCascade()
    {
        writer.AddConfiguration("3d_lowres")["next_stage"] = "3d_cascade_fullres";
        writer.AddConfiguration("3d_cascade_fullres")["previous_stage"] = "3d_lowres";
    }

    private void Changed(Action<Dictionary<string, object?>> change, string expected)
    {
        var changed = new NnUNetModelWriter { Change = change };
        Refused(changed.Write(Results("3d_fullres")), expected);
    }

    private void Refused(string model, string expected)
    {
        var output = $"refused_{Guid.NewGuid():N}";
        var error = Assert.Throws<SharpSegException>(
            () => ImportRun.Execute(Request(model, output), SilentReporter.Instance, default));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    private Workspace Import(string model)
    {
        var output = $"work_{Guid.NewGuid():N}";
        ImportRun.Execute(Request(model, output), SilentReporter.Instance, default);
        return new Workspace(At(output));
    }

    private ImportRequest Request(string model, string output) => new([model], At(output), [], []);

    private string Results(string configuration) =>
        At("Dataset001_Tiny", $"{NnUNetModelWriter.Trainer}__{NnUNetModelWriter.PlansName}__{configuration}");

    private string At(params string[] parts) => Path.Combine([folder.Path, .. parts]);

    private static float[] Read(SafetensorsReader reader, string name)
    {
        var values = new float[reader.Shape(name).Aggregate(1, (product, n) => product * n)];
        reader.Read(name, values);
        return values;
    }
}
