using SharpSeg.AutoPlanner;
using SharpSeg.AutoPlanner.Batches;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.Perf.Benches;

/// <summary>A case in memory: noise, and labels in blocks.</summary>
internal sealed class NoiseCase : ICaseSource
{
    private const int Labels = 3, Run = 7919; // voxels of one label in a row; a prime, so that rows differ
    private readonly float[] image;
    private readonly short[] labels;

    public NoiseCase(Extent shape)
    {
        Shape = shape;
        image = new float[shape.Voxels];
        labels = new short[shape.Voxels];
        new CounterRandom(1).FillUniform(image);
        for (var i = 0; i < labels.Length; i++)
        {
            labels[i] = (short)(i / Run % Labels);
        }
    }

    public string Id => "noise";

    public Extent Shape { get; }

    public int Channels => 1;

    public bool HasPreviousStage => false;

    public int LocationLists => 0;

    public int AnnotatedList => -1;

    public int LocationCount(int list) => 0;

    public Extent Location(int list, int index) => throw new ArgumentOutOfRangeException(nameof(list));

    public void ReadImage(Extent origin, Extent size, Span<float> channelsLast) => Read(image, origin, size, channelsLast);

    public void ReadLabels(Extent origin, Extent size, Span<short> labels) => Read(this.labels, origin, size, labels);

    public void ReadPreviousStage(Extent origin, Extent size, Span<short> labels) => throw new NotSupportedException();

    private void Read<T>(T[] from, Extent origin, Extent size, Span<T> to)
    {
        for (var line = 0; line < size.Z * size.Y; line++)
        {
            var first = ((((origin.Z + (line / size.Y)) * Shape.Y) + origin.Y + (line % size.Y)) * Shape.X) + origin.X;
            from.AsSpan(first, size.X).CopyTo(to[(line * size.X)..]);
        }
    }
}
