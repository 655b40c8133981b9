using System.Numerics;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Batches.Augmentation;

/// <summary>
/// All steps of docs/method/augmentation.md §1 in their order, from reading the initial patch to labels without −1. One per
/// worker: it owns the scratch memory, and after the first samples allocates nothing but a few small objects.
/// </summary>
/// <param name="recipe">Probabilities and ranges.</param>
/// <param name="profile">The generations differ in cropping, sampling and padding.</param>
/// <param name="geometry">Patch, initial patch, rotation range, mirror axes.</param>
/// <param name="maskOutside">Channels whose normalisation used the non-zero mask: they are 0 outside it again after the
/// transform.</param>
/// <param name="backend">Computes the spatial transform; stays the caller's.</param>
/// <param name="record">Receives what is drawn; null for nobody.</param>
internal sealed class AugmentationPipeline(
    AugmentationRecipe recipe, Profile profile, PatchGeometry geometry, IReadOnlyList<bool> maskOutside, Backend backend,
    AugmentationRecord? record = null)
{
    private readonly SourceBox box = new();
    private readonly GrowingBuffer<float> scratch = new();

    // docs/method/training.md §1.
    private short PreviousPadding => profile == Profile.Classic ? (short)0 : (short)-1;

    /// <summary>Reads a training patch and augments it: steps 1 to 13.</summary>
    /// <param name="source">The case.</param>
    /// <param name="start">First voxel of the initial patch in the case.</param>
    /// <param name="random">The sample's stream.</param>
    /// <param name="sample">Receives the patch.</param>
    public void Augment(ICaseSource source, Extent start, CounterRandom random, PatchSample sample)
    {
        var transform = SpatialTransform.Draw(recipe, geometry, random);
        record?.Begin(transform);
        if (transform.IsIdentity)
        {
            Crop(source, start, geometry.Initial, sample);
        }
        else
        {
            Transform(source, start, transform, random, sample);
        }

        ChangeIntensity(random, sample);
        MirrorAxes(random, sample);
        FinishLabels(sample, mask: true);
    }

    /// <summary>Reads a validation patch: nothing is changed but label −1, which becomes 0.</summary>
    /// <param name="source">The case.</param>
    /// <param name="start">First voxel of the patch in the case.</param>
    /// <param name="sample">Receives the patch.</param>
    public void Load(ICaseSource source, Extent start, PatchSample sample)
    {
        Crop(source, start, geometry.Patch, sample);
        FinishLabels(sample, mask: false);
    }

    /// <summary>Steps 2 and 3: reads what a transform needs of the initial patch and fills the sample.</summary>
    internal void Transform(
        ICaseSource source, Extent start, in SpatialTransform transform, CounterRandom random, PatchSample sample)
    {
        var (first, last) = recipe.CubicSpline
            ? transform.SplineReach(sample.Size, geometry.Initial, geometry.Planar)
            : transform.Reach(sample.Size, geometry.Initial);
        box.Read(source, start, geometry.Initial, first, last, sample.Previous is not null);
        var sampling = transform.Sampling(box, geometry.Planar, sample);
        if (!recipe.CubicSpline)
        {
            backend.SampleAffine(sampling, box.Voxels, sample.Planes);
            return;
        }

        var filtered = new Extent(last.Z - first.Z + 1, last.Y - first.Y + 1, last.X - first.X + 1);
        var elastic = transform.ElasticStrength > 0
            ? ElasticField.Draw(sample.Size, geometry.Planar, transform.ElasticStrength, transform.ElasticSmoothness, random)
            : null;
        backend.SampleSpline(new SplineSampling(sampling, first, filtered, PreviousPadding, elastic), box.Voxels, sample.Planes);
    }

    /// <summary>Steps 4 to 10.</summary>
    internal void ChangeIntensity(CounterRandom random, PatchSample sample)
    {
        if (random.NextBool(recipe.Noise))
        {
            var sigma = recipe.NoiseSigma.Draw(random);
            record?.Add($"noise of standard deviation {sigma:0.000} added");
            random.AddGaussian(sample.Image, (float)sigma);
        }

        if (random.NextBool(recipe.Blur))
        {
            Blur(random, sample);
        }

        if (random.NextBool(recipe.Brightness))
        {
            for (var c = 0; c < sample.Channels; c++)
            {
                var factor = recipe.BrightnessRange.Draw(random);
                record?.Add($"channel {c}: brightness × {factor:0.00}");
                Intensity.Brighten(sample.Channel(c), (float)factor);
            }
        }

        if (random.NextBool(recipe.Contrast))
        {
            for (var c = 0; c < sample.Channels; c++)
            {
                var factor = recipe.ContrastRange.Draw(random);
                record?.Add($"channel {c}: contrast × {factor:0.00} around the mean");
                Intensity.Contrast(sample.Channel(c), (float)factor, keepRange: true);
            }
        }

        if (random.NextBool(recipe.LowResolution))
        {
            LowerResolution(random, sample);
        }

        if (random.NextBool(recipe.InvertedGamma))
        {
            ApplyGamma(random, sample, invert: true);
        }

        if (random.NextBool(recipe.Gamma))
        {
            ApplyGamma(random, sample, invert: false);
        }
    }

    /// <summary>Step 11.</summary>
    internal void MirrorAxes(CounterRandom random, PatchSample sample)
    {
        foreach (var axis in geometry.MirrorAxes)
        {
            if (!random.NextBool(recipe.MirrorPerAxis))
            {
                continue;
            }

            record?.Mirrored(axis);
            for (var c = 0; c < sample.Channels; c++)
            {
                Mirror.Apply(sample.Channel(c), sample.Size, axis);
            }

            Mirror.Apply(sample.Labels.AsSpan(), sample.Size, axis);
            if (sample.Previous is not null)
            {
                Mirror.Apply(sample.Previous.AsSpan(), sample.Size, axis);
            }
        }
    }

    private void Crop(ICaseSource source, Extent start, Extent initial, PatchSample sample)
    {
        var first = CentreCrop.Start(profile, initial, sample.Size);
        var last = new Extent(first.Z + sample.Size.Z - 1, first.Y + sample.Size.Y - 1, first.X + sample.Size.X - 1);
        box.Read(source, start, initial, first, last, sample.Previous is not null);
        CentreCrop.Copy(box, first, PreviousPadding, sample);
    }

    private void Blur(CounterRandom random, PatchSample sample)
    {
        for (var c = 0; c < sample.Channels; c++)
        {
            if (!random.NextBool(recipe.BlurPerChannel))
            {
                continue;
            }

            for (var axis = geometry.Is2D ? 1 : 0; axis < 3; axis++)
            {
                var sigma = recipe.BlurSigma.Draw(random);
                record?.Add($"channel {c}: blurred along {"zyx"[axis]} with σ = {sigma:0.00} voxels");
                var kernel = GaussianBlur.Kernel(sigma);
                GaussianBlur.Apply(sample.Channel(c), sample.Size, axis, kernel, scratch.Take(sample.Voxels));
            }
        }
    }

    private void LowerResolution(CounterRandom random, PatchSample sample)
    {
        for (var c = 0; c < sample.Channels; c++)
        {
            if (random.NextBool(recipe.LowResolutionPerChannel))
            {
                var small = LowResolution.SmallSize(sample.Size, recipe.LowResolutionZoom.Draw(random), keepZ: geometry.Planar);
                record?.Add($"channel {c}: reduced to {small} voxels and enlarged again");
                LowResolution.Apply(
                    sample.Channel(c), sample.Size, small, scratch.Take((int)small.Voxels + (small.Y * small.X) + small.X));
            }
        }
    }

    private void ApplyGamma(CounterRandom random, PatchSample sample, bool invert)
    {
        for (var c = 0; c < sample.Channels; c++)
        {
            var gamma = recipe.GammaRange.Draw(random);
            record?.Add($"channel {c}: {(invert ? "inverted " : "")}gamma {gamma:0.00}");
            Intensity.Gamma(sample.Channel(c), (float)gamma, invert, keepStatistics: true);
        }
    }

    // Steps 12 and 13: the mask is read from the −1 that step 13 removes.
    private void FinishLabels(PatchSample sample, bool mask)
    {
        for (var c = 0; mask && c < sample.Channels; c++)
        {
            if (c < maskOutside.Count && maskOutside[c])
            {
                var plane = sample.Channel(c);
                for (var v = 0; v < plane.Length; v++)
                {
                    plane[v] = sample.Labels[v] < 0 ? 0 : plane[v];
                }
            }
        }

        ClearNegative(sample.Labels);
        ClearNegative(sample.Previous);
    }

    private static void ClearNegative(Span<short> labels)
    {
        var v = 0;
        for (; v <= labels.Length - Vector<short>.Count; v += Vector<short>.Count)
        {
            Vector.Max(new Vector<short>(labels[v..]), Vector<short>.Zero).CopyTo(labels[v..]);
        }

        for (; v < labels.Length; v++)
        {
            labels[v] = Math.Max(labels[v], (short)0);
        }
    }
}
