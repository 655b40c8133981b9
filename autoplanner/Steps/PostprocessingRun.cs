using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Evaluation;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Volumes;
using SharpSeg.AutoPlanner.Workspaces;

namespace SharpSeg.AutoPlanner.Steps;

/// <summary>Applies the decided steps to segmentation files; the originals stay as they are.</summary>
public static class PostprocessingRun
{
    /// <summary>Postprocesses every segmentation of a folder.</summary>
    /// <param name="folder">Holds the segmentations.</param>
    /// <param name="output">Gets those of the same names.</param>
    /// <param name="steps">What to do.</param>
    /// <param name="description">Labels and file ending.</param>
    /// <param name="reporter">Receives progress after every case.</param>
    /// <param name="cancel">Ends at once.</param>
    /// <param name="budget">Memory that may be taken; null for what the machine has.</param>
    /// <returns>Per case, how many voxels became background.</returns>
    /// <exception cref="SharpSegException">
    /// No segmentation, a damaged one, or an output folder that may not be written.
    /// </exception>
    public static IReadOnlyDictionary<string, long> Execute(
        string folder, string output, PostprocessingSteps steps, DatasetDescription description, IReporter reporter,
        CancellationToken cancel, MemoryBudget? budget = null)
    {
        var ids = Evaluator.CasesIn(folder, description.FileEnding);
        if (ids.Count == 0)
        {
            throw new SharpSegException(
                $"`{folder}`: no file ends in {description.FileEnding}", "give a folder of segmentations");
        }

        OutputFolder.Check(output, folder);
        reporter.WritesTo(output);
        Directory.CreateDirectory(output);
        var removed = Execute([.. ids], folder, output, steps, description, reporter, cancel, budget);
        AtomicFile.WriteText(Path.Combine(output, Dataset.DescriptionFile), description.ToJson());
        return removed;
    }

    /// <summary>Postprocesses the segmentations of some cases into a folder that is there.</summary>
    internal static IReadOnlyDictionary<string, long> Execute(
        IReadOnlyList<string> ids, string folder, string output, PostprocessingSteps steps, DatasetDescription description,
        IReporter reporter,
        CancellationToken cancel, MemoryBudget? budget = null)
    {
        var removed = new SortedDictionary<string, long>(StringComparer.Ordinal);
        var highest = description.Labels.HighestLabel;
        var memory = SideBySide.Plan(
            [.. ids.Select(id => CaseNeed.Of(
                id, Path.Combine(folder, id + description.FileEnding), image => Bytes(image.Extent.Voxels)))],
            budget ?? MemoryBudget.OfMachine(), "use a machine with more memory", reporter.Info,
            program: MemoryBudget.SmallProgramBytes);
        OrderedWork.Run(
            ids.Count,
            memory.Workers,
            index => memory.Run(index, () =>
            {
                var path = Path.Combine(folder, ids[index] + description.FileEnding);
                var image = SegmentationFile.Read(path, description.Labels);
                if (image.Voxels.FirstOrDefault(label => label < 0 || label > highest) is var odd and not 0)
                {
                    throw new SharpSegException(
                        $"`{path}`: it has the label {odd}, the dataset's end at {highest}",
                        "is it a segmentation of this dataset?");
                }

                memory.Require(
                    index, (image.Voxels.LongLength * sizeof(short)) + ConnectedComponents.Bytes(image.Voxels, image.Extent.X));
                MemoryBudget.GiveBack(image.Voxels.LongLength); // what reading left
                return (Image: image, Removed: steps.Apply(image.Voxels, image.Extent));
            }),
            (index, result) =>
            {
                cancel.ThrowIfCancellationRequested();
                SegmentationFile.Write(
                    Path.Combine(output, ids[index] + description.FileEnding), result.Image.Voxels,
                    result.Image.Geometry, description.Labels);
                removed[ids[index]] = result.Removed;
                reporter.Progress((index + 1.0) / ids.Count, $"case {index + 1}/{ids.Count}");
            },
            cancel, mostAhead: memory.Workers);
        return removed;
    }

    /// <summary>
    /// Reading labels, or afterwards the runs of a mask (docs/method/memory.md §4); noise may have more of them, which is known
    /// once it is read.
    /// </summary>
    internal static long Bytes(long voxels) => ImageFile.ReadingBytes(voxels * sizeof(short));
}
