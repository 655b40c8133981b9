using System.Diagnostics;
using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Evaluation;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Inference;
using SharpSeg.AutoPlanner.Preprocessing;
using SharpSeg.AutoPlanner.Training;
using SharpSeg.AutoPlanner.Workspaces;
using SharpSeg.Engine.Backends;

namespace SharpSeg.AutoPlanner.Steps;

/// <summary>
/// Predicts the validation cases of a trained fold on their original grids (docs/method/training.md §11), with the final weights.
/// Cases whose files exist are not predicted again, so an interrupted validation can be continued. The first stage of a cascade
/// also hands its segmentations over to the next one, on that one's grid (docs/method/inference.md §7); the second stage reads
/// them.
/// </summary>
internal static class ValidationRun
{
    private const double MostSecondsPerScoredCase = 0.5, SecondsPerScoredVoxel = 2e-6;
    private const double PredictionMargin = 1.5; // slower tiles at borders, load that comes and goes

    /// <summary>What is set aside for scoring a case, in seconds.</summary>
    /// <param name="voxels">Its size.</param>
    /// <param name="perVoxel">Seconds that a voxel takes.</param>
    internal static double SecondsToScore(long voxels, double perVoxel = SecondsPerScoredVoxel) =>
        Math.Min(MostSecondsPerScoredCase, perVoxel * voxels);

    /// <summary>What predicting and scoring cases will take, in seconds.</summary>
    /// <param name="job">The run.</param>
    /// <param name="ids">The cases.</param>
    /// <param name="speed">The machine's, of views as many as the run's axes give.</param>
    /// <param name="perVoxel">Seconds that a scored voxel takes.</param>
    internal static double SecondsFor(
        TrainingJob job, IEnumerable<string> ids, SpeedProbe speed, double perVoxel = SecondsPerScoredVoxel)
    {
        var (inference, seconds) = (new InferenceOptions(), 0.0);
        foreach (var id in ids)
        {
            using var stored = StoredCase.Open(job.DataFolder, id);
            var passes = Predictor.ForwardPasses(stored.Shape, job.Configuration, inference, job.MirrorAxes.Count, folds: 1);
            seconds += (passes * speed.SecondsPerTile * PredictionMargin) + SecondsToScore(stored.Shape.Voxels, perVoxel);
        }

        return seconds;
    }

    /// <summary>Writes <c>validation/CASE.ext</c> for every validation case.</summary>
    /// <param name="job">A trained run.</param>
    /// <param name="backend">Where to compute.</param>
    /// <param name="options">Tiles and mirroring.</param>
    /// <param name="reporter">Receives progress after every case.</param>
    /// <param name="cancel">Stops between tiles.</param>
    /// <param name="saved">Whether and how the class probabilities, from which ensembles are made, are written, too.</param>
    /// <param name="timeLeft">Time until scoring must be done, too; cases that do not fit into it wait for the next
    /// session.</param>
    /// <param name="maxMemory">Memory that may be taken; null for what the machine has.</param>
    /// <exception cref="SharpSegException">The device failed; cases already predicted stay.</exception>
    public static void Execute(
        TrainingJob job, Backend backend, InferenceOptions options, IReporter reporter, CancellationToken cancel,
        SavedProbabilities saved = SavedProbabilities.None, Func<TimeSpan>? timeLeft = null, MemoryBudget? maxMemory = null)
    {
        try
        {
            Predict(job, backend, options, saved, timeLeft, maxMemory ?? MemoryBudget.OfMachine(), reporter, cancel);
        }
        catch (Exception e) when (backend.FailureOf(e) is { } failure)
        {
            throw new SharpSegException(
                $"predicting fold {job.FoldName} ended: {failure.Message}",
                "the same command with --resume continues, on any device", failure);
        }
    }

    /// <summary>Scores the predictions against the dataset's own labels and keeps <c>summary.json</c> beside them.</summary>
    /// <param name="job">A run whose validation cases are predicted.</param>
    /// <param name="dataset">Where the references are.</param>
    /// <param name="surface">Also HD95 and NSD.</param>
    /// <param name="reporter">Receives progress after every case.</param>
    /// <param name="cancel">Ends at once.</param>
    /// <param name="maxMemory">Memory that may be taken; null for what the machine has.</param>
    public static EvaluationSummary Score(
        TrainingJob job, Dataset dataset, bool surface, IReporter reporter, CancellationToken cancel,
        MemoryBudget? maxMemory = null)
    {
        var folder = Workspace.ValidationFolder(job.Folder);
        var references = dataset.TrainingCases.ToDictionary(c => c.Id, c => c.LabelFile, StringComparer.Ordinal);
        var cases = job.ValidationCases.Select(id => new EvaluationCase(
            id,
            references.GetValueOrDefault(id) ?? throw new SharpSegException($"case `{id}` has no label in {dataset.Folder}"),
            Path.Combine(folder, id + job.Description.FileEnding))).ToArray();
        var predicted = cases.Where(item => File.Exists(item.PredictionFile)).ToArray();
        var scored = Evaluator.Evaluate(
            predicted, job.Description.Labels, new EvaluationOptions { Surface = surface, MaxMemory = maxMemory },
            (done, of) => reporter.Progress((double)done / of, $"case {done}/{of}"), cancel);
        var summary = EvaluationSummary.Of(
            scored.Classes, scored.Cases, [.. cases.Except(predicted).Select(item => item.CaseId)]);
        foreach (var warning in summary.Cases.SelectMany(item => item.Warnings))
        {
            reporter.Warning(warning);
        }

        AtomicFile.WriteText(Workspace.SummaryFile(folder), SummaryJson.ToJson(summary));
        return summary;
    }

    private static void Predict(
        TrainingJob job, Backend backend, InferenceOptions options, SavedProbabilities saved, Func<TimeSpan>? timeLeft,
        MemoryBudget budget, IReporter reporter, CancellationToken cancel)
    {
        var folder = Workspace.ValidationFolder(job.Folder);
        Directory.CreateDirectory(folder);
        var labels = job.Description.Labels;
        var plan = job.Configuration.NetworkFor(job.Plans.Profile, job.Description);
        using var network = Checkpoint.LoadNetwork(
            Workspace.FinalCheckpoint(job.Folder), plan, backend, PreprocessingRecipe.From(job.Plans, job.Configuration),
            out var mirrorAxes);
        using var predictor = new Predictor(
            backend, [network], job.Configuration, job.Plans.Profile, labels.HasRegions, mirrorAxes, options);
        var memory = new PredictionMemory(
            job.Plans, job.Configuration, job.Description, folds: 1, options, budget, backend);
        var nextStages = PreparedNextStages(job, reporter).ConvertAll(stage => (
            Stage: stage, Origin: new HandOverOrigin(
                Workspace.RunsIn(Path.GetDirectoryName(job.Folder)!), stage.Folder, job.Description.FileEnding)));
        var fingerprint = nextStages.Count == 0 ? "" : Checkpoint.FingerprintOf(Workspace.FinalCheckpoint(job.Folder));
        var clock = Stopwatch.StartNew();
        var predictedVoxels = 0L;
        var scoring = 0.0;
        for (var i = 0; i < job.ValidationCases.Count; i++)
        {
            var id = job.ValidationCases[i];
            reporter.Progress((double)i / job.ValidationCases.Count, $"case {i + 1}/{job.ValidationCases.Count}, {id}");
            var path = Path.Combine(folder, id + job.Description.FileEnding);
            var probabilities = ProbabilityFile.PathOf(folder, id);
            if (File.Exists(path) && ProbabilityFile.Exists(probabilities, saved)
                && nextStages.All(next => next.Origin.FoldOf(id) is { } writer
                    && (writer == job.Fold || job.Fold == Splits.AllCases)))
            {
                scoring += MostSecondsPerScoredCase;
                continue;
            }

            using var stored = StoredCase.Open(job.DataFolder, id);
            var voxels = stored.Shape.Voxels;
            scoring += SecondsToScore(voxels);
            if (timeLeft is not null && predictedVoxels > 0
                && timeLeft().TotalSeconds < (clock.Elapsed.TotalSeconds * voxels / predictedVoxels) + scoring)
            {
                reporter.Warning(
                    $"the time is over: {i} of {job.ValidationCases.Count} validation cases are predicted, the scores are "
                        + "theirs; the same command with --resume does the rest");
                return;
            }

            var geometry = ImageFile.ReadGeometry(stored.Properties.SourceFiles[0]);
            MemoryBudget.Guard(
                stored.Properties.SourceFiles[0], memory.OfStored(stored.Properties, saved).PeakBytes,
                "set --max-memory to what is really free; --resume continues with this case",
                () => PredictCase(stored, geometry, path));
            MemoryBudget.GiveBack(geometry.Extent.Voxels);
            predictedVoxels += voxels;
        }

        reporter.Progress(1, $"{Counted.Of(job.ValidationCases.Count, "case")}");

        void PredictCase(StoredCase stored, ImageGeometry geometry, string path)
        {
            stored.Verify();
            var id = stored.Properties.CaseId;
            var cut = memory.CutOfStored(stored.Properties, saved);
            using var previous = PreviousStageOf(job, id);
            var input = InputOf(job, stored, previous);
            using var outputs = cut.IsWhole
                ? predictor.Predict(input, cancel)
                : predictor.PredictToFile(input, cut, folder, cancel);

            // One after the other, each giving back what it took; a method of its own holds no array of the one before.
            foreach (var (stage, origin) in nextStages)
            {
                HandOver(job, stage, origin, fingerprint, stored, outputs, cancel);
                MemoryBudget.GiveBack(geometry.Extent.Voxels);
            }

            WriteLabels(path, outputs, stored.Properties, geometry, job, cancel);
            MemoryBudget.GiveBack(geometry.Extent.Voxels);
            if (saved != SavedProbabilities.None)
            {
                using var maps = new PredictedMaps(
                    outputs, stored.Properties, job.Plans, job.Configuration, labels,
                    memory.PlanesOf(stored.Properties, cut, saved), cancel);
                ProbabilityFile.Write(ProbabilityFile.PathOf(folder, id), id, maps, labels, saved);
            }
        }
    }

    /// <summary>The first stage's segmentation of a case, to be disposed of; null outside a cascade.</summary>
    internal static PreviousStageFile? PreviousStageOf(TrainingJob job, string id) => job.PreviousStageFolder is { } folder
        ? PreviousStageFile.Open(folder, id, job.Configuration.PreviousStage!)
        : null;

    /// <summary>What a run's network is shown of a case.</summary>
    internal static ITileSource InputOf(TrainingJob job, StoredCase stored, PreviousStageFile? previous) => previous is null
        ? new StoredImage(stored)
        : new CascadeInput(
            new StoredImage(stored), new StoredCaseSource(stored, previous).ReadPreviousStage,
            job.Configuration.MaskLabels(job.Description.Labels));

    private static void WriteLabels(
        string path, NetworkOutputs outputs, CaseProperties properties, ImageGeometry geometry, TrainingJob job,
        CancellationToken cancel)
    {
        var labels = job.Description.Labels;
        SegmentationFile.Write(
            path,
            SegmentationExporter.ToOriginalGrid(outputs, properties, job.Plans, job.Configuration, labels, cancel), geometry,
            labels);
    }

    /// <summary>The next stages whose grids are known; the others get a warning: not everybody wants the cascade.</summary>
    private static List<NextStage> PreparedNextStages(TrainingJob job, IReporter reporter)
    {
        var prepared = new List<NextStage>();
        foreach (var stage in job.NextStages)
        {
            if (job.ValidationCases.All(id => StoredCase.Exists(stage.DataFolder, id)))
            {
                prepared.Add(stage);
            }
            else
            {
                reporter.Warning(
                    $"nothing is handed over to {stage.Name}, which is not preprocessed: for the cascade, preprocess it and "
                        + "repeat this command with --resume");
            }
        }

        return prepared;
    }

    private static void HandOver(
        TrainingJob job, NextStage stage, HandOverOrigin origin, string fingerprint, StoredCase stored, NetworkOutputs outputs,
        CancellationToken cancel)
    {
        // Fold `all` trained on the case: its segmentation is used only where no other fold has left one.
        var id = stored.Properties.CaseId;
        if (job.Fold == Splits.AllCases && origin.FoldOf(id) is not null and not Splits.AllCases)
        {
            return;
        }

        using var next = StoredCase.Open(stage.DataFolder, id);
        PreviousStageFile.Write(stage.Folder, id, next.Shape, SegmentationExporter.ToNextStage(
            outputs, next.Shape, job.Plans.Profile, job.Configuration, job.Description.Labels, cancel));
        HandOverOrigin.Record(stage.Folder, id, job.Fold, fingerprint);
    }
}
