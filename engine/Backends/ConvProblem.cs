using SharpSeg.Engine.Tensors;

namespace SharpSeg.Engine.Backends;

/// <summary>
/// Sizes of a convolution: cross-correlation, zero padding (k−1)/2, dilation 1, groups 1 (docs/method/networks.md §2.1).
/// <para>Shapes: x (n, z, y, x, Cin); x2 (n, z, y, x, Cin2), only if Cin2 &gt; 0; w (kz, ky, kx, Cin + Cin2, Cout);
/// b (Cout); y (n, oz, oy, ox, Cout) with o = floor((i + 2·pad − k)/s) + 1.</para>
/// <para>Two inputs stand for the concatenation [x, x2] along channels, so that a U-Net's skip costs no copy:
/// input channel i &lt; Cin comes from x, channel Cin + j from x2.</para>
/// <para>Formula: y[o, q] = b[q] + Σ_k Σ_i x[o·s + k − pad, i] · w[k, i, q]; positions outside count as 0.</para>
/// </summary>
/// <param name="N">Batch size.</param>
/// <param name="Input">Spatial size of the input, voxels.</param>
/// <param name="Cin">Channels of the first input.</param>
/// <param name="Cin2">Channels of the second input; 0 if there is none.</param>
/// <param name="Cout">Channels of the output.</param>
/// <param name="Kernel">Odd, 1..7 per axis.</param>
/// <param name="Stride">1 or more per axis.</param>
public readonly record struct ConvProblem(int N, Extent Input, int Cin, int Cin2, int Cout, Extent Kernel, Extent Stride)
{
    /// <summary>Channels of both inputs together.</summary>
    public int CinTotal => Cin + Cin2;

    /// <summary>Zero voxels added on either side: (k − 1)/2.</summary>
    public Extent Padding => new((Kernel.Z - 1) / 2, (Kernel.Y - 1) / 2, (Kernel.X - 1) / 2);

    /// <summary>Spatial size of the output, voxels.</summary>
    public Extent Output => new(
        OutputLength(Input.Z, Kernel.Z, Stride.Z), OutputLength(Input.Y, Kernel.Y, Stride.Y),
        OutputLength(Input.X, Kernel.X, Stride.X));

    /// <summary>Shape of x and of its gradient.</summary>
    public Shape InputShape => Shape.Activation(N, Input, Cin);

    /// <summary>Shape of x2 and of its gradient; meaningless if <see cref="Cin2"/> is 0.</summary>
    public Shape Input2Shape => Shape.Activation(N, Input, Cin2);

    /// <summary>Shape of w and of its gradient.</summary>
    public Shape WeightShape => Shape.Weight(Kernel, CinTotal, Cout);

    /// <summary>Shape of y and of its gradient.</summary>
    public Shape OutputShape => Shape.Activation(N, Output, Cout);

    /// <summary>Work of one of the three passes: 2·n·out·k·cin·cout operations, x, w and y moved once.</summary>
    public Work MinimumWork => new(
        2L * N * Output.Voxels * Kernel.Voxels * CinTotal * Cout,
        4L * (((long)N * Input.Voxels * CinTotal) + WeightShape.Length + OutputShape.Length));

    /// <summary>Throws <see cref="ShapeException"/> if the numbers themselves are impossible.</summary>
    public void Check()
    {
        if (N < 1 || Cin < 1 || Cin2 < 0 || Cout < 1 || Input.Z < 1 || Input.Y < 1 || Input.X < 1)
        {
            throw new ShapeException($"convolution with an empty extent: {this}");
        }

        for (var axis = 0; axis < 3; axis++)
        {
            if (Kernel[axis] is < 1 or > 7 || Kernel[axis] % 2 == 0 || Stride[axis] < 1)
            {
                throw new ShapeException($"convolution kernel {Kernel} must be odd, 1..7, and stride {Stride} positive");
            }
        }
    }

    private static int OutputLength(int n, int k, int s) => ((n + (2 * ((k - 1) / 2)) - k) / s) + 1;
}

/// <summary>
/// The least work that an operation requires: the numerator of every "percent of peak" in the benchmarks.
/// </summary>
/// <param name="Flops">Floating-point operations; a multiply-add counts as two.</param>
/// <param name="Bytes">Bytes that must move: every input read once, every output written once.</param>
public readonly record struct Work(long Flops, long Bytes);
