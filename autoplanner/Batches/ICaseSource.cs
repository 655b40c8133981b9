using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Batches;

/// <summary>
/// One preprocessed case as the loader sees it: boxes of image and label, and where the foreground lies
/// (docs/method/training.md §3). Every member may be called by several threads at once.
/// </summary>
internal interface ICaseSource
{
    /// <summary>Name of the case, for messages.</summary>
    string Id { get; }

    /// <summary>Voxels (z, y, x).</summary>
    Extent Shape { get; }

    /// <summary>Image channels.</summary>
    int Channels { get; }

    /// <summary>Is there a segmentation of the previous cascade stage?</summary>
    bool HasPreviousStage { get; }

    /// <summary>
    /// Number of lists of foreground voxels: one per foreground label or region, plus <see cref="AnnotatedList"/>.
    /// </summary>
    int LocationLists { get; }

    /// <summary>Index of the list of all annotated (not ignored) voxels; −1 without an ignore label.</summary>
    int AnnotatedList { get; }

    /// <summary>Stored voxels of a list; 0 if the case does not contain the class.</summary>
    int LocationCount(int list);

    /// <summary>A stored voxel (z, y, x) of a list.</summary>
    Extent Location(int list, int index);

    /// <summary>Reads a box of the image.</summary>
    /// <param name="origin">First voxel (z, y, x).</param>
    /// <param name="size">Voxels; the box lies inside the case.</param>
    /// <param name="channelsLast">Receives (z, y, x, c).</param>
    void ReadImage(Extent origin, Extent size, Span<float> channelsLast);

    /// <summary>Reads a box of the label, −1 where the image was zero. Box as in <see cref="ReadImage"/>.</summary>
    void ReadLabels(Extent origin, Extent size, Span<short> labels);

    /// <summary>Reads a box of the previous stage's segmentation. Box as in <see cref="ReadImage"/>.</summary>
    void ReadPreviousStage(Extent origin, Extent size, Span<short> labels);
}
