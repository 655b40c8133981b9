using SharpSeg.AutoPlanner.Batches;
using SharpSeg.Engine.Tensors;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Batches;

/// <summary>
/// A case held in arrays. Location lists: one per foreground label, then "annotated" if there is an ignore label.
/// </summary>
internal sealed class MemoryCase : ICaseSource
{
    private readonly float[] image;
    private readonly short[] labels;
    private readonly short[]? previous;
    private readonly List<Extent>[] lists;

    public MemoryCase(
        string id, Extent shape, float[] image, short[] labels, int[] foreground, int? ignore = null, short[]? previous = null)
    {
        Id = id;
        Shape = shape;
        this.image = image;
        this.labels = labels;
        this.previous = previous;
        Channels = (int)(image.Length / shape.Voxels);
        AnnotatedList = ignore is null ? -1 : foreground.Length;
        lists = new List<Extent>[foreground.Length + (ignore is null ? 0 : 1)];
        for (var i = 0; i < lists.Length; i++)
        {
            lists[i] = [];
            for (var v = 0; v < labels.Length; v++)
            {
                if (i < foreground.Length ? labels[v] == foreground[i] : labels[v] != ignore)
                {
                    lists[i].Add(new Extent(v / (shape.Y * shape.X), v / shape.X % shape.Y, v % shape.X));
                }
            }
        }
    }

    public string Id { get; }

    public Extent Shape { get; }

    public int Channels { get; }

    public bool HasPreviousStage => previous is not null;

    public int LocationLists => lists.Length;

    public int AnnotatedList { get; }

    public int LocationCount(int list) => lists[list].Count;

    public Extent Location(int list, int index) => lists[list][index];

    public void ReadImage(Extent origin, Extent size, Span<float> channelsLast) =>
        Copy<float>(image, Channels, origin, size, channelsLast);

    public void ReadLabels(Extent origin, Extent size, Span<short> labels) => Copy<short>(this.labels, 1, origin, size, labels);

    public void ReadPreviousStage(Extent origin, Extent size, Span<short> labels) =>
        Copy<short>(previous!, 1, origin, size, labels);

    /// <summary>A blob of label 1 with a core of label 2 in noise.</summary>
    public static MemoryCase Blob(string id, Extent shape, int channels, ulong seed, bool withPrevious = false)
    {
        var random = new CounterRandom(seed, 77);
        var image = new float[shape.Voxels * channels];
        var labels = new short[shape.Voxels];
        for (int z = 0, v = 0; z < shape.Z; z++)
        {
            for (var y = 0; y < shape.Y; y++)
            {
                for (var x = 0; x < shape.X; x++, v++)
                {
                    double dz = (z - (shape.Z * 0.4)) / shape.Z, dy = (y - (shape.Y * 0.5)) / shape.Y,
                    dx = (x - (shape.X * 0.6)) / shape.X;
                    var d = Math.Sqrt((dz * dz) + (dy * dy) + (dx * dx));
                    labels[v] = (short)(d < 0.12 ? 2 : d < 0.25 ? 1 : d > 0.7 ? -1 : 0);
                    for (var c = 0; c < channels; c++)
                    {
                        image[(v * channels) + c] = (float)(random.NextGaussian() + labels[v] + (10 * c));
                    }
                }
            }
        }

        var previous = withPrevious ? Array.ConvertAll(labels, l => Math.Max(l, (short)0)) : null;
        return new MemoryCase(id, shape, image, labels, [1, 2], null, previous);
    }

    private void Copy<T>(T[] from, int channels, Extent origin, Extent size, Span<T> to)
    {
        Assert.True(origin.Z >= 0 && origin.Y >= 0 && origin.X >= 0);
        Assert.True(origin.Z + size.Z <= Shape.Z && origin.Y + size.Y <= Shape.Y && origin.X + size.X <= Shape.X);
        var row = size.X * channels;
        for (var z = 0; z < size.Z; z++)
        {
            for (var y = 0; y < size.Y; y++)
            {
                var start = (((((origin.Z + z) * Shape.Y) + origin.Y + y) * Shape.X) + origin.X) * channels;
                from.AsSpan(start, row).CopyTo(to[(((z * size.Y) + y) * row)..]);
            }
        }
    }
}
