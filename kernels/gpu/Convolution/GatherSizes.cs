using SharpSeg.Engine.Backends;

namespace SharpSeg.Kernels.Gpu.Convolution;

/// <summary>
/// The four passes that compute values per voxel (convolution and transposed convolution, forward and backward data) as one:
/// every voxel d of a destination sums over taps and source channels,
/// <para>dest[d, n] = Σ_tap Σ_c source[position(d, tap), c]·weight(tap, c, n).</para>
/// <para>Gathering (forward; backward data of the transposed): position = d·stride + k − pad. Scattering (backward data; forward
/// of the transposed): position = (d + pad − k)/stride where that is whole. Voxels with the same remainder r = d mod stride have
/// the same taps, so they are treated together, as a class: no thread ever meets a tap that does not exist.</para>
/// <para>weight(tap, c, n) is w[tap, c, n], or w[tap, FirstRow + n, c] if <see cref="TransposedWeights"/>.</para>
/// </summary>
internal readonly struct GatherSizes
{
    public readonly int N, SourceZ, SourceY, SourceX, Channels, Channels2, DestZ, DestY, DestX, Columns;
    public readonly int KernelZ, KernelY, KernelX, StrideZ, StrideY, StrideX, PadZ, PadY, PadX;
    public readonly int Scatter, TransposedWeights, WeightRows, WeightColumns, FirstRow, Accumulate, HasBias;
    public readonly int SourceHalf, DestHalf;             // 1: of 16 bits (Elements), in the format of the products

    private GatherSizes(in ConvProblem p, bool hasBias)
    {
        (N, SourceZ, SourceY, SourceX) = (p.N, p.Input.Z, p.Input.Y, p.Input.X);
        (Channels, Channels2, Columns) = (p.Cin, p.Cin2, p.Cout);
        (DestZ, DestY, DestX) = (p.Output.Z, p.Output.Y, p.Output.X);
        (KernelZ, KernelY, KernelX) = (p.Kernel.Z, p.Kernel.Y, p.Kernel.X);
        (StrideZ, StrideY, StrideX) = (p.Stride.Z, p.Stride.Y, p.Stride.X);
        (PadZ, PadY, PadX) = (p.Padding.Z, p.Padding.Y, p.Padding.X);
        (WeightRows, WeightColumns, HasBias) = (p.CinTotal, p.Cout, hasBias ? 1 : 0);
    }

    private GatherSizes(in ConvProblem p, int firstChannel, int channels, bool accumulate)
        : this(p, hasBias: false)
    {
        (SourceZ, SourceY, SourceX) = (p.Output.Z, p.Output.Y, p.Output.X);
        (DestZ, DestY, DestX) = (p.Input.Z, p.Input.Y, p.Input.X);
        (Channels, Channels2, Columns) = (p.Cout, 0, channels);
        (Scatter, TransposedWeights, FirstRow, Accumulate) = (1, 1, firstChannel, accumulate ? 1 : 0);
    }

    private GatherSizes(in TransposedConvProblem p, bool forward, bool flag)
    {
        N = p.N;
        (KernelZ, KernelY, KernelX) = (p.Stride.Z, p.Stride.Y, p.Stride.X);
        (StrideZ, StrideY, StrideX) = (p.Stride.Z, p.Stride.Y, p.Stride.X);
        var (source, dest) = forward ? (p.Input, p.Output) : (p.Output, p.Input);
        (SourceZ, SourceY, SourceX) = (source.Z, source.Y, source.X);
        (DestZ, DestY, DestX) = (dest.Z, dest.Y, dest.X);
        (Channels, Columns) = forward ? (p.Cin, p.Cout) : (p.Cout, p.Cin);
        (WeightRows, WeightColumns) = (p.Cin, p.Cout);
        (Scatter, TransposedWeights) = forward ? (1, 0) : (0, 1);
        (HasBias, Accumulate) = forward ? (flag ? 1 : 0, 0) : (0, flag ? 1 : 0);
    }

    private GatherSizes(in GatherSizes s, bool sourceHalf, bool destHalf)
    {
        this = s;
        (SourceHalf, DestHalf) = (sourceHalf ? 1 : 0, destHalf ? 1 : 0);
    }

    /// <summary>The same sizes, of elements of 16 bits or float32.</summary>
    public GatherSizes Of(bool sourceHalf, bool destHalf) => new(this, sourceHalf, destHalf);

    /// <summary>
    /// Whether the kernels on tensor cores can read and write such elements: samples begin with a word, and of the destination
    /// every voxel does, because a thread writes two columns.
    /// </summary>
    public bool CanBe(bool sourceHalf, bool destHalf) =>
        (!sourceHalf || ((SourceVoxels * Channels & 1) == 0 && (SourceVoxels * Channels2 & 1) == 0))
        && (!destHalf || (Columns & 1) == 0);

    /// <summary>y = conv([x, x2], w) + b.</summary>
    public static GatherSizes Forward(in ConvProblem p, bool hasBias) => new(p, hasBias);

    /// <summary>dx from dy, for the input channels firstChannel … firstChannel + channels − 1.</summary>
    public static GatherSizes BackwardData(in ConvProblem p, int firstChannel, int channels, bool accumulate) =>
        new(p, firstChannel, channels, accumulate);

    /// <summary>y = transposed conv(x, w) + b.</summary>
    public static GatherSizes Forward(in TransposedConvProblem p, bool hasBias) => new(p, true, hasBias);

    /// <summary>dx from dy of the transposed convolution.</summary>
    public static GatherSizes BackwardData(in TransposedConvProblem p, bool accumulate) => new(p, false, accumulate);

    /// <summary>Voxels of a sample of the source.</summary>
    public int SourceVoxels => SourceZ * SourceY * SourceX;

    /// <summary>Voxels of a sample of the destination.</summary>
    public int DestVoxels => DestZ * DestY * DestX;

    /// <summary>Classes of voxels: one when gathering, one per remainder when scattering.</summary>
    public int Classes => Scatter != 0 ? StrideZ * StrideY * StrideX : 1;

    /// <summary>Voxels of a sample in the largest class, remainder 0.</summary>
    public int LargestClass => Scatter != 0
        ? ((DestZ + StrideZ - 1) / StrideZ) * ((DestY + StrideY - 1) / StrideY) * ((DestX + StrideX - 1) / StrideX)
        : DestVoxels;

    /// <summary>Whether all channel counts are multiples of four, so that sixteen-byte accesses are aligned.</summary>
    public bool IsVectorizable => (Channels & 3) == 0 && (Channels2 & 3) == 0 && (Columns & 3) == 0 && (WeightColumns & 3) == 0;
}
