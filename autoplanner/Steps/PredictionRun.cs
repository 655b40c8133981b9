using System.Diagnostics;
using System.Runtime.InteropServices;
using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Evaluation;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Inference;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Workspaces;
using SharpSeg.Engine.Backends;

namespace SharpSeg.AutoPlanner.Steps;

/// <summary>
/// Segments new scans: with the averaged networks of one configuration's folds, or, if best.json says so, with the averaged
/// probabilities of two configurations and its postprocessing.
/// </summary>
public static class PredictionRun
{
    private static readonly TimeSpan Noticed = TimeSpan.FromSeconds(2); // headers of DICOM series take seconds each

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

    /// <summary>
    /// The same on several devices, each with an equal share of what there is to segment, in mm³, and of the memory.
    /// </summary>
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

        var description = request.Work.ReadDescription();
        var left = OfPart(request, request.FindCases(description), description);
        var divided = EvenShares.Of([.. left.Select(item => (item.Id, CubicMillimetres(item)))], devices.Count);
        if (divided.Count < 2)
        {
            return Execute(request, devices[0].Backend, openProcessor, reporter, cancel);
        }

        var all = new DeviceWork(devices, reporter, cancel);
        var budget = all.Share(request.Budget)!;
        var shares = all.Run(
            [.. Enumerable.Range(0, divided.Count)], (_, _) => false, share => $"share {share + 1} of {divided.Count}",
            beginning => request with
            {
                Only = divided[beginning.Piece].ToHashSet(StringComparer.Ordinal),
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
            return PartsPrediction.Execute(request, parts, networks, reporter, cancel);
        }

        var work = request.Work;
        var description = work.ReadDescription();
        var labels = description.Labels;
        var cases = request.FindCases(description, reporter.Warning);
        var choice = Choose(request, labels, reporter);
        PredictionOutput.Take(request, cases, description, reporter);
        var failures = new CaseFailures(cases.Count, reporter.Warning);
        var mine = Usable(request, cases, description, choice.Members[0].Plans, failures, reporter, cancel);
        (mine, var needs, var progress) =
            PredictionNeeds.Fitting(request, choice, description, mine, failures, networks.Backend, reporter);
        PredictionOutput.Prepare(request, description);
        if (!request.IsFile)
        {
            AtomicFile.WriteText(Path.Combine(request.Output, "plans.json"), JsonFile.ReadText(choice.Members[0].Work.PlansFile));
        }

        var loaded = networks.Load(choice, description, request, needs.Values.DefaultIfEmpty(0).Max());
        reporter.Info($"{choice.Describe(labels)}; {Counted.Of(mine.Count, "case")}");
        return Predict(request, choice.Postprocessing, loaded, mine, needs, progress, failures, description, reporter, cancel);
    }

    private static List<string> Predict(
        PredictionRequest request, PostprocessingSteps postprocessing, LoadedMembers loaded,
        IReadOnlyList<DatasetCase> cases, Dictionary<string, long> needs, CohortProgress progress, CaseFailures failures,
        DatasetDescription description, IReporter reporter, CancellationToken cancel)
    {
        var labels = description.Labels;
        var written = new List<string>();
        for (var i = 0; i < cases.Count; i++)
        {
            cancel.ThrowIfCancellationRequested();
            var (item, number, detail) = (cases[i], i, $"case {i + 1}/{cases.Count}, {cases[i].Id}");
            var path = request.PathOf(item.Id, description);
            var probabilities = ProbabilityFile.PathOf(request.Output, item.Id);
            reporter.Progress(progress.At(i, done: 0), detail);
            failures.Try(item.Id, () => MemoryBudget.Guard(item.ImageFiles[0], needs[item.Id], PredictionNeeds.WithLess, () =>
            {
                var geometry = ImageFile.ReadGeometry(item.ImageFiles[0]);
                MemoryBudget.GiveBack(geometry.Extent.Voxels); // what scans before it took
                LabelImage Given() => GivenFirstStage.Read(request.PreviousStage!, item.Id, geometry, description);
                var segmentation = loaded.Segment(
                    item.Id, geometry, Source(item, description, reporter), labels,
                    done => reporter.Progress(progress.At(number, done), detail), Given,
                    request.SavesProbabilities ? probabilities : null, cancel);

                postprocessing.Apply(segmentation, geometry.Extent);
                SegmentationFile.Write(path, segmentation, geometry, labels);
                written.Add(path);
            }));
        }

        reporter.Progress(1, $"{Counted.Of(written.Count, "segmentation")}");
        failures.ThrowIfAny(written);
        return written;
    }

    /// <summary>Of all cases those of the request's part that are not done, and whose headers fit the model.</summary>
    internal static IReadOnlyList<DatasetCase> Usable(
        PredictionRequest request, IReadOnlyList<DatasetCase> cases, DatasetDescription description, Plans plans,
        CaseFailures failures, IReporter reporter, CancellationToken cancel)
    {
        var clock = Stopwatch.StartNew();
        DatasetCase[] asked = [.. OfPart(request, cases, description)];
        return failures.Left(
            [.. asked.Where((item, i) =>
            {
                cancel.ThrowIfCancellationRequested();
                if (clock.Elapsed > Noticed)
                {
                    reporter.Progress(0, $"header {i + 1}/{asked.Length}, {item.Id}");
                }

                return failures.Try(item.Id, () =>
                {
                    var scan = PredictionInputs.CheckHeaders(item, description, reporter.Warning);
                    if (plans.DoubtOf(scan) is { } doubt)
                    {
                        reporter.Warning($"case `{item.Id}`: {doubt}");
                    }
                });
            })]);
    }

    /// <summary>To which part of a cohort a case belongs, by its place among all.</summary>
    internal static int PartOf(int place, int parts) => place % parts;

    private static IEnumerable<DatasetCase> OfPart(
        PredictionRequest request, IReadOnlyList<DatasetCase> cases, DatasetDescription description) =>
        cases.Where((_, i) => PartOf(i, request.Parts) == request.Part)
            .Where(item => request.Only?.Contains(item.Id) ?? true)
            .Where(item => !request.Skips(item.Id, description));

    /// <summary>To which the voxels that a network sees are proportional, however finely a scan was sampled.</summary>
    internal static double CubicMillimetres(ImageGeometry scan) =>
        scan.Extent.Voxels * scan.Spacing.Z * scan.Spacing.Y * scan.Spacing.X;

    /// <summary>The same; 0 for a case that cannot be read, which fails in its turn.</summary>
    private static double CubicMillimetres(DatasetCase item)
    {
        try
        {
            return CubicMillimetres(ImageFile.ReadGeometry(item.ImageFiles[0]));
        }
        catch (SharpSegException)
        {
            return 0;
        }
    }

    /// <summary>A case's scan; a channel with one value everywhere is a warning, once.</summary>
    internal static ScanSource Source(DatasetCase item, DatasetDescription description, IReporter reporter)
    {
        var told = new HashSet<int>();
        return new(
            () =>
            {
                var scan = Dataset.LoadImage(item, description);
                foreach (var (c, channel) in scan.Channels.Index())
                {
                    if (!channel.AsSpan().ContainsAnyExcept(channel[0]))
                    {
                        Tell(c, channel[0]);
                    }
                }

                return scan;
            },
            item.ImageFiles, Tell);

        void Tell(int channel, float value)
        {
            if (told.Add(channel))
            {
                reporter.Warning(
                    FormattableString.Invariant($"case `{item.Id}`: channel {channel}, {description.ChannelNames[channel]}, ")
                        + FormattableString.Invariant($"is constant: every voxel is {value}"));
            }
        }
    }

    /// <summary>The networks that the request asks for.</summary>
    /// <param name="request">The model.</param>
    /// <param name="labels">Its labels.</param>
    /// <param name="reporter">Receives doubts about them; null where they were told before.</param>
    /// <exception cref="SharpSegException">Nothing is trained, or the request does not fit it.</exception>
    internal static ModelChoice Choose(PredictionRequest request, LabelScheme labels, IReporter? reporter)
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

        if (request.PreviousStage is { } folder)
        {
            GivenFirstStage.RequireSameLabels(folder, labels);
        }

        choice = request.Postprocess ? choice : choice with { Postprocessing = PostprocessingSteps.None };
        foreach (var doubt in choice.Doubts())
        {
            reporter?.Warning(doubt);
        }

        return choice;
    }
}
