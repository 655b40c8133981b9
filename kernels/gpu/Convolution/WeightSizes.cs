using SharpSeg.Engine.Backends;

namespace SharpSeg.Kernels.Gpu.Convolution;

/// <summary>
/// The gradient with respect to the weights, of convolution and transposed convolution, as one: over the voxels v of a dense
/// volume,
/// <para>dw(tap, g, d) = Σ_v gathered[v·stride + tap − pad, g]·dense[v, d].</para>
/// <para>Convolution: gathered = [x, x2], dense = dy, dw[tap, g, d]. Transposed convolution: gathered = dy, dense = x, pad 0,
/// dw[tap, d, g].</para>
/// </summary>
internal readonly struct WeightSizes
{
    public readonly int N, DenseZ, DenseY, DenseX, DenseChannels, GatheredZ, GatheredY, GatheredX, Channels, Channels2;
    public readonly int KernelZ, KernelY, KernelX, StrideZ, StrideY, StrideX, PadZ, PadY, PadX, TransposedOutput;
    public readonly int GatheredHalf, DenseHalf;          // 1: of 16 bits (Elements), in the format of the products

    public WeightSizes(in ConvProblem p)
    {
        (N, DenseChannels, Channels, Channels2) = (p.N, p.Cout, p.Cin, p.Cin2);
        (DenseZ, DenseY, DenseX) = (p.Output.Z, p.Output.Y, p.Output.X);
        (GatheredZ, GatheredY, GatheredX) = (p.Input.Z, p.Input.Y, p.Input.X);
        (KernelZ, KernelY, KernelX) = (p.Kernel.Z, p.Kernel.Y, p.Kernel.X);
        (StrideZ, StrideY, StrideX) = (p.Stride.Z, p.Stride.Y, p.Stride.X);
        (PadZ, PadY, PadX) = (p.Padding.Z, p.Padding.Y, p.Padding.X);
    }

    public WeightSizes(in TransposedConvProblem p)
    {
        (N, DenseChannels, Channels, TransposedOutput) = (p.N, p.Cin, p.Cout, 1);
        (DenseZ, DenseY, DenseX) = (p.Input.Z, p.Input.Y, p.Input.X);
        (GatheredZ, GatheredY, GatheredX) = (p.Output.Z, p.Output.Y, p.Output.X);
        (KernelZ, KernelY, KernelX) = (p.Stride.Z, p.Stride.Y, p.Stride.X);
        (StrideZ, StrideY, StrideX) = (p.Stride.Z, p.Stride.Y, p.Stride.X);
    }

    private WeightSizes(in WeightSizes s, bool gatheredHalf, bool denseHalf)
    {
        this = s;
        (GatheredHalf, DenseHalf) = (gatheredHalf ? 1 : 0, denseHalf ? 1 : 0);
    }

    /// <summary>The same sizes, of elements of 16 bits or float32.</summary>
    public WeightSizes Of(bool gatheredHalf, bool denseHalf) => new(this, gatheredHalf, denseHalf);

    /// <summary>Rows of the matrix product: taps × gathered channels.</summary>
    public int Rows => KernelZ * KernelY * KernelX * (Channels + Channels2);

    /// <summary>Voxels of a sample of the dense volume.</summary>
    public int DenseVoxels => DenseZ * DenseY * DenseX;

    /// <summary>Voxels of a sample of the gathered volume.</summary>
    public int GatheredVoxels => GatheredZ * GatheredY * GatheredX;

    /// <summary>Whether all channel counts are multiples of four, so that sixteen-byte accesses are aligned.</summary>
    public bool IsVectorizable => (Channels & 3) == 0 && (Channels2 & 3) == 0 && (DenseChannels & 3) == 0;
}
