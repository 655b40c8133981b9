using System.Runtime.InteropServices;
using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Evaluation;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Workspaces;

namespace SharpSeg.AutoPlanner.Steps;

/// <summary>Prediction with a model of several parts, whose labels are merged by name (docs/method/import.md §6).</summary>
internal static class PartsPrediction
{
    /// <summary>
    /// Segments with one model after the other, each loaded once, and merges their labels by name; later models write over
    /// earlier ones. Between models the merged maps wait in a temporary folder.
    /// </summary>
    public static List<string> Execute(
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
        var cases = request.FindCases(description, reporter.Warning);
        var choices = parts.Select(part => PredictionRun.Choose(
            request with { Work = part.Work }, part.Work.ReadDescription().Labels, reporter)).ToArray();
        PredictionOutput.Take(request, cases, description, reporter);
        string PathOf(DatasetCase item) => request.PathOf(item.Id, description);
        var failures = new CaseFailures(cases.Count, reporter.Warning);
        var mine = PredictionRun.Usable(
            request, cases, description, choices[0].Members[0].Plans, failures, reporter, cancel);
        var needs = new Dictionary<string, long>[parts.Count];
        var progress = new CohortProgress([]);
        for (var p = 0; p < parts.Count; p++)
        {
            (mine, needs[p], progress) = PredictionNeeds.Fitting(
                request, choices[p], parts[p].Work.ReadDescription(), mine, failures, networks.Backend, reporter);
        }

        PredictionOutput.Prepare(request, description);
        var failed = new HashSet<string>();
        using var scratch = ScratchFolder.Make("parts");
        for (var p = 0; p < parts.Count; p++)
        {
            var own = parts[p].Work.ReadDescription();
            var table = LabelMerge.Table(own.Labels, description.Labels);
            reporter.Info(
                $"part {p + 1}/{parts.Count}, {parts[p].Name}: {choices[p].Describe(own.Labels)}; {Counted.Of(mine.Count, "case")}");
            var loaded = networks.Load(choices[p], own, request, needs[p].Values.DefaultIfEmpty(0).Max());
            for (var i = 0; i < mine.Count; i++)
            {
                cancel.ThrowIfCancellationRequested();
                var (item, file) = (mine[i], Path.Combine(scratch.Path, $"{i}"));
                var (part, number, detail) = (p, i, $"part {p + 1}/{parts.Count}, case {i + 1}/{mine.Count}, {item.Id}");
                void Report(double done) => reporter.Progress((part + progress.At(number, done)) / parts.Count, detail);
                Report(0);
                if (failed.Contains(item.Id) || !failures.Try(item.Id, () => MemoryBudget.Guard(
                    item.ImageFiles[0], needs[p][item.Id], PredictionNeeds.WithLess,
                    () => Segment(p, item, file, table, Report))))
                {
                    failed.Add(item.Id);
                }
            }

            void Segment(int part, DatasetCase item, string file, short[] table, Action<double> report)
            {
                var geometry = ImageFile.ReadGeometry(item.ImageFiles[0]);
                MemoryBudget.GiveBack(geometry.Extent.Voxels); // what scans before it took
                var labels = loaded.Segment(
                    item.Id, geometry, PredictionRun.Source(item, description, reporter), own.Labels, report, null, null, cancel);
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
        reporter.Progress(1, $"{Counted.Of(written.Count, "segmentation")}");
        failures.ThrowIfAny(written);
        return written;
    }
}
