using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Inference;

namespace SharpSeg.AutoPlanner.Steps;

/// <summary>Segments one scan in memory, by the rules of <see cref="PredictionRun"/>.</summary>
public static class ScanPrediction
{
    /// <summary>Loads the networks of a model, so that what is wrong with it shows at once.</summary>
    /// <param name="request">Model and options.</param>
    /// <param name="networks">Keeps them; of several parts it keeps the first, the others are only looked for.</param>
    /// <param name="reporter">Receives what should be known of the model.</param>
    /// <exception cref="SharpSegException">A network is missing or damaged.</exception>
    public static void Load(PredictionRequest request, LoadedNetworks networks, IReporter reporter)
    {
        foreach (var (p, part) in PartsOf(request).Index())
        {
            var description = part.Work.ReadDescription();
            var choice = PredictionRun.Choose(request with { Work = part.Work }, description.Labels, reporter);
            if (p == 0)
            {
                networks.Load(choice, description, request, scanBytes: 0);
            }
        }
    }

    /// <summary>The labels of a scan.</summary>
    /// <param name="request">Model and options; inputs, output and cases are not looked at.</param>
    /// <param name="scan">The scan; it is not changed.</param>
    /// <param name="networks">Where the networks run, and those that were loaded before.</param>
    /// <param name="reporter">Receives progress after every group of tiles.</param>
    /// <param name="cancel">Stops between tiles.</param>
    /// <returns>Labels (z, y, x) on the scan's own grid, with the values that a file would have.</returns>
    /// <exception cref="SharpSegException">
    /// The scan's channels are not the model's, it does not fit into memory, or the device failed.
    /// </exception>
    public static LabelImage Segment(
        PredictionRequest request, MedicalImage scan, LoadedNetworks networks, IReporter reporter, CancellationToken cancel)
    {
        try
        {
            var labels = request.Work.ReadDescription().Labels;
            return new LabelImage(
                scan.Geometry,
                SegmentationFile.WithOriginalValues(Labels(request, scan, networks, reporter, cancel), labels));
        }
        catch (Exception e) when (networks.Backend.FailureOf(e) is { } failure)
        {
            throw new SharpSegException($"predicting ended: {failure.Message}", "another device may do", failure);
        }
    }

    private static short[] Labels(
        PredictionRequest request, MedicalImage scan, LoadedNetworks networks, IReporter reporter, CancellationToken cancel)
    {
        var description = request.Work.ReadDescription();
        if (scan.Channels.Count != description.ChannelNames.Count)
        {
            throw new SharpSegException(
                $"the scan has {Counted.Of(scan.Channels.Count, "channel")}, the model was trained on {description.ChannelNames.Count} "
                    + $"({string.Join(", ", description.ChannelNames)})");
        }

        // Every stage works on its scan in place.
        MedicalImage Copy() => scan with { Channels = scan.Channels.Select(channel => (float[])channel.Clone()).ToArray() };
        var parts = PartsOf(request);
        short[]? merged = null;
        foreach (var (p, part) in parts.Index())
        {
            var own = part.Work.ReadDescription();
            var choice = PredictionRun.Choose(request with { Work = part.Work }, own.Labels, reporter: null);
            var needs = PredictionNeeds.Of(
                request, choice, own, [("scan", [], scan.Geometry)], Fits, networks.Backend, reporter);
            var labels = networks.Load(choice, own, request, needs.Values.Max()).Segment(
                "scan", scan.Geometry, new ScanSource(Copy, []), own.Labels,
                done => reporter.Progress((p + done) / parts.Count, parts.Count > 1 ? part.Name : "tiles"), null, null, cancel);
            choice.Postprocessing.Apply(labels, scan.Extent);
            if (parts.Count == 1)
            {
                return labels;
            }

            merged ??= new short[labels.Length];
            LabelMerge.Over(merged, labels, LabelMerge.Table(own.Labels, description.Labels));
        }

        return merged!;
    }

    // There is no other scan that could go on.
    private static bool Fits(string name, Action check)
    {
        check();
        return true;
    }

    private static IReadOnlyList<ModelPart> PartsOf(PredictionRequest request) =>
        request.ModelParts is { Count: > 0 } several ? several : [new("", request.Work)];
}
