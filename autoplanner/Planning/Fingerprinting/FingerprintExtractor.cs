using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Imaging;

namespace SharpSeg.AutoPlanner.Planning.Fingerprinting;

/// <summary>
/// One pass over the training cases in order of their ids (docs/method/planning.md §1). Memory: one case per worker and some
/// kilobytes per case done. The result does not depend on the number of workers.
/// </summary>
internal static class FingerprintExtractor
{
    private const int Shown = 5; // names in a line

    /// <summary>Measures a dataset.</summary>
    /// <param name="dataset">The dataset; its files are only read.</param>
    /// <param name="profile">Decides how intensities are pooled.</param>
    /// <param name="workers">Cases at the same time, each on its own thread.</param>
    /// <param name="progress">Called with (cases done, cases) from the worker threads, never at the same time.</param>
    /// <param name="warn">Receives a line on each doubtful spacing and affine, and one on labels that lie elsewhere.</param>
    /// <param name="cancel">Ends at once.</param>
    /// <exception cref="SharpSegException">A case is unusable; the message names the first such case.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static Fingerprint Extract(
        Dataset dataset, Profile profile, int workers, Action<int, int>? progress = null, Action<string>? warn = null,
        CancellationToken cancel = default)
    {
        var cases = dataset.TrainingCases;
        var scheme = dataset.Description.Labels;
        var poolings = dataset.Description.ChannelNames.Select(_ => IntensityPooling.Of(profile, cases.Count)).ToArray();
        var measured = new List<CaseMeasurement>(cases.Count);
        OrderedWork.Run(
            cases.Count,
            workers,
            i =>
            {
                var need = CaseMeasurement.Need(cases[i], poolings.Length);
                return MemoryBudget.Guard(
                    need.File, need.Bytes + MemoryBudget.ProgramBytes,
                    "set --max-memory to what is really free, so that fewer cases go side by side",
                    () => CaseMeasurement.Of(dataset, cases[i], poolings));
            },
            (i, measurement) =>
            {
                for (var channel = 0; channel < measurement.Intensities.Count; channel++)
                {
                    poolings[channel].Add(measurement.Intensities[channel]);
                }

                measured.Add(measurement with { Intensities = [] });
                foreach (var problem in measurement.HeaderProblems)
                {
                    warn?.Invoke($"case `{cases[i].Id}`: {problem}");
                }

                progress?.Invoke(i + 1, cases.Count);
            },
            cancel);
        if (cases.Zip(measured).Where(pair => pair.Second.LabelsLieElsewhere).Select(pair => pair.First.Id).ToArray()
            is { Length: > 0 } elsewhere)
        {
            warn?.Invoke(
                $"{Counted.Of(elsewhere.Length, "label map")} of {Counted.Of(cases.Count, "case")} "
                    + $"{(elsewhere.Length == 1 ? "lies" : "lie")} elsewhere in space than the image: "
                    + $"{Counted.First(elsewhere, Shown)}; voxels are taken "
                    + $"by their position in the file (`sharpseg verify {dataset.Folder}` shows by how much)");
        }

        var spacings = Spacings(cases, measured);
        foreach (var (i, doubt) in SpacingUnits.Among([.. measured.Zip(spacings, (one, own) => (one.Extent, own))]))
        {
            warn?.Invoke($"case `{cases[i].Id}`: {doubt}");
        }

        return new Fingerprint
        {
            CaseIds = [.. cases.Select(item => item.Id)],
            Spacings = spacings,
            ShapesAfterCrop = [.. measured.Select(one => one.ShapeAfterCrop)],
            MedianRelativeSizeAfterCropping = OrderStatistics.Median(measured.Select(one => one.RelativeSize)),
            MeanRelativeSizeAfterCropping = measured.Sum(one => one.RelativeSize) / measured.Count,
            IntensityProperties = [.. poolings.Select(pooling => pooling.Finish())],
            Classes = [.. scheme.EvaluatedClasses.Select((entry, k) => new ClassFacts(
                entry.Name,
                entry.Values,
                measured.Sum(one => one.ClassVoxels[k]),
                measured.Count(one => one.ClassVoxels[k] > 0),
                measured.Max(one => one.ClassComponents[k])))],
            LeftRightAxes = [.. measured.Select(one => one.LeftRightAxis).Distinct().Order()],
            Profile = profile,
            DataHash = DataHash.Of(dataset),
        };
    }

    /// <summary>
    /// The cases' spacings. Whether an axis is one of the image is a matter of the whole dataset: along an axis on which every
    /// case has one voxel, the spacing becomes the coarsest (docs/method/datasets.md §6.7), so that slices are planned in 2D
    /// whichever axis is flat.
    /// </summary>
    /// <exception cref="SharpSegException">Only some cases are 2D images without a slice thickness.</exception>
    private static Spacing[] Spacings(IReadOnlyList<DatasetCase> cases, List<CaseMeasurement> measured)
    {
        double[][] spacings = [.. measured.Select(one => one.Spacing.ToArray())];
        for (var axis = 0; axis < 3; axis++)
        {
            if (measured.All(one => one.Extent[axis] == 1))
            {
                foreach (var spacing in spacings)
                {
                    var others = Enumerable.Range(0, 3).Where(other => other != axis).Max(other => spacing[other]);
                    spacing[axis] = ImageFormat.CoarsestFactor * others;
                }
            }
            else if (axis == 0
                && measured.FindIndex(one => ImageFormat.IsWithoutThickness(one.Extent, one.Spacing)) is var flat and >= 0)
            {
                throw new SharpSegException(
                    $"case `{cases[flat].Id}` is a 2D image without a slice thickness, other cases are volumes",
                    "give its header a third axis with the thickness in mm, or leave the case out");
            }
        }

        return [.. spacings.Select(Spacing.FromArray)];
    }
}
