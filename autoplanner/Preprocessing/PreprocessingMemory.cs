using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Volumes;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Preprocessing;

/// <summary>
/// How much memory preprocessing a case takes, from the header of its image alone (docs/method/memory.md §3). What lies outside
/// the non-zero box is not known before the image is read: the whole image is counted.
/// </summary>
/// <param name="Shape">Voxels of the preprocessed grid, at most.</param>
/// <param name="ResultBytes">The preprocessed image and its labels.</param>
/// <param name="PeakBytes">The most at one moment, without the program.</param>
internal sealed record PreprocessingMemory(Extent Shape, long ResultBytes, long PeakBytes)
{
    private const int SlabsInWork = 4;                    // of a resampled axis: both sides, and an array; scratch of the kernel

    private const int VolumesAtOnce = 4;                  // of a resampling in one piece: both sides, and two steps

    /// <summary>Plans a case.</summary>
    /// <param name="scan">As its file has it.</param>
    /// <param name="recipe">What is done.</param>
    /// <param name="hasLabels">There is a label map.</param>
    public static PreprocessingMemory Of(ImageGeometry scan, PreprocessingRecipe recipe, bool hasLabels)
    {
        var (from, current) = Grid(scan, recipe.ReorientToRas, recipe.TransposeForward);
        var target = recipe.TargetFor(current);
        var rule = recipe.Resampling.Data;
        var shape = rule.Method == ResamplingMethod.None ? from : ResampledShape.Of(from, current, target);
        long channels = recipe.Normalization.Count, before = from.Voxels, after = shape.Voxels;
        var mask = hasLabels || recipe.UseMaskForNorm.Any(isUsed => isUsed) ? sizeof(short) : 0;
        long image = channels * sizeof(float) * before, labels = mask * before;
        var result = (channels * sizeof(float) * after) + (mask * after);

        // All channels, and what growing takes of the last; then the label map.
        var channel = sizeof(float) * before;
        var reading = image + Math.Max(
            ImageFile.ReadingBytes(channel) - channel, hasLabels ? ImageFile.ReadingBytes(labels) : 0);

        // A turned channel or label map is another array.
        var reorienting = recipe.ReorientToRas && !Orientation.ToRas(scan).IsAsStored ? image + channel : 0;
        var copies = AxisOrder.Turns(recipe.TransposeForward) || !Preprocessor.IsInPlace(scan.Extent);
        var cropping = mask == 0 ? 0 : image + labels + before + (copies ? labels : 0); // one byte for the mask
        var normalizing = image + labels + (copies ? channel : 0);

        var slabs = SlabsInWork * sizeof(float) * Math.Min(StepwiseResampling.SlabVoxels, Math.Max(before, after));
        long resampling = 0;
        if (shape != from)
        {
            var change = new GridChange(from, shape, rule.Order, rule.SeparateAxis(current, target), rule.OrderZ);
            var steps = sizeof(float) * (Math.Max(before, after) > MemoryBudget.LargeVoxels
                ? StepwiseResampling.MostVoxels(change)
                : VolumesAtOnce * Math.Max(before, after)) + slabs;
            var byVote = recipe.Resampling.Segmentation.Method == ResamplingMethod.Torch && mask > 0;
            // A label's mask on its way, and the highest so far as float16.
            var voting = image + labels + (mask * after) + (byVote ? steps + (sizeof(short) * after) : slabs);
            // One channel in work: the step before and the step after; several channels are put together at the end.
            var others = (channels - 1) * sizeof(float) * before;
            resampling = Math.Max(mask > 0 ? voting : 0, others + steps + (mask * after) + Together(channels, after));
        }
        else
        {
            resampling = image + labels + Together(channels, after);
        }

        var saving = hasLabels ? result + after + (after / 8) : result; // labels as bytes, and the sampled voxels
        return new PreprocessingMemory(
            shape, result, new[] { reading, reorienting, cropping, normalizing, resampling, saving }.Max());
    }

    /// <summary>Voxels and mm of an image as it is worked on: turned and transposed.</summary>
    public static (Extent Size, Spacing Spacing) Grid(ImageGeometry scan, bool reorient, IReadOnlyList<int> order)
    {
        var orientation = reorient ? Orientation.ToRas(scan) : Orientation.AsStored;
        return (
            AxisOrder.Apply(orientation.Apply(scan.Extent), order), AxisOrder.Apply(orientation.Apply(scan.Spacing), order));
    }

    private static long Together(long channels, long after) => channels > 1 ? channels * sizeof(float) * after : 0;
}
