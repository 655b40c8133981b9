using System.Runtime.InteropServices;
using ILGPU;
using ILGPU.Runtime;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Gpu.Convolution;
using SharpSeg.Kernels.Gpu.Device;
using SharpSeg.Kernels.Gpu.Loss;
using SharpSeg.Kernels.Gpu.Normalization;

namespace SharpSeg.Kernels.Gpu;

internal sealed partial class GpuBackend
{
    private const int Line = 64; // words: 256 bytes
    private AcceleratorStream? copies;
    private Staging? ahead;

    /// <inheritdoc/>
    public override long MemoryBytes => accelerator.MemorySize;

    /// <inheritdoc/>
    public override bool HasOwnMemory => true;

    /// <inheritdoc/>
    protected override DeviceBuffer AllocateCore(long length)
    {
        releases.RequireNone();
        var rounded = WholeLines(length);
        try
        {
            return new GpuBuffer(accelerator.Allocate1D<float>(rounded), rounded, releases);
        }
        catch (Exception e) when (e is AcceleratorException or OutOfMemoryException)
        {
            // ILGPU keeps the buffer that it failed to make, by a weak reference, and would free its address 0 when the device is
            // closed, which CUDA answers with an error in place of this one. Nobody else holds it: let it go now.
            GC.Collect();
            GC.WaitForPendingFinalizers();
            throw new GpuOutOfMemoryException(rounded * sizeof(float), AllocatedBytes, accelerator.MemorySize, Name, e);
        }
    }

    /// <inheritdoc/>
    public override bool UploadsRunBeside => true;

    /// <inheritdoc/>
    public override long WorkspaceBytes(IReadOnlyCollection<ConvProblem> convolutions, bool isTraining) =>
        sizeof(float) * (WholeLines(LargestScratch(convolutions, isTraining)) + WholeLines(LargestCopies(convolutions)));

    /// <inheritdoc/>
    public override void ReserveWorkspace(IReadOnlyCollection<ConvProblem> convolutions, bool isTraining)
    {
        Scratch(LargestScratch(convolutions, isTraining));
        Wide.Reserve(LargestCopies(convolutions));
    }

    /// <summary>A length rounded up to whole lines, in which buffers, and parts of one, begin.</summary>
    /// <param name="length">Words.</param>
    internal static long WholeLines(long length) => (length + Line - 1) / Line * Line;

    private long LargestCopies(IReadOnlyCollection<ConvProblem> convolutions) =>
        Activations == ElementType.Fp32 ? 0 : WideCopies.LargestWords(convolutions);

    // Packed weights and sums of norms; partial gradients with respect to weights, and sums of the loss of one of the outputs.
    private long LargestScratch(IReadOnlyCollection<ConvProblem> convolutions, bool isTraining)
    {
        var most = isTraining ? WeightGemm.LargestPartialsBytes / sizeof(float) : 1;
        foreach (var p in convolutions)
        {
            var norm = new NormSizes(new InstanceNormProblem(p.N, p.Output, p.Cout, Slope: 0));
            most = Math.Max(most, InstanceNormSums.PartialsLength(norm) + (isTraining ? 2L * p.N * p.Cout : 0));
            if (isTraining)
            {
                var loss = new LossSizes(new LossProblem(p.N, p.Output, p.Cout, Regions: false, BatchDice: false));
                most = Math.Max(most, Math.Max(p.WeightShape.Length, LossSums.ScratchLength(loss)));
            }
        }

        return Precision == GpuPrecision.Fp32
            ? most
            : Math.Max(most, PackedWeights.LargestScratchBytes(Precision, convolutions) / sizeof(float));
    }

    /// <summary>Waits on the host: a copy begun during the last step has long finished.</summary>
    public override void FinishUploads()
    {
        copies?.Synchronize();
        ahead?.Reset();
    }

    /// <inheritdoc/>
    protected override void UploadCore(ReadOnlySpan<float> source, Tensor target) =>
        CopyIn(source, View(target), staging, Stream);

    /// <summary>On a stream of its own, through page-locked memory of its own: the copy runs while kernels do.</summary>
    protected override void UploadAheadCore(ReadOnlySpan<float> source, Tensor target) =>
        CopyIn(source, View(target), ahead ??= new Staging(accelerator), copies ??= accelerator.CreateStream());

    private void CopyIn(ReadOnlySpan<float> source, ArrayView<float> view, Staging staging, AcceleratorStream stream)
    {
        RequireNotRecording();                            // a recording would read again what the staging then holds

        for (var start = 0; start < source.Length; start += Staging.LargestPiece)
        {
            var length = Math.Min(Staging.LargestPiece, source.Length - start);
            var piece = staging.Rent(length, stream);
            source.Slice(start, length).CopyTo(piece);
            view.SubView(start, length).CopyFromCPUUnsafeAsync<float, ArrayView<float>>(
                stream, ref MemoryMarshal.GetReference(piece), length);
        }
    }

    /// <inheritdoc/>
    protected override void DownloadCore(Tensor source, Span<float> target)
    {
        var view = View(source);
        for (var start = 0; start < target.Length; start += Staging.LargestPiece)
        {
            var length = Math.Min(Staging.LargestPiece, target.Length - start);
            var piece = staging.Rent(length, Stream);
            view.SubView(start, length).CopyToCPU<float, ArrayView<float>>(Stream, ref MemoryMarshal.GetReference(piece), length);
            staging.Reset(); // the copy has waited for the stream
            piece.CopyTo(target.Slice(start, length));
        }
    }

    /// <inheritdoc/>
    protected override void CopyCore(Tensor source, Tensor target)
    {
        if (source.Element == target.Element)
        {
            Kernels.Pointwise.LaunchCopy(Stream, View(source), View(target));
        }
        else if (IsHalf(source))
        {
            Kernels.Halves.LaunchWiden(Stream, source.Element, View(source), View(target));
        }
        else
        {
            Kernels.Halves.LaunchNarrow(Stream, target.Element, View(source), View(target));
        }
    }

    /// <inheritdoc/>
    protected override void FillCore(Tensor target, float value) =>
        Kernels.Pointwise.LaunchFill(Stream, View(target), WordOf(target.Element, value));

    // A word that holds nothing but the value.
    private static float WordOf(ElementType element, float value)
    {
        var half = element switch
        {
            ElementType.Bf16 => BitConverter.SingleToUInt32Bits(element.Rounded(value)) >> 16,
            ElementType.Fp16 => BitConverter.HalfToUInt16Bits((System.Half)value),
            _ => 0u,
        };
        return element == ElementType.Fp32 ? value : BitConverter.UInt32BitsToSingle((half << 16) | half);
    }
}
