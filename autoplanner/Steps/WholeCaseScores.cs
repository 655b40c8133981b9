using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Evaluation;
using SharpSeg.AutoPlanner.Inference;
using SharpSeg.AutoPlanner.Preprocessing;
using SharpSeg.AutoPlanner.Training;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Networks;

namespace SharpSeg.AutoPlanner.Steps;

/// <summary>
/// Scores of a few whole validation cases while a network still learns (docs/method/budget.md §5): predicted and scored as after
/// training, but in memory, on the image's own grid. What the pseudo-Dice of patches only hints at.
/// </summary>
/// <param name="dataset">Where the references are.</param>
/// <param name="budget">Memory that may be taken.</param>
internal sealed class WholeCaseScores(Dataset dataset, MemoryBudget budget)
{
    private const double ShareOfTime = 0.02;
    private const double SecondsPerScoredVoxel = 3e-7; // surfaces are not measured
    private const int MostCases = 8;
    private static readonly (int Parts, int FewestCases)[] Choices = [(16, 4), (8, 2)]; // one case says nothing of another

    /// <summary>How many cases a new run scores, and how often: as many as a share of its time allows.</summary>
    /// <param name="job">The run.</param>
    /// <param name="schedule">Its schedule, fitted to a time.</param>
    /// <param name="speed">The machine's, with as many views as the run's predictions have.</param>
    /// <param name="backend">Where it trains.</param>
    /// <returns>The checks, null for none, and what to say of them.</returns>
    public (CaseChecks? Checks, string Text) Choose(
        TrainingJob job, TrainingSchedule schedule, SpeedProbe speed, Backend backend)
    {
        if (job.Configuration.Architecture.Norm == NormKind.Batch)
        {
            return (null, "none: batch normalisation predicts with averages that are ready after training");
        }

        var candidates = Candidates(job, schedule.BatchSize, backend);
        if (candidates.Count < Choices[^1].FewestCases)
        {
            return (null, $"none: {candidates.Count} of {job.ValidationCases.Count} validation cases can be predicted beside "
                + "training");
        }

        var time = schedule.TimeBudget!.Value.TotalSeconds;
        foreach (var (parts, fewest) in Choices)
        {
            for (var cases = Math.Min(MostCases, candidates.Count); cases >= fewest; cases--)
            {
                var names = CaseChecks.Spread([.. candidates.Keys], cases);
                var seconds = ValidationRun.SecondsFor(job, names, speed, SecondsPerScoredVoxel);
                var checks = new CaseChecks(names, parts, seconds);
                var times = checks.Left(0, schedule.Epochs);
                if (times > 0 && times * seconds <= ShareOfTime * time)
                {
                    return (checks, FormattableString.Invariant(
                        $"{cases} of {job.ValidationCases.Count} validation cases, {times} times, about {100 * times * seconds / time:0.0} % of the time and {MemoryBudget.Text(names.Max(id => candidates[id].Beside))} beside training, {MemoryBudget.Text(names.Max(id => candidates[id].Peak))} of {MemoryBudget.Text(budget.Bytes)} in all"));
                }
            }
        }

        return (null, FormattableString.Invariant(
            $"none: scoring {Choices[^1].FewestCases} cases {Choices[^1].Parts - 1} times would take more than {100 * ShareOfTime:0} % of the time"));
    }

    /// <summary>Bytes of the backend's memory that scoring a run's cases takes beside what training takes.</summary>
    /// <param name="job">The run.</param>
    /// <param name="checks">Which cases it scores.</param>
    /// <param name="batch">With which batch it trains.</param>
    /// <param name="backend">Where.</param>
    public long BytesBeside(TrainingJob job, CaseChecks checks, int batch, Backend backend)
    {
        var candidates = Candidates(job, batch, backend);
        return checks.Cases.Max(id => candidates.GetValueOrDefault(id).OnBackend);
    }

    /// <summary>Mean foreground Dice of the cases with a network as it is.</summary>
    /// <param name="job">The run.</param>
    /// <param name="ids">The cases; those that the fold does not validate with are left out.</param>
    /// <param name="mirrorAxes">Along which its predictions are mirrored.</param>
    /// <param name="network">Learns; only read.</param>
    /// <param name="cancel">Stops between tiles.</param>
    /// <returns>By name; a case without any class, in reference and prediction, has no score.</returns>
    /// <exception cref="SharpSegException">A reference cannot be read, or does not fit.</exception>
    public IReadOnlyDictionary<string, double> Of(
        TrainingJob job, IReadOnlyList<string> ids, IReadOnlyList<int> mirrorAxes, Network network, CancellationToken cancel)
    {
        var labels = job.Description.Labels;
        var references = dataset.TrainingCases.ToDictionary(item => item.Id, item => item.LabelFile, StringComparer.Ordinal);
        using var predictor = new Predictor(
            network.Backend, [network], job.Configuration, job.Plans.Profile, labels.HasRegions,
            mirrorAxes, new InferenceOptions());
        var scores = new SortedDictionary<string, double>(StringComparer.Ordinal);
        foreach (var id in ids.Where(job.ValidationCases.Contains))
        {
            using var stored = StoredCase.Open(job.DataFolder, id);
            using var previous = ValidationRun.PreviousStageOf(job, id);
            using var outputs = predictor.Predict(ValidationRun.InputOf(job, stored, previous), cancel);
            var prediction = SegmentationExporter.ToOriginalGrid(
                outputs, stored.Properties, job.Plans, job.Configuration, labels, cancel);
            var dice = Evaluator.Dice(
                id, prediction, references.GetValueOrDefault(id) ?? throw new SharpSegException($"case `{id}` has no label"),
                labels);
            if (!double.IsNaN(dice))
            {
                scores[id] = dice;
            }
        }

        return scores;
    }

    /// <summary>
    /// Validation cases that can be predicted whole, in memory, beside what training takes, in order, with the bytes of it, those
    /// of them that the backend has, and the host's at the peak, training and program included.
    /// </summary>
    private OrderedDictionary<string, (long Beside, long OnBackend, long Peak)> Candidates(
        TrainingJob job, int batch, Backend backend)
    {
        var learning = job.Configuration with { BatchSize = batch };
        var host = TrainingMemory.LearningBytes(
            job.Plans.Profile, learning, job.Description, backend, backend.HasOwnMemory) - MemoryBudget.ProgramBytes;
        var step = MemoryPlan.Of(job.Plans.Profile, learning, job.Description, backend);
        var device = backend.HasOwnMemory ? step.Total : 0;
        var memory = new PredictionMemory(
            job.Plans, job.Configuration, job.Description, folds: 1, new InferenceOptions(),
            budget with { Bytes = budget.Bytes - host }, backend, step);
        var candidates = new OrderedDictionary<string, (long Beside, long OnBackend, long Peak)>();
        foreach (var id in job.ValidationCases)
        {
            using var stored = StoredCase.Open(job.DataFolder, id);
            var need = memory.OfStored(stored.Properties, SavedProbabilities.None);
            if (memory.CutOfStored(stored.Properties, SavedProbabilities.None).IsWhole
                && need.PeakBytes + host <= budget.Bytes && need.DevicePeakBytes + device <= need.DeviceBytes)
            {
                var onHost = need.PeakBytes - MemoryBudget.ProgramBytes;
                candidates.Add(
                    id,
                    (onHost + need.DevicePeakBytes, backend.HasOwnMemory ? need.DevicePeakBytes : onHost, need.PeakBytes + host));
            }
        }

        return candidates;
    }
}
