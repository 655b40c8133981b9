using CommandLine;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.Cli;
using SharpSeg.Cli.Options;
using SharpSeg.Perf;
using SharpSeg.Tests;
using Xunit;
using Xunit.Abstractions;

namespace SharpSeg.EndToEnd.Tests;

/// <summary>
/// Every command of README, CONTRIBUTING and docs: each is understood, and those of code blocks run, one after the other in a
/// folder that holds tiny files of the names that the pages use. A command that cannot run here is listed with its reason.
/// </summary>
public sealed class DocumentedCommandsTests(ITestOutputHelper output)
{
    private const string Minutes = "takes minutes", Gpu = "needs a GPU", Checkout = "the launcher's, in a checkout";

    // What another test types: such a command runs all the same.
    private const string
        JobsTyped = "needs Slurm; JobsTests types the commands of docs/guide/slurm.md with --dry-run",
        WatchTyped = "ends with Ctrl-C; CohortTests types it",
        CascadeTyped = "needs a trained cascade; CascadeTests types it";

    // Beginnings of commands that are understood but not run.
    private static readonly Dictionary<string, string> NotRun = new()
    {
        ["demo"] = Minutes,
        ["test"] = Checkout,
        ["bench"] = Checkout,
        ["jobs"] = JobsTyped,
        ["predict WORK -i INCOMING -o WORK-watched --watch"] = WatchTyped,
        ["predict WORK-large -c 3d_cascade_fullres"] = CascadeTyped,
        ["train work -c 3d_fullres -f 0 --device cuda:0 --precision bf16"] = Gpu,
        ["train work --all --devices cuda:0,cuda:1"] = Gpu + "; SeveralDevicesTests divides work among two processors",
        ["predict work -i cohort -o segmented --devices cuda:0,cuda:1"] = Gpu + "; SeveralDevicesTests does",
    };

    // Words that make a command short; everything else is typed as it is written.
    private static readonly Dictionary<string, string> Shorter = new()
    {
        ["--epochs 100"] = "--epochs 1", ["--max-time 12h"] = "--max-time 12s", ["--max-time 30m"] = "--max-time 20s",
        ["--max-time 2h"] = "--max-time 5s", ["--epochs 10 --iterations 30"] = "--epochs 1 --iterations 2",
    };

    // Cases of the dataset that the pages speak of, and which of the tiny one stands for them.
    private static readonly Dictionary<string, string> Cases = new()
    {
        ["hippocampus_001"] = "case_0", ["hippocampus_003"] = "case_1",
    };

    // What a command of the reference needs that none before it makes.
    private static readonly Dictionary<string, string[]> Before = new()
    {
        ["compare work/runs/2d/fold_0 work/plans/ce/runs/2d/fold_0"] =
        [
            "plan Task04_Hippocampus -o work --plan ce",
            "preprocess work --plan ce -c 2d",
            "train work --plan ce -c 2d -f 0 --epochs 1 --loss ce",
        ],
        ["find-best work -f 0,1 --trained-only"] =
        [
            "train work -c 3d_fullres -f 0 --resume --save-probabilities",
            "train work -c 3d_fullres -f 1 --resume --save-probabilities",
        ],
        ["ensemble from_2d from_3d -o averaged"] =
        [
            "predict work -c 2d -i Task04_Hippocampus/imagesTs -o from_2d --save-probabilities --no-tta",
            "predict work -c 3d_fullres -i Task04_Hippocampus/imagesTs -o from_3d --save-probabilities --no-tta",
        ],
    };

    private static readonly string[] Tiers = ["--quick", "--unit", "--end-to-end"]; // as the launcher `sharpseg` has them

    private static readonly Type[] Verbs = [
        .. typeof(CommonOptions).Assembly.GetTypes().Where(type => type.IsSubclassOf(typeof(CommonOptions)) && !type.IsAbstract)];

    [Fact]
    [Trait("Tier", "quick")]
    public void Every_command_is_understood()
    {
        var commands = DocumentedCommand.All().Where(command => !Fragment(command)).ToArray();
        Assert.InRange(commands.Length, 60, int.MaxValue);
        Assert.All(commands, Understand);
    }

    [Fact]
    [Trait("Tier", "quick")]
    public void Every_reason_not_to_run_is_still_needed()
    {
        var blocks = DocumentedCommand.All().Where(command => command.IsBlock).ToArray();
        Assert.All(NotRun.Keys, text => Assert.Contains(blocks, command => Begins(command, text)));
        Assert.All(Before.Keys, text => Assert.Contains(blocks, command => command.Text == text));
        Assert.All(
            Shorter.Keys.Concat(Cases.Keys),
            words => Assert.Contains(blocks, command => command.Text.Contains(words, StringComparison.Ordinal)));
    }

    /// <summary>
    /// A reader finds every option in a command of README or the guide that a test runs: of each name one at least, whichever
    /// verb has it.
    /// </summary>
    [Fact]
    [Trait("Tier", "quick")]
    public void Every_option_stands_in_a_command_of_README_or_the_guide_that_runs()
    {
        var shown = new HashSet<string>(StringComparer.Ordinal);
        foreach (var command in DocumentedCommand.All().Where(command => command.IsBlock && IsRun(command)))
        {
            var (words, _) = JobsWords.Split(JobsWords.Join(command.Words));
            if (Verbs.SingleOrDefault(verb => UnusedWords.VerbName(verb) == words[0]) is { } verb)
            {
                shown.UnionWith(UnusedWords.Options(verb).Select(pair => pair.Option)
                    .Where(option => UnusedWords.Given(option, words)).Select(option => option.LongName));
            }
        }

        var missing = Verbs.SelectMany(UnusedWords.Options).Select(pair => pair.Option.LongName).Distinct().Except(shown)
            .Order(StringComparer.Ordinal).ToArray();
        Assert.True(
            missing is [],
            $"no command of README or docs/guide that a test runs has --{string.Join(", --", missing)}");

        static bool IsRun(DocumentedCommand command) =>
            (command.Page == "README.md" || command.Page.StartsWith("docs/guide/", StringComparison.Ordinal))
            && !NotRun.Any(pair => Begins(command, pair.Key) && pair.Value is not (JobsTyped or WatchTyped or CascadeTyped));
    }

    [Fact]
    public void Every_command_of_a_code_block_runs()
    {
        using var folder = new TemporaryFolder();
        WriteFiles(folder);
        var done = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var command in DocumentedCommand.All().Where(command => command.IsBlock))
        {
            if (NotRun.Keys.Any(text => Begins(command, text))
                || (!done.TryAdd(command.Text, command.Page) && done[command.Text] != command.Page))
            {
                continue; // a command that stands on two pages need not run twice
            }

            foreach (var needed in Before.GetValueOrDefault(command.Text, []))
            {
                Run(folder, needed, "needed by the next");
            }

            RemoveOutput(folder, command);
            Run(folder, command.Text, $"{command.Page}:{command.Line}");
        }
    }

    private static bool Begins(DocumentedCommand command, string text) =>
        command.Text == text || command.Text.StartsWith(text + " ", StringComparison.Ordinal);

    /// <summary>In a sentence a command may be a part of one.</summary>
    private static bool Fragment(DocumentedCommand command) => !command.IsBlock
        && (command.Text.Contains('…', StringComparison.Ordinal) || command.Words.Length == 1 || command.Words[0] == "VERB");

    private static void Understand(DocumentedCommand command)
    {
        var words = command.Words;
        try
        {
            switch (words[0])
            {
                case "bench" when words is [_, "pack", .. var options]:
                    PackOptions.Parse(options);
                    break;
                case "bench" when words is [_, "roofline" or "traffic"]:
                    break;
                case "bench":
                    if (!words.Contains("--help"))
                    {
                        BenchOptions.Parse(words);
                    }

                    break;
                case "test":
                    Assert.All(
                        words.Skip(1).TakeWhile(word => word is not ("--filter" or "--logger")),
                        word => Assert.Contains(word, Tiers));
                    break;
                case "help" or "--help" or "--version":
                    break;
                default:
                    using (var parser = new Parser(settings => settings.HelpWriter = null))
                    {
                        (words, _) = JobsWords.Split(JobsWords.Join(words));
                        var parsed = parser.ParseArguments(words, Verbs);
                        var options = Assert.IsAssignableFrom<CommonOptions>(
                            Assert.IsAssignableFrom<Parsed<object>>(parsed).Value);
                        UnusedWords.RefuseValuesOfSwitches(options.GetType(), words);
                        UnusedWords.RefuseOptionsWithoutValue(options.GetType(), words);
                        UnusedWords.Refuse(options, words);
                    }

                    break;
            }
        }
        catch (Exception error)
        {
            Assert.Fail($"{command.Page}:{command.Line}: `{command.Text}`: {error.Message}");
        }
    }

    private void Run(TemporaryFolder folder, string text, string where)
    {
        foreach (var (written, typed) in Shorter.Concat(Cases))
        {
            text = text.Replace(written, typed, StringComparison.Ordinal);
        }

        var given = text.Split(' ');
        if (given[0] == "train" && !given.Contains("--max-time") && !given.Contains("--iterations")
            && (given.Contains("--epochs") || !given.Contains("--resume")))
        {
            text += " --iterations 2 --batch 2" + (given.Contains("--epochs") ? "" : " --epochs 1");
        }

        var clock = System.Diagnostics.Stopwatch.StartNew();
        var outcome = SharpSegProcess.RunIn(folder.Path, DocumentedCommand.Split(text));
        output.WriteLine(FormattableString.Invariant($"{clock.Elapsed.TotalSeconds,6:0.0} s  {where}  sharpseg {text}"));
        Assert.True(outcome.Code == 0, $"{where}: `sharpseg {text}` ended with {outcome.Code}:\n{outcome.Errors}");
        Assert.DoesNotContain("\\u000a", outcome.Errors, StringComparison.Ordinal); // a line that was printed as two
    }

    /// <summary>
    /// Pages are read one by one: the segmentations, the model or the runs that a command of another page made are not there yet.
    /// </summary>
    private static void RemoveOutput(TemporaryFolder folder, DocumentedCommand command)
    {
        var words = command.Words;
        string? After(string option) => Array.IndexOf(words, option) is >= 0 and var at ? words[at + 1] : null;
        var configuration = After("-c");
        string[] outputs = words[0] switch
        {
            "auto" or "plan" => [],
            "train" when configuration is not null && !words.Contains("--resume") =>
                [.. After("-f")!.Split(',').Select(fold => Path.Combine(words[1], "runs", configuration, $"fold_{fold}"))],
            _ => After("-o") is { } output ? [output] : [],
        };
        foreach (var path in outputs.Select(path => folder.At(path)))
        {
            if (Directory.Exists(path))
            {
                Directory.Delete(path, recursive: true);
            }
            else
            {
                File.Delete(path);
            }
        }
    }

    private static void WriteFiles(TemporaryFolder folder)
    {
        // Datasets; Task04_Hippocampus has test scans, whose segmentations are scored with labelsTs.
        var dataset = TinyDataset.Write(folder.At("Task04_Hippocampus"), cases: 4);
        folder.Copy(dataset, "DATASET");
        folder.Copy(dataset, "Dataset004_Hippocampus");
        Directory.CreateDirectory(folder.At("Task04_Hippocampus", "imagesTs"));
        Directory.CreateDirectory(folder.At("imagesTs"));
        Directory.CreateDirectory(folder.At("labelsTs"));
        foreach (var id in new[] { "case_0", "case_1" })
        {
            File.Copy(TinyDataset.Image(dataset, id), folder.At("imagesTs", $"{id}_0000.nii.gz"));
            File.Copy(TinyDataset.Image(dataset, id), folder.At("Task04_Hippocampus", "imagesTs", $"{id}_0000.nii.gz"));
            File.Copy(TinyDataset.Label(dataset, id), folder.At("labelsTs", $"{id}.nii.gz"));
        }

        // A dataset of more classes: the two structures of the tiny one cut in four each.
        var many = folder.Copy(dataset, "PRETRAINING");
        var names = string.Join(", ", Enumerable.Range(1, 8).Select(label => $"\"part_{label}\": {label}"));
        var json = Path.Combine(many, "dataset.json");
        File.WriteAllText(
            json, File.ReadAllText(json).Replace("\"lower\": 1, \"upper\": 2", names, StringComparison.Ordinal));
        foreach (var file in Directory.GetFiles(Path.Combine(many, "labelsTr")))
        {
            var map = ImageFile.ReadLabels(file);
            short Part(short label, int voxel) => label == 0
                ? label
                : (short)(label + (voxel % 16 < 8 ? 0 : 2) + (voxel / 16 % 20 < 10 ? 0 : 4));
            ImageFile.WriteLabels(file, [.. map.Voxels.Select(Part)], map.Geometry, highestLabel: 8);
        }

        // Single scans, and the reference of one.
        foreach (var name in new[] { "scan.nii.gz", "ct.nii.gz" })
        {
            File.Copy(TinyDataset.Image(dataset, "case_0"), folder.At(name));
        }

        File.Copy(TinyDataset.Label(dataset, "case_0"), folder.At("reference.nii.gz"));
        File.WriteAllText(folder.At("best.json"), ProtectedInputTests.Best);
        File.Copy(Path.Combine(SharpSeg.Tests.Checkout.Root, "perf", "recipes", "two-cases.json"), folder.At("two-cases.json"));

        // Models that nnU-Net trained.
        new NnUNetModelWriter().Write(folder.At("Dataset003_Liver", "nnUNetTrainer__nnUNetPlans__3d_fullres"));
        new NnUNetModelWriter().Write(
            folder.At("Dataset004_Hippocampus", "nnUNetTrainer__nnUNetPlans__3d_fullres"), folds: ["0", "1", "2"]);
        for (var part = 1; part <= 5; part++)
        {
            new NnUNetModelWriter
            {
                Dataset = $$"""
                    {"channel_names": {"0": "CT"}, "labels": {"background": 0, "a{{part}}": 1, "b{{part}}": 2},
                     "file_ending": ".nii.gz"}
                    """,
            }.Write(folder.At($"Dataset29{part}_…", "nnUNetTrainer__nnUNetPlans__3d_fullres"));
        }

        File.WriteAllText(
            folder.At("total.json"),
            $"{{{string.Join(", ", Enumerable.Range(1, 5).Select(part => $"\"a{part}\": {part}, \"b{part}\": {part + 5}"))}}}");
    }
}
