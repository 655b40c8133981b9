using SharpSeg.AutoPlanner.Volumes;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Batches.Augmentation;

/// <summary>
/// The previous stage's segmentation as further image channels: one 0/1 mask per foreground label, ascending, and their
/// corruption in training, so that the second stage does not trust the first one blindly (docs/method/augmentation.md §8).
/// </summary>
internal sealed class CascadeMasks
{
    private const double SmallestRadius = 1, LargestRadius = 8; // voxels

    private readonly AugmentationRecipe recipe;
    private readonly IReadOnlyList<int> labels;
    private readonly BitVolume[] masks;
    private readonly BitVolume before;
    private readonly Morphology morphology;
    private readonly int[] order;
    private readonly bool planar;

    /// <summary>Makes the masks once; they are filled for every sample.</summary>
    /// <param name="recipe">Probabilities.</param>
    /// <param name="labels">Foreground labels, ascending.</param>
    /// <param name="patch">Patch in voxels.</param>
    /// <param name="planar">2D: discs instead of balls.</param>
    public CascadeMasks(AugmentationRecipe recipe, IReadOnlyList<int> labels, Extent patch, bool planar)
    {
        this.recipe = recipe;
        this.labels = labels;
        this.planar = planar;
        masks = new BitVolume[labels.Count];
        for (var i = 0; i < masks.Length; i++)
        {
            masks[i] = new BitVolume(patch);
        }

        before = new BitVolume(patch);
        morphology = new Morphology(new BitVolume(patch), new BitVolume(patch));
        order = new int[labels.Count];
    }

    /// <summary>One mask per foreground label.</summary>
    public IReadOnlyList<BitVolume> Masks => masks;

    /// <summary>One-hot masks of a label map without −1.</summary>
    public void Fill(ReadOnlySpan<short> previous)
    {
        for (var i = 0; i < masks.Length; i++)
        {
            masks[i].SetWhere(previous, labels[i]);
        }
    }

    /// <summary>Training only: morphology and removal of a component, each with its probability.</summary>
    public void Corrupt(CounterRandom random)
    {
        if (random.NextBool(recipe.CascadeMorphology))
        {
            ResetOrder();
            random.Shuffle(order);
            foreach (var i in order)
            {
                if (random.NextBool(recipe.CascadePerLabel))
                {
                    ChangeShape(i, random);
                }
            }
        }

        if (random.NextBool(recipe.CascadeRemoval))
        {
            ResetOrder();
            if (recipe.CascadeRemovalShuffled)
            {
                random.Shuffle(order);
            }

            foreach (var i in order)
            {
                if (random.NextBool(recipe.CascadePerLabel))
                {
                    ComponentRemoval.Apply(masks[i], random);
                }
            }
        }
    }

    /// <summary>Writes the masks as image channels after the modality channels.</summary>
    /// <param name="image">The batch's sample (z, y, x, c).</param>
    /// <param name="firstChannel">Number of modality channels.</param>
    public void Write(Span<float> image, int firstChannel)
    {
        var channels = firstChannel + masks.Length;
        for (var i = 0; i < masks.Length; i++)
        {
            var size = masks[i].Size;
            var to = firstChannel + i;
            for (var row = 0; row < size.Z * size.Y; row++)
            {
                var words = masks[i].Words.AsSpan(row * masks[i].RowWords, masks[i].RowWords);
                for (var x = 0; x < size.X; x++, to += channels)
                {
                    image[to] = (words[x >> 6] >> (x & 63)) & 1;
                }
            }
        }
    }

    private void ResetOrder()
    {
        for (var i = 0; i < order.Length; i++)
        {
            order[i] = i;
        }
    }

    // Voxels that the mask gains are taken from all other masks; voxels that it loses become background.
    private void ChangeShape(int index, CounterRandom random)
    {
        var mask = masks[index];
        before.CopyFrom(mask);
        var operation = random.NextInt(0, 3);
        var element = new StructuringElement(random.NextDouble(SmallestRadius, LargestRadius), planar);
        switch (operation)
        {
            case 0:
                morphology.Dilate(mask, element);
                break;
            case 1:
                morphology.Erode(mask, element);
                break;
            case 2:
                morphology.Close(mask, element);
                break;
            default:
                morphology.Open(mask, element);
                break;
        }

        for (var other = 0; other < masks.Length; other++)
        {
            for (var word = 0; other != index && word < mask.Words.Length; word++)
            {
                masks[other].Words[word] &= ~(mask.Words[word] & ~before.Words[word]);
            }
        }
    }
}

/// <summary>Removes one small connected component, chosen at random, from a mask (docs/method/augmentation.md §8.3).</summary>
internal static class ComponentRemoval
{
    private const double LargestFraction = 0.15; // of the patch's voxels

    /// <summary>
    /// Chooses one of the components of full connectivity (26 neighbours; 8 in a single slice) that are below 15 % of the patch
    /// uniformly and clears it. Nothing happens if there is none.
    /// </summary>
    /// <param name="mask">Changed in place.</param>
    /// <param name="random">The sample's stream.</param>
    public static void Apply(BitVolume mask, CounterRandom random)
    {
        var components = ConnectedComponents.Find(mask, Connectivity.Full);
        var limit = LargestFraction * mask.Size.Voxels;
        int[] small = [.. Enumerable.Range(0, components.Count).Where(i => components.Sizes[i] < limit)];
        if (small.Length > 0)
        {
            components.Remove(small[random.NextInt(0, small.Length - 1)], mask);
        }
    }
}
