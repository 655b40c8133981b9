using ILGPU;
using ILGPU.Runtime;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Gpu.Device;
using SharpSeg.Kernels.Gpu.Variants;

namespace SharpSeg.Kernels.Gpu;

/// <summary>
/// All operations as ILGPU kernels, on one stream, in the order of the calls. Kernels are compiled at their first use and kept.
/// Fast variants are chosen per shape; the plain ones are always there.
/// </summary>
internal sealed partial class GpuBackend : Backend, IMachineLimits
{
    private readonly Context context;
    private readonly Accelerator accelerator;
    private readonly Staging staging;
    private readonly VariantChooser variants;
    private readonly DeviceReleases releases;
    private readonly Action<string> warn;
    private readonly IGraphDriver? graphs;
    private DeviceBuffer? scratch;
    private WideCopies? wide;
    private bool failureTold;

    /// <summary>Takes over an open device.</summary>
    /// <param name="context">ILGPU's context of the device.</param>
    /// <param name="list">The device, and the list of kernels to fill.</param>
    /// <param name="description">The device for people.</param>
    /// <param name="choice">Which variants may be used.</param>
    /// <param name="precision">In which numbers convolutions multiply, and activations are kept.</param>
    /// <param name="cache">Earlier choices.</param>
    /// <param name="warn">Receives warnings about this device.</param>
    /// <param name="graphs">Records launches; null: nobody does.</param>
    public GpuBackend(
        Context context, KernelList list, string description, KernelChoice choice, GpuPrecision precision, VariantCache cache,
        Action<string>? warn = null, IGraphDriver? graphs = null)
    {
        (this.context, accelerator, Description, ProductPrecision) =
            (context, list.Accelerator, description, precision.Name());
        (Precision, Activations) = precision switch
        {
            GpuPrecision.Bf16Activations => (GpuPrecision.Bf16, ElementType.Bf16),
            GpuPrecision.Fp16Activations => (GpuPrecision.Fp16, ElementType.Fp16),
            _ => (precision, ElementType.Fp32),
        };
        this.graphs = graphs;
        Stream = graphs is null ? accelerator.DefaultStream : accelerator.CreateStream(); // the default one cannot be recorded
        staging = new Staging(accelerator);
        Kernels = new GpuKernels(list);
        this.warn = warn ?? (_ => { });
        releases = new DeviceReleases(description);
        variants = new VariantChooser(this, choice, cache, this.warn);
        sampler = new(() => new(accelerator, Kernels, Allocate, Free, releases));
    }

    /// <inheritdoc/>
    public override string Name => "gpu";

    /// <inheritdoc/>
    public override string Description { get; }

    /// <summary>In which numbers convolutions multiply: one of the first four.</summary>
    internal GpuPrecision Precision { get; }

    /// <inheritdoc/>
    public override ElementType Activations { get; }

    /// <summary>Which variant was chosen for which problem so far.</summary>
    internal IReadOnlyDictionary<VariantKey, Variant> Decisions => variants.Decisions;

    /// <summary>All launches go here, in the order of the calls.</summary>
    internal AcceleratorStream Stream { get; }

    /// <summary>The kernels.</summary>
    internal GpuKernels Kernels { get; }

    /// <summary>What could not be given back.</summary>
    internal DeviceReleases Releases => releases;

    /// <inheritdoc/>
    public override string ProductPrecision { get; }

    /// <inheritdoc/>
    public override bool NeedsLossScaling => Precision == GpuPrecision.Fp16;

    /// <inheritdoc/>
    public override DeviceException? FailureOf(Exception exception)
    {
        var failure = exception switch
        {
            DeviceException known => known,
            AcceleratorException driver => new DeviceLostException(Description, driver),
            _ => null,
        };
        failureTold |= failure is not null;
        return failure;
    }

    /// <inheritdoc/>
    public override void Synchronize()
    {
        RequireNotRecording();
        Stream.Synchronize();
        staging.Reset();
        releases.RequireNone();
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            IDisposable?[] held =
            [
                sampler.IsValueCreated ? sampler.Value : null, scratch, wide, staging, ahead, copies,
                graphs is null ? null : Stream, accelerator, context,
            ];
            foreach (var one in held)
            {
                releases.Release(one);
            }

            if (releases.Failure is { } failure && !failureTold)
            {
                warn(
                    $"{Description} failed when its memory was given back: {failure.Message}; do not trust what it computed last");
            }
        }
    }

    /// <inheritdoc/>
    protected override Recording? RecordCore(Action work)
    {
        var (scratchThen, wideThen) = (scratch, wide?.Memory);
        return graphs is null ? null : LaunchGraph.Record(
            graphs, Stream, work, () => scratch == scratchThen && wide?.Memory == wideThen);
    }

    /// <summary>The words of a tensor, as kernels see it.</summary>
    internal static ArrayView<float> View(Tensor tensor) => ((GpuBuffer)tensor.Buffer).View(tensor.Offset, tensor.Words);

    /// <summary>Whether a tensor's elements have 16 bits.</summary>
    internal static bool IsHalf(Tensor tensor) => tensor.Element != ElementType.Fp32;

    /// <summary>float32 copies of such tensors.</summary>
    internal WideCopies Wide => wide ??= new WideCopies(this);

    /// <summary>
    /// Memory for what passes between the kernels of one operation, at least this long. The stream's order makes one piece
    /// enough; it grows in the first step and then stays.
    /// </summary>
    internal ArrayView<float> Scratch(long length)
    {
        if (scratch is null || scratch.Length < length)
        {
            if (scratch is not null)
            {
                Synchronize();
                Free(scratch);
                scratch = null;
            }

            scratch = Allocate(length);
        }

        return ((GpuBuffer)scratch).View(0, length);
    }
}
