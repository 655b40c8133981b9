using System.Globalization;
using System.Text.RegularExpressions;
using SharpSeg.AutoPlanner;
using SharpSeg.AutoPlanner.Evaluation;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Inference;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Steps;
using SharpSeg.AutoPlanner.Training;
using SharpSeg.AutoPlanner.Workspaces;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Cpu;
using Xunit;

namespace SharpSeg.EndToEnd.Tests;

/// <summary>Every heavy verb says what it will take, and keeps to --max-memory (docs/method/memory.md).</summary>
[Collection(TrainedWorkspaceTests.Refusals)]
public sealed class MemoryLimitTests(TrainedWorkspace trained) : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    /// <summary>A limit that the program alone fills: each verb refuses with numbers and writes nothing.</summary>
    [Fact]
    public void Every_heavy_verb_says_its_need_and_refuses_with_numbers()
    {
        var validation = Path.Combine(trained.Run, "validation");
        var labels = Path.Combine(trained.Dataset, "labelsTr");
        var scans = Path.Combine(trained.Dataset, "imagesTr");
        var work = folder.Copy(trained.Work, "work");
        SharpSegProcess.Succeed("predict", work, "-i", scans, "-o", folder.At("a"), "--save-probabilities", "--device", "cpu");
        folder.Copy(folder.At("a"), "b");
        var best = folder.At("best.json");
        File.WriteAllText(best, Best);
        string[][] commands =
        [
            ["verify", trained.Dataset],
            ["evaluate", validation, labels, "-d", Path.Combine(work, "dataset.json"), "-o", folder.At("summary.json")],
            ["ensemble", folder.At("a"), folder.At("b"), "-o", folder.At("averaged")],
            ["postprocess", folder.At("a"), "-o", folder.At("post"), "-b", best],
            ["find-best", work, "-f", "0", "--trained-only", "--no-ensemble"],
            ["predict", work, "-i", scans, "-o", folder.At("c"), "--device", "cpu"],
            ["preprocess", folder.Copy(trained.Planned, "p"), "-c", "2d"],
            ["plan", trained.Dataset, "-o", folder.At("planned")],
            ["train", folder.Copy(trained.Planned, "t"), "--epochs", "1", "--iterations", "1", "--device", "cpu"],
            ["auto", trained.Dataset, "-o", folder.At("auto"), "--max-time", "5m", "--device", "cpu"],
        ];
        foreach (var command in commands)
        {
            // A little less than the program alone takes (docs/method/memory.md §1), which is less where no network runs.
            var megabytes = command[0] is "evaluate" or "ensemble" or "postprocess" or "find-best" ? 83 : 125;
            var refused = SharpSegProcess.Run([.. command, "--max-memory", $"{megabytes}M"]);
            refused.AssertErrorWithHint(
                1, command[0] == "train" ? " needs " : $"of memory are needed, --max-memory allows {megabytes} MB");
            if (command[0] is not "auto")
            {
                Assert.Matches(@"memory[:,].* of \d", SharpSegProcess.Succeed([.. command, "--max-memory", "8G"]).Errors);
            }
        }
    }

    /// <summary>
    /// The plan believes what it is told; where that is not there, one line names the file, the need and what to do.
    /// </summary>
    [FactWith(Needs.Bash)]
    public void Memory_that_runs_out_is_one_line_with_file_need_and_remedy()
    {
        // Voxels enough to fill the limit, in small files.
        var geometry = TinyDataset.Geometry(new Extent(450, 256, 256), new Spacing(1, 1, 1));
        var labels = new short[geometry.Extent.Voxels];
        var scheme = new Workspace(trained.Work).ReadDescription().Labels;
        var (scan, best, run) = (folder.At("scan.nii"), folder.At("best.json"), trained.Run[(trained.Work.Length + 1)..]);
        ImageFile.WriteFloats(scan, new float[labels.Length], geometry);
        File.WriteAllText(best, Best);
        foreach (var member in new[] { "a", "b" })
        {
            Directory.CreateDirectory(folder.At(member));
            File.Copy(Path.Combine(trained.Work, "dataset.json"), Path.Combine(folder.At(member), "dataset.json"));
            ImageFile.WriteLabels(Path.Combine(folder.At(member), "case_0.nii.gz"), labels, geometry, highestLabel: 2);
            ProbabilityFile.Write(
                ProbabilityFile.PathOf(folder.At(member), "case_0"), "case_0", new AllBackground(geometry.Extent), scheme,
                SavedProbabilities.Compact);
        }

        var work = folder.Copy(trained.Work, "work");
        var validated = Directory.GetFiles(Path.Combine(work, run, "validation"), "*.nii.gz")[0];
        File.Copy(Path.Combine(folder.At("a"), "case_0.nii.gz"), validated, overwrite: true);
        var planned = folder.Copy(trained.Planned, "planned");
        (string Named, long Limit, string[] Command)[] commands =
        [
            (scan, 170_000_000, ["predict", work, "-i", scan, "-o", folder.At("predicted"), "--device", "cpu"]),
            ("fold_0", 170_000_000,
                ["train", planned, "--epochs", "1", "--iterations", "1", "--batch", "64", "--device", "cpu"]),
            ("case_0.nii.gz", 100_000_000, ["ensemble", folder.At("a"), folder.At("b"), "-o", folder.At("averaged")]),
            (validated, 100_000_000, ["find-best", work, "-f", "0", "--trained-only", "--no-ensemble"]),
            ("case_0.nii.gz", 100_000_000, ["postprocess", folder.At("a"), "-o", folder.At("post"), "-b", best]),
        ];
        foreach (var (named, limit, command) in commands)
        {
            var outcome = SharpSegProcess.RunInMemory(limit, [.. command, "--max-memory", "8G"]);
            outcome.AssertErrorWithHint(1, "out of memory", Path.GetFileName(named), "B are needed");
        }

        Assert.False(File.Exists(Path.Combine(work, "best.json")));
        Assert.Empty(new[] { "predicted", "averaged", "post" }.Where(name => Directory.Exists(folder.At(name)))
            .SelectMany(name => Directory.GetFiles(folder.At(name), "*.nii*")));
    }

    [Fact]
    public void A_refused_training_names_the_batch_that_fits()
    {
        var work = folder.Copy(trained.Planned, "work");
        string[] command = ["train", work, "--epochs", "1", "--iterations", "1", "--batch", "64", "--device", "cpu"];
        var refused = SharpSegProcess.Run([.. command, "--max-memory", "450M"]);
        refused.AssertErrorWithHint(1, "batch 64", "--max-memory leaves");
        Assert.Contains("fits: --batch ", refused.Errors, StringComparison.Ordinal);

        // Where no patch fits it is the limit that must go, not the device.
        command = ["train", work, "--epochs", "1", "--iterations", "1", "--device", "cpu"];
        refused = SharpSegProcess.Run([.. command, "--max-memory", "10M"]);
        refused.AssertErrorWithHint(1, "--max-memory leaves 0 MB");
        Assert.DoesNotContain("use --device cpu", refused.Errors, StringComparison.Ordinal);
        var enough = Regex.Match(refused.Errors, @"or --max-memory ([0-9.]+G)").Groups[1].Value;
        SharpSegProcess.Succeed([.. command, "--max-memory", enough]);
    }

    [Fact]
    public void Inspect_says_what_does_not_fit()
    {
        string[] command = ["inspect", trained.Work, "--scan", TinyDataset.Image(trained.Dataset, "case_1"), "--max-memory"];
        var little = SharpSegProcess.Succeed([.. command, "1M"]);
        Assert.Contains("of 1 MB", little.Output, StringComparison.Ordinal);
        Assert.Contains("does not fit, and `predict` refuses the scan", little.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("fit", SharpSegProcess.Succeed([.. command, "8G"]).Output, StringComparison.Ordinal);
        Assert.False((bool)SharpSegProcess.Succeed([.. command, "1M", "--json"]).Json()["configurations"]!["3d_fullres"]!["fits"]!);
    }

    /// <summary>What inspect foresees is what predict prints, with the same limit.</summary>
    [Theory]
    [InlineData("8G")]
    [InlineData("400M")]
    public void Inspect_and_predict_foresee_the_same(string limit)
    {
        var scan = Path.Combine(trained.Dataset, "imagesTr", "case_1_0000.nii.gz");
        var inspection = SharpSegProcess.Succeed("inspect", trained.Work, "--scan", scan, "--max-memory", limit).Output;
        var line = inspection.Split('\n').Last(text => text.Contains("peak ", StringComparison.Ordinal)
            && text.Contains("preprocessing", StringComparison.Ordinal));
        var prediction = SharpSegProcess.Succeed(
            "predict", trained.Work, "-i", scan, "-o", folder.At("out"), "--max-memory", limit, "--device", "cpu").Errors;
        Assert.Contains("largest case `case_1", prediction, StringComparison.Ordinal);
        Assert.Contains(line[line.IndexOf("peak ", StringComparison.Ordinal)..].TrimEnd(), prediction, StringComparison.Ordinal);
    }

    /// <summary>A scan that does not fit is read, predicted and resampled from files; the labels are the same bytes.</summary>
    [Fact]
    public void A_scan_larger_than_memory_is_predicted_from_files()
    {
        var scan = LargeScan(new Extent(700, 256, 256));
        string[] command = ["predict", trained.Work, "-i", scan, "--device", "cpu", "--no-tta", "-o"];
        var whole = SharpSegProcess.Succeed([.. command, folder.At("whole.nii.gz")]);
        Assert.DoesNotContain("the scan in a file", whole.Errors, StringComparison.Ordinal);
        // What the file takes is what no limit is low enough for.
        var least = SharpSegProcess.Run([.. command, folder.At("none.nii.gz"), "--max-memory", "160M"]);
        least.AssertErrorWithHint(1, scan, "of memory are needed, --max-memory allows 160 MB");
        var need = int.Parse(
            Regex.Match(least.Errors, @"(\d+) MB of memory are needed").Groups[1].Value, CultureInfo.InvariantCulture);
        var limit = $"{need + 5}M";
        var pieces = SharpSegProcess.Succeed([.. command, folder.At("pieces.nii.gz"), "--max-memory", limit]);
        Assert.Contains("the scan in a file", pieces.Errors, StringComparison.Ordinal);
        Assert.Equal(File.ReadAllBytes(folder.At("whole.nii.gz")), File.ReadAllBytes(folder.At("pieces.nii.gz")));
        Assert.Empty(Directory.GetFiles(folder.At(""), ".volume-*", new EnumerationOptions { AttributesToSkip = 0 }));

        // Probabilities are not made this way; what is, is the hint.
        var refused = SharpSegProcess.Run([.. command, folder.At("maps"), "--save-probabilities", "--max-memory", limit]);
        refused.AssertErrorWithHint(1, scan, $"of memory are needed, --max-memory allows {need + 5} MB");
        Assert.Contains("or predict labels alone with one configuration (-c), which needs", refused.Errors, StringComparison.Ordinal);
    }

    /// <summary>What looks at whole volumes needs them in memory, and is refused with numbers where they do not fit.</summary>
    [Theory]
    [InlineData("as trained", true)]
    [InlineData("to RAS", true)]
    [InlineData("z-score in a mask", true)]
    [InlineData("classic, z-score in a mask", false)]
    [InlineData("second stage of a cascade", true)]
    [InlineData("second stage, labels by vote", false)]
    public void Plans_are_followed_from_files_where_they_can_be(string what, bool fromFiles)
    {
        var work = new Workspace(trained.Work);
        var plans = work.ReadPlans() with
        {
            ReorientToRas = what == "to RAS",
            Profile = what.StartsWith("classic", StringComparison.Ordinal) ? Profile.Classic : Profile.Modern,
        };
        var own = plans.Resolve("3d_fullres");
        var configuration = own with
        {
            Normalization = [NormalizationScheme.ZScore],
            UseMaskForNorm = [what.EndsWith("mask", StringComparison.Ordinal)],
            PreviousStage = what.StartsWith("second", StringComparison.Ordinal) ? "3d_lowres" : null,
            Resampling = own.Resampling with
            {
                Segmentation = own.Resampling.Segmentation with
                {
                    Method = what.EndsWith("vote", StringComparison.Ordinal)
                        ? ResamplingMethod.Torch
                        : own.Resampling.Segmentation.Method,
                },
            },
        };
        using var processor = Cpu.Open(1);
        PredictionMemory Memory(MemoryBudget limit) => new(
            plans, configuration, work.ReadDescription(), 1, new InferenceOptions { Mirroring = false }, limit, processor);
        var scan = LargeScan(new Extent(700, 256, 256));
        // A little less than it takes in memory in the cheapest way.
        var least = Memory(new MemoryBudget(1, IsGiven: true)).Of(ImageFile.ReadGeometry(scan)).PeakBytes;
        var limit = (least - 1) / 1_000_000;
        var budget = new MemoryBudget(limit * 1_000_000, IsGiven: true);
        var memory = Memory(budget);
        var need = memory.OfFiles(ImageFile.ReadGeometry(scan), [scan]);
        Assert.Equal(fromFiles, need.Fits(budget));
        Assert.Equal(fromFiles, memory.Streams([scan]));
        Assert.Equal(fromFiles, need.Cut.StartsWith("the scan in a file", StringComparison.Ordinal));
        if (!fromFiles)
        {
            var error = Assert.Throws<SharpSegException>(() => need.Require(budget, scan, "a machine with more memory"));
            Assert.Contains($"`{scan}`: ", error.Message, StringComparison.Ordinal);
            Assert.EndsWith($"B of memory are needed, --max-memory allows {limit} MB", error.Message, StringComparison.Ordinal);
            Assert.StartsWith("--max-memory 0.", error.Hint, StringComparison.Ordinal);
        }
    }

    /// <summary>
    /// Maps of a scan that do not fit whole are made some planes at a time; noise takes no more than anything else.
    /// </summary>
    [Fact]
    public void Maps_that_do_not_fit_are_made_in_planes()
    {
        var work = new Workspace(trained.Work);
        var (plans, description) = (work.ReadPlans(), work.ReadDescription());
        using var processor = Cpu.Open(1);
        var scan = TinyDataset.Geometry(new Extent(600, 512, 512), new Spacing(1, 1, 1));
        PredictionNeed Of(long limit) => new PredictionMemory(
            plans, plans.Resolve("3d_fullres") with { PatchSize = [32, 128, 128] }, description, 1, new InferenceOptions(),
            new MemoryBudget(limit, IsGiven: true), processor).Of(scan, needsMaps: true, SavedProbabilities.Compact);
        var (much, little) = (Of(20_000_000_000), Of(2_000_000_000));
        Assert.EndsWith("600 planes of 600 at a time", much.Parts, StringComparison.Ordinal);
        Assert.EndsWith("8 planes of 600 at a time", little.Parts, StringComparison.Ordinal);
        Assert.InRange(little.PeakBytes, 1_000_000_000, 2_000_000_000);
        Assert.True(much.PeakBytes > 2 * little.PeakBytes);
    }

    /// <summary>
    /// An ensemble's members wait for each other, in files where that is needed, and one that fits in no way is refused before
    /// anything is computed.
    /// </summary>
    [Fact]
    public void An_ensemble_counts_the_outputs_of_all_members()
    {
        var work = new Workspace(trained.Work);
        var (plans, description) = (work.ReadPlans(), work.ReadDescription());
        string[] checkpoints = ["0"];
        ModelMember[] members =
        [
            .. new[] { ("3d_fullres", new[] { 32, 128, 128 }), ("2d", [256, 256]) }.Select(item => new ModelMember(
                work, plans, plans.Resolve(item.Item1) with { PatchSize = item.Item2 }, checkpoints, checkpoints, null)),
        ];
        var scan = TinyDataset.Geometry(new Extent(400, 400, 400), new Spacing(1, 1, 1));
        using var processor = Cpu.Open(1);
        var said = new Said();
        long Peak(long limit) => PredictionNeeds.Of(
            new PredictionRequest(
                work, null, [], "final", [], folder.At("out"), new InferenceOptions(),
                MaxMemory: new MemoryBudget(limit, IsGiven: true)),
            new ModelChoice(members, PostprocessingSteps.None, null), description, [("scan", [], scan)],
            (_, check) =>
            {
                check();
                return true;
            },
            processor, said)["scan"];

        // In memory both outputs wait: three maps and the tiles' weights each.
        var much = Peak(30_000_000_000);
        Assert.InRange(much, 2 * 4 * 4 * scan.Extent.Voxels, 30_000_000_000);
        Assert.Contains("all at once", said.Lines[^1], StringComparison.Ordinal);
        var little = Peak(1_200_000_000);
        Assert.InRange(little, 500_000_000, 1_200_000_000);
        Assert.Contains("and a file", said.Lines[^1], StringComparison.Ordinal);
        var refused = Assert.Throws<SharpSegException>(() => Peak(little - 1));
        Assert.Contains("of memory are needed, --max-memory allows", refused.Message, StringComparison.Ordinal);
        Assert.Contains("one configuration (-c ", refused.Hint, StringComparison.Ordinal);
    }

    /// <summary>Both stages of a cascade stay loaded: each is planned beside what the other's networks hold.</summary>
    [Fact]
    public void A_stage_of_a_cascade_counts_the_networks_of_the_other()
    {
        var work = new Workspace(trained.Work);
        var (plans, description, options) = (work.ReadPlans(), work.ReadDescription(), new InferenceOptions());
        var (fullres, flat) = (plans.Resolve("3d_fullres"), plans.Resolve("2d"));
        var (budget, folds) = (new MemoryBudget(8_000_000_000, IsGiven: true), new[] { "0", "1", "2", "3", "4" });
        using var processor = Cpu.Open(1);
        var first = new ModelMember(work, plans, flat, folds, folds, null);
        var stages = PredictingMember.Memory(
            new ModelMember(work, plans, fullres, ["0"], ["0"], first), description, options, budget, processor);
        Assert.Equal([flat, fullres], stages.Select(stage => stage.Stage.Configuration));

        // Weights, and of what a forward pass took at most what a predictor keeps.
        var scan = TinyDataset.Geometry(new Extent(64, 80, 96), new Spacing(1, 1, 1));
        Assert.Equal(Held(flat, 5), Peak(stages[1].Memory) - Alone(fullres, 1));
        Assert.Equal(Held(fullres, 1), Peak(stages[0].Memory) - Alone(flat, 5));

        long Peak(PredictionMemory memory) => memory.Of(scan).PeakBytes;

        long Alone(ConfigurationPlan stage, int count) =>
            Peak(new PredictionMemory(plans, stage, description, count, options, budget, processor));

        long Held(ConfigurationPlan stage, int count)
        {
            var (weights, forward) = PeakMemory.Prediction(
                plans.Profile, stage, description, Tiling.PerForward(stage.Patch), options.Mirroring, processor);
            Assert.True(weights > 0);
            return (count * weights) + Math.Min(forward, Predictor.KeptBytes);
        }
    }

    /// <summary>Outputs on a GPU are planned for the device's own memory, everything else for the host's limit.</summary>
    [Fact]
    public void A_device_with_memory_of_its_own_is_asked_for_it()
    {
        var work = new Workspace(trained.Work);
        var plans = work.ReadPlans();
        var scan = new ImageGeometry(new Extent(300, 256, 256), new Spacing(1, 1, 1), new double[12], "", []);
        PredictionNeed Of(Backend backend, long host) => new PredictionMemory(
            plans, plans.Resolve("3d_fullres"), work.ReadDescription(), 1, new InferenceOptions(),
            new MemoryBudget(host, IsGiven: true), backend).Of(scan);

        using var processor = Cpu.Open(1);
        var onHost = Of(processor, 4_000_000_000);
        Assert.Equal(0, onHost.DevicePeakBytes);
        Assert.Contains("all at once", onHost.Cut, StringComparison.Ordinal);

        // Much on the host, little on the device: a window there. The other way round: everything on the device.
        using var small = new OwnMemory(Cpu.Open(1), 150_000_000);
        var need = Of(small, 4_000_000_000);
        Assert.Contains("window", need.Cut, StringComparison.Ordinal);
        Assert.InRange(need.DevicePeakBytes, 1, 150_000_000);
        using var large = new OwnMemory(Cpu.Open(1), 40_000_000_000);
        var moved = Of(large, 500_000_000);
        Assert.Contains("all at once", moved.Cut, StringComparison.Ordinal);
        Assert.True(moved.Fits(new MemoryBudget(500_000_000, IsGiven: true)) && moved.DevicePeakBytes > 300_000_000);
        Assert.True(moved.PeakBytes < onHost.PeakBytes);

        using var tiny = new OwnMemory(Cpu.Open(1), 1_000_000);
        var error = Assert.Throws<SharpSegException>(
            () => Of(tiny, 4_000_000_000).Require(new MemoryBudget(4_000_000_000, IsGiven: true), "scan.nii", "less"));
        Assert.Contains("of the device's memory are needed, it has 1 MB", error.Message, StringComparison.Ordinal);
    }

    /// <summary>A device that is smaller than the scan refuses with numbers, or computes it in pieces: the same bytes.</summary>
    [Fact]
    public void A_scan_larger_than_a_devices_memory_is_predicted_in_pieces()
    {
        var size = new Extent(510, 256, 256);
        var scan = LargeScan(size);
        void Predict(Backend backend, string file) => PredictionRun.Execute(
            new PredictionRequest(
                new Workspace(trained.Work), "3d_fullres", ["0"], "final", [scan], folder.At(file),
                new InferenceOptions(Mirroring: false), MaxMemory: new MemoryBudget(4_000_000_000, IsGiven: true)),
            backend, Cpu.Open, SilentReporter.Instance, CancellationToken.None);

        using var tiny = new OwnMemory(Cpu.Open(), 1_000_000);
        var error = Assert.Throws<SharpSegException>(() => Predict(tiny, "none.nii.gz"));
        var need = Regex.Match(error.Message, @"(\d+) MB of the device's memory are needed, it has 1 MB");
        Assert.True(need.Success, error.Message);
        Assert.EndsWith("; or --device cpu", error.Hint, StringComparison.Ordinal);

        var megabytes = long.Parse(need.Groups[1].Value, CultureInfo.InvariantCulture) + 5;
        Assert.True(megabytes * 1_000_000 < sizeof(float) * size.Voxels, $"{megabytes} MB");
        using var small = new OwnMemory(Cpu.Open(), megabytes * 1_000_000);
        Predict(small, "pieces.nii.gz");
        using var large = new OwnMemory(Cpu.Open(), 40_000_000_000);
        Predict(large, "whole.nii.gz");
        Assert.True(small.PeakBytes < large.PeakBytes / 2);
        Assert.Equal(File.ReadAllBytes(folder.At("whole.nii.gz")), File.ReadAllBytes(folder.At("pieces.nii.gz")));
    }

    /// <summary>A scan, which takes more memory than its file.</summary>
    private string LargeScan(Extent size)
    {
        var scan = folder.At("scan.nii.gz");
        var values = new float[size.Voxels];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = i % 256 < 3 ? 0 : (i / 65536 % 50) + (i % 7);
        }

        ImageFile.WriteFloats(scan, values, TinyDataset.Geometry(size, new Spacing(0.1, 0.1, 0.1)));
        return scan;
    }

    private const string Best = """
        {"format": "sharpseg-best", "version": 1, "configurations": ["3d_fullres"], "folds": ["0"],
         "postprocessing": {"keep_largest_component": [[1, 2]], "connectivity": "full"},
         "mean_foreground_dice": {"before_postprocessing": 0.5, "after_postprocessing": 0.5}, "scores": []}
        """;

    /// <summary>Probabilities of an empty scan with three classes.</summary>
    private sealed class AllBackground(Extent extent) : IProbabilityMaps
    {
        public Extent Extent => extent;

        public int Heads => 3;

        public int PlanesAtOnce => extent.Z;

        public void Read(int head, int first, Span<float> target) => target.Fill(head == 0 ? 1 : 0);
    }

    private sealed class Said : IReporter
    {
        public List<string> Lines { get; } = [];

        public void Stage(string name)
        {
        }

        public void Progress(double fraction, string detail)
        {
        }

        public void Info(string line) => Lines.Add(line);

        public void Warning(string line)
        {
        }
    }

    private sealed class OwnMemory(Backend inner, long bytes) : ForwardingBackend(inner)
    {
        public override long MemoryBytes => bytes;

        public override bool HasOwnMemory => true;

        protected override DeviceBuffer AllocateCore(long length) => AllocatedBytes + (sizeof(float) * length) <= bytes
            ? base.AllocateCore(length)
            : throw new DeviceException($"{length} words are no longer free of {bytes} bytes");
    }
}
