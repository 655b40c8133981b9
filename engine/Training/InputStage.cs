using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Networks;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.Engine.Training;

/// <summary>
/// Two batches on the device: one that a step computes with, one that is being uploaded meanwhile. For backends whose uploads run
/// concurrently with computations (<see cref="Backend.UploadsRunBeside"/>).
/// </summary>
internal sealed class InputStage : IDisposable
{
    private readonly Backend backend;
    private readonly DeviceBuffer buffer;
    private readonly Batch[] batches;
    private int current;

    /// <summary>Allocates both.</summary>
    public InputStage(Backend backend, Network network, TrainingOptions options, Extent patch, int batchSize)
    {
        this.backend = backend;
        var shapes = Shapes(network.Plan, network.OutputScales, options, patch, batchSize);
        var length = LengthOf(shapes);
        buffer = backend.Allocate(2 * length);
        batches = [new Batch(buffer, 0, shapes), new Batch(buffer, length, shapes)];
    }

    /// <summary>Whether a batch was staged and not yet taken.</summary>
    public bool HasNext { get; private set; }

    /// <summary>A batch with arbitrary contents, for rehearsals.</summary>
    public BatchInputs Unfilled => batches[current];

    /// <summary>Bytes of both batches.</summary>
    public static long Bytes(
        NetworkPlan plan, IReadOnlyList<Extent> scales, TrainingOptions options, Extent patch, int batchSize) =>
        2 * LengthOf(Shapes(plan, scales, options, patch, batchSize)) * sizeof(float);

    /// <summary>Copies a batch to the device while it computes; the arrays may be reused at once.</summary>
    public void Stage(float[] images, IReadOnlyList<float[]> targets)
    {
        if (HasNext)
        {
            throw new InvalidOperationException("a batch is staged already");
        }

        var next = batches[1 - current];
        backend.UploadAhead(images, next.ImageTensor);
        foreach (var (output, target) in next.Targets)
        {
            backend.UploadAhead(targets[output], target);
        }

        HasNext = true;
    }

    /// <summary>The staged batch; its upload completes before the next computation.</summary>
    public BatchInputs Take()
    {
        if (!HasNext)
        {
            throw new InvalidOperationException("no batch is staged");
        }

        backend.FinishUploads();
        HasNext = false;
        current = 1 - current;
        return batches[current];
    }

    /// <summary>Uploads a batch now, in order with the computations.</summary>
    public BatchInputs Load(float[] images, IReadOnlyList<float[]> targets)
    {
        var batch = batches[current];
        backend.Upload(images, batch.ImageTensor);
        foreach (var (output, target) in batch.Targets)
        {
            backend.Upload(targets[output], target);
        }

        return batch;
    }

    public void Dispose() => backend.Free(buffer);

    /// <summary>
    /// Images first, then the target of every supervised scale, then what the samples' label maps lack; output −1 stands for the
    /// images.
    /// </summary>
    private static List<(int Output, Shape Shape)> Shapes(
        NetworkPlan plan, IReadOnlyList<Extent> scales, TrainingOptions options, Extent patch, int batchSize)
    {
        var shapes = new List<(int, Shape)> { (-1, Shape.Activation(batchSize, patch, plan.InputChannels)) };
        var channels = options.Loss.TargetChannels(plan.OutputChannels);
        var seen = new HashSet<Extent>();
        for (var output = 0; output < scales.Count; output++)
        {
            if (options.Loss.Weights[output] != 0f && seen.Add(scales[output]))
            {
                var size = new Extent(patch.Z / scales[output].Z, patch.Y / scales[output].Y, patch.X / scales[output].X);
                shapes.Add((output, Shape.Activation(batchSize, size, channels)));
            }
        }

        if (options.Loss.PartlyLabelled)
        {
            shapes.Add((scales.Count, Backend.UnlabelledShape(batchSize, plan.OutputChannels)));
        }

        return shapes;
    }

    private static long LengthOf(List<(int Output, Shape Shape)> shapes) => shapes.Sum(s => Tensor.AlignedLength(s.Shape.Length));

    /// <summary>One batch on the device.</summary>
    private sealed class Batch : BatchInputs
    {
        private readonly List<(int Output, Tensor Tensor)> targets = [];

        public Batch(DeviceBuffer buffer, long offset, List<(int Output, Shape Shape)> shapes)
        {
            ImageTensor = new Tensor(buffer, offset, shapes[0].Shape);
            offset += Tensor.AlignedLength(shapes[0].Shape.Length);
            foreach (var (output, shape) in shapes.Skip(1))
            {
                targets.Add((output, new Tensor(buffer, offset, shape)));
                offset += Tensor.AlignedLength(shape.Length);
            }
        }

        public Tensor ImageTensor { get; }

        public IReadOnlyList<(int Output, Tensor Tensor)> Targets => targets;

        public override Tensor Images(BufferPool pool, Shape shape) => ImageTensor;

        public override Tensor Target(BufferPool pool, int output, Shape shape) => targets.Find(t => t.Output == output).Tensor;

        public override void Return(BufferPool pool, Tensor tensor)
        {
        }
    }
}
