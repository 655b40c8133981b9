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
    // of a resampled axis: both sides on the host and for the backend, and an array
    private const int SlabsInWork = 6;

    /// <summary>Plans a case.</summary>
    /// <param name="scan">As its file has it.</param>
    /// <param name="recipe">What is done.</param>
    /// <param name="hasLabels">There is a label map.</param>
    public static PreprocessingMemory Of(ImageGeometry scan, PreprocessingRecipe recipe, bool hasLabels)
    {
        var (from, current) = Grid(scan, recipe.ReorientToRas, recipe.TransposeForward);
        var shape = recipe.Resampling.Data.Method == ResamplingMethod.None
            ? from
            : ResampledShape.Of(from, current, recipe.TargetFor(current));
        long channels = recipe.Normalization.Count, before = from.Voxels, after = shape.Voxels;
        var mask = hasLabels || recipe.UseMaskForNorm.Any(isUsed => isUsed) ? sizeof(short) : 0;
        var image = channels * sizeof(float) * before;
        var result = (channels * sizeof(float) * after) + (mask * after);

        // Reading and cropping: all channels, the label map and its crop, one byte for the mask.
        var permutes = recipe.ReorientToRas || AxisOrder.Turns(recipe.TransposeForward);
        var cropping = image + (before * ((hasLabels ? sizeof(short) : 0) + mask + 1 + (permutes ? sizeof(short) : 0)));

        // Normalising: a channel beside its box, which is a copy, turned or not.
        var normalizing = image + (sizeof(float) * before) + (mask * before);

        var slabs = SlabsInWork * sizeof(float) * Math.Min(StepwiseResampling.SlabVoxels, Math.Max(before, after));
        long resampling = 0;
        if (shape != from)
        {
            var largest = Math.Max(before, after);
            var steps = (sizeof(float) * (Between(from, shape) + largest)) + slabs;
            var byVote = recipe.Resampling.Segmentation.Method == ResamplingMethod.Torch && mask > 0;
            // A label's mask on its way, and the highest so far as float16.
            var turning = image + (mask * (before + after)) + (byVote ? steps + (sizeof(short) * after) : slabs);
            // One channel in work: the step before and the step after; several channels are put together at the end.
            var others = (channels - 1) * sizeof(float) * before;
            resampling = Math.Max(turning, others + steps + (mask * after) + Together(channels, after));
        }
        else
        {
            resampling = image + (mask * after) + Together(channels, after);
        }

        var saving = hasLabels ? result + after + (after / 8) : result; // labels as bytes, and the sampled voxels
        return new PreprocessingMemory(shape, result, Math.Max(Math.Max(cropping, normalizing), Math.Max(resampling, saving)));
    }

    /// <summary>Voxels and mm of an image as it is worked on: turned and transposed.</summary>
    public static (Extent Size, Spacing Spacing) Grid(ImageGeometry scan, bool reorient, IReadOnlyList<int> order)
    {
        var orientation = reorient ? Orientation.ToRas(scan) : Orientation.AsStored;
        return (
            AxisOrder.Apply(orientation.Apply(scan.Extent), order), AxisOrder.Apply(orientation.Apply(scan.Spacing), order));
    }

    private static long Together(long channels, long after) => channels > 1 ? channels * sizeof(float) * after : 0;

    /// <summary>Voxels of the largest volume on the way from one grid to another, both included.</summary>
    private static long Between(Extent from, Extent to)
    {
        var (size, largest) = (from, from.Voxels);
        foreach (var axis in Enumerable.Range(0, 3)
            .Where(axis => from[axis] != to[axis]).OrderBy(axis => (double)to[axis] / from[axis]))
        {
            size = size.With(axis, to[axis]);
            if (size != to)
            {
                largest = Math.Max(largest, size.Voxels);
            }
        }

        return largest;
    }
}
