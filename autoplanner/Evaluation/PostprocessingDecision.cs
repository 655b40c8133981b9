using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Planning.Fingerprinting;
using SharpSeg.AutoPlanner.Volumes;

namespace SharpSeg.AutoPlanner.Evaluation;

/// <summary>Decides which label sets are reduced to their largest component (docs/method/evaluation.md §5).</summary>
internal static class PostprocessingDecision
{
    /// <summary>A decision with the scores it rests on.</summary>
    /// <param name="Steps">What to do.</param>
    /// <param name="DiceBefore">
    /// Foreground mean Dice of the validation predictions as they are; NaN where no validation was used.
    /// </param>
    /// <param name="DiceAfter">The same with the steps applied.</param>
    public sealed record Result(PostprocessingSteps Steps, double DiceBefore, double DiceAfter);

    /// <summary>
    /// The rule of the first papers, which needs no validation: a class keeps its largest component if no training reference has
    /// more than one (face contact), and at least one has one.
    /// </summary>
    /// <param name="facts">What the training references say, per class or region in declared order.</param>
    public static Result Classic(IReadOnlyList<ClassFacts> facts)
    {
        var sets = facts.Where(fact => fact.CasesPresent > 0 && fact.MostComponents == 1).Select(fact => fact.Labels).ToArray();
        return new Result(new PostprocessingSteps(sets, Connectivity.Face), double.NaN, double.NaN);
    }

    /// <summary>
    /// nnU-Net v2's rule on validation predictions: first all foreground labels as one set, if that raises the foreground mean
    /// Dice and lowers no class; then class by class, on what was accepted so far, if that raises the class's own mean Dice. For
    /// classes that share no label the order changes nothing, and all are tried on one reading.
    /// </summary>
    /// <param name="cases">Validation cases of all folds with their files.</param>
    /// <param name="scheme">The dataset's labels.</param>
    /// <param name="budget">Memory that may be taken.</param>
    /// <param name="info">Receives the memory plan.</param>
    /// <param name="progress">Called with finished and total readings of a case, one call at a time.</param>
    /// <param name="cancel">Ends at once.</param>
    /// <exception cref="SharpSegException">A file is missing or damaged, or two maps differ in size.</exception>
    public static Result Modern(
        IReadOnlyList<EvaluationCase> cases, LabelScheme scheme, MemoryBudget budget, Action<string>? info,
        Action<int, int>? progress, CancellationToken cancel)
    {
        var memory = SideBySide.Plan(
            [.. cases.Select(item => CaseNeed.Of(item.CaseId, item.PredictionFile, image => Bytes(image.Extent.Voxels)))], budget,
            "choose no postprocessing (--no-postprocessing)", info, program: MemoryBudget.SmallProgramBytes);
        return Modern(
            cases.Count, index => Evaluator.Load(cases[index], scheme), scheme, memory.Workers, progress, memory,
            index => cases[index].CaseId, cancel);
    }

    /// <summary>The same rule on maps from any source.</summary>
    /// <param name="count">Number of validation cases.</param>
    /// <param name="load">
    /// Reference and prediction of a case; called once for all foreground, then once for all classes, or once per region where
    /// regions share labels, from several threads. The maps are not changed.
    /// </param>
    /// <param name="scheme">The dataset's labels.</param>
    /// <param name="workers">Maximum number of cores; 0 = all.</param>
    /// <param name="progress">Called with finished and total readings of a case, one call at a time.</param>
    /// <param name="memory">Names the file where memory runs out; null where maps are in memory.</param>
    /// <param name="nameOf">Name of a case, by which it may be partly labelled; null where all are whole.</param>
    /// <param name="cancel">Ends at once.</param>
    public static Result Modern(
        int count, Func<int, (LabelImage Reference, LabelImage Prediction)> load, LabelScheme scheme, int workers = 0,
        Action<int, int>? progress = null, SideBySide? memory = null, Func<int, string>? nameOf = null,
        CancellationToken cancel = default)
    {
        var classes = EvaluatedClass.Of(scheme);

        // Classes that share no label do not touch each other's scores: one reading tries all of them. Regions go in turn.
        int[] all = [.. Enumerable.Range(0, classes.Count)];
        var areApart = classes.SelectMany(item => item.Labels).Append(0).GroupBy(label => label).All(group => group.Count() == 1);
        int[][] rounds = classes.Count == 1 ? [] : areApart ? [all] : [.. all.Select(c => new[] { c })];
        var finished = 0;

        // Every trial is compared with the current state on the same reading of a case.
        (EvaluationSummary Without, EvaluationSummary With) Try(
            List<IReadOnlyList<int>> accepted, IReadOnlyList<IReadOnlyList<int>> candidates)
        {
            var without = new CaseMetrics[count];
            var with = new CaseMetrics[count];
            OrderedWork.Run(
                count,
                workers > 0 ? workers : Environment.ProcessorCount,
                index => memory is null ? Trial(index) : memory.Run(index, () => Trial(index)),
                (index, scores) =>
                {
                    (without[index], with[index]) = (scores.Before, scores.After);
                    progress?.Invoke(++finished, (1 + rounds.Length) * count);
                },
                cancel);
            return (EvaluationSummary.Of(classes, without), EvaluationSummary.Of(classes, with));

            (CaseMetrics Before, CaseMetrics After) Trial(int index)
            {
                var (reference, prediction) = load(index);
                short[] labels = [.. prediction.Voxels];
                new PostprocessingSteps(accepted, Connectivity.Full).Apply(labels, prediction.Extent);
                var before = Score(index, reference, labels);
                var removed = new PostprocessingSteps(candidates, Connectivity.Full).Apply(labels, prediction.Extent);
                return (before, removed == 0 ? before : Score(index, reference, labels));
            }
        }

        CaseMetrics Score(int index, LabelImage reference, short[] labels) => new(
            $"{index:d9}", "", "",
            SegmentationMetrics.Compute(reference.Voxels, labels, reference.Extent, reference.Spacing, scheme,
                unlabelled: nameOf is null ? [] : scheme.Partial.Of(nameOf(index))));

        var sets = new List<IReadOnlyList<int>>();
        var (baseline, allForeground) = Try(sets, [scheme.ForegroundLabels]);
        var (before, after) = (baseline.ForegroundDice, baseline.ForegroundDice);
        if (AcceptsAllForeground(baseline.ClassDice, allForeground.ClassDice))
        {
            sets.Add(scheme.ForegroundLabels);
            after = allForeground.ForegroundDice;
        }

        foreach (var round in rounds)
        {
            var (current, trial) = Try(sets, [.. round.Select(c => classes[c].Labels)]);
            int[] better = [.. round.Where(c => trial.ClassDice[c] > current.ClassDice[c])];
            sets.AddRange(better.Select(c => classes[c].Labels));
            if (better.Length > 0)
            {
                after = areApart
                    ? EvaluationSummary.MeanOfNumbers(all.Select(c => (better.Contains(c) ? trial : current).ClassDice[c]))
                    : trial.ForegroundDice;
            }
        }

        return new Result(new PostprocessingSteps(sets, Connectivity.Full), before, after);
    }

    /// <summary>
    /// Both maps, a copy, and the runs of a mask, of which noise may have more (docs/method/memory.md §4).
    /// </summary>
    internal static long Bytes(long voxels) => voxels * ((3 * sizeof(short)) + 1);

    /// <summary>
    /// Whether one component for all foreground is accepted: the mean over classes strictly higher, no class lower. NaN blocks
    /// nothing.
    /// </summary>
    public static bool AcceptsAllForeground(IReadOnlyList<double> before, IReadOnlyList<double> after) =>
        EvaluationSummary.MeanOfNumbers(after) > EvaluationSummary.MeanOfNumbers(before)
            && !before.Zip(after).Any(pair => pair.Second < pair.First);
}
