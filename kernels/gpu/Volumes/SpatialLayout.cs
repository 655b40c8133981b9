using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.Kernels.Gpu.Volumes;

/// <summary>
/// The parts of one spatial transform in one piece of device memory, in elements: what is uploaded (image and labels of the box,
/// weights that smooth displacements), displacements twice, and what is downloaded (image and labels of the patch).
/// </summary>
internal readonly record struct SpatialLayout
{
    /// <param name="box">Voxels of the box; may be none.</param>
    /// <param name="patch">Voxels of the patch.</param>
    /// <param name="channels">Image channels.</param>
    /// <param name="labels">Labels per voxel.</param>
    /// <param name="planar">Slices by themselves.</param>
    /// <param name="elasticTaps">Weights that smooth displacements; 0 if there are none.</param>
    public SpatialLayout(Extent box, Extent patch, int channels, int labels, bool planar, int elasticTaps)
    {
        LabelsAt = box.Voxels * channels;
        WeightsAt = LabelsAt + (box.Voxels * labels);
        Weights = elasticTaps;
        Uploaded = Math.Max(1, WeightsAt + Weights);      // a box may be empty, a view may not
        Fields = elasticTaps == 0 ? 0 : planar ? 2 : 3;
        FieldLength = Fields * (planar ? (long)patch.Y * patch.X : patch.Voxels);
        FieldsAt = Uploaded;
        SmoothedAt = FieldsAt + FieldLength;
        ToImageAt = SmoothedAt + FieldLength;
        ToImage = patch.Voxels * channels;
        ToLabelsAt = ToImageAt + ToImage;
        ToLabels = patch.Voxels * labels;
    }

    /// <summary>The layout of the largest transform within limits.</summary>
    public SpatialLayout(in SamplingLimits limits)
        : this(limits.Initial, limits.Patch, limits.Channels, limits.Labels, limits.Planar, limits.ElasticTaps)
    {
    }

    /// <summary>Labels of the box, after its image.</summary>
    public long LabelsAt { get; }

    /// <summary>Weights, after the labels.</summary>
    public long WeightsAt { get; }

    /// <summary>Number of weights.</summary>
    public int Weights { get; }

    /// <summary>Elements that come from the host.</summary>
    public long Uploaded { get; }

    /// <summary>Fields of displacement.</summary>
    public int Fields { get; }

    /// <summary>Elements of all fields.</summary>
    public long FieldLength { get; }

    /// <summary>The fields.</summary>
    public long FieldsAt { get; }

    /// <summary>As much memory again, for smoothing them.</summary>
    public long SmoothedAt { get; }

    /// <summary>Image of the patch.</summary>
    public long ToImageAt { get; }

    /// <summary>Its elements.</summary>
    public long ToImage { get; }

    /// <summary>Labels of the patch, after its image.</summary>
    public long ToLabelsAt { get; }

    /// <summary>Their elements.</summary>
    public long ToLabels { get; }

    /// <summary>Elements that go back to the host, from <see cref="ToImageAt"/> on.</summary>
    public long Downloaded => ToImage + ToLabels;

    /// <summary>Elements in all.</summary>
    public long Length => ToLabelsAt + ToLabels;
}
