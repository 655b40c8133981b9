using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Batches.Augmentation;

/// <summary>
/// The part of an initial patch that lies inside the case and is needed. What lies outside is padding (image 0, label −1) and is
/// never stored: the samplers know it. All positions are in the coordinates of the initial patch.
/// </summary>
internal sealed class SourceBox
{
    private readonly GrowingBuffer<float> image = new();
    private readonly GrowingBuffer<short> labels = new();
    private readonly GrowingBuffer<short> previous = new();

    /// <summary>Size of the initial patch in voxels.</summary>
    public Extent Initial { get; private set; }

    /// <summary>First stored voxel.</summary>
    public Extent Origin { get; private set; }

    /// <summary>Stored voxels; all three 0 if the box misses the case.</summary>
    public Extent Size { get; private set; }

    /// <summary>Image channels.</summary>
    public int Channels { get; private set; }

    /// <summary>Does the box hold the previous stage's label?</summary>
    public bool HasPrevious { get; private set; }

    /// <summary>Image (z, y, x, c).</summary>
    public ReadOnlySpan<float> Image => image.Take(checked((int)Size.Voxels * Channels));

    /// <summary>Label (z, y, x).</summary>
    public ReadOnlySpan<short> Labels => labels.Take((int)Size.Voxels);

    /// <summary>The previous stage's label (z, y, x).</summary>
    public ReadOnlySpan<short> Previous => previous.Take((int)Size.Voxels);

    /// <summary>Everything that is stored, as a backend takes it.</summary>
    public BoxVoxels Voxels => new(Image, Labels, HasPrevious ? Previous : default);

    /// <summary>Reads the needed box, cut to the initial patch and the case.</summary>
    /// <param name="source">The case.</param>
    /// <param name="start">Where the initial patch begins in the case; may be negative.</param>
    /// <param name="initial">Size of the initial patch.</param>
    /// <param name="first">First needed voxel of the initial patch.</param>
    /// <param name="last">Last needed voxel of the initial patch.</param>
    /// <param name="withPrevious">Read the previous stage's label too.</param>
    public void Read(ICaseSource source, Extent start, Extent initial, Extent first, Extent last, bool withPrevious)
    {
        Initial = initial;
        Channels = source.Channels;
        HasPrevious = withPrevious;
        Extent origin = default, size = default;
        for (var axis = 0; axis < 3; axis++)
        {
            var from = Math.Max(Math.Max(first[axis], 0), -start[axis]);
            var to = Math.Min(Math.Min(last[axis] + 1, initial[axis]), source.Shape[axis] - start[axis]);
            origin = origin.With(axis, from);
            size = size.With(axis, to - from);
        }

        if (size.Z <= 0 || size.Y <= 0 || size.X <= 0)
        {
            (Origin, Size) = (default, default);
            return;
        }

        (Origin, Size) = (origin, size);
        var inCase = new Extent(start.Z + origin.Z, start.Y + origin.Y, start.X + origin.X);
        source.ReadImage(inCase, size, image.Take(checked((int)size.Voxels * Channels)));
        source.ReadLabels(inCase, size, labels.Take((int)size.Voxels));
        if (withPrevious)
        {
            source.ReadPreviousStage(inCase, size, previous.Take((int)size.Voxels));
        }
    }
}

/// <summary>Scratch memory that is kept between samples and grows to the largest request.</summary>
internal sealed class GrowingBuffer<T>
{
    private T[] array = [];

    /// <summary>The first elements, with whatever was left in them.</summary>
    public Span<T> Take(int length)
    {
        if (array.Length < length)
        {
            array = GC.AllocateUninitializedArray<T>(length);
        }

        return array.AsSpan(0, length);
    }
}
