using System.Runtime.InteropServices;
using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Evaluation;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Inference;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Workspaces;
using SharpSeg.Engine.Backends;

namespace SharpSeg.AutoPlanner.Steps;

/// <summary>What to predict and how (docs/method/inference.md §10).</summary>
/// <param name="Work">Workspace with trained folds.</param>
/// <param name="Configuration">Configuration; null takes what best.json says, else the one that is trained.</param>
/// <param name="Folds">Folds to average; empty takes best.json's, else all trained ones except "all".</param>
/// <param name="Checkpoint">final, best or latest.</param>
/// <param name="Inputs">A folder, or files.</param>
/// <param name="Output">Folder for the segmentations; or, for one case, the file, which has the ending of an image.</param>
/// <param name="Options">Tiles and mirroring.</param>
/// <param name="SkipExisting">Skip cases whose segmentation (and probabilities, if asked for) exists.</param>
/// <param name="Part">Take cases Part, Part + Parts, ….</param>
/// <param name="Parts">Into how many runs the cases are divided.</param>
/// <param name="PreviousStage">Folder of segmentations that stand in for a cascade's first stage; null runs it.</param>
/// <param name="Probabilities">Whether and how the class probabilities, from which `ensemble` averages, are written, too.</param>
/// <param name="Postprocess">Apply best.json's postprocessing; false leaves segmentations as they are.</param>
/// <param name="MaxMemory">Memory that may be taken; null for what the machine has.</param>
/// <param name="ModelParts">The models of which the workspace consists, whose labels are merged by name; null or none for an
/// ordinary one.</param>
/// <param name="Scratch">Folder for outputs that do not fit into memory; null for the output folder.</param>
public sealed record PredictionRequest(
    Workspace Work, string? Configuration, IReadOnlyList<string> Folds, string Checkpoint, IReadOnlyList<string> Inputs,
    string Output,
    InferenceOptions Options, bool SkipExisting = false, int Part = 0, int Parts = 1, string? PreviousStage = null,
    SavedProbabilities Probabilities = SavedProbabilities.None, bool Postprocess = true,
    IReadOnlyList<ModelPart>? ModelParts = null, MemoryBudget? MaxMemory = null, string? Scratch = null)
{
    /// <summary>Looks on; null for nobody.</summary>
    internal IPredictionWatch? Watch { get; init; }

    /// <summary>Memory that may be taken.</summary>
    internal MemoryBudget Budget { get; init; } = MaxMemory ?? MemoryBudget.OfMachine();

    /// <summary>Whether <see cref="Output"/> is the one file to write.</summary>
    public bool IsFile => ImageFile.EndingOf(Output) is not null && !Directory.Exists(Output);

    /// <summary>Whether probabilities are written.</summary>
    internal bool SavesProbabilities => Probabilities != SavedProbabilities.None;

    /// <summary>The folder that is written to.</summary>
    internal string Folder => IsFile ? Path.GetDirectoryName(Path.GetFullPath(Output))! : Output;

    /// <summary>The segmentation of a case.</summary>
    internal string PathOf(string id, DatasetDescription description) =>
        IsFile ? Output : Path.Combine(Output, id + description.FileEnding);
}

/// <summary>
/// Segments new scans: with the averaged networks of one configuration's folds, or, if best.json says so, with the averaged
/// probabilities of two configurations and its postprocessing.
/// </summary>
public static class PredictionRun
{
    // What a workspace keeps for itself: anything else in it may be an output.
    private const string WithLess = "set --max-memory to what is really free";

    private static readonly string[] OwnFolders = ["runs", "preprocessed", "plans"];

    /// <summary>Predicts all cases and returns the files written.</summary>
    /// <param name="request">What to predict.</param>
    /// <param name="backend">Where the networks run and their outputs are resampled.</param>
    /// <param name="openProcessor">Opens the processor, which preprocesses, with a number of threads; 0 = all cores.</param>
    /// <param name="reporter">Receives progress after every case.</param>
    /// <param name="cancel">Stops between tiles.</param>
    /// <exception cref="SharpSegException">
    /// Nothing is trained, an input does not fit the dataset's description, or the device failed.
    /// </exception>
    public static IReadOnlyList<string> Execute(
        PredictionRequest request, Backend backend, Func<int, Backend> openProcessor, IReporter reporter,
        CancellationToken cancel)
    {
        using var networks = new LoadedNetworks(backend, openProcessor);
        return Execute(request, networks, reporter, cancel);
    }

    /// <summary>The same on several devices: each takes an equal share of the cases, and of the memory.</summary>
    /// <param name="request">What to predict.</param>
    /// <param name="devices">Where the networks run; a single case has only the first.</param>
    /// <param name="openProcessor">Opens the processor, which preprocesses, with a number of threads; 0 = all cores.</param>
    /// <param name="reporter">Receives every device's progress.</param>
    /// <param name="cancel">Stops between tiles.</param>
    /// <exception cref="CasesFailedException">Some cases failed, and all others are done.</exception>
    /// <exception cref="SharpSegException">As above; if a device failed, the others have done their shares.</exception>
    public static IReadOnlyList<string> Execute(
        PredictionRequest request, IReadOnlyList<NamedDevice> devices, Func<int, Backend> openProcessor, IReporter reporter,
        CancellationToken cancel)
    {
        if (devices.Count == 1 || request.IsFile)
        {
            return Execute(request, devices[0].Backend, openProcessor, reporter, cancel);
        }

        var all = new DeviceWork(devices, reporter, cancel);
        var budget = all.Share(request.Budget)!;
        var shares = all.Run(
            [.. Enumerable.Range(0, devices.Count)], (_, _) => false, share => $"share {share + 1} of {devices.Count}",
            beginning => request with
            {
                Part = request.Part + (request.Parts * beginning.Piece),
                Parts = request.Parts * devices.Count,
                MaxMemory = budget,
                Budget = budget,
            },
            (share, backend, own) =>
            {
                try
                {
                    return (Done: Execute(share, backend, openProcessor, own, cancel), Failed: Array.Empty<FailedCase>());
                }
                catch (CasesFailedException some)
                {
                    return (some.Done, [.. some.Failed]);
                }
            });
        string[] done = [.. shares.SelectMany(share => share.Done)];
        FailedCase[] failed = [.. shares.SelectMany(share => share.Failed).OrderBy(item => item.CaseId, StringComparer.Ordinal)];
        return failed.Length == 0 ? done : throw new CasesFailedException(failed, done);
    }

    /// <summary>The same with networks that stay loaded for the next prediction.</summary>
    /// <param name="request">What to predict.</param>
    /// <param name="networks">Where the networks run, and those that were loaded before.</param>
    /// <param name="reporter">Receives progress after every group of tiles.</param>
    /// <param name="cancel">Stops between tiles.</param>
    /// <exception cref="SharpSegException">
    /// Nothing is trained, an input does not fit the dataset's description, or the device failed.
    /// </exception>
    public static IReadOnlyList<string> Execute(
        PredictionRequest request, LoadedNetworks networks, IReporter reporter, CancellationToken cancel)
    {
        try
        {
            return Predict(request, networks, reporter, cancel);
        }
        catch (Exception e) when (networks.Backend.FailureOf(e) is { } failure)
        {
            throw new SharpSegException(
                $"predicting ended: {failure.Message}",
                "segmentations already written stay; the same command with --continue resumes, on any device",
                failure);
        }
    }

    private static IReadOnlyList<string> Predict(
        PredictionRequest request, LoadedNetworks networks, IReporter reporter, CancellationToken cancel)
    {
        if (request.ModelParts is { Count: > 0 } parts)
        {
            return PredictParts(request, parts, networks, reporter, cancel);
        }

        var work = request.Work;
        var description = work.ReadDescription();
        var labels = description.Labels;
        var cases = PredictionInputs.Find(request.Inputs, description, reporter.Warning);
        var choice = Choose(request, labels);
        foreach (var doubt in choice.Doubts())
        {
            reporter.Warning(doubt);
        }

        TakeOutput(request, cases, description, reporter);
        var failures = new CaseFailures(cases.Count, reporter.Warning);
        var mine = Usable(Mine(request, cases), description, failures, reporter);
        (mine, var needs) = Fitting(request, choice, description, mine, failures, networks.Backend, reporter);
        PrepareOutput(request, description);
        if (!request.IsFile)
        {
            AtomicFile.WriteText(Path.Combine(request.Output, "plans.json"), JsonFile.ReadText(choice.Members[0].Work.PlansFile));
        }

        var loaded = networks.Load(choice, description, request, needs.Values.DefaultIfEmpty(0).Max());
        reporter.Info($"{choice.Describe(labels)}; {mine.Count} case(s)");
        return Predict(request, choice.Postprocessing, loaded, mine, needs, failures, description, reporter, cancel);
    }

    /// <summary>The cases of this part.</summary>
    private static IReadOnlyList<DatasetCase> Mine(PredictionRequest request, IReadOnlyList<DatasetCase> cases) =>
        [.. cases.Where((_, i) => i % request.Parts == request.Part)];

    /// <summary>
    /// Segments with one model after the other, each loaded once, and merges their labels by name; later models write over
    /// earlier ones. Between models the merged maps wait in a temporary folder.
    /// </summary>
    private static List<string> PredictParts(
        PredictionRequest request, IReadOnlyList<ModelPart> parts, LoadedNetworks networks, IReporter reporter,
        CancellationToken cancel)
    {
        if (request.SavesProbabilities || request.PreviousStage is not null)
        {
            throw new SharpSegException(
                $"{(request.SavesProbabilities ? "--save-probabilities" : "--prev-stage")} is not offered for a model of several "
                    + "parts",
                "its parts have probabilities and stages of their own: predict with one of them");
        }

        var description = request.Work.ReadDescription();
        var cases = PredictionInputs.Find(request.Inputs, description);
        var choices =
            parts.Select(part => Choose(request with { Work = part.Work }, part.Work.ReadDescription().Labels)).ToArray();
        TakeOutput(request, cases, description, reporter);
        string PathOf(DatasetCase item) => request.PathOf(item.Id, description);
        var failures = new CaseFailures(cases.Count, reporter.Warning);
        var mine = Usable(
            [.. Mine(request, cases).Where(item => !(request.SkipExisting && File.Exists(PathOf(item))))], description,
            failures, reporter);
        var needs = new Dictionary<string, long>[parts.Count];
        for (var p = 0; p < parts.Count; p++)
        {
            (mine, needs[p]) = Fitting(
                request, choices[p], parts[p].Work.ReadDescription(), mine, failures, networks.Backend, reporter);
        }

        PrepareOutput(request, description);
        var failed = new HashSet<string>();
        using var scratch = ScratchFolder.Make("parts");
        for (var p = 0; p < parts.Count; p++)
        {
            var own = parts[p].Work.ReadDescription();
            var table = LabelMerge.Table(own.Labels, description.Labels);
            reporter.Info(
                $"part {p + 1}/{parts.Count}, {parts[p].Name}: {choices[p].Describe(own.Labels)}; {mine.Count} case(s)");
            var loaded = networks.Load(choices[p], own, request, needs[p].Values.DefaultIfEmpty(0).Max());
            for (var i = 0; i < mine.Count; i++)
            {
                var (item, file) = (mine[i], Path.Combine(scratch.Path, $"{i}"));
                var (begun, detail) =
                    ((p * mine.Count) + i, $"part {p + 1}/{parts.Count}, case {i + 1}/{mine.Count}, {item.Id}");
                void Report(double done) => reporter.Progress((begun + done) / (parts.Count * mine.Count), detail);
                Report(0);
                if (failed.Contains(item.Id) || !failures.Try(item.Id, () => MemoryBudget.Guard(
                    item.ImageFiles[0], needs[p][item.Id], WithLess, () => Segment(p, item, file, table, Report))))
                {
                    failed.Add(item.Id);
                }
            }

            void Segment(int part, DatasetCase item, string file, short[] table, Action<double> report)
            {
                var geometry = ImageFile.ReadGeometry(item.ImageFiles[0]);
                MemoryBudget.GiveBack(geometry.Extent.Voxels); // what scans before it took
                var labels = loaded.Segment(
                    item.Id, geometry, Source(item, description), own.Labels, report, null, null, cancel);
                choices[part].Postprocessing.Apply(labels, geometry.Extent);
                var merged = new short[labels.Length];
                if (part > 0)
                {
                    using var before = File.OpenRead(file);
                    before.ReadExactly(MemoryMarshal.AsBytes(merged.AsSpan()));
                }

                LabelMerge.Over(merged, labels, table);
                if (part < parts.Count - 1)
                {
                    File.WriteAllBytes(file, MemoryMarshal.AsBytes(merged.AsSpan()));
                    return;
                }

                SegmentationFile.Write(PathOf(item), merged, geometry, description.Labels);
            }
        }

        List<string> written = [.. mine.Where(item => !failed.Contains(item.Id)).Select(PathOf)];
        reporter.Progress(1, $"{written.Count} segmentation(s)");
        failures.ThrowIfAny(written);
        return written;
    }

    private static List<string> Predict(
        PredictionRequest request, PostprocessingSteps postprocessing, LoadedMembers loaded,
        IReadOnlyList<DatasetCase> cases, Dictionary<string, long> needs, CaseFailures failures, DatasetDescription description,
        IReporter reporter,
        CancellationToken cancel)
    {
        var labels = description.Labels;
        var written = new List<string>();
        for (var i = 0; i < cases.Count; i++)
        {
            var (item, begun, detail) = (cases[i], i, $"case {i + 1}/{cases.Count}, {cases[i].Id}");
            var path = request.PathOf(item.Id, description);
            var probabilities = ProbabilityFile.PathOf(request.Output, item.Id);
            reporter.Progress((double)i / cases.Count, detail);
            if (request.SkipExisting && File.Exists(path) && ProbabilityFile.Exists(probabilities, request.Probabilities))
            {
                continue;
            }

            failures.Try(item.Id, () => MemoryBudget.Guard(item.ImageFiles[0], needs[item.Id], WithLess, () =>
            {
                var geometry = ImageFile.ReadGeometry(item.ImageFiles[0]);
                MemoryBudget.GiveBack(geometry.Extent.Voxels); // what scans before it took
                LabelImage Given() => ReadPreviousStage(request, item.Id, description);
                var segmentation = loaded.Segment(
                    item.Id, geometry, Source(item, description), labels,
                    done => reporter.Progress((begun + done) / cases.Count, detail), Given,
                    request.SavesProbabilities ? probabilities : null, cancel);

                postprocessing.Apply(segmentation, geometry.Extent);
                SegmentationFile.Write(path, segmentation, geometry, labels);
                written.Add(path);
            }));
        }

        reporter.Progress(1, $"{written.Count} segmentation(s)");
        failures.ThrowIfAny(written);
        return written;
    }

    private static ScanSource Source(DatasetCase item, DatasetDescription description) =>
        new(() => Dataset.LoadImage(item, description), item.ImageFiles);

    internal static ModelChoice Choose(PredictionRequest request, LabelScheme labels)
    {
        var choice = ModelChoice.Of(
            request.Work, labels, request.Configuration, request.Folds, request.Checkpoint,
            withFirstStage: request.PreviousStage is null);
        if (request.PreviousStage is not null && choice.Members.All(member => member.Configuration.PreviousStage is null))
        {
            throw new SharpSegException(
                $"--prev-stage: {string.Join(" and ", choice.Members.Select(member => member.Configuration.Name))} has no "
                    + "previous stage",
                "it is for 3d_cascade_fullres");
        }

        return request.Postprocess ? choice : choice with { Postprocessing = PostprocessingSteps.None };
    }

    /// <summary>The first stage's segmentation of a case as the user gives it.</summary>
    private static LabelImage ReadPreviousStage(PredictionRequest request, string id, DatasetDescription description)
    {
        var path = Path.Combine(request.PreviousStage!, id + description.FileEnding);
        var given = File.Exists(path)
            ? SegmentationFile.Read(path, description.Labels)
            : throw new SharpSegException(
                $"case `{id}`: `{path}` is missing", "--prev-stage names a folder with a segmentation of every case");
        var highest = description.Labels.HighestLabel;
        return given.Voxels.All(label => label >= 0 && label <= highest)
            ? given
            : throw new SharpSegException(
                $"`{path}`: it has labels outside 0 to {highest}",
                "--prev-stage names a folder of segmentations by the first stage");
    }

    /// <summary>
    /// Refuses outputs that would replace an input, a dataset's or the workspace's own files; takes all others.
    /// </summary>
    private static void TakeOutput(
        PredictionRequest request, IReadOnlyList<DatasetCase> cases, DatasetDescription description, IReporter reporter)
    {
        if (request.IsFile)
        {
            CheckFile(request, cases);
            return;
        }

        RequireNotOwn(request.Output, request.Work.Folder);
        var folders = cases.SelectMany(item => item.ImageFiles)
            .Select(file => Path.GetDirectoryName(file)!).Distinct().ToDictionary(
            folder => folder, folder => OutputFolder.IsSame(folder, request.Output));
        foreach (var item in cases)
        {
            var name = item.Id + description.FileEnding;
            if (item.ImageFiles.FirstOrDefault(
                file => folders[Path.GetDirectoryName(file)!] && Path.GetFileName(file) == name) is { } image)
            {
                throw new SharpSegException(
                    $"case `{item.Id}`: its segmentation would replace the image `{image}`",
                    "choose a folder with -o that does not hold the inputs");
            }
        }

        OutputFolder.Check(
            request.Output,
            [.. request.Inputs.Where(Directory.Exists), .. request.PreviousStage is { } stage ? [stage] : Array.Empty<string>()]);
        reporter.WritesTo(request.Output);
    }

    /// <summary>The cases that fit into memory.</summary>
    private static (IReadOnlyList<DatasetCase> Cases, Dictionary<string, long> Needs) Fitting(
        PredictionRequest request, ModelChoice choice, DatasetDescription description, IReadOnlyList<DatasetCase> cases,
        CaseFailures failures, Backend backend, IReporter reporter)
    {
        var scans = cases.Select(item => (item.Id, item.ImageFiles, ImageFile.ReadGeometry(item.ImageFiles[0]))).ToArray();
        var needs = PlanMemory(request, choice, description, scans, failures.Try, backend, reporter);
        return (OrThrow([.. cases.Where(item => needs.ContainsKey(item.Id))], failures), needs);
    }

    private static IReadOnlyList<DatasetCase> OrThrow(IReadOnlyList<DatasetCase> cases, CaseFailures failures)
    {
        if (cases.Count == 0)
        {
            failures.ThrowIfAny([]);
        }

        return cases;
    }

    /// <summary>
    /// Says what the scan that needs most will take, and names the scans that do not fit, before a network is loaded.
    /// </summary>
    /// <param name="request">Model and memory.</param>
    /// <param name="choice">Which networks.</param>
    /// <param name="description">Channels and labels.</param>
    /// <param name="scans">Names, files and sizes.</param>
    /// <param name="attempt">Checks a scan; false if it fails and the others are to go on.</param>
    /// <param name="backend">Where the networks will run.</param>
    /// <param name="reporter">Receives the plan.</param>
    /// <returns>The needs of the scans that fit, bytes.</returns>
    internal static Dictionary<string, long> PlanMemory(
        PredictionRequest request, ModelChoice choice, DatasetDescription description,
        IReadOnlyList<(string Name, IReadOnlyList<string> Files, ImageGeometry Geometry)> scans,
        Func<string, Action, bool> attempt, Backend backend, IReporter reporter)
    {
        var share = Share(request.Budget, choice);
        var needs = new Dictionary<string, long>(StringComparer.Ordinal);
        var needsAll = request.SavesProbabilities || choice.Members.Count > 1;
        var tooLarge = new HashSet<string>();
        foreach (var (member, stage) in choice.Members.SelectMany(member => Stages(member).Select(stage => (member, stage))))
        {
            // Of a cascade's first stage nothing but labels is wanted, and its folds are not the user's choice.
            var isLast = ReferenceEquals(stage, member);
            var saves = isLast && needsAll;
            var folds = isLast ? stage.Checkpoints.Count : 1;
            PredictionMemory Memory(int? count) => PredictingMember
                .Memory(
                    member, description, request.Options, share, backend, isLast ? count : null, request.Watch is not null)
                .Single(own => ReferenceEquals(own.Stage, stage)).Memory;
            var saved = saves ? request.Probabilities : SavedProbabilities.None;
            var memory = Memory(null);
            (PredictionNeed Need, string Name)? most = null;
            foreach (var (name, files, geometry) in scans.Where(scan => !tooLarge.Contains(scan.Name)))
            {
                var need = saves ? memory.Of(geometry, saves, saved) : memory.OfFiles(geometry, files);
                var file = files.Count > 0 ? files[0] : "the scan";
                if (!attempt(
                    name, () => need.Require(share, file, Remedy(geometry, files, need, saves, saved, share, folds, Memory))))
                {
                    tooLarge.Add(name);
                    needs.Remove(name);
                    continue;
                }

                needs[name] = Math.Max(need.PeakBytes, needs.GetValueOrDefault(name));
                most = most is null || need.PeakBytes > most.Value.Need.PeakBytes ? (need, name) : most;
            }

            if (most is { } largest)
            {
                reporter.Info($"memory, {stage.Configuration.Name}, largest case `{largest.Name}`: {largest.Need.Describe(share)}");
            }
        }

        return needs;
    }

    private static IEnumerable<ModelMember> Stages(ModelMember member) =>
        member.FirstStage is { } first ? [first, member] : [member];

    /// <summary>What would fit: fewer folds, no probabilities or a single configuration; else nothing but a machine.</summary>
    private static string Remedy(
        ImageGeometry scan, IReadOnlyList<string> files, PredictionNeed need, bool saves, SavedProbabilities saved,
        MemoryBudget budget, int folds, Func<int?, PredictionMemory> memory)
    {
        const string Machine = "a machine with more memory";
        if (need.Fits(budget))
        {
            return Machine;
        }

        PredictionNeed Need(int count, bool maps) =>
            maps ? memory(count).Of(scan, needsMaps: true, saved) : memory(count).OfFiles(scan, files);
        if (folds > 1 && Need(1, saves) is var one && one.Fits(budget))
        {
            return $"one fold (-f 0), which needs {MemoryBudget.Text(one.PeakBytes)}";
        }

        return saves && Need(folds, maps: false) is var labels && labels.PeakBytes < need.PeakBytes && labels.Fits(budget)
            ? $"predict labels alone with one configuration (-c), which needs {MemoryBudget.Text(labels.PeakBytes)}"
            : Machine;
    }

    /// <summary>What each member of an ensemble may take: the others' outputs wait beside it.</summary>
    internal static MemoryBudget Share(MemoryBudget budget, ModelChoice choice) =>
        choice.Members.Count == 1 ? budget : budget with { Bytes = budget.Bytes / (choice.Members.Count + 1) };

    private static void CheckFile(PredictionRequest request, IReadOnlyList<DatasetCase> cases)
    {
        var path = request.Output;
        var wrong =
            cases.Count != 1 ? $"`{path}` is one file, but {cases.Count} cases are given"
            : request.SavesProbabilities ? $"`{path}` is one file; --save-probabilities writes several"
            : OwnFolders.Any(name => OutputFolder.IsWithin(request.Folder, Path.Combine(request.Work.Folder, name)))
            ? $"`{path}` lies among the workspace's own files"
            : cases[0].ImageFiles.SelectMany(ImageFile.FilesOf).Any(file => OutputFolder.IsSame(file, path))
            ? $"`{path}` would replace the image itself"
            : request.PreviousStage is { } stage && OutputFolder.IsSame(stage, request.Folder) ? $"`{path}` lies in an input"
            : null;
        if (wrong is not null)
        {
            throw new SharpSegException(wrong, "name a folder, or another file, with -o");
        }

        if (!ImageFile.KeepsValues(path)
            || (!ImageFile.HoldsVolumes(path) && ImageFile.ReadGeometry(cases[0].ImageFiles[0]).Extent.Z > 1))
        {
            throw new SharpSegException(
                $"`{path}`: this format cannot hold the labels of `{cases[0].ImageFiles[0]}`", "write .nii.gz instead");
        }

        OutputFolder.RequireOutsideDatasets(request.Folder);
    }

    /// <summary>Makes the folder; one for segmentations also says which labels they have.</summary>
    /// <summary>Refuses segmentations in a workspace itself, or in a folder that it fills otherwise.</summary>
    /// <exception cref="SharpSegException">They would go there.</exception>
    internal static void RequireNotOwn(string output, string work)
    {
        if (OutputFolder.IsSame(output, work) || OwnFolders.Any(name => OutputFolder.IsWithin(output, Path.Combine(work, name))))
        {
            throw new SharpSegException($"`{output}` is the workspace itself, or its own", "choose another folder with -o");
        }
    }

    private static void PrepareOutput(PredictionRequest request, DatasetDescription description)
    {
        Directory.CreateDirectory(request.Folder);
        if (!request.IsFile)
        {
            AtomicFile.Sweep(request.Output);
            AtomicFile.WriteText(Path.Combine(request.Output, "dataset.json"), description.ToJson());
        }
    }

    /// <summary>The cases whose headers fit the model; looked at before the first network is loaded.</summary>
    private static IReadOnlyList<DatasetCase> Usable(
        IReadOnlyList<DatasetCase> cases, DatasetDescription description, CaseFailures failures, IReporter reporter) =>
        OrThrow([.. cases.Where(item => failures.Try(item.Id, () => CheckInput(item, description, reporter)))], failures);

    private static void CheckInput(DatasetCase item, DatasetDescription description, IReporter reporter)
    {
        var headers = item.ImageFiles.Select(ImageFile.ReadHeader).ToArray();
        if (headers[0].Geometry.SpacingProblem is { } problem)
        {
            reporter.Warning($"case `{item.Id}`: {problem}");
        }

        foreach (var header in headers.Skip(1).Where(header => header.Geometry.Extent == headers[0].Geometry.Extent))
        {
            if (PatientSpace.Displacement(header.Geometry, headers[0].Geometry) is { } displacement)
            {
                reporter.Warning($"case `{item.Id}`: its channels do not lie over each other in space ({displacement})");
                break;
            }
        }

        var channels = headers.Sum(header => header.Channels);
        if (channels != description.ChannelNames.Count)
        {
            throw new SharpSegException(
                $"case `{item.Id}`: {channels} channel(s), the model was trained on {description.ChannelNames.Count} "
                    + $"({string.Join(", ", description.ChannelNames)})",
                "name channel files CASE_0000, CASE_0001, … as in training");
        }
    }
}
