using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Inference;
using SharpSeg.Engine.Backends;

namespace SharpSeg.AutoPlanner.Steps;

/// <summary>The memory that a model needs for each scan, said and held against the budget before a network is loaded.</summary>
internal static class PredictionNeeds
{
    /// <summary>What helps where less memory was free than the machine has.</summary>
    public const string WithLess = "set --max-memory to what is really free";

    private const string Machine = "a machine with more memory";

    /// <summary>The cases that fit into memory, what each takes, and how far they are as they are done.</summary>
    public static (IReadOnlyList<DatasetCase> Cases, Dictionary<string, long> Needs, CohortProgress Progress) Fitting(
        PredictionRequest request, ModelChoice choice, DatasetDescription description, IReadOnlyList<DatasetCase> cases,
        CaseFailures failures, Backend backend, IReporter reporter)
    {
        var scans = cases.Select(item => (item.Id, item.ImageFiles, ImageFile.ReadGeometry(item.ImageFiles[0]))).ToArray();
        var needs = Of(request, choice, description, scans, failures.Try, backend, reporter);
        var left = failures.Left([.. cases.Where(item => needs.ContainsKey(item.Id))]);
        var sizes = scans.ToDictionary(
            scan => scan.Id, scan => PredictionRun.CubicMillimetres(scan.Item3), StringComparer.Ordinal);
        return (left, needs, new CohortProgress([.. left.Select(item => sizes[item.Id])]));
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
    public static Dictionary<string, long> Of(
        PredictionRequest request, ModelChoice choice, DatasetDescription description,
        IReadOnlyList<(string Name, IReadOnlyList<string> Files, ImageGeometry Geometry)> scans,
        Func<string, Action, bool> attempt, Backend backend, IReporter reporter)
    {
        if (choice.Members.Count > 1)
        {
            return OfEnsemble(request, choice, description, scans, attempt, backend, reporter);
        }

        var budget = request.Budget;
        var needs = new Dictionary<string, long>(StringComparer.Ordinal);
        var tooLarge = new HashSet<string>();
        var member = choice.Members[0];
        foreach (var stage in PredictingMember.StagesOf(member))
        {
            // Of a cascade's first stage nothing but labels is wanted, and its folds are not the user's choice.
            var isLast = ReferenceEquals(stage, member);
            var saves = isLast && request.SavesProbabilities;
            PredictionMemory Memory(int? count) => PredictingMember
                .Memory(
                    member, description, request.Options, budget, backend, isLast ? count : null, request.Watch is not null)
                .Single(own => ReferenceEquals(own.Stage, stage)).Memory;
            var saved = saves ? request.Probabilities : SavedProbabilities.None;
            var memory = Memory(null);
            (PredictionNeed Need, string Name)? most = null;
            foreach (var (name, files, geometry) in scans.Where(scan => !tooLarge.Contains(scan.Name)))
            {
                PredictionNeed? need = null;
                void Plan()
                {
                    need = Named(
                        files, () => saves ? memory.Of(geometry, saves, saved) : memory.OfFiles(geometry, files));
                    need.Require(
                        budget, FileOf(files),
                        Remedy(geometry, files, need, saves, saved, budget, isLast ? stage.Folds : [], Memory));
                }

                if (!attempt(name, Plan))
                {
                    tooLarge.Add(name);
                    needs.Remove(name);
                    continue;
                }

                needs[name] = Math.Max(need!.PeakBytes, needs.GetValueOrDefault(name));
                most = most is null || need.PeakBytes > most.Value.Need.PeakBytes ? (need, name) : most;
            }

            if (most is { } largest)
            {
                reporter.Info(
                    $"memory, {stage.Configuration.Name}, largest case `{largest.Name}`: {largest.Need.Describe(budget)}");
            }
        }

        return needs;
    }

    /// <summary>
    /// The same of an ensemble: its members predict one after the other, and their outputs wait until all have theirs.
    /// </summary>
    private static Dictionary<string, long> OfEnsemble(
        PredictionRequest request, ModelChoice choice, DatasetDescription description,
        IReadOnlyList<(string Name, IReadOnlyList<string> Files, ImageGeometry Geometry)> scans,
        Func<string, Action, bool> attempt, Backend backend, IReporter reporter)
    {
        var (budget, labels) = (request.Budget, description.Labels);
        var members = choice.Members.Select(member => PredictingMember.Memory(
            member, description, request.Options, budget, backend, isWatched: request.Watch is not null,
            ensemble: choice.Members)).ToArray();
        var names = string.Join(" and ", choice.Members.Select(member => member.Configuration.Name));
        var needs = new Dictionary<string, long>(StringComparer.Ordinal);
        (PredictionNeed Need, string Name)? most = null;
        foreach (var (name, files, geometry) in scans)
        {
            PredictionNeed? need = null;
            void Plan()
            {
                need = Named(files, () => OfScan(files, geometry));
                need.Require(budget, FileOf(files), SingleMember(files, geometry));
            }

            if (!attempt(name, Plan))
            {
                continue;
            }

            needs[name] = need!.PeakBytes;
            most = most is null || need.PeakBytes > most.Value.Need.PeakBytes ? (need, name) : most;
        }

        if (most is { } largest)
        {
            reporter.Info($"memory, {names}, largest case `{largest.Name}`: {largest.Need.Describe(budget)}");
        }

        return needs;

        PredictionNeed OfScan(IReadOnlyList<string> files, ImageGeometry geometry)
        {
            var (extent, planes) = (geometry.Extent, geometry.Extent.Z);
            long peak = 0, waiting = 0, making = 0, device = 0, disk = 0;
            var cuts = new List<string>();
            foreach (var stages in members)
            {
                foreach (var (stage, memory) in stages)
                {
                    var isLast = ReferenceEquals(stage, stages[^1].Stage);
                    var need = isLast ? memory.Of(geometry, needsMaps: true) : memory.OfFiles(geometry, files);
                    peak = Math.Max(peak, need.PeakBytes + waiting);
                    device = Math.Max(device, need.DevicePeakBytes);
                    disk += need.DiskBytes;
                    if (isLast)
                    {
                        cuts.Add(need.Cut);
                        waiting += need.WaitingBytes;
                        making += need.MakingBytes;
                        planes = Math.Min(planes, need.Planes);
                    }
                }
            }

            // The mean of the members' maps: another member's, labels, and what writing takes beside them.
            var one = members[0][0].Memory;
            var averaging = MemoryBudget.ProgramBytes + one.NetworkBytes + waiting + making
                + (sizeof(float) * (long)planes * extent.Y * extent.X) + Math.Max(
                    LabelDecision.Bytes(extent, planes),
                    (sizeof(short) * extent.Voxels) + Math.Max(
                        ProbabilityFile.WritingBytes(extent, planes, labels, request.Probabilities),
                        SegmentationFile.WritingBytes(extent.Voxels, labels)));
            return new PredictionNeed(
                Math.Max(peak, averaging), device, one.DeviceBytes,
                disk + ProbabilityFile.DiskBytes(extent, planes, labels, request.Probabilities),
                string.Join(", ", cuts.Distinct()),
                $"predicting {MemoryBudget.Text(peak)}, outputs that wait {MemoryBudget.Text(waiting)}, averaging "
                    + MemoryBudget.Text(averaging));
        }

        string SingleMember(IReadOnlyList<string> files, ImageGeometry geometry)
        {
            foreach (var member in choice.Members)
            {
                var alone = PredictingMember.Memory(member, description, request.Options, budget, backend)
                    .Max(own => own.Memory.OfFiles(geometry, files).PeakBytes);
                if (alone <= budget.Bytes)
                {
                    return $"one configuration (-c {member.Configuration.Name}), which needs {MemoryBudget.Text(alone)}";
                }
            }

            return Machine;
        }
    }

    /// <summary>A plan; what cannot be planned, such as too many tiles, is said of the scan.</summary>
    private static PredictionNeed Named(IReadOnlyList<string> files, Func<PredictionNeed> plan)
    {
        try
        {
            return plan();
        }
        catch (SharpSegException unplanned)
        {
            throw new SharpSegException($"`{FileOf(files)}`: {unplanned.Message}", unplanned.Hint, unplanned);
        }
    }

    private static string FileOf(IReadOnlyList<string> files) => files.Count > 0 ? files[0] : "the scan";

    /// <summary>What would fit: fewer folds, no probabilities or a single configuration; else nothing but a machine.</summary>
    private static string Remedy(
        ImageGeometry scan, IReadOnlyList<string> files, PredictionNeed need, bool saves, SavedProbabilities saved,
        MemoryBudget budget, IReadOnlyList<string> folds, Func<int?, PredictionMemory> memory)
    {
        if (need.Fits(budget))
        {
            return Machine;
        }

        PredictionNeed Need(int count, bool maps) =>
            maps ? memory(count).Of(scan, needsMaps: true, saved) : memory(count).OfFiles(scan, files);
        if (folds.Count > 1 && Need(1, saves) is var one && one.Fits(budget))
        {
            return $"one fold (-f {TrainingMatrix.Name(folds[0])}), which needs {MemoryBudget.Text(one.PeakBytes)}";
        }

        return saves && Need(Math.Max(1, folds.Count), maps: false) is var labels && labels.PeakBytes < need.PeakBytes
            && labels.Fits(budget)
            ? $"predict labels alone with one configuration (-c), which needs {MemoryBudget.Text(labels.PeakBytes)}"
            : Machine;
    }
}
