using System.IO.Compression;
using System.Text.Json.Nodes;
using SharpSeg.AutoPlanner.Evaluation;
using SharpSeg.AutoPlanner.Steps;
using SharpSeg.AutoPlanner.Steps.Import;
using SharpSeg.AutoPlanner.Workspaces;
using SharpSeg.Tests;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Steps.Import;

/// <summary>What nnU-Net chose by cross-validation becomes what predicts (docs/method/import.md §2).</summary>
[Collection(UnpackedModelTests.Name)]
public sealed class NnUNetChoiceTests : IDisposable
{
    private const string Trainer = NnUNetModelWriter.Trainer, PlansName = NnUNetModelWriter.PlansName;
    private readonly TemporaryFolder folder = new();
    private readonly NnUNetModelWriter writer = new();

    public NnUNetChoiceTests()
    {
        writer.AddConfiguration("3d_lowres")["spacing"] = new JsonArray(2, 2, 2);
        writer.Write(Results("3d_fullres"), folds: ["0", "1", "2"]);
        writer.Write(Results("3d_lowres"), "3d_lowres", "0", "1", "2");
    }

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_chosen_configuration_predicts_with_its_folds_and_postprocessing()
    {
        Choose([0, 2], after: 0.85, "3d_lowres");
        Postprocessing(At("Dataset001_Tiny", Name("3d_lowres"), "crossval_results_folds_0_2"), "2");
        Postprocessing(At("Dataset001_Tiny", Name("3d_lowres"), "crossval_results_folds_0_1_2"), "1"); // of another comparison
        var (report, best) = Import();
        Assert.Equal(["3d_lowres"], best.Winner.Configurations);
        Assert.Equal(["0", "2"], best.Folds);
        Assert.Equal([[2]], best.Postprocessing.LabelSets);
        Assert.Equal((0.8, 0.85), (best.DiceBefore, best.DiceAfter));
        Assert.Equal(
            [("3d_fullres", 0.7), ("3d_lowres", 0.8), ("3d_fullres+3d_lowres", double.NaN)],
            best.Scores.Select(score => (score.Candidate.ToString(), score.Dice)));
        Assert.Contains(
            "inference_information.json: 3d_lowres of folds 0, 2 predicts, foreground Dice 0.8, with postprocessing 0.85 in "
                + "nnU-Net's cross-validation", report.Read);
        Assert.Contains("best.json (3d_lowres): 3d_lowres, folds 0, 2; then keep", report.Description, StringComparison.Ordinal);

        // All is imported, and can be asked for.
        Assert.True(File.Exists(Workspace.FinalCheckpoint(new Workspace(At("work")).RunFolder("3d_fullres", "1"))));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_chosen_ensemble_is_averaged(bool zipped)
    {
        Choose([0, 1, 2], after: 0.9, "3d_fullres", "3d_lowres");
        Postprocessing(
            At("Dataset001_Tiny", "ensembles", $"ensemble___{Name("3d_fullres")}___{Name("3d_lowres")}___0_1_2"), "[1, 2]");
        var model = At("Dataset001_Tiny");
        if (zipped)
        {
            ZipFile.CreateFromDirectory(model, At("model.zip"), CompressionLevel.Fastest, includeBaseDirectory: true);
            model = At("model.zip");
        }

        var (_, best) = Import(model);
        Assert.Equal(["3d_fullres", "3d_lowres"], best.Winner.Configurations);
        Assert.Equal([[1, 2]], best.Postprocessing.LabelSets);

        var exported = ImportRun.Execute(new([model], At("ours.zip"), [], []), SilentReporter.Instance, default);
        Assert.Contains(
            "3d_fullres, folds 0, 1, 2 + 3d_lowres, folds 0, 1, 2; probabilities averaged; then keep", exported.Description,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Other_wishes_go_before_the_choice()
    {
        Choose([0, 1], after: 0.8, "3d_lowres");
        var (report, best) = Import(configurations: ["3d_fullres"]);
        Assert.Equal(["3d_fullres"], best.Winner.Configurations);
        Assert.Contains("inference_information.json: nnU-Net chose 3d_lowres, other configurations are asked for", report.Left);
        Assert.Equal(["2"], Import(folds: ["2"]).Best.Folds);
        Assert.Equal(["3d_lowres"], Import(folds: ["2"]).Best.Winner.Configurations);

        // One configuration's folder is one configuration.
        Assert.Equal(["3d_fullres"], Import(Results("3d_fullres")).Best.Winner.Configurations);
    }

    [Fact]
    public void Of_several_trainers_the_chosen_one_is_imported()
    {
        writer.Write(At("Dataset001_Tiny", $"nnUNetTrainerNoMirroring__{PlansName}__3d_fullres"), folds: ["0"]);
        Choose([0], after: 0.8, "3d_fullres");
        var (report, best) = Import();
        Assert.Equal(["3d_fullres"], best.Winner.Configurations);
        Assert.Contains($"nnUNetTrainerNoMirroring__{PlansName}__3d_fullres: nnU-Net chose {Trainer}__{PlansName}", report.Left);
        Information()["best_model_or_ensemble"]!["selected_model_or_models"]!.AsArray().Add(new JsonObject
        {
            ["configuration"] = "3d_fullres", ["trainer"] = "nnUNetTrainerNoMirroring", ["plans_identifier"] = PlansName,
        });
        Save();
        Refused("nnU-Net chose an ensemble of nnUNetTrainer__nnUNetPlans and nnUNetTrainerNoMirroring__nnUNetPlans");
    }

    [Fact]
    public void What_was_chosen_and_is_not_there_is_named()
    {
        Choose([0, 1, 3], after: 0.8, "3d_fullres");
        Refused("nnU-Net chose folds 0, 1, 3, and 3 of 3d_fullres is not there");
        Choose([0], after: 0.8, "2d");
        Refused("nnU-Net chose 2d, and nnUNetTrainer__nnUNetPlans__2d is not there");
        Choose([0], after: 0.85, "3d_fullres");
        Refused("nnU-Net postprocesses what 3d_fullres predicts");
        Choose([0], after: 0.8, "3d_fullres"); // the same score without it: there is none
        Assert.Empty(Import().Best.Postprocessing.LabelSets);
    }

    [Theory]
    [InlineData("folds", "[]", "1 models of 0 folds")]
    [InlineData("folds", "[-1]", "-1 is no fold")]
    [InlineData("best_model_or_ensemble", "{\"selected_model_or_models\": []}", "0 models of 1 folds")]
    [InlineData("best_model_or_ensemble", "null", "best_model_or_ensemble: missing")]
    [InlineData("best_model_or_ensemble",
        "{\"selected_model_or_models\": [{\"configuration\": \"../x\", \"trainer\": \"t\", \"plans_identifier\": \"p\"}]}",
        "`configuration` `../x`")]
    public void A_damaged_choice_is_one_line(string key, string value, string expected)
    {
        Choose([0], after: 0.8, "3d_fullres");
        Information()[key] = JsonNode.Parse(value);
        Save();
        Refused(expected);
    }

    private JsonObject? information;

    private JsonObject Information() => information!;

    private void Save() => File.WriteAllText(
        At("Dataset001_Tiny", "inference_information.json"),
        Information().ToJsonString().Replace("\"NOT A NUMBER\"", "NaN", StringComparison.Ordinal)); // as Python writes it

    /// <summary>The file as nnU-Net writes it.</summary>
    private void Choose(int[] folds, double after, params string[] configurations)
    {
        information = new JsonObject
        {
            ["folds"] = new JsonArray([.. folds.Select(fold => (JsonNode)fold)]),
            ["dataset_name_or_id"] = "Dataset001_Tiny",
            ["considered_models"] = new JsonArray(),
            ["ensembling_allowed"] = true,
            ["all_results"] = new JsonObject
            {
                [Name("3d_fullres")] = 0.7,
                [Name("3d_lowres")] = 0.8,
                [$"ensemble___{Name("3d_fullres")}___{Name("3d_lowres")}___0"] = "NOT A NUMBER",
                ["nnUNetTrainerOther__nnUNetPlans__2d"] = 0.1,
                [Name("../2d")] = 0.1,
            },
            ["best_model_or_ensemble"] = new JsonObject
            {
                ["result_on_crossval_pre_pp"] = 0.8,
                ["result_on_crossval_post_pp"] = after,
                ["postprocessing_file"] = "/elsewhere/postprocessing.pkl",
                ["some_plans_file"] = "/elsewhere/plans.json",
                ["selected_model_or_models"] = new JsonArray([.. configurations.Select(name => new JsonObject
                {
                    ["configuration"] = name, ["trainer"] = Trainer, ["plans_identifier"] = PlansName,
                })]),
            },
        };
        Save();
    }

    private static void Postprocessing(string folder, string set)
    {
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "postprocessing.json"), """
            {"input_folder": {"foreground_mean": {"Dice": NaN}, "mean": {"\"NaN\"": {"Dice": -Infinity}}},
             "postprocessing_fns": ["remove_all_but_largest_component_from_segmentation"],
             "postprocessing_kwargs": [{"labels_or_regions": SET}]}
            """.Replace("SET", set, StringComparison.Ordinal));
    }

    private (ImportReport Report, BestModel Best) Import(
        string? model = null, string[]? configurations = null, string[]? folds = null)
    {
        var work = At("work");
        if (Directory.Exists(work))
        {
            Directory.Delete(work, recursive: true);
        }

        var report = ImportRun.Execute(
            new([model ?? At("Dataset001_Tiny")], work, configurations ?? [], folds ?? []), SilentReporter.Instance, default);
        return (report, BestModel.Read(new Workspace(work).BestFile));
    }

    private void Refused(string expected)
    {
        var error = Assert.Throws<SharpSegException>(() => Import());
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    private static string Name(string configuration) => $"{Trainer}__{PlansName}__{configuration}";

    private string Results(string configuration) => At("Dataset001_Tiny", Name(configuration));

    private string At(params string[] parts) => Path.Combine([folder.Path, .. parts]);
}
