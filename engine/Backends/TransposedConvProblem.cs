using SharpSeg.Engine.Tensors;

namespace SharpSeg.Engine.Backends;

/// <summary>
/// Sizes of a transposed convolution whose kernel equals its stride (docs/method/networks.md §2.2): every output voxel has
/// exactly one input voxel, so it is a matrix product followed by a scatter.
/// <para>Shapes: x (n, z, y, x, Cin); w (sz, sy, sx, Cin, Cout); b (Cout); y (n, z·sz, y·sy, x·sx, Cout).</para>
/// <para>Formula: y[s·i + r, q] = b[q] + Σ_c x[i, c] · w[r, c, q], 0 ≤ r &lt; s per axis.</para>
/// </summary>
/// <param name="N">Batch size.</param>
/// <param name="Input">Spatial size of the input, voxels.</param>
/// <param name="Cin">Channels of the input.</param>
/// <param name="Cout">Channels of the output.</param>
/// <param name="Stride">Stride = kernel, 1 or more per axis.</param>
public readonly record struct TransposedConvProblem(int N, Extent Input, int Cin, int Cout, Extent Stride)
{
    /// <summary>Spatial size of the output, voxels.</summary>
    public Extent Output => Input.Times(Stride);

    /// <summary>Shape of x and of its gradient.</summary>
    public Shape InputShape => Shape.Activation(N, Input, Cin);

    /// <summary>Shape of w and of its gradient.</summary>
    public Shape WeightShape => Shape.Weight(Stride, Cin, Cout);

    /// <summary>Shape of y and of its gradient.</summary>
    public Shape OutputShape => Shape.Activation(N, Output, Cout);

    /// <summary>Work of one of the three passes.</summary>
    public Work MinimumWork => new(
        2L * OutputShape.Length * Cin, 4L * (InputShape.Length + WeightShape.Length + OutputShape.Length));

    /// <summary>Throws <see cref="ShapeException"/> if the numbers themselves are impossible.</summary>
    public void Check()
    {
        if (N < 1 || Cin < 1 || Cout < 1 || Input.Z < 1 || Input.Y < 1
            || Input.X < 1 || Stride.Z < 1 || Stride.Y < 1 || Stride.X < 1)
        {
            throw new ShapeException($"transposed convolution with an empty extent: {this}");
        }
    }
}
