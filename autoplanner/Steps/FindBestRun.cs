using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Evaluation;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Inference;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Workspaces;

namespace SharpSeg.AutoPlanner.Steps;

/// <summary>What to compare.</summary>
/// <param name="Work">Workspace with cross-validations.</param>
/// <param name="Folds">Compared folds; empty takes all of the splits.</param>
/// <param name="Ensembles">Whether pairs of configurations compete.</param>
/// <param name="TrainedOnly">
/// Leave out planned configurations whose cross-validation is not finished, instead of refusing.
/// </param>
/// <param name="Postprocess">Whether postprocessing is decided.</param>
/// <param name="WorkName">The workspace as the user named it, for the commands that are suggested.</param>
/// <param name="Plans">Names of the compared plans; null compares all that the workspace has.</param>
/// <param name="MaxMemory">Memory that may be taken; null for what the machine has.</param>
public sealed record FindBestRequest(
    Workspace Work, IReadOnlyList<string> Folds, bool Ensembles = true, bool TrainedOnly = false, bool Postprocess = true,
    string? WorkName = null,
    IReadOnlyList<string>? Plans = null, MemoryBudget? MaxMemory = null)
{
    /// <summary>Memory that may be taken.</summary>
    internal MemoryBudget Budget { get; } = MaxMemory ?? MemoryBudget.OfMachine();
}

/// <summary>The result.</summary>
/// <param name="Best">The content of best.json.</param>
/// <param name="Summary">Scores of the winner with postprocessing.</param>
/// <param name="Folder">The winner's cross-validated segmentations, postprocessed if it has steps.</param>
/// <param name="Labels">The dataset's labels.</param>
public sealed record FindBestResult(BestModel Best, EvaluationSummary Summary, string Folder, LabelScheme Labels);

/// <summary>
/// Chooses the configuration, or the pair of configurations, that segmented the cross-validation's cases best, then what is done
/// to its segmentations (docs/method/evaluation.md §4 to §7). Every candidate's segmentations and summary stay: singles in
/// <c>runs/CONFIGURATION/crossval</c>, pairs in <c>runs/ensembles/A+B</c>, the winner's postprocessed ones in
/// <c>postprocessed</c> below. They wait in hidden folders until the choice is made, then take their places, and best.json
/// follows: who stops it before keeps the earlier choice with its segmentations and scores.
/// </summary>
public static class FindBestRun
{
    private const string LowResolution = "3d_lowres";
    private const string Postprocessed = "postprocessed";
    internal const int MostAveragedAtOnce = 4; // cases; reading files takes most of the time

    /// <summary>Compares, decides, and writes best.json.</summary>
    /// <exception cref="SharpSegException">
    /// A fold, a segmentation or a probability file is missing; the commands that make them are printed.
    /// </exception>
    public static FindBestResult Execute(FindBestRequest request, IReporter reporter, CancellationToken cancel)
    {
        var work = request.Work;
        var dataset = Dataset.Open(work.ReadDatasetFolder());
        reporter.WritesTo(work.Folder);
        var folds = FoldsOf(request, dataset, reporter);
        var compared = request.Plans is { } names
            ? names.Distinct().Select(name => new Workspace(work.Folder, name))
            : work.AllPlans().DefaultIfEmpty(work);
        List<string> singles = [], reported = [];
        var validations = new Dictionary<string, CrossValidation>(StringComparer.Ordinal);
        foreach (var plan in compared)
        {
            WorkspaceGuard.RequireUnchanged(plan, dataset);
            var plans = plan.ReadPlans();
            var competing = ModelSelection.Singles(plans.Profile, [.. plans.Configurations.Keys]);
            singles.AddRange(competing.Select(plan.NameOf));
            reported.AddRange(
                plans.Configurations.Keys.Where(name => name == LowResolution && !competing.Contains(name)).Select(plan.NameOf));
            foreach (var name in competing.Append(LowResolution).Distinct().Where(plans.Configurations.ContainsKey))
            {
                validations[plan.NameOf(name)] = CrossValidation.Of(plan, dataset, plans.Resolve(name), folds);
            }
        }

        var trained = Trained(request, singles, validations, reporter);
        var candidates = ModelSelection.Candidates(singles, trained, request.Ensembles, trainedOnly: true);
        RequireProbabilities(request, candidates, validations, reporter);

        // What is reported but does not compete comes last.
        var all = candidates.ToList();
        all.AddRange(reported.Where(name => validations[name].IsComplete).Select(name => new Candidate([name])));

        var places = new List<StagedFolder>();
        try
        {
            var summaries = new List<EvaluationSummary>();
            foreach (var candidate in all)
            {
                places.Add(new StagedFolder(FolderOf(work, candidate)));
                summaries.Add(Score(request, candidate, places[^1], validations, dataset, reporter, cancel));
            }

            var best = ModelSelection.Best([.. summaries.Take(candidates.Count).Select(summary => summary.ForegroundDice)]);
            RequireScores(candidates, summaries, reporter);
            foreach (var doubt in candidates[best].Configurations.Select(request.Work.Locate).SelectMany(DoubtsOfCascade))
            {
                reporter.Warning(doubt);
            }

            var winner = new BestModel
            {
                Winner = candidates[best],
                Folds = [.. folds.Select(fold => fold.Name)],
                Postprocessing = PostprocessingSteps.None,
                DiceBefore = summaries[best].ForegroundDice,
                DiceAfter = summaries[best].ForegroundDice,
                Scores =
                    [.. all.Select(
                        (candidate, i) => new ScoredCandidate(candidate, summaries[i].ForegroundDice, i < candidates.Count))],
            };
            var result = Finish(request, winner, summaries[best], places[best], dataset, reporter, cancel);
            cancel.ThrowIfCancellationRequested();
            foreach (var place in places)
            {
                place.Publish(name => IsOfAnEarlierChoice(place.Target, name, dataset.Description.FileEnding));
            }

            AtomicFile.WriteText(work.BestFile, result.Best.ToJson());
            return result;
        }
        finally
        {
            places.ForEach(place => place.Dispose());
        }
    }

    /// <summary>Segmentations, their files of spacings, and scores: an earlier comparison may have had other folds.</summary>
    private static bool IsOfAnEarlierChoice(string folder, string name, string fileEnding) =>
        name == Postprocessed || name == Path.GetFileName(Workspace.SummaryFile(folder))
        || name.EndsWith(fileEnding, StringComparison.Ordinal)
        || (name.EndsWith(".json", StringComparison.Ordinal)
            && File.Exists(Path.Combine(folder, Path.GetFileNameWithoutExtension(name) + fileEnding)));

    private static IEnumerable<string> DoubtsOfCascade((Workspace Work, string Configuration) member) =>
        member.Work.ReadPlans().Resolve(member.Configuration).PreviousStage is { } first
            ? ModelChoice.OfTooFewFolds(member.Work, first)
            : [];

    /// <summary>
    /// Decides postprocessing for the winner, applies it to the cross-validation's segmentations, and scores those.
    /// </summary>
    private static FindBestResult Finish(
        FindBestRequest request, BestModel winner, EvaluationSummary summary, StagedFolder place, Dataset dataset,
        IReporter reporter, CancellationToken cancel)
    {
        var labels = dataset.Description.Labels;
        EvaluationCase[] cases = [.. summary.Cases.Select(
            item => new EvaluationCase(
                item.CaseId, item.ReferenceFile, Path.Combine(place.Path, Path.GetFileName(item.PredictionFile))))];
        if (request.Postprocess)
        {
            reporter.Stage($"decide postprocessing of {winner.Winner}");
            var (plan, _) = request.Work.Locate(winner.Winner.Configurations[0]);
            var steps = Decide(plan, plan.ReadPlans(), cases, labels, request.Budget, reporter, cancel);
            winner = winner with { Postprocessing = steps };
        }

        if (winner.Postprocessing.LabelSets.Count == 0)
        {
            return new FindBestResult(winner, summary, place.Target, labels);
        }

        reporter.Stage($"postprocess {winner.Winner}: {winner.Postprocessing.Describe(labels)}");
        var made = Path.Combine(place.Path, Postprocessed);
        Directory.CreateDirectory(made);
        PostprocessingRun.Execute(
            [.. cases.Select(item => item.CaseId)], place.Path, made, winner.Postprocessing, dataset.Description, reporter,
            cancel, request.Budget);
        var folder = Path.Combine(place.Target, Postprocessed);
        summary = Evaluate(
            [.. cases.Select(
                item => item with { PredictionFile = Path.Combine(made, Path.GetFileName(item.PredictionFile)) })],
            made, folder, labels, request.Budget, reporter, cancel);
        winner = winner with { DiceAfter = summary.ForegroundDice };
        if (winner.DiceAfter < winner.DiceBefore)
        {
            // Only profile classic decides without looking at predictions.
            reporter.Warning(FormattableString.Invariant(
                $"postprocessing, decided by the training labels alone, lowers the mean foreground Dice of the cross-validation from {winner.DiceBefore:0.0000} to {winner.DiceAfter:0.0000}; `find-best --no-postprocessing` leaves it out"));
        }

        return new FindBestResult(winner, summary, folder, labels);
    }

    private static PostprocessingSteps Decide(
        Workspace work, Plans plans, EvaluationCase[] cases, LabelScheme labels, MemoryBudget budget,
        IReporter reporter, CancellationToken cancel)
    {
        if (plans.Profile == Profile.Modern)
        {
            return PostprocessingDecision.Modern(
                cases, labels, budget, reporter.Info,
                (done, of) => reporter.Progress((double)done / of, $"trial {done}/{of}"), cancel).Steps;
        }

        if (ClassicPostprocessing.Of(work, plans) is { } steps)
        {
            return steps;
        }

        reporter.Warning(
            $"no postprocessing: {work.FingerprintFile} does not say how many parts the references' classes have (profile "
                + "classic)");
        return PostprocessingSteps.None;
    }

    private static List<(string Name, Split Split)> FoldsOf(FindBestRequest request, Dataset dataset, IReporter reporter)
    {
        var splits = Splits.Find(request.Work, dataset.Folder, [.. dataset.TrainingCases.Select(item => item.Id)]);
        var names = request.Folds.Count > 0
            ? request.Folds.Distinct()
            : Enumerable.Range(0, splits.Folds.Count)
                .Select(fold => fold.ToString(System.Globalization.CultureInfo.InvariantCulture));
        var folds = new List<(string Name, Split Split)>();
        var owner = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var name in names)
        {
            if (name == Splits.AllCases)
            {
                throw new SharpSegException(
                    "fold `every-case` validates on the cases it trains on and decides nothing", "compare numbered folds");
            }

            var split = splits.ForFold(name);
            if (split.Warning is { } warning)
            {
                reporter.Warning(warning);
            }

            foreach (var id in split.Val)
            {
                if (!owner.TryAdd(id, name))
                {
                    throw new SharpSegException(
                        $"case `{id}` is validated in fold {owner[id]} and in fold {name}",
                        "compare folds that share no case, with --folds");
                }
            }

            folds.Add((name, split));
        }

        return folds;
    }

    /// <summary>Configurations whose cross-validation is finished; the others are refused or, if asked to, left out.</summary>
    private static List<string> Trained(
        FindBestRequest request, IReadOnlyList<string> singles, Dictionary<string, CrossValidation> validations,
        IReporter reporter)
    {
        var unfinished = singles.Select(name => validations[name]).Where(validation => !validation.IsComplete).ToArray();
        string[] missing = [.. unfinished.Select(validation => validation.DescribeMissing(FoldProgress.Validated)!)];
        if (unfinished.Length > 0 && (!request.TrainedOnly || unfinished.Length == singles.Count))
        {
            TellCommands(request, unfinished, FoldProgress.Validated, reporter);
            var others = unfinished.Length < singles.Count ? "; --trained-only compares the others" : "";
            string[] comparable =
            [
                .. unfinished[0].Folds.Select(fold => fold.Fold).Where(name => singles.All(single =>
                    validations[single].Folds.First(fold => fold.Fold == name).Progress >= FoldProgress.Validated)),
            ];
            throw new SharpSegException(
                $"the cross-validation is not finished: {string.Join("; ", missing)}",
                $"run the commands above{others}"
                    + (comparable.Length > 0 ? $"; --folds {string.Join(',', comparable)} compares on what all have" : ""));
        }

        foreach (var line in missing)
        {
            reporter.Warning($"left out: {line}");
        }

        return [.. singles.Except(unfinished.Select(validation => validation.Configuration))];
    }

    /// <summary>Among zeros there is nothing to choose.</summary>
    private static void RequireScores(
        IReadOnlyList<Candidate> candidates, IReadOnlyList<EvaluationSummary> summaries, IReporter reporter)
    {
        var scores =
            candidates.Zip(summaries, (candidate, summary) => (Candidate: candidate, Dice: summary.ForegroundDice)).ToArray();
        if (scores.Any(score => score.Dice > 0))
        {
            return;
        }

        foreach (var (candidate, dice) in scores)
        {
            reporter.Warning($"{candidate}: mean foreground Dice {(double.IsNaN(dice) ? "not defined" : "0")}");
        }

        throw new SharpSegException(
            "no configuration has found anything in cross-validation: there is nothing to choose, and best.json is not written",
            "train longer, or look at the segmentations: a mean foreground Dice of 0 means that no voxel is right");
    }

    private static void RequireProbabilities(
        FindBestRequest request, IReadOnlyList<Candidate> candidates, Dictionary<string, CrossValidation> validations,
        IReporter reporter)
    {
        CrossValidation[] lacking =
        [
            .. candidates.Where(candidate => candidate.IsEnsemble).SelectMany(candidate => candidate.Configurations).Distinct()
                .Select(name => validations[name])
                .Where(validation => validation.DescribeMissing(FoldProgress.Averageable) is not null),
        ];
        if (lacking.Length > 0)
        {
            TellCommands(request, lacking, FoldProgress.Averageable, reporter);
            throw new SharpSegException(
                "ensembles need the probabilities of the validation cases: "
                    + $"{string.Join("; ", lacking.Select(v => v.DescribeMissing(FoldProgress.Averageable)))}",
                "run the commands above (nothing is trained again); --no-ensemble compares single configurations only");
        }
    }

    private static void TellCommands(
        FindBestRequest request, IEnumerable<CrossValidation> validations, FoldProgress needed, IReporter reporter)
    {
        var work = request.WorkName ?? request.Work.Folder;
        foreach (var validation in validations)
        {
            if (!validation.IsPreprocessed)
            {
                reporter.Info(
                    $"sharpseg preprocess {work}{(validation.Folds[0].Plan is { } plan ? $" --plan {plan}" : "")} -c "
                        + $"{validation.Folds[0].Configuration}");
            }

            foreach (var fold in validation.Folds.Where(fold => fold.Progress < needed))
            {
                reporter.Info(fold.Command(work, request.Ensembles));
            }
        }
    }

    private static EvaluationSummary Score(
        FindBestRequest request, Candidate candidate, StagedFolder place, Dictionary<string, CrossValidation> validations,
        Dataset dataset, IReporter reporter, CancellationToken cancel)
    {
        reporter.Stage($"score {candidate}");
        var members = candidate.Configurations.Select(name => validations[name]).ToArray();
        EvaluationCase[] cases = [.. members[0].Cases];
        if (candidate.IsEnsemble)
        {
            var ending = dataset.Description.FileEnding;
            cases = [.. cases.Select(item => item with { PredictionFile = Path.Combine(place.Path, item.CaseId + ending) })];
            Average(members, cases, dataset.Description.Labels, request.Budget, reporter, cancel);
        }
        else
        {
            OrderedWork.Run(
                cases.Length, Environment.ProcessorCount, index => Read(cases[index].PredictionFile),
                (_, files) => files.ForEach(file => AtomicFile.WriteBytes(Path.Combine(place.Path, file.Name), file.Bytes)),
                cancel);
        }

        return Evaluate(
            cases, place.Path, place.Target, dataset.Description.Labels, request.Budget, reporter, cancel);
    }

    /// <summary>What a segmentation consists of; the spacing of a TIFF lies beside it.</summary>
    private static List<(string Name, byte[] Bytes)> Read(string segmentation) =>
        [.. ImageFile.FilesOf(segmentation).Select(file => (Path.GetFileName(file), File.ReadAllBytes(file)))];

    /// <summary>
    /// The labels of the averaged probabilities of each case, written with the header of the first member's segmentation.
    /// </summary>
    private static void Average(
        IReadOnlyList<CrossValidation> members, EvaluationCase[] cases, LabelScheme labels, MemoryBudget budget,
        IReporter reporter, CancellationToken cancel)
    {
        var folds = members.Select(member => member.Folds
            .SelectMany(fold => fold.Cases.Select(item => (item.CaseId, Fold: fold)))
            .ToDictionary(item => item.CaseId, item => item.Fold, StringComparer.Ordinal)).ToArray();
        var segmentations = members[0].Cases;
        var memory = SideBySide.Plan(
            [.. segmentations.Select(
                item => CaseNeed.Of(
                    item.CaseId, item.PredictionFile, image => EnsembleMembers.Bytes(image.Extent, labels, members.Count)))],
            budget, "compare single configurations only (--no-ensemble)", reporter.Info,
            Math.Min(MostAveragedAtOnce, Environment.ProcessorCount), program: MemoryBudget.SmallProgramBytes);
        OrderedWork.Run(
            cases.Length,
            memory.Workers,
            index => memory.Run(index, () =>
            {
                var id = cases[index].CaseId;
                using var maps = new EnsembleMembers([.. folds.Select(fold => fold[id].Probabilities(id))], labels, cancel);
                var geometry = ImageFile.ReadGeometry(segmentations[index].PredictionFile);
                return geometry.Extent == maps.Extent
                    ? (Labels: LabelDecision.Of(maps, labels), Geometry: geometry)
                    : throw new SharpSegException(
                        $"case `{id}`: its probabilities have {maps.Extent} voxels (z, y, x), "
                            + $"`{segmentations[index].PredictionFile}` has {geometry.Extent}",
                        "delete both and validate the fold again with `sharpseg train … --resume --save-probabilities`");
            }),
            (index, result) =>
            {
                SegmentationFile.Write(cases[index].PredictionFile, result.Labels, result.Geometry, labels);
                reporter.Progress((index + 1.0) / cases.Length, $"average case {index + 1}/{cases.Length}");
            },
            cancel, mostAhead: memory.Workers);
    }

    /// <summary>
    /// Scores segmentations and writes the summary to <paramref name="folder"/>, with the names that they will have in
    /// <paramref name="target"/>.
    /// </summary>
    private static EvaluationSummary Evaluate(
        IReadOnlyList<EvaluationCase> cases, string folder, string target, LabelScheme labels, MemoryBudget budget,
        IReporter reporter, CancellationToken cancel)
    {
        var scored = Evaluator.Evaluate(
            cases, labels, new EvaluationOptions { MaxMemory = budget, Info = reporter.Info },
            progress: (done, of) => reporter.Progress((double)done / of, $"case {done}/{of}"), cancel: cancel);
        var summary = EvaluationSummary.Of(
            scored.Classes,
            scored.Cases.Select(
                item => item with { PredictionFile = Path.Combine(target, Path.GetFileName(item.PredictionFile)) }),
            scored.Missing, scored.Failed);
        AtomicFile.WriteText(Workspace.SummaryFile(folder), SummaryJson.ToJson(summary));
        return summary;
    }

    internal static string FolderOf(Workspace work, Candidate candidate)
    {
        if (candidate.IsEnsemble)
        {
            return work.EnsembleFolder(candidate.Configurations[0], candidate.Configurations[1]);
        }

        var (plan, configuration) = work.Locate(candidate.Configurations[0]);
        return plan.CrossValidationFolder(configuration);
    }
}
