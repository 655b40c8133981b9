using SharpSeg.AutoPlanner.Batches.Augmentation;

namespace SharpSeg.AutoPlanner.Batches;

/// <summary>
/// Makes one sample of a batch from nothing but its key (docs/method/training.md §7): case, patch, augmentation, cascade masks,
/// targets. One per thread, because it owns scratch memory.
/// </summary>
internal sealed class SampleBuilder
{
    private readonly LoaderSettings settings;
    private readonly IReadOnlyList<ICaseSource> training;
    private readonly IReadOnlyList<ICaseSource> validation;
    private readonly PatchSampler trainingSampler;
    private readonly PatchSampler validationSampler;
    private readonly AugmentationPipeline pipeline;
    private readonly CascadeMasks? cascade;
    private readonly SupervisionTargets targets;
    private readonly PatchSample sample;
    private readonly (int List, ICaseSource[] Cases)[] casesByClass; // empty unless classes are balanced

    /// <param name="settings">Of the loader.</param>
    /// <param name="training">Cases to learn from.</param>
    /// <param name="validation">Cases to validate with.</param>
    /// <param name="record">Receives what the augmentation draws; null for nobody.</param>
    public SampleBuilder(
        LoaderSettings settings, IReadOnlyList<ICaseSource> training, IReadOnlyList<ICaseSource> validation,
        AugmentationRecord? record = null)
    {
        this.settings = settings;
        this.training = training;
        this.validation = validation;
        var geometry = settings.Geometry;
        trainingSampler = new PatchSampler(settings.Profile, geometry.Is2D, geometry.Initial, geometry.Patch);
        validationSampler = new PatchSampler(settings.Profile, geometry.Is2D, geometry.Patch, geometry.Patch);
        casesByClass = settings.BalancesClasses ? CasesByClass(training) : [];
        pipeline = new AugmentationPipeline(
            settings.EffectiveRecipe, settings.Profile, geometry, settings.UseMaskForNorm, settings.Backend,
            record);
        targets = new SupervisionTargets(settings.Regions, settings.IgnoreLabel);
        sample = new PatchSample(geometry.Patch, settings.Channels, settings.CascadeLabels.Count > 0);
        cascade = settings.CascadeLabels.Count > 0
            ? new CascadeMasks(settings.EffectiveRecipe, settings.CascadeLabels, geometry.Patch, geometry.Is2D)
            : null;
    }

    /// <summary>The sample that was built last, before it went into its batch.</summary>
    public PatchSample Sample => sample;

    /// <summary>Fills sample <paramref name="index"/> of a batch.</summary>
    public void Build(BatchKey key, int index, Batch batch)
    {
        var purpose = key.Training ? RandomPurpose.Training : RandomPurpose.Validation;
        var random = CounterRandom.Derive(settings.Seed, purpose, key.Epoch, key.Iteration, index);
        var cases = key.Training ? training : validation;
        var source = cases[random.NextInt(0, cases.Count - 1)];
        var forced = ForegroundOversampling.IsForced(
            settings.EffectiveForegroundRule, index, batch.Count, settings.ForegroundShare, random);
        int? list = null;
        if (forced && key.Training && casesByClass.Length > 0)
        {
            var (chosen, holders) = casesByClass[random.NextInt(0, casesByClass.Length - 1)];
            (list, source) = (chosen, holders[random.NextInt(0, holders.Length - 1)]);
        }

        var (start, voxel) = (key.Training ? trainingSampler : validationSampler).Draw(source, forced, random, list);
        batch.SetOrigin(index, new SampleOrigin(source.Id, start, voxel));
        if (key.Training)
        {
            pipeline.Augment(source, start, random, sample);
        }
        else
        {
            pipeline.Load(source, start, sample);
        }

        var imageLength = (int)(batch.ImageShape.Length / batch.Count);
        var image = batch.Image.AsSpan(index * imageLength, imageLength);
        WriteChannels(image, batch.ImageShape.C);
        if (cascade is not null)
        {
            cascade.Fill(sample.Previous);
            if (key.Training)
            {
                cascade.Corrupt(random);
            }

            cascade.Write(image, sample.Channels);
        }

        var unlabelled = settings.UnlabelledHeads.GetValueOrDefault(source.Id) ?? [];
        for (var i = 0; i < settings.OutputScales.Count; i++)
        {
            var shape = batch.TargetShapes[i];
            var length = (int)(shape.Length / batch.Count);
            targets.Write(
                sample.Labels, sample.Size, shape.Spatial, batch.Targets[i].AsSpan(index * length, length), unlabelled);
        }

        if (settings.UnlabelledHeads.Count > 0)
        {
            var marks = batch.Targets[^1].AsSpan(index * settings.Heads, settings.Heads);
            marks.Clear();
            foreach (var head in unlabelled)
            {
                marks[head] = 1;
            }
        }
    }

    private static (int List, ICaseSource[] Cases)[] CasesByClass(IReadOnlyList<ICaseSource> cases) =>
    [
        .. Enumerable.Range(0, cases.Count == 0 ? 0 : cases.Max(source => source.LocationLists))
            .Select(list => (
                list, cases.Where(source => list < source.LocationLists && list != source.AnnotatedList
                    && source.LocationCount(list) > 0).ToArray()))
            .Where(entry => entry.Item2.Length > 0),
    ];

    // Planes to channels last.
    private void WriteChannels(Span<float> image, int channels)
    {
        if (channels == 1)
        {
            sample.Image.CopyTo(image);
            return;
        }

        for (var c = 0; c < sample.Channels; c++)
        {
            ReadOnlySpan<float> plane = sample.Channel(c);
            for (int v = 0, to = c; v < plane.Length; v++, to += channels)
            {
                image[to] = plane[v];
            }
        }
    }
}

/// <summary>Names one batch of a run.</summary>
/// <param name="Training">Training or validation.</param>
/// <param name="Epoch">0-based epoch.</param>
/// <param name="Iteration">0-based iteration within the epoch's training or validation.</param>
internal readonly record struct BatchKey(bool Training, int Epoch, int Iteration)
{
    /// <summary>
    /// What a training loop asks for next: an epoch's training batches, its validation batches, then the next epoch.
    /// </summary>
    public BatchKey Next(int trainingIterations, int validationIterations)
    {
        if (Iteration + 1 < (Training ? trainingIterations : validationIterations))
        {
            return this with { Iteration = Iteration + 1 };
        }

        return Training && validationIterations > 0 ? new BatchKey(false, Epoch, 0) : new BatchKey(true, Epoch + 1, 0);
    }
}
