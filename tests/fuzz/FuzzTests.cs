using System.Diagnostics;
using System.Globalization;
using System.IO.Compression;
using System.Text;
using SharpSeg.AutoPlanner;
using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Evaluation;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Inference;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Planning.Fingerprinting;
using SharpSeg.AutoPlanner.Preprocessing;
using SharpSeg.AutoPlanner.Steps;
using SharpSeg.AutoPlanner.Steps.Import;
using SharpSeg.AutoPlanner.Steps.Jobs;
using SharpSeg.AutoPlanner.Training;
using SharpSeg.AutoPlanner.Workspaces;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.ModelFiles;
using SharpSeg.Kernels.Cpu;
using SharpSeg.Tests;
using Xunit;
using Xunit.Abstractions;

namespace SharpSeg.Fuzz.Tests;

/// <summary>
/// Every reader of files against mutated valid files: the answer is a value or one of the documented exceptions, within two
/// seconds of the processor, however busy it is, and memory stays within a multiple of the file. Runs a few seconds per reader;
/// SHARPSEG_FUZZ_COUNT=1000000 tries so many inputs instead, at most SHARPSEG_FUZZ_SECONDS long, and SHARPSEG_FUZZ_SEED repeats a
/// failure.
/// </summary>
public sealed class FuzzTests(ITestOutputHelper output) : IDisposable
{
    private const int SecondsPerReader = 2;      // of the processor, so that a busy machine tries as many inputs
    private const int MostSecondsPerReader = 4;  // on the clock
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(2);

    // What ends the process: 20 seconds of the processor's time, or 20 looks in a row that find every thread asleep.
    private static readonly WatchdogLimits Hanging =
        new(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(20), QuietLooks: 20, TimeSpan.FromMinutes(10));

    // The same in the tests of these limits themselves.
    private static readonly WatchdogLimits Short =
        Hanging with { Period = TimeSpan.FromMilliseconds(20), Processor = TimeSpan.FromMinutes(1) };

    // Linux' folder in memory. A full one would refuse files in the reader's place.
    private const string InMemory = "/dev/shm";
    private const long RoomInMemory = 4L << 30;

    // What readers take whatever the file: buffers, and the first pieces of arrays that grow.
    private const long FixedBytes = 64 << 20;

    private static readonly Lazy<Backend> Processor = new(() => Cpu.Open(1));

    // What fails is kept here.
    private static readonly string Kept = Path.GetTempPath();

    private readonly string folder = Directory.CreateTempSubdirectory("sharpseg-fuzz-").FullName;

    private readonly Watchdog watchdog = new(Hanging);

    // The nearest to the limits that an input of this reader came, of 1.
    private (double Time, double Memory) nearest;

    /// <summary>
    /// Files lie in memory where there is room: most of an input's time was waiting for the disk, to which every writer flushes.
    /// </summary>
    static FuzzTests()
    {
        if (Directory.Exists(InMemory) && new DriveInfo(InMemory).AvailableFreeSpace >= RoomInMemory)
        {
            Environment.SetEnvironmentVariable("TMPDIR", InMemory);
        }
    }

    private delegate byte[] Mutate(byte[] valid, Random random);

    public static TheoryData<string> Readers => [.. Table.Keys];

    // Multiple: bytes allocated per byte of the file, beside FixedBytes. Deflate expands by up to 1032, an unsigned byte becomes
    // a float32.
    private static readonly
        Dictionary<string, (long Multiple, Mutate Mutate, Func<string, byte[][]> Seeds, Action<string, byte[]> Read)> Table =
            new()
            {
                ["nifti"] = (
            64, Mutation.Bytes, f =>
                [Gunzipped(f, true), Gunzipped(f, false), SecondVersion(f)], (f, b) => ReadImage(f, "x.nii", b)),
                ["nifti-gzip"] = (
            6000, Mutation.Bytes, f =>
                [Seeds.Image(f, "s.nii.gz", true), Seeds.Image(f, "s.nii.gz", false)], (f, b) => ReadImage(f, "x.nii.gz", b)),
                ["nrrd"] = (
            6000, Mutation.TextHeader, f =>
            [
                Seeds.Image(f, "s.nrrd", true), Seeds.RawNrrd(), Seeds.RawNrrd("byte skip: -1\n"),
                Seeds.RawNrrd("line skip: 0\nbyte skip: 0\n"),
            ],
            (f, b) => ReadImage(f, "x.nrrd", b)),
                ["metaimage"] = (
            6000, Mutation.TextHeader, f =>
                [Seeds.Image(f, "s.mha", true), Seeds.RawMetaImage()], (f, b) => ReadImage(f, "x.mha", b)),
                ["png"] = (20_000, Mutation.Bytes, f => [Seeds.Png(f, 1), Seeds.Png(f, 3)], (f, b) => ReadImage(f, "x.png", b)),
                ["tiff"] = (20_000, Mutation.Tiff, f => [.. Seeds.Golden("*.tif"), Seeds.Image(f, "s.tif", true)],
            (f, b) => ReadImage(f, "x.tif", b)),
                ["bmp"] = (64, Mutation.Bytes, _ => [.. Seeds.Golden("*.bmp")], (f, b) => ReadImage(f, "x.bmp", b)),
                ["jpeg"] = (20_000, Mutation.Bytes, _ => [.. Seeds.Golden("*.jpg")], (f, b) => ReadImage(f, "x.jpg", b)),
                ["dicom"] = (
            64, Mutation.Bytes, _ =>
            [
                DicomSeed.ToBytes(), (DicomSeed with { Syntax = DicomSlice.ImplicitLittle, Nested = 0 }).ToBytes(),
                (DicomSeed with { Syntax = DicomSlice.Jpeg }).ToBytes(), (DicomSeed with { HasMark = false }).ToBytes(),
            ], ReadDicom),
                ["torch"] = (
            3000, Mutation.Bytes, _ => [Seeds.Torch(CompressionLevel.NoCompression), Seeds.Torch(CompressionLevel.Optimal)],
            ReadTorch),
                ["pickle"] = (3000, Mutation.Bytes, _ => [Seeds.TorchPickle()], ReadPickle),
                ["import"] = (8000, (valid, random) => [valid[0], .. Mutation.Json(valid[1..], random)], ImportFiles, ReadImport),
                ["stored-case"] = (64, Mutation.Bytes, StoredFiles, ReadStored),
                ["safetensors"] = (
                    64, Mutation.Json, _ => [Seeds.Tensors(new Dictionary<string, string> { ["k"] = "v" })], ReadTensors),
                ["checkpoint"] = (64, Mutation.Json, _ => [CheckpointSeed()], ReadCheckpoint),
                ["probabilities"] = (
            64, Mutation.Json, f =>
                [Seeds.Probabilities(f, SavedProbabilities.Full), Seeds.Probabilities(f, SavedProbabilities.Compact)],
            ReadProbabilities),
                ["packed-map"] = (64, Mutation.Bytes, _ => [Seeds.PackedMap()], ReadPackedMap),
                ["dataset.json"] = (
            400, Mutation.Json, _ =>
            [
                Utf8(Seeds.DatasetJson), Utf8(Seeds.DecathlonJson), Utf8(Seeds.CaseListJson), Utf8(Seeds.PartialJson),
                Utf8(Seeds.RenumberedJson),
            ], ReadDataset),
                ["repair"] = (8000, Mutation.Json, RepairSeed, ReadRepair),
                ["plans.json"] = (4000, Mutation.Json, _ => [Utf8(Seeds.PlansText)], ReadPlans),
                ["fingerprint.json"] = (
                    4000, Mutation.Json, _ => [Utf8(FingerprintJson.ToJson(Seeds.Fingerprint))], ReadFingerprint),
                ["splits.json"] = (
            400, Mutation.Json, _ => [Utf8(Seeds.SplitsJson), Utf8(Seeds.GroupedSplitsJson)], (f, b) =>
                Splits.Load(Put(f, "x.json", b), ["a", "b", "c", "d", "e"]).ForFold("0")),
                ["splits_final.json"] = (
            400, Mutation.Json, _ => [Utf8(Seeds.SplitsJson)], (f, b) =>
                Splits.Check(Put(f, "x.json", b), ["a", "b", "c", "d", "e"])),
                ["best.json"] = (
            400, Mutation.Json, _ => [Utf8(Seeds.BestText)], (f, b) =>
                BestModel.Read(Put(f, "x.json", b)).RequireLabelsOf(Seeds.Description.Labels, "x")),
                ["summary.json"] = (400, Mutation.Json, _ => [Utf8(Seeds.SummaryText)], ReadSummary),
                ["case.json"] = (
            400, Mutation.Json, _ => [Utf8(Seeds.Case.Properties.ToJson())], (f, b) =>
                CaseProperties.FromJson(JsonFile.ReadText(Put(f, "x.json", b)), "x.json")),
                ["log.jsonl"] = (400, Mutation.Json, _ => [Utf8(Seeds.LogText)], ReadLog),
                ["graph.json"] = (400, Mutation.Json, JobsSeed, ReadJobs),
                ["record.json"] = (400, Mutation.Json, _ => [Utf8(Seeds.TaskRecordText)], (f, b) =>
                    TaskRecord.Read(Put(f, "x.json", b))),
                ["site.json"] = (400, Mutation.Json, _ => [Utf8(Seeds.SiteText)], (f, b) => JobSite.Read(Put(f, "x.json", b))),
                ["submitted"] = (400, Mutation.TextHeader, SubmittedSeed, ReadSubmitted),
                ["speed.json"] = (400, Mutation.Json, SpeedSeed, ReadSpeed),
                ["recipe.json"] = (400, Mutation.Json, _ => [Utf8(Seeds.RecipeText)], (f, b) =>
                    _ = TrainingRecipe.Read(Put(f, "x.json", b)).ToString()),
                ["spacing.json"] = (400, Mutation.Json, SpacingSeed, ReadSpacing),
                ["labels-table.json"] = (400, Mutation.Json, LabelTableSeed, ReadLabelTable),
                ["nnunet.zip"] = (8000, Mutation.Bytes, _ => [Seeds.NnUNetZip()], ReadNnUNetZip),
                ["model.zip"] = (
            3000, Mutation.Bytes, _ => [Seeds.Model()], (f, b) => UnpackedModel.Open(Put(f, "x.zip", b), default).Dispose()),
            };

    [Theory]
    [MemberData(nameof(Readers))]
    public void Mutated_files_are_read_or_refused(string reader)
    {
        var (multiple, mutate, make, read) = Table[reader];
        var seeds = make(folder);
        foreach (var valid in seeds)
        {
            AssertSound(
                reader, () => read(folder, valid), valid, multiple, "the seed itself",
                mayFail: reader is "model.zip" or "dataset.json" or "checkpoint");
        }

        var seed = Number("SHARPSEG_FUZZ_SEED") ?? Random.Shared.Next();
        output.WriteLine($"seed {seed}");
        var random = new Random((int)seed);
        var wanted = Number("SHARPSEG_FUZZ_COUNT");
        var given = Number("SHARPSEG_FUZZ_SECONDS");
        var isDefault = wanted is null && given is null;
        var seconds = given ?? (isDefault ? MostSecondsPerReader : long.MaxValue);
        var (count, refused) = (0L, 0L);
        var (begin, clock) = (Environment.CpuUsage.TotalTime, Stopwatch.StartNew());
        for (; count < (wanted ?? long.MaxValue) && clock.Elapsed.TotalSeconds < seconds; count++)
        {
            if (isDefault && (Environment.CpuUsage.TotalTime - begin).TotalSeconds >= SecondsPerReader)
            {
                break;
            }

            var input = mutate(seeds[random.Next(seeds.Length)], random);
            refused += AssertSound(
                reader, () => read(folder, input), input, multiple, $"seed {seed}, input {count}", mayFail: true) ? 0 : 1;
        }

        output.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"{reader}: {count} inputs, {refused} refused, {clock.Elapsed.TotalSeconds:0} s; at most "
                    + $"{nearest.Time:P0} of the time and {nearest.Memory:P0} of the memory"));
        Assert.True(refused > 0, "nothing was refused: the mutations do not reach the reader");
    }

    /// <summary>The limits themselves: of time.</summary>
    [Fact]
    public void A_reader_that_is_slow_is_noticed() => IsNoticed(() =>
    {
        for (var begin = Environment.CpuUsage.TotalTime; Environment.CpuUsage.TotalTime - begin < Longest;)
        {
        }
    });

    /// <summary>Of memory, also where another thread takes it.</summary>
    [Fact]
    public void A_reader_that_is_greedy_is_noticed() => IsNoticed(() =>
    {
        // Well beyond the limit: threads that end give back what they did not use of their allocation buffers, and that is
        // taken off the process's sum.
        var thread = new Thread(() => GC.KeepAlive(new byte[FixedBytes + (1 << 20)]));
        thread.Start();
        thread.Join();
    });

    /// <summary>One that waits for something that never comes takes no time of the processor.</summary>
    [Fact]
    public void A_reader_that_sleeps_is_noticed()
    {
        using var noticed = new ManualResetEventSlim();
        using var looking =
            new Watchdog(OperatingSystem.IsLinux() ? Short : Short with { Clock = Short.QuietLooks * Short.Period });
        looking.Begin(noticed.Set);
        Assert.True(noticed.Wait(TimeSpan.FromMinutes(5))); // on a machine so busy that quiet looks in a row are rare
    }

    /// <summary>However little of the processor a busy machine leaves it.</summary>
    [Fact]
    public void A_reader_that_works_is_not_taken_for_one_that_sleeps()
    {
        var noticed = false;
        var clock = Stopwatch.StartNew();
        using (var looking = new Watchdog(Short))
        {
            looking.Begin(() => noticed = true);
            while (clock.Elapsed < 4 * Short.QuietLooks * Short.Period)
            {
            }
        }

        Assert.False(noticed);
    }

    public void Dispose()
    {
        watchdog.Dispose();
        Directory.Delete(folder, recursive: true);
    }

    /// <returns>Whether the input was read; false if it was refused as it should be.</returns>
    private bool AssertSound(string reader, Action read, byte[] input, long multiple, string which, bool mayFail)
    {
        // A reader that never comes back cannot be stopped: the process ends and leaves the input behind.
        watchdog.Begin(() => Environment.FailFast($"{reader} hangs on {Keep(reader, input)} ({which})"));
        var started = Environment.CpuUsage.TotalTime;
        var before = GC.GetTotalAllocatedBytes();
        try
        {
            read();
            return true;
        }
        catch (Exception error) when (mayFail && error is SharpSegException or ModelFileException)
        {
            return false;
        }
        catch (Exception error)
        {
            Assert.Fail($"{reader}: {error.GetType().Name} for {Keep(reader, input)} ({which})\n{error}");
            return false;
        }
        finally
        {
            watchdog.End();
            var allocated = GC.GetTotalAllocatedBytes() - before;
            var taken = Environment.CpuUsage.TotalTime - started;
            var most = FixedBytes + (multiple * input.Length);
            nearest = (Math.Max(nearest.Time, taken / Longest), Math.Max(nearest.Memory, (double)allocated / most));
            if (taken >= Longest || allocated > most)
            {
                Assert.Fail(
                    $"{reader} took {taken} and {allocated} bytes for {input.Length}: {Keep(reader, input)} ({which})");
            }
        }
    }

    private void IsNoticed(Action read)
    {
        Assert.Throws<Xunit.Sdk.FailException>(() => AssertSound("planted", read, [1], 1, "planted", mayFail: true));
        Array.ForEach(Directory.GetFiles(Kept, "sharpseg-fuzz-planted-*"), File.Delete);
    }

    private static string Keep(string reader, byte[] input)
    {
        var path = Path.Combine(Kept, $"sharpseg-fuzz-{reader}-{XxHash64.Of(input):x16}");
        File.WriteAllBytes(path, input);
        return path;
    }

    private static long? Number(string variable) =>
        long.TryParse(
            Environment.GetEnvironmentVariable(variable), NumberStyles.None, CultureInfo.InvariantCulture,
            out var number) ? number : null;

    private static byte[] Utf8(string text) => Encoding.UTF8.GetBytes(text);

    private static string Put(string folder, string name, byte[] bytes)
    {
        var path = Path.Combine(folder, name);
        File.WriteAllBytes(path, bytes);
        return path;
    }

    private static byte[] Gunzipped(string folder, bool labels) => Seeds.Image(folder, "s.nii", labels);

    private static byte[] SecondVersion(string folder)
    {
        var image = new ImageGeometry(new(1, 1, 40_000), new Spacing(1, 1, 1), [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0], "", []);
        var path = Path.Combine(folder, "s2.nii");
        ImageFile.WriteLabels(path, new short[40_000], image, 2);
        return File.ReadAllBytes(path);
    }

    private static DicomSlice DicomSeed => DicomSlice.At(2) with { Nested = 2 };

    /// <summary>The last of three slices.</summary>
    private static void ReadDicom(string folder, byte[] bytes)
    {
        var series = DicomSlice.Write(Path.Combine(folder, "series"), [DicomSlice.At(0), DicomSlice.At(1)]);
        Put(series, "IM3", bytes);
        DicomSeries.Slices(series);
    }

    private static void ReadImage(string folder, string name, byte[] bytes)
    {
        var path = Put(folder, name, bytes);
        ImageFile.ReadGeometry(path);
        var geometry = ImageFile.Read(path).Geometry;
        try
        {
            ImageFile.ReadLabels(path);
        }
        catch (SharpSegException)
        {
            // Images hold other values than labels.
        }

        // the header is written back
        if (ImageFile.KeepsValues(path))
        {
            ImageFile.WriteLabels(Path.Combine(folder, "out-" + name), new short[geometry.Extent.Voxels], geometry, 3);
        }
    }

    private static byte[][] StoredFiles(string folder)
    {
        StoredCase.Save(folder, Seeds.Case);
        string[] endings = [".image", ".labels", ".locations", ".json"];
        return [.. endings.Select((ending, i) => (byte[])[(byte)i, .. File.ReadAllBytes(Path.Combine(folder, "case" + ending))])];
    }

    private static void ReadStored(string folder, byte[] input)
    {
        if (input.Length == 0)
        {
            throw new SharpSegException("no file"); // the first byte says which one
        }

        string[] endings = [".image", ".labels", ".locations", ".json"];
        var path = Path.Combine(folder, "case" + endings[input[0] % 4]);
        var whole = File.ReadAllBytes(path);
        try
        {
            File.WriteAllBytes(path, input[1..]);
            using var stored = StoredCase.Open(folder, "case");
            stored.Load();
            stored.Verify();
        }
        finally
        {
            File.WriteAllBytes(path, whole);
        }
    }

    private static void ReadTensors(string folder, byte[] input)
    {
        using var reader = SafetensorsReader.Open(Put(folder, "x.safetensors", input));
        foreach (var name in reader.Names)
        {
            reader.Read(name, new float[reader.Shape(name).Aggregate(1, (product, extent) => product * extent)]);
        }

        reader.Verify();
    }

    private static void ReadTorch(string folder, byte[] input)
    {
        using var file = TorchFile.Open(Put(folder, "x.pth", input));
        if (file.Root is not OrderedDictionary<string, object?> root
            || root.GetValueOrDefault("network_weights") is not OrderedDictionary<string, object?> weights)
        {
            return;
        }

        foreach (var (name, value) in weights)
        {
            if (value is TorchTensor { Length: < 1 << 20 } tensor)
            {
                file.Read(name, tensor, new float[tensor.Length]);
            }
        }
    }

    /// <summary>The pickle alone, so that changes are not caught by the zip's own checks.</summary>
    private static void ReadPickle(string folder, byte[] input)
    {
        try
        {
            Pickle.Read(input);
        }
        catch (InvalidDataException error)
        {
            throw new ModelFileException("x.pth", error.Message); // as TorchFile does
        }
    }

    private static byte[][] ImportFiles(string folder)
    {
        var names = Seeds.WriteNnUNetModel(Path.Combine(folder, "nnunet"));
        return [.. names.Select((name, i) => (byte[])[(byte)i, .. File.ReadAllBytes(Path.Combine(folder, "nnunet", name))])];
    }

    /// <summary>Imports a model of nnU-Net one of whose files is the input; its first byte says which one.</summary>
    private static void ReadImport(string folder, byte[] input)
    {
        var model = Path.Combine(folder, "nnunet");
        var path = Path.Combine(model, Seeds.NnUNetFiles[input[0]]);
        var whole = File.ReadAllBytes(path);
        try
        {
            File.WriteAllBytes(path, input[1..]);
            ImportRun.Execute(
                new ImportRequest([model], Path.Combine(folder, "imported.zip"), [], []), SilentReporter.Instance, default);
        }
        finally
        {
            File.WriteAllBytes(path, whole);
        }
    }

    private static byte[] CheckpointSeed() => Seeds.Tensors(new Dictionary<string, string>
    {
        ["format"] = "sharpseg-checkpoint", ["version"] = "1", ["configuration"] = "3d_fullres", ["fold"] = "0", ["seed"] = "7",
        ["mirror_axes"] = "[0,1,2]",
        ["schedule"] = """{"batch_size":2,"epochs":3,"iterations_per_epoch":4,"validation_iterations":1,"time_budget":null}""",
        ["state"] = """{"epoch":1,"iteration":2,"epoch_iterations":4,"loss_sum":0.5,"records":[]}""",
    });

    private static void ReadCheckpoint(string folder, byte[] input)
    {
        var path = Put(folder, "x.safetensors", input);
        Checkpoint.SeedOf(path);
        _ = Checkpoint.ProgressOf(path)?.TotalIterations;
        Checkpoint.Verify(path);
    }

    private static void ReadProbabilities(string folder, byte[] input)
    {
        using var file = ProbabilityFile.Open(Put(folder, "x.probabilities.safetensors", input), Seeds.Description.Labels);
        if (file.Extent != Seeds.Extent)
        {
            throw new SharpSegException("of another scan"); // as callers say, who compare with the segmentation beside it
        }

        for (var head = 0; head < file.Heads; head++)
        {
            file.Read(head, 0, new float[file.Extent.Voxels]);
        }
    }

    private static void ReadPackedMap(string folder, byte[] input)
    {
        try
        {
            using var map = new CompactMapReader(new MemoryStream(input), Seeds.Extent, outside: 0);
            var area = Seeds.Extent.Y * Seeds.Extent.X;
            for (var z = 0; z < Seeds.Extent.Z; z++)
            {
                map.Read(new float[area], new byte[2 * area]);
            }
        }
        catch (InvalidDataException error)
        {
            throw new SharpSegException(error.Message); // as the file says, with its name
        }
    }

    private static void ReadDataset(string folder, byte[] input)
    {
        var at = Directory.CreateDirectory(Path.Combine(folder, "dataset")).FullName;
        Put(at, "dataset.json", input);
        DatasetVerifier.Verify(at);
        DatasetDescription.FromJson(JsonFile.ReadText(Path.Combine(at, "dataset.json")));
        foreach (var item in Dataset.Open(at).TrainingCases)
        {
            Assert.Null(SafeName.Problem(item.Id));
        }
    }

    private static void ReadPlans(string folder, byte[] input)
    {
        var plans = PlansJson.Read(Put(folder, "x.json", input));
        foreach (var (name, configuration) in plans.Configurations)
        {
            Assert.Null(SafeName.Problem(name));
            Assert.Null(SafeName.Problem(configuration.DataIdentifier));
            try
            {
                PeakMemory.WeightBytes(plans.Profile, configuration, Seeds.Description);
                PeakMemory.TrainingBytes(plans.Profile, configuration, Seeds.Description, Processor.Value);
            }
            catch (SharpSeg.Engine.Tensors.ShapeException)
            {
                throw new SharpSegException("the network does not fit"); // one line, exit code 1
            }
        }

        PlansJson.ToJson(plans);
    }

    private static void ReadFingerprint(string folder, byte[] input)
    {
        var fingerprint = FingerprintJson.Read(Put(folder, "x.json", input));
        Planner.Plan(fingerprint, Seeds.Description, new PlannerOptions());
        FingerprintJson.ToJson(fingerprint);
    }

    private static void ReadLog(string folder, byte[] input)
    {
        var log = TrainingLog.Read(Put(folder, "x.jsonl", input));
        Assert.True(log.Iterations >= 0 && log.Seconds >= 0);
    }

    private static void ReadSubmitted(string folder, byte[] input)
    {
        Put(folder, "jobs/submitted", input);
        JobStates.Submitted(new JobFolder(folder), JobPlan.Read(new JobFolder(folder)).Graph);
    }

    private static void ReadSpacing(string folder, byte[] input)
    {
        Put(folder, "volume.json", input);
        ImageFile.Read(Path.Combine(folder, "volume.tif"));
    }

    private static byte[][] JobsSeed(string folder)
    {
        Directory.CreateDirectory(Path.Combine(folder, "jobs"));
        return [Utf8(Seeds.JobsText)];
    }

    /// <summary>The graph, how its tasks stand, and the scripts that are written anew.</summary>
    private static void ReadJobs(string folder, byte[] input)
    {
        var jobs = new JobFolder(folder);
        File.WriteAllBytes(jobs.GraphFile, input);
        _ = JobsRun.Status(folder).Text;
        var plan = JobPlan.Read(jobs);
        foreach (var stage in plan.Graph.Stages.Where(stage => stage.Items.Count > 0))
        {
            var script = SlurmScript.Of(plan, jobs, stage, [.. stage.Items.Select(item => item.Index)]);
            var options = script.Split('\n').TakeWhile(line => line.StartsWith('#'));
            Assert.All(options, line => Assert.DoesNotContain(line, char.IsControl));
        }
    }

    private static byte[][] SubmittedSeed(string folder)
    {
        Directory.CreateDirectory(Path.Combine(folder, "jobs"));
        File.WriteAllText(new JobFolder(folder).GraphFile, Seeds.JobsText);
        return [Utf8(Seeds.SubmittedText)];
    }

    private static byte[][] SpeedSeed(string folder)
    {
        var work = new Workspace(folder);
        work.WriteDataset(Seeds.Description, null);
        File.WriteAllText(work.PlansFile, Seeds.PlansText);
        File.WriteAllText(work.FingerprintFile, FingerprintJson.ToJson(Seeds.Fingerprint));
        Directory.CreateDirectory(Path.GetDirectoryName(work.SpeedFile("2d", onDevice: false))!);
        return [Utf8(Seeds.SpeedText)];
    }

    /// <summary>What was measured, and the time of a job that follows from it.</summary>
    private static void ReadSpeed(string folder, byte[] input)
    {
        var work = new Workspace(folder);
        File.WriteAllBytes(work.SpeedFile("2d", onDevice: false), input);
        var plans = work.ReadPlans();
        _ = SpeedMeasurement.Find(work, plans, plans.Resolve("2d"), onDevice: false)?.Where;
        var site = new JobSite();
        var sizes = new JobSizes(work, null, Processor.Value, site, mostCpus: 4);
        var time = new JobTimes(work, plans, sizes, site, new ScheduleChange()).Training("2d", cpus: 2);
        JobSite.RequireTime(time.Text, "what was written");
    }

    private static byte[][] SpacingSeed(string folder)
    {
        Seeds.Image(folder, "volume.tif", labels: true);
        return [Utf8("""{"spacing": [2, 1, 0.5]}""")];
    }

    private static byte[][] RepairSeed(string folder)
    {
        (string, string)[] files = [("imagesTr", "a_0000"), ("imagesTr", "b_0000"), ("labelsTr", "a"), ("labelsTr", "b")];
        foreach (var (sub, name) in files)
        {
            var at = Directory.CreateDirectory(Path.Combine(folder, "dataset", sub)).FullName;
            Seeds.Image(at, name + ".nii.gz", labels: sub == "labelsTr");
        }

        return [Utf8(Seeds.PlainJson), Utf8(Seeds.GappedJson)];
    }

    /// <summary>Repairs a copy, which is then verified.</summary>
    private static void ReadRepair(string folder, byte[] input)
    {
        var copy = Path.Combine(folder, "copy");
        Put(folder, "dataset/dataset.json", input);
        try
        {
            RepairRun.Execute(Path.Combine(folder, "dataset"), copy, SilentReporter.Instance, default);
        }
        finally
        {
            foreach (var left in Directory.GetDirectories(folder, "copy*"))
            {
                Directory.Delete(left, recursive: true);
            }
        }
    }

    private static byte[][] LabelTableSeed(string folder)
    {
        foreach (var part in new[] { "one", "two" })
        {
            var work = new Workspace(Path.Combine(folder, part));
            Directory.CreateDirectory(work.Folder);
            work.WriteDataset(DatasetDescription.FromJson(Seeds.PlainJson), null);
        }

        return [Utf8("""{"1": "core", "2": "rim"}"""), Utf8("""{"labels": {"background": 0, "core": 1, "rim": 2}}""")];
    }

    private static void ReadLabelTable(string folder, byte[] input)
    {
        ModelPart[] parts =
            [.. new[] { "one", "two" }.Select(name => new ModelPart(name, new Workspace(Path.Combine(folder, name))))];
        var merged = LabelMerge.Description(parts, Put(folder, "x.json", input));
        Array.ForEach(parts, part => LabelMerge.Table(part.Work.ReadDescription().Labels, merged.Labels));
    }

    private static void ReadNnUNetZip(string folder, byte[] input) => ImportRun.Execute(
        new ImportRequest([Put(folder, "x.zip", input)], Path.Combine(folder, "imported.zip"), [], []), SilentReporter.Instance,
        default);

    private static void ReadSummary(string folder, byte[] input) =>
        SummaryJson.ToJson(SummaryJson.Read(Put(folder, "x.json", input), [new EvaluatedClass("1", "a", [1])]));
}
