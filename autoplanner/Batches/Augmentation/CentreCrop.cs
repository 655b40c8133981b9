using SharpSeg.AutoPlanner.Planning;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Batches.Augmentation;

/// <summary>
/// Cuts the patch out of the middle of the initial patch when no spatial transform fires (docs/method/augmentation.md §3).
/// </summary>
internal static class CentreCrop
{
    /// <summary>
    /// First voxel of the patch in the initial patch: modern ⌊N/2⌋ − ⌊P/2⌋, classic ⌊(N − P)/2⌋; they differ for even N and odd
    /// P.
    /// </summary>
    public static Extent Start(Profile profile, Extent initial, Extent patch)
    {
        Extent start = default;
        for (var axis = 0; axis < 3; axis++)
        {
            int n = initial[axis], p = patch[axis];
            start = start.With(axis, profile == Profile.Classic ? (n - p) >> 1 : (n / 2) - (p / 2));
        }

        return start;
    }

    /// <summary>
    /// Copies the patch that begins at <paramref name="start"/>; voxels that the box does not hold are padding.
    /// </summary>
    /// <param name="box">What was read.</param>
    /// <param name="start">First voxel of the patch in the initial patch.</param>
    /// <param name="previousPadding">Padding of the previous stage's label: 0 classic, −1 modern
    /// (docs/method/training.md §1).</param>
    /// <param name="sample">Receives image planes and labels.</param>
    public static void Copy(SourceBox box, Extent start, short previousPadding, PatchSample sample)
    {
        if (box.Size != sample.Size)
        {
            sample.Image.AsSpan().Clear();
            sample.Labels.AsSpan().Fill(-1);
            sample.Previous?.AsSpan().Fill(previousPadding);
        }

        var to = new Extent(box.Origin.Z - start.Z, box.Origin.Y - start.Y, box.Origin.X - start.X);
        ReadOnlySpan<float> image = box.Image;
        ReadOnlySpan<short> labels = box.Labels, previous = sample.Previous is null ? default : box.Previous;
        for (var z = 0; z < box.Size.Z; z++)
        {
            for (var y = 0; y < box.Size.Y; y++)
            {
                var from = ((z * box.Size.Y) + y) * box.Size.X;
                var target = ((((to.Z + z) * sample.Size.Y) + to.Y + y) * sample.Size.X) + to.X;
                labels.Slice(from, box.Size.X).CopyTo(sample.Labels.AsSpan(target));
                if (sample.Previous is not null)
                {
                    previous.Slice(from, box.Size.X).CopyTo(sample.Previous.AsSpan(target));
                }

                CopyRow(image.Slice(from * box.Channels, box.Size.X * box.Channels), sample, target);
            }
        }
    }

    private static void CopyRow(ReadOnlySpan<float> row, PatchSample sample, int target)
    {
        if (sample.Channels == 1)
        {
            row.CopyTo(sample.Image.AsSpan(target));
            return;
        }

        for (var c = 0; c < sample.Channels; c++)
        {
            var plane = sample.Channel(c).Slice(target, row.Length / sample.Channels);
            for (int x = 0, i = c; x < plane.Length; x++, i += sample.Channels)
            {
                plane[x] = row[i];
            }
        }
    }
}
