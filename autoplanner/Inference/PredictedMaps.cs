using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Preprocessing;
using SharpSeg.AutoPlanner.Volumes;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Inference;

/// <summary>
/// Network outputs of a case as probabilities on its original grid (docs/method/inference.md §8): each map is resampled, made a
/// probability, put back into the uncropped image (outside the box: background 1, everything else 0) and into the original axis
/// order.
/// <para>
/// The softmax needs all maps of a voxel: a first pass over the resampled logits of the planes that are asked for keeps, per
/// voxel, the highest logit m and s = Σ exp(l − m); the probability is then exp(l − m)/s. Maps are resampled again when they are
/// asked for, which costs less than a forward pass of the network and spares one volume per class.
/// </para>
/// </summary>
internal sealed class PredictedMaps : IProbabilityMaps, IDisposable
{
    private readonly NetworkOutputs outputs;
    private readonly CaseProperties properties;
    private readonly Plans plans;
    private readonly ConfigurationPlan configuration;
    private readonly LabelScheme labels;
    private readonly GridChange change;
    private readonly CancellationToken cancel;

    // Of the planes that are asked for; kept, because a large array that is dropped waits long for the collector.
    private float[] highest = [], sum = [], resampled = [];
    private Box? summed;                                  // the part of the resampled grid that highest and sum are of

    /// <summary>Prepares the maps.</summary>
    /// <param name="outputs">Of the networks; disposed of with the maps.</param>
    /// <param name="properties">What preprocessing did to the case.</param>
    /// <param name="plans">Transposition and profile.</param>
    /// <param name="configuration">Spacing and resampling orders.</param>
    /// <param name="labels">Heads to labels.</param>
    /// <param name="planes">Planes of the scan that are in work at a time; 0: all.</param>
    /// <param name="cancel">Stops whoever reads or decides, between two readings.</param>
    public PredictedMaps(
        NetworkOutputs outputs, CaseProperties properties, Plans plans, ConfigurationPlan configuration, LabelScheme labels,
        int planes = 0, CancellationToken cancel = default)
    {
        this.outputs = outputs;
        this.properties = properties;
        this.plans = plans;
        this.configuration = configuration;
        this.labels = labels;
        this.cancel = cancel;
        change = OutputGrid.Of(properties, plans, configuration);
        Extent = SegmentationExporter.StoredExtent(properties, plans);
        PlanesAtOnce = planes == 0 ? Extent.Z : planes;
    }

    /// <inheritdoc/>
    public Extent Extent { get; }

    /// <inheritdoc/>
    public int Heads => labels.HeadCount;

    /// <inheritdoc/>
    public int PlanesAtOnce { get; }

    private bool NeedsSoftmax => plans.Profile == Profile.Modern && !labels.HasRegions;

    /// <inheritdoc/>
    public void Read(int head, int first, Span<float> target)
    {
        cancel.ThrowIfCancellationRequested();
        var outside = head == 0 && !labels.HasRegions ? 1f : 0f;
        var part = SegmentationExporter.PartOf(first, target.Length / (Extent.Y * Extent.X), properties, plans);
        if (part.Size.Voxels == 0)
        {
            target.Fill(outside);
            return;
        }

        if (NeedsSoftmax && summed != part)
        {
            SumUp(part);
        }

        var map = Resampled(head, part);
        if (NeedsSoftmax)
        {
            for (var i = 0; i < map.Length; i++)
            {
                map[i] = MathF.Exp(map[i] - highest[i]) / sum[i];
            }
        }
        else if (plans.Profile == Profile.Modern)
        {
            for (var i = 0; i < map.Length; i++)
            {
                map[i] = 1 / (1 + MathF.Exp(-map[i]));
            }
        }

        SegmentationExporter.Restore(map, part, target, first, properties, plans, outside);
    }

    /// <summary>The labels, decided on the outputs themselves as without saved probabilities.</summary>
    public short[] Segmentation() =>
        SegmentationExporter.ToOriginalGrid(outputs, properties, plans, configuration, labels, cancel);

    /// <summary>Leaves the device's memory to others: from now on maps come from the host.</summary>
    public void MoveToHost() => outputs.MoveToHost();

    /// <inheritdoc/>
    public void Dispose() => outputs.Dispose();

    /// <summary>A part of one map on the cropped, transposed original grid, until the next one is asked for.</summary>
    private Span<float> Resampled(int head, in Box part)
    {
        var values = Room(ref resampled, part);
        SegmentationExporter.Resample(outputs, head, change, part, values);
        return values;
    }

    private void SumUp(in Box part)
    {
        summed = part;
        Room(ref highest, part);
        Room(ref sum, part);
        for (var head = 0; head < Heads; head++)
        {
            AddToSoftmax(head, Resampled(head, part));
        }
    }

    private static Span<float> Room(ref float[] array, in Box part)
    {
        if (array.Length < part.Size.Voxels)
        {
            array = GC.AllocateUninitializedArray<float>((int)part.Size.Voxels);
        }

        return array.AsSpan(0, (int)part.Size.Voxels);
    }

    private void AddToSoftmax(int head, ReadOnlySpan<float> logits)
    {
        for (var i = 0; i < logits.Length; i++)
        {
            if (head == 0)
            {
                (highest[i], sum[i]) = (logits[i], 1);
            }
            else if (logits[i] > highest[i])
            {
                (highest[i], sum[i]) = (logits[i], (sum[i] * MathF.Exp(highest[i] - logits[i])) + 1);
            }
            else
            {
                sum[i] += MathF.Exp(logits[i] - highest[i]);
            }
        }
    }
}
