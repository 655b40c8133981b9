using ILGPU;
using ILGPU.Runtime;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Gpu.Convolution;
using SharpSeg.Kernels.Gpu.Device;
using SharpSeg.Kernels.Gpu.Inference;
using SharpSeg.Kernels.Gpu.Loss;
using SharpSeg.Kernels.Gpu.Normalization;
using SharpSeg.Kernels.Gpu.Optimizer;
using SharpSeg.Kernels.Gpu.Pointwise;
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
    private readonly AcceleratorStream stream;
    private readonly Staging staging;
    private readonly Lazy<PointwiseKernels> pointwise;
    private readonly Lazy<LayoutKernels> layout;
    private readonly Lazy<InferenceKernels> inference;
    private readonly Lazy<OptimizerKernels> optimizers;
    private readonly Lazy<SquareSum> squareSum;
    private readonly Lazy<InstanceNormApply> normApply;
    private readonly Lazy<LossGradient> lossGradient;
    private readonly Lazy<PlainConvolution> plainConvolution;
    private readonly Lazy<PlainTransposedConvolution> plainTransposed;
    private readonly Lazy<PlainInstanceNorm> plainNorm;
    private readonly Lazy<PlainChannelSum> plainChannelSum;
    private readonly Lazy<PlainLossSums> plainLossSums;
    private readonly Lazy<GatherGemm> gatherGemm;
    private readonly Lazy<WeightGemm> weightGemm;
    private readonly Lazy<SplitSum> splitSum;
    private readonly Lazy<ChannelSum> channelSum;
    private readonly Lazy<InstanceNormSums> normSums;
    private readonly Lazy<VectorNormApply> vectorNormApply;
    private readonly Lazy<LossSums> lossSums;
    private readonly KernelChoice choice;
    private DeviceBuffer? scratch;

    public GpuBackend(
        Context context, Accelerator accelerator, string name, string description, KernelChoice choice, GpuPrecision precision,
        VariantCache cache)
    {
        (Precision, this.cache) = (precision, cache);
        (this.context, this.accelerator, this.choice, Name, Description) = (context, accelerator, choice, name, description);
        stream = accelerator.DefaultStream;
        staging = new Staging(accelerator);
        pointwise = new(() => new(accelerator));
        layout = new(() => new(accelerator));
        inference = new(() => new(accelerator));
        optimizers = new(() => new(accelerator));
        squareSum = new(() => new(accelerator));
        normApply = new(() => new(accelerator));
        lossGradient = new(() => new(accelerator));
        plainConvolution = new(() => new(accelerator));
        plainTransposed = new(() => new(accelerator));
        plainNorm = new(() => new(accelerator));
        plainChannelSum = new(() => new(accelerator));
        plainLossSums = new(() => new(accelerator));
        gatherGemm = new(() => new(accelerator));
        weightGemm = new(() => new(accelerator));
        splitSum = new(() => new(accelerator));
        channelSum = new(() => new(accelerator));
        normSums = new(() => new(accelerator));
        vectorNormApply = new(() => new(accelerator));
        lossSums = new(() => new(accelerator));
        resampling = new(() => new(accelerator));
        sampler = new(() => new(accelerator, Allocate, Free));
        multiplyAddPeak = new(() => new(accelerator));
        tensorGather = new(() => new(accelerator));
        tensorWeights = new(() => new(accelerator));
    }

    /// <inheritdoc/>
    public override string Name { get; }

    /// <inheritdoc/>
    public override string Description { get; }

    /// <inheritdoc/>
    public override string ProductPrecision => Precision.ToString().ToLowerInvariant();

    /// <inheritdoc/>
    public override bool NeedsLossScaling => Precision == GpuPrecision.Fp16;

    /// <inheritdoc/>
    public override DeviceException? FailureOf(Exception exception) => exception switch
    {
        DeviceException known => known,
        AcceleratorException failure => new DeviceLostException(Description, failure),
        _ => null,
    };

    /// <inheritdoc/>
    public override void Synchronize()
    {
        stream.Synchronize();
        staging.Reset();
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            try
            {
                if (sampler.IsValueCreated)
                {
                    sampler.Value.Dispose();
                }

                scratch?.Dispose();
                staging.Dispose();
                ahead?.Dispose();
                copies?.Dispose();
                accelerator.Dispose();
                context.Dispose();
            }
            catch (AcceleratorException)
            {
                // The device is lost; the failure that reported it is on its way to the user.
            }
        }
    }

    private static ArrayView<float> View(Tensor tensor) => ((GpuBuffer)tensor.Buffer).View(tensor.Offset, tensor.Length);

    /// <summary>The tensor, or any other view where a kernel has a parameter that it does not read.</summary>
    private static ArrayView<float> ViewOr(Tensor? tensor, ArrayView<float> unused) => tensor is null ? unused : View(tensor);

    /// <summary>
    /// Memory for what passes between the kernels of one operation, at least this long. The stream's order makes one piece
    /// enough; it grows in the first step and then stays.
    /// </summary>
    private ArrayView<float> Scratch(long length)
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
