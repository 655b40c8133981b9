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
/// The softmax needs all maps of a voxel: a first pass over the resampled logits keeps, per voxel, the highest logit m and s = Σ
/// exp(l − m); the probability is then exp(l − m)/s. Maps are resampled again when they are asked for, which costs less than a
/// forward pass of the network and spares one volume per class.
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
    private readonly float[] highest = [], sum = [];
    private float[] resampled = []; // kept: a large array that is dropped waits long for the collector

    /// <summary>Prepares the maps; for a softmax this makes the first pass.</summary>
    /// <param name="outputs">Of the networks; disposed of with the maps.</param>
    /// <param name="properties">What preprocessing did to the case.</param>
    /// <param name="plans">Transposition and profile.</param>
    /// <param name="configuration">Spacing and resampling orders.</param>
    /// <param name="labels">Heads to labels.</param>
    public PredictedMaps(
        NetworkOutputs outputs, CaseProperties properties, Plans plans, ConfigurationPlan configuration, LabelScheme labels)
    {
        this.outputs = outputs;
        this.properties = properties;
        this.plans = plans;
        this.configuration = configuration;
        this.labels = labels;
        change = OutputGrid.Of(properties, plans, configuration);
        if (NeedsSoftmax)
        {
            (highest, sum) = (new float[change.To.Voxels], new float[change.To.Voxels]);
            for (var head = 0; head < Heads; head++)
            {
                AddToSoftmax(head, Resampled(head));
            }
        }
    }

    /// <inheritdoc/>
    public Extent Extent => SegmentationExporter.StoredExtent(properties, plans);

    /// <inheritdoc/>
    public int Heads => labels.HeadCount;

    private bool NeedsSoftmax => plans.Profile == Profile.Modern && !labels.HasRegions;

    /// <inheritdoc/>
    public void Read(int head, Span<float> target)
    {
        var map = Resampled(head);
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

        var outside = head == 0 && !labels.HasRegions ? 1f : 0f;
        SegmentationExporter.Restore(map, target, properties, plans, outside);
    }

    /// <summary>The labels, decided on the outputs themselves as without saved probabilities.</summary>
    public short[] Segmentation() => SegmentationExporter.ToOriginalGrid(outputs, properties, plans, configuration, labels);

    /// <summary>Leaves the device's memory to others: from now on maps come from the host.</summary>
    public void MoveToHost() => outputs.MoveToHost();

    /// <inheritdoc/>
    public void Dispose() => outputs.Dispose();

    /// <summary>One map on the cropped, transposed original grid, until the next one is asked for.</summary>
    private float[] Resampled(int head)
    {
        if (resampled.Length == 0)
        {
            resampled = GC.AllocateUninitializedArray<float>((int)change.To.Voxels);
        }

        SegmentationExporter.Resample(outputs, head, change, resampled);
        return resampled;
    }

    private void AddToSoftmax(int head, float[] logits)
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

/// <summary>
/// Class probabilities of one case on the grid of its scan. They are asked for one head at a time, so that large scans of many
/// classes never need all their volumes in memory.
/// </summary>
internal interface IProbabilityMaps
{
    /// <summary>Voxels (z, y, x) in the scan's own axis order.</summary>
    Extent Extent { get; }

    /// <summary>Number of maps: one per label with background first, or one per region.</summary>
    int Heads { get; }

    /// <summary>Delivers one map.</summary>
    /// <param name="head">0 … Heads − 1.</param>
    /// <param name="target">Extent.Voxels values, each 0 to 1, row-major.</param>
    void Read(int head, Span<float> target);
}
