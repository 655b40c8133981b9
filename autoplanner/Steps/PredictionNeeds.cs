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

    /// <summary>The cases that fit into memory.</summary>
    public static (IReadOnlyList<DatasetCase> Cases, Dictionary<string, long> Needs) Fitting(
        PredictionRequest request, ModelChoice choice, DatasetDescription description, IReadOnlyList<DatasetCase> cases,
        CaseFailures failures, Backend backend, IReporter reporter)
    {
        var scans = cases.Select(item => (item.Id, item.ImageFiles, ImageFile.ReadGeometry(item.ImageFiles[0]))).ToArray();
        var needs = Of(request, choice, description, scans, failures.Try, backend, reporter);
        return (failures.Left([.. cases.Where(item => needs.ContainsKey(item.Id))]), needs);
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
                var file = files.Count > 0 ? files[0] : "the scan";
                PredictionNeed? need = null;
                void Plan()
                {
                    try
                    {
                        need = saves ? memory.Of(geometry, saves, saved) : memory.OfFiles(geometry, files);
                    }
                    catch (SharpSegException tooManyTiles)
                    {
                        throw new SharpSegException($"`{file}`: {tooManyTiles.Message}", tooManyTiles.Hint, tooManyTiles);
                    }

                    need.Require(share, file, Remedy(geometry, files, need, saves, saved, share, folds, Memory));
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
    public static MemoryBudget Share(MemoryBudget budget, ModelChoice choice) =>
        choice.Members.Count == 1 ? budget : budget with { Bytes = budget.Bytes / (choice.Members.Count + 1) };
}
