using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Inference;
using SharpSeg.AutoPlanner.Workspaces;

namespace SharpSeg.AutoPlanner.Steps;

/// <summary>
/// Averages the saved probabilities of several prediction folders and decides the labels (docs/method/inference.md §9).
/// </summary>
public static class EnsembleRun
{
    private const double PlaceTolerance = 1e-3; // mm, and relative for spacings; headers store float32

    /// <summary>Writes one segmentation per case, with the header of the first folder's.</summary>
    /// <param name="folders">Two or more folders that <c>predict --save-probabilities</c> wrote.</param>
    /// <param name="output">Gets the segmentations.</param>
    /// <param name="description">Labels and file ending.</param>
    /// <param name="saved">Whether and how the averaged probabilities are written, too.</param>
    /// <param name="reporter">Receives progress after every case.</param>
    /// <param name="cancel">Stops between cases.</param>
    /// <param name="budget">Memory that may be taken; null for what the machine has.</param>
    /// <param name="like">
    /// A folder with a scan of each case, or one scan, on whose grids the segmentations are wanted; one folder of predictions is
    /// then enough. Null: on the predicted scans' own.
    /// </param>
    /// <returns>The files written.</returns>
    /// <exception cref="SharpSegException">
    /// The folders differ in cases, sizes, places in space or labels, or the output may not be written.
    /// </exception>
    public static IReadOnlyList<string> Execute(
        IReadOnlyList<string> folders, string output, DatasetDescription description, SavedProbabilities saved,
        IReporter reporter, CancellationToken cancel, MemoryBudget? budget = null,
        string? like = null)
    {
        var scans = File.Exists(like) ? Path.GetDirectoryName(Path.GetFullPath(like)) : like;
        OutputFolder.Check(output, [.. folders, .. new[] { scans }.OfType<string>()]);
        reporter.WritesTo(output);
        var ids = CommonCases(folders, least: like is null ? 2 : 1);
        RequireSameValues(folders, description);
        var grids = new Dictionary<string, ImageGeometry>(StringComparer.Ordinal);
        foreach (var id in ids)
        {
            cancel.ThrowIfCancellationRequested();
            CheckCase(folders, id, description);
            grids[id] = ImageFile.ReadGeometry(like is null ? Segmentation(folders[0], id, description) : GridOf(like, id));
            if (like is not null && grids[id].AffineProblem is { } doubt)
            {
                reporter.Warning($"case `{id}`: {doubt}"); // here the affine is computed with
            }
        }

        var labelsOf = description.Labels;
        long disk = 0;
        var memory = SideBySide.Plan(
            [.. ids.Select(id => CaseNeed.Of(id, Segmentation(folders[0], id, description), image =>
            {
                var extent = grids[id].Extent;
                var planes = like is null ? ProbabilityFile.PlanesInWork(extent) : extent.Z;
                disk += ProbabilityFile.DiskBytes(extent, planes, labelsOf, saved);
                return like is null
                    ? EnsembleMembers.Bytes(extent, labelsOf, folders.Count, saved)
                    : EnsembleMembers.RelocatedBytes(image.Extent, extent, labelsOf, folders.Count, saved);
            }))],
            budget ?? MemoryBudget.OfMachine(), "a machine with more memory", reporter.Info, workers: 1, disk,
            MemoryBudget.SmallProgramBytes);
        Directory.CreateDirectory(output);
        AtomicFile.Sweep(output);
        AtomicFile.WriteText(Path.Combine(output, Dataset.DescriptionFile), description.ToJson());
        if (Path.Combine(folders[0], "plans.json") is var plans && File.Exists(plans))
        {
            AtomicFile.WriteText(Path.Combine(output, "plans.json"), JsonFile.ReadText(plans));
        }

        var written = new List<string>();
        foreach (var id in ids)
        {
            cancel.ThrowIfCancellationRequested();
            reporter.Progress((double)written.Count / ids.Count, $"case {written.Count + 1}/{ids.Count}, {id}");
            var path = Path.Combine(output, id + description.FileEnding);
            memory.Run(written.Count, () =>
            {
                using var members = new EnsembleMembers(Probabilities(folders, id), labelsOf, cancel);
                var maps = like is null ? (IProbabilityMaps)members
                    : Relocated(members, id, Segmentation(folders[0], id, description), grids[id], labelsOf, reporter);
                var labels = LabelDecision.Of(maps, labelsOf);
                if (saved != SavedProbabilities.None)
                {
                    ProbabilityFile.Write(ProbabilityFile.PathOf(output, id), id, maps, labelsOf, saved);
                }

                SegmentationFile.Write(path, labels, grids[id], labelsOf);
            });
            written.Add(path);
        }

        reporter.Progress(1, $"{Counted.Of(written.Count, "segmentation")}");
        return written;
    }

    /// <summary>The scan that says where a case is wanted.</summary>
    private static string GridOf(string like, string id)
    {
        if (File.Exists(like))
        {
            return like;
        }

        string[] found =
        [
            .. ImageFile.Endings.SelectMany(ending => new[] { $"{id}_0000{ending}", id + ending })
                .Select(name => Path.Combine(like, name)).Where(File.Exists),
        ];
        return found switch
        {
            [var only] => only,
            [] => throw new SharpSegException(
                $"`{like}`: no scan of the case `{id}`", $"it holds files like {id}_0000.nii.gz, or is one scan for all cases"),
            _ => throw new SharpSegException(
                $"`{like}`: both `{Path.GetFileName(found[0])}` and `{Path.GetFileName(found[1])}` for the case `{id}`",
                "keep one of them"),
        };
    }

    private static RelocatedMaps Relocated(
        IProbabilityMaps maps, string id, string segmentation, ImageGeometry grid, LabelScheme labels, IReporter reporter)
    {
        var relocated = new RelocatedMaps(maps, ImageFile.ReadGeometry(segmentation), grid, labels.HasRegions);
        var (outside, all) = (relocated.VoxelsOutside(), grid.Extent.Voxels);
        if (outside == all)
        {
            throw new SharpSegException(
                $"case `{id}`: the grid that is asked for has no voxel in common with `{segmentation}`",
                "--like takes scans of the same patients, whose headers say where they lie");
        }

        if (outside > 0)
        {
            reporter.Warning(
                $"case `{id}`: {outside} of {all} voxels lie outside the scan that was predicted; they are background");
        }

        return relocated;
    }

    private static IReadOnlyCollection<string> CommonCases(IReadOnlyList<string> folders, int least)
    {
        if (folders.Count < least)
        {
            throw new SharpSegException(
                "an ensemble needs two or more folders of predictions", "`sharpseg predict … --save-probabilities` writes one");
        }

        var first = CasesIn(folders[0]);
        foreach (var folder in folders.Skip(1))
        {
            var other = CasesIn(folder);
            if (first.Except(other).FirstOrDefault() is { } missing)
            {
                throw Lacks(folder, missing, folders[0]);
            }

            if (other.Except(first).FirstOrDefault() is { } extra)
            {
                throw Lacks(folders[0], extra, folder);
            }
        }

        return first;
    }

    /// <summary>What the averaged labels are written as is what every member wrote (docs/method/datasets.md §5).</summary>
    private static void RequireSameValues(IReadOnlyList<string> folders, DatasetDescription description)
    {
        foreach (var path in folders.Select(folder => Path.Combine(folder, Dataset.DescriptionFile)).Where(File.Exists))
        {
            var (own, wanted) = (DatasetDescription.FromJson(JsonFile.ReadText(path), path).Labels, description.Labels);
            foreach (var label in own.AllLabels.Intersect(wanted.AllLabels))
            {
                if (own.OriginalValue(label) is var value && wanted.OriginalValue(label) is var other && value != other)
                {
                    throw new SharpSegException(
                        $"`{path}`: `{own.OriginalNames[value]}` has the value {value}, but {other} in the other dataset.json",
                        "average predictions of one dataset, or of copies that were repaired alike");
                }
            }
        }
    }

    private static SortedSet<string> CasesIn(string folder)
    {
        if (!Directory.Exists(folder))
        {
            throw new SharpSegException(
                $"`{folder}`: no such folder", "give folders that `sharpseg predict … --save-probabilities` wrote");
        }

        var ids = Directory.EnumerateFiles(folder, "*" + ProbabilityFile.Ending)
            .Select(path => Path.GetFileName(path)).Where(name => !name.StartsWith('.'))
            .Select(name => name[..^ProbabilityFile.Ending.Length]);
        var found = new SortedSet<string>(ids, StringComparer.Ordinal);
        return found.Count > 0
            ? found
            : throw new SharpSegException(
                $"`{folder}`: no class probabilities (*{ProbabilityFile.Ending})", "predict into it with --save-probabilities");
    }

    private static SharpSegException Lacks(string folder, string id, string where) => new(
        $"`{ProbabilityFile.PathOf(folder, id)}`: no such file, but `{where}` has the case `{id}`",
        "predict the same cases with every member");

    /// <summary>All members of a case can be averaged, and lie on one grid.</summary>
    private static void CheckCase(IReadOnlyList<string> folders, string id, DatasetDescription description)
    {
        using var members = new EnsembleMembers(Probabilities(folders, id), description.Labels);
        ImageGeometry? first = null;
        foreach (var folder in folders)
        {
            var path = Segmentation(folder, id, description);
            var geometry = File.Exists(path)
                ? ImageFile.ReadGeometry(path)
                : throw new SharpSegException(
                    $"`{path}`: no such file", "it is written beside the probabilities and says where they lie in space");
            if (geometry.Extent != members.Extent)
            {
                throw new SharpSegException(
                    $"`{path}`: {geometry.Extent} voxels (z, y, x), but its probabilities have {members.Extent}",
                    "predict the case again with --save-probabilities");
            }

            first ??= geometry;
            if (!SamePlace(first, geometry))
            {
                throw new SharpSegException(
                    $"`{path}` lies elsewhere in space than `{Segmentation(folders[0], id, description)}`",
                    "all members must be predictions of the same scans");
            }
        }
    }

    private static bool SamePlace(ImageGeometry a, ImageGeometry b) =>
        Enumerable.Range(0, 3).All(axis => Math.Abs(a.Spacing[axis] - b.Spacing[axis]) <= PlaceTolerance * a.Spacing[axis])
        && a.Affine.Length == b.Affine.Length
        && a.Affine.Zip(b.Affine)
            .All(pair => Math.Abs(pair.First - pair.Second) <= PlaceTolerance * Math.Max(1, Math.Abs(pair.First)));

    private static string[] Probabilities(IReadOnlyList<string> folders, string id) =>
        [.. folders.Select(folder => ProbabilityFile.PathOf(folder, id))];

    private static string Segmentation(string folder, string id, DatasetDescription description) =>
        Path.Combine(folder, id + description.FileEnding);
}
