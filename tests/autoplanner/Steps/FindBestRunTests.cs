using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Evaluation;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Inference;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Planning.Fingerprinting;
using SharpSeg.AutoPlanner.Steps;
using SharpSeg.AutoPlanner.Tests.Inference;
using SharpSeg.AutoPlanner.Volumes;
using SharpSeg.AutoPlanner.Workspaces;
using SharpSeg.Engine.ModelFiles;
using SharpSeg.Engine.Tensors;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Steps;

/// <summary>
/// Two folds of one case of ten voxels each, of which the first four are the structure. `2d` finds them and an island of two
/// (Dice 2·4/(6 + 4) = 0.8); `3d_fullres` finds three and one elsewhere (2·3/(4 + 4) = 0.75); the mean of their probabilities is
/// right everywhere.
/// </summary>
public sealed class FindBestRunTests : IDisposable
{
    private static readonly Extent Size = new(1, 1, 10);
    private static readonly float[] In2d = [.9f, .9f, .9f, .9f, .1f, .1f, .1f, .1f, .6f, .6f];
    private static readonly float[] In3d = [.9f, .9f, .9f, .4f, .1f, .1f, .7f, .1f, .3f, .3f];

    private readonly TemporaryFolder folder = new();
    private readonly ToldReporter reporter = new();
    private readonly Workspace work;

    public FindBestRunTests()
    {
        work = new Workspace(folder.File("work"));
        var dataset = folder.File("dataset");
        foreach (var id in new[] { "p", "q" })
        {
            ImageFile.WriteFloats(folder.File("dataset", "imagesTr", id + "_0000.nii.gz"), new float[10], Geometry);
            ImageFile.WriteLabels(
                folder.File("dataset", "labelsTr", id + ".nii.gz"), [1, 1, 1, 1, 0, 0, 0, 0, 0, 0], Geometry, 1);
        }

        File.WriteAllText(folder.File("dataset", "dataset.json"), """
            {"channel_names": {"0": "CT"}, "labels": {"background": 0, "a": 1}, "numTraining": 2, "file_ending": ".nii.gz"}
            """);
        work.WriteDataset(Dataset.Open(dataset).Description, dataset);
        WritePlans(Profile.Modern, "2d", "3d_fullres");
        File.WriteAllText(work.SplitsFile, """[{"train": ["q"], "val": ["p"]}, {"train": ["p"], "val": ["q"]}]""");
        foreach (var (fold, id) in new[] { ("0", "p"), ("1", "q") })
        {
            Validate("2d", fold, id, In2d);
            Validate("3d_fullres", fold, id, In3d);
        }
    }

    private static ImageGeometry Geometry => new(Size, new Spacing(1, 1, 1), [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0], "", []);

    public void Dispose() => folder.Dispose();

    [Fact]
    public void The_pair_wins_where_its_mean_is_better()
    {
        var result = Run();
        Assert.Equal(["2d", "3d_fullres", "2d+3d_fullres"], result.Best.Scores.Select(score => score.Candidate.ToString()));
        Assert.Equal([.8, .75, 1], result.Best.Scores.Select(score => score.Dice), (a, b) => Math.Abs(a - b) < 1e-12);
        Assert.Equal("2d+3d_fullres", result.Best.Winner.ToString());
        Assert.Empty(result.Best.Postprocessing.LabelSets);
        Assert.Equal(work.EnsembleFolder("2d", "3d_fullres"), result.Folder);
        Assert.Equal([1, 1, 1, 1, 0, 0, 0, 0, 0, 0], ImageFile.ReadLabels(Path.Combine(result.Folder, "q.nii.gz")).Voxels);
        foreach (var scored in new[] { work.CrossValidationFolder("2d"), work.CrossValidationFolder("3d_fullres"),
            result.Folder })
        {
            Assert.Equal(
                ["p.nii.gz", "q.nii.gz", "summary.json"],
                Directory.GetFileSystemEntries(scored).Select(Path.GetFileName).Order());
        }

        Same(result.Best, BestModel.Read(work.BestFile));
    }

    [Fact]
    public void Configurations_of_all_plans_compete()
    {
        var large = new Workspace(work.Folder, "large");
        WritePlans(large, Profile.Modern, "3d_fullres");
        float[] right = [.9f, .9f, .9f, .9f, .1f, .1f, .1f, .1f, .3f, .3f];
        Validate(large, "3d_fullres", "0", "p", right);
        Validate(large, "3d_fullres", "1", "q", right);

        var result = Run();
        Assert.Equal(
            ["2d", "3d_fullres", "3d_fullres@large", "2d+3d_fullres", "2d+3d_fullres@large", "3d_fullres+3d_fullres@large"],
            result.Best.Scores.Select(score => score.Candidate.ToString()));
        Assert.Equal("3d_fullres@large", result.Best.Winner.ToString());
        Assert.Equal(large.CrossValidationFolder("3d_fullres"), result.Folder);
        var member = Assert.Single(ModelChoice.Of(work, InferenceFixtures.TwoLabels, null, [], "final").Members);
        Assert.Equal(
            [large.RunFolder("3d_fullres", 0), large.RunFolder("3d_fullres", 1)],
            member.Checkpoints.Select(path => Path.GetDirectoryName(path)));

        var alone = FindBestRun.Execute(new FindBestRequest(work, [], Plans: ["default"]), reporter, default);
        Assert.Equal(["2d", "3d_fullres", "2d+3d_fullres"], alone.Best.Scores.Select(score => score.Candidate.ToString()));
        File.Delete(Workspace.FinalCheckpoint(large.RunFolder("3d_fullres", 1)));
        reporter.Lines.Clear();
        Assert.Contains(
            "3d_fullres@large: fold 1 not trained", Assert.Throws<SharpSegException>(() => Run()).Message,
            StringComparison.Ordinal);
        Assert.Contains("sharpseg train W --plan large -c 3d_fullres -f 1 --save-probabilities", reporter.Lines);
    }

    [Fact]
    public void Postprocessing_is_decided_for_the_winner_and_its_segmentations_are_kept()
    {
        var result = Run(ensembles: false);
        Assert.Equal("2d", result.Best.Winner.ToString());
        Assert.Equal([[1]], result.Best.Postprocessing.LabelSets);
        Assert.Equal((.8, 1), (result.Best.DiceBefore, result.Best.DiceAfter));
        Assert.Equal(1, result.Summary.ForegroundDice);
        Assert.Equal(Path.Combine(work.CrossValidationFolder("2d"), "postprocessed"), result.Folder);
        Assert.Equal([1, 1, 1, 1, 0, 0, 0, 0, 0, 0], ImageFile.ReadLabels(Path.Combine(result.Folder, "p.nii.gz")).Voxels);
        Same(result.Best, BestModel.Read(work.BestFile));

        var plain = FindBestRun.Execute(new FindBestRequest(work, [], Ensembles: false, Postprocess: false), reporter, default);
        Assert.Empty(plain.Best.Postprocessing.LabelSets);
        Assert.False(Directory.Exists(result.Folder)); // what an earlier choice left
    }

    [Theory]
    [InlineData("score 2d+3d_fullres")]
    [InlineData("decide postprocessing of 2d+3d_fullres")]
    public void Stopped_before_the_choice_is_made_it_leaves_the_earlier_one_with_its_scores(string stage)
    {
        Run(folds: ["0"]);
        var before = Files();
        using var stop = new CancellationTokenSource();
        reporter.AtStage = name =>
        {
            if (name == stage)
            {
                stop.Cancel();
            }
        };
        Assert.ThrowsAny<OperationCanceledException>(
            () => FindBestRun.Execute(new FindBestRequest(work, []), reporter, stop.Token));
        Assert.Equal(before, Files());

        reporter.AtStage = _ => { };
        Run();
        Assert.NotEqual(before, Files());
        Assert.DoesNotContain(Files(), file => file.Key.Contains("scratch", StringComparison.Ordinal));
        var summary = SummaryJson.Read(
            Workspace.SummaryFile(work.CrossValidationFolder("2d")), EvaluatedClass.Of(work.ReadDescription().Labels));
        Assert.All(summary.Cases, item => Assert.True(File.Exists(item.PredictionFile), item.PredictionFile));
    }

    private SortedDictionary<string, string> Files() => new(
        Directory.GetFiles(work.Folder, "*", SearchOption.AllDirectories).ToDictionary(
            file => file, file => Convert.ToBase64String(File.ReadAllBytes(file))),
        StringComparer.Ordinal);

    [Fact]
    public void Folds_that_are_named_are_compared_alone()
    {
        File.Delete(Workspace.FinalCheckpoint(work.RunFolder("2d", 1)));
        var result = Run(folds: ["0"]);
        Assert.Equal(["0"], result.Best.Folds);
        Assert.Equal("p", Assert.Single(result.Summary.Cases).CaseId);
        Assert.Contains(
            "fold `every-case`", Assert.Throws<SharpSegException>(() => Run(folds: ["all"])).Message, StringComparison.Ordinal);

        File.WriteAllText(work.SplitsFile, """[{"train": ["q"], "val": ["p"]}, {"train": ["q"], "val": ["p"]}]""");
        Assert.Contains(
            "`p` is validated in fold 0 and in fold 1", Assert.Throws<SharpSegException>(() => Run()).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_missing_is_said_with_the_commands_that_make_it()
    {
        File.Delete(Workspace.FinalCheckpoint(work.RunFolder("3d_fullres", 1)));
        File.Delete(Path.Combine(Workspace.ValidationFolder(work.RunFolder("2d", 0)), "p.nii.gz"));
        var error = Assert.Throws<SharpSegException>(() => Run());
        Assert.Contains(
            "2d: fold 0 without all validation segmentations; 3d_fullres: fold 1 not trained", error.Message,
            StringComparison.Ordinal);
        Assert.Equal("run the commands above", error.Hint);
        Assert.Equal(
            [
                "sharpseg preprocess W -c 2d", "sharpseg train W -c 2d -f 0 --resume --save-probabilities",
                "sharpseg preprocess W -c 3d_fullres", "sharpseg train W -c 3d_fullres -f 1 --save-probabilities",
            ],
            reporter.Lines);

        // Fold 0 is finished: it may be compared alone. 2d is finished: the others may be left out.
        Validate("2d", "0", "p", In2d);
        Assert.Equal(
            "run the commands above; --trained-only compares the others; --folds 0 compares on what all have",
            Assert.Throws<SharpSegException>(() => Run()).Hint);
        var alone = Run(trainedOnly: true);
        Assert.Equal(["2d"], alone.Best.Scores.Select(score => score.Candidate.ToString()));
        Assert.Contains("left out: 3d_fullres: fold 1 not trained", reporter.Lines);

        Directory.Delete(work.ConfigurationFolder("3d_fullres"), recursive: true);
        Assert.Contains(
            "3d_fullres is not trained", Assert.Throws<SharpSegException>(() => Run()).Message, StringComparison.Ordinal);
        Directory.Delete(work.ConfigurationFolder("2d"), recursive: true);
        Assert.Contains(
            "2d is not trained; 3d_fullres is not trained",
            Assert.Throws<SharpSegException>(() => Run(trainedOnly: true)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Pairs_need_probabilities_and_singles_do_not()
    {
        File.Delete(ProbabilityFile.PathOf(Workspace.ValidationFolder(work.RunFolder("3d_fullres", 1)), "q"));
        var error = Assert.Throws<SharpSegException>(() => Run());
        Assert.Contains("3d_fullres: fold 1 without validation probabilities", error.Message, StringComparison.Ordinal);
        Assert.Contains("--no-ensemble", error.Hint, StringComparison.Ordinal);
        Assert.Equal("sharpseg train W -c 3d_fullres -f 1 --resume --save-probabilities --seed 7", reporter.Lines[^1]);
        Assert.False(File.Exists(work.BestFile));
        Assert.Equal("2d", Run(ensembles: false).Best.Winner.ToString());
    }

    [Fact]
    public void Classic_reports_the_low_resolution_stage_and_trusts_the_references_components()
    {
        WritePlans(Profile.Classic, "2d", "3d_lowres");
        foreach (var (fold, id) in new[] { ("0", "p"), ("1", "q") })
        {
            Validate("3d_lowres", fold, id, [1, 1, 1, 1, 0, 0, 0, 0, 0, 0]);
        }

        AtomicFile.WriteText(work.FingerprintFile, FingerprintJson.ToJson(new Fingerprint
        {
            CaseIds = ["p", "q"], Spacings = [new(1, 1, 1), new(1, 1, 1)], ShapesAfterCrop = [Size, Size],
            MedianRelativeSizeAfterCropping = 1,
            Classes = [new ClassFacts("a", [1], 8, 2, 1)],
        }));
        var result = Run();
        Assert.Equal("2d", result.Best.Winner.ToString());
        Assert.Equal(
            [("2d", .8, true), ("3d_lowres", 1, false)],
            result.Best.Scores.Select(s => (s.Candidate.ToString(), s.Dice, s.Competes)));
        Assert.Equal(Connectivity.Face, result.Best.Postprocessing.Connectivity);
        Assert.Equal((.8, 1), (result.Best.DiceBefore, result.Best.DiceAfter));
        Assert.DoesNotContain(reporter.Lines, line => line.Contains("lowers", StringComparison.Ordinal));

        // An island larger than the structure: the rule, which looks at no prediction, keeps the wrong one.
        foreach (var (fold, id) in new[] { ("0", "p"), ("1", "q") })
        {
            Validate("2d", fold, id, [.9f, .9f, .9f, .1f, .1f, .9f, .9f, .9f, .9f, .9f]);
        }

        result = Run();
        Assert.Equal(0, result.Best.DiceAfter);
        Assert.Contains(
            reporter.Lines, line => line.Contains("decided by the training labels alone, lowers", StringComparison.Ordinal));
    }

    [Fact]
    public void A_cascade_that_wins_without_a_fold_of_its_first_stage_is_named()
    {
        var configuration = InferenceFixtures.Configuration([4, 4, 4], [1, 1, 1]);
        work.WritePlans(work.ReadPlans() with
        {
            Configurations = new Dictionary<string, ConfigurationPlan>
            {
                ["3d_lowres"] = configuration with { Name = "3d_lowres", NextStages = ["3d_cascade_fullres"] },
                ["3d_cascade_fullres"] = configuration with { Name = "3d_cascade_fullres", PreviousStage = "3d_lowres" },
            },
        });
        Validate("3d_cascade_fullres", "0", "p", In2d);
        Validate("3d_cascade_fullres", "1", "q", In2d);
        Validate("3d_lowres", "1", "q", In3d);
        Directory.Delete(work.ConfigurationFolder("3d_fullres"), recursive: true);
        Directory.Delete(work.ConfigurationFolder("2d"), recursive: true);
        Assert.Equal("3d_cascade_fullres", Run(trainedOnly: true).Best.Winner.ToString());
        Assert.Contains(reporter.Lines, line => line.Contains("has fold 1 and lacks fold 0", StringComparison.Ordinal));
    }

    [Fact]
    public void A_bad_best_json_is_named()
    {
        Run();
        var text = File.ReadAllText(work.BestFile);
        Says(text.Replace("sharpseg-best", "other", StringComparison.Ordinal), "not a best.json");
        Says(text.Replace("\"full\"", "\"diagonal\"", StringComparison.Ordinal), "`diagonal`");
        Says(text.Replace("folds", "fold", StringComparison.Ordinal), "folds", "missing");
        Says("[]", "object");

        void Says(string content, params string[] says)
        {
            File.WriteAllText(work.BestFile, content);
            var error = Assert.Throws<SharpSegException>(() => BestModel.Read(work.BestFile));
            Assert.All(says.Prepend(work.BestFile), part => Assert.Contains(part, error.Message, StringComparison.Ordinal));
        }
    }

    private FindBestResult Run(bool ensembles = true, bool trainedOnly = false, params string[] folds) =>
        FindBestRun.Execute(new FindBestRequest(work, folds, ensembles, trainedOnly, WorkName: "W"), reporter, default);

    private static void Same(BestModel expected, BestModel actual)
    {
        Assert.Equal(expected.Winner.Configurations, actual.Winner.Configurations);
        Assert.Equal(expected.Folds, actual.Folds);
        Assert.Equal(expected.Postprocessing.LabelSets, actual.Postprocessing.LabelSets);
        Assert.Equal(expected.Postprocessing.Connectivity, actual.Postprocessing.Connectivity);
        Assert.Equal((expected.DiceBefore, expected.DiceAfter), (actual.DiceBefore, actual.DiceAfter));
        Assert.Equal(
            expected.Scores.Select(s => (s.Candidate.ToString(), s.Dice, s.Competes)),
            actual.Scores.Select(s => (s.Candidate.ToString(), s.Dice, s.Competes)));
    }

    private void WritePlans(Profile profile, params string[] names) => WritePlans(work, profile, names);

    private static void WritePlans(Workspace plan, Profile profile, params string[] names)
    {
        var configuration = InferenceFixtures.Configuration([4, 4, 4], [1, 1, 1]);
        plan.WritePlans(InferenceFixtures.Plans(configuration, profile) with
        {
            Configurations = names.ToDictionary(name => name, name => configuration with { Name = name }),
        });
    }

    /// <summary>
    /// A run as training leaves it: a checkpoint (of which only the seed is read), a segmentation and probabilities.
    /// </summary>
    private void Validate(string configuration, string fold, string id, float[] label1) =>
        Validate(work, configuration, fold, id, label1);

    private static void Validate(Workspace plan, string configuration, string fold, string id, float[] label1)
    {
        var run = plan.RunFolder(configuration, fold);
        var validation = Directory.CreateDirectory(Workspace.ValidationFolder(run)).FullName;
        AtomicFile.Write(Workspace.FinalCheckpoint(run), stream => Safetensors.Write(
            stream, [], new Dictionary<string, string> { ["seed"] = configuration == "2d" ? "12345" : "7" }));
        ImageFile.WriteLabels(
            Path.Combine(validation, id + ".nii.gz"), label1.Select(p => (short)(p > .5f ? 1 : 0)).ToArray(), Geometry, 1);
        ProbabilityFile.Write(
            ProbabilityFile.PathOf(validation, id), id, new GivenMaps(Size, [[.. label1.Select(p => 1 - p)], label1]),
            InferenceFixtures.TwoLabels, SavedProbabilities.Compact);
    }
}
