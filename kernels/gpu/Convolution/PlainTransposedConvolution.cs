using ILGPU;
using ILGPU.Runtime;
using SharpSeg.Engine.Backends;
using SharpSeg.Kernels.Gpu.Device;

namespace SharpSeg.Kernels.Gpu.Convolution;

/// <summary>
/// Transposed convolution with kernel = stride, all three passes, one thread per element of the result.
/// <para>Shapes: x (n, z, y, x, Cin); w (sz, sy, sx, Cin, Cout); y (n, z·sz, y·sy, x·sx, Cout).</para>
/// <para>Maths: y[s·i + r, q] = b[q] + Σ_c x[i, c]·w[r, c, q], and its derivatives.</para>
/// </summary>
internal sealed class PlainTransposedConvolution(KernelList list)
{
    private readonly GpuKernel<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, ArrayView<float>,
        ArrayView<float>, TransposedSizes, int>> forward = new(
        list, Forward,
        (ArrayView<float> x, ArrayView<float> w, ArrayView<float> y, TransposedSizes s) =>
            ConvolutionCosts.Plain(x.Length + w.Length, y.Length, y.Length * s.Cin));

    private readonly GpuKernel<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, ArrayView<float>,
        TransposedSizes, int>> backwardData = new(
        list, BackwardData,
        (ArrayView<float> dy, ArrayView<float> w, ArrayView<float> dx, TransposedSizes s, int accumulate) =>
            ConvolutionCosts.Plain(dy.Length + w.Length + (accumulate * dx.Length), dx.Length, dy.Length * s.Cin));

    private readonly GpuKernel<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, ArrayView<float>,
        TransposedSizes, int>> backwardWeights = new(
        list, BackwardWeights,
        (ArrayView<float> x, ArrayView<float> dy, ArrayView<float> dw, TransposedSizes s) =>
            ConvolutionCosts.Plain(x.Length + dy.Length, dw.Length, dy.Length * s.Cin));

    /// <summary>y = transposed conv(x, w) + b; b may be any view where there is no bias.</summary>
    public void LaunchForward(
        AcceleratorStream stream, in TransposedSizes s, ArrayView<float> x, ArrayView<float> w, ArrayView<float> b, bool hasBias,
        ArrayView<float> y) =>
        forward.Launch(stream, ElementIndex.Over(y.Length), x, w, b, y, s, hasBias ? 1 : 0);

    /// <summary>Gradient with respect to the input.</summary>
    public void LaunchBackwardData(
        AcceleratorStream stream, in TransposedSizes s, ArrayView<float> dy, ArrayView<float> w, ArrayView<float> dx,
        bool accumulate) =>
        backwardData.Launch(stream, ElementIndex.Over(dx.Length), dy, w, dx, s, accumulate ? 1 : 0);

    /// <summary>Gradient with respect to the weights.</summary>
    public void LaunchBackwardWeights(
        AcceleratorStream stream, in TransposedSizes s, ArrayView<float> x, ArrayView<float> dy, ArrayView<float> dw,
        bool accumulate) =>
        backwardWeights.Launch(stream, ElementIndex.Over(dw.Length), x, dy, dw, s, accumulate ? 1 : 0);

    private static void Forward(
        ArrayView<float> x, ArrayView<float> w, ArrayView<float> b, ArrayView<float> y, TransposedSizes s, int hasBias)
    {
        var element = ElementIndex.Current;
        if (element >= y.Length)
        {
            return;
        }

        var q = (int)(element % s.Cout);
        var voxel = element / s.Cout;
        var n = (int)(voxel / s.OutVoxels);
        var o = (int)(voxel % s.OutVoxels);
        var sizeX = s.InX * s.StrideX;
        var sizeY = s.InY * s.StrideY;
        var ox = o % sizeX;
        var oy = o / sizeX % sizeY;
        var oz = o / sizeX / sizeY;
        var i = ((((oz / s.StrideZ) * s.InY) + (oy / s.StrideY)) * s.InX) + (ox / s.StrideX);
        var r = ((((oz % s.StrideZ) * s.StrideY) + (oy % s.StrideY)) * s.StrideX) + (ox % s.StrideX);
        var sample = x.SubView((long)n * s.InVoxels * s.Cin);
        var sum = hasBias != 0 ? b[q] : 0f;
        for (var c = 0; c < s.Cin; c++)
        {
            sum += sample[(i * s.Cin) + c] * w[(((r * s.Cin) + c) * s.Cout) + q];
        }

        y[element] = sum;
    }

    private static void BackwardData(
        ArrayView<float> dy, ArrayView<float> w, ArrayView<float> dx, TransposedSizes s, int accumulate)
    {
        var element = ElementIndex.Current;
        if (element >= dx.Length)
        {
            return;
        }

        var c = (int)(element % s.Cin);
        var voxel = element / s.Cin;
        var n = (int)(voxel / s.InVoxels);
        var i = (int)(voxel % s.InVoxels);
        var ix = i % s.InX;
        var iy = i / s.InX % s.InY;
        var iz = i / s.InX / s.InY;
        var sample = dy.SubView((long)n * s.OutVoxels * s.Cout);
        var sum = 0f;
        for (var r = 0; r < s.StrideZ * s.StrideY * s.StrideX; r++)
        {
            var oz = (iz * s.StrideZ) + (r / s.StrideX / s.StrideY);
            var oy = (iy * s.StrideY) + (r / s.StrideX % s.StrideY);
            var ox = (ix * s.StrideX) + (r % s.StrideX);
            var o = ((((oz * s.InY * s.StrideY) + oy) * s.InX * s.StrideX) + ox) * s.Cout;
            var weight = ((r * s.Cin) + c) * s.Cout;
            for (var q = 0; q < s.Cout; q++)
            {
                sum += sample[o + q] * w[weight + q];
            }
        }

        dx[element] = accumulate != 0 ? dx[element] + sum : sum;
    }

    private static void BackwardWeights(
        ArrayView<float> x, ArrayView<float> dy, ArrayView<float> dw, TransposedSizes s, int accumulate)
    {
        var element = ElementIndex.Current;
        if (element >= dw.Length)
        {
            return;
        }

        var index = (int)element;
        var q = index % s.Cout;
        var c = index / s.Cout % s.Cin;
        var r = index / s.Cout / s.Cin;
        var rx = r % s.StrideX;
        var ry = r / s.StrideX % s.StrideY;
        var rz = r / s.StrideX / s.StrideY;
        var total = 0f;
        for (var n = 0; n < s.N; n++)
        {
            var input = x.SubView((long)n * s.InVoxels * s.Cin);
            var gradient = dy.SubView((long)n * s.OutVoxels * s.Cout);
            for (var iz = 0; iz < s.InZ; iz++)
            {
                for (var iy = 0; iy < s.InY; iy++)
                {
                    var row = 0f; // sums of rows, then of rows' sums, against rounding
                    for (var ix = 0; ix < s.InX; ix++)
                    {
                        var i = (((iz * s.InY) + iy) * s.InX) + ix;
                        var o = (((((iz * s.StrideZ) + rz) * s.InY * s.StrideY) + (iy * s.StrideY) + ry) * s.InX * s.StrideX)
                            + (ix * s.StrideX) + rx;
                        row += input[(i * s.Cin) + c] * gradient[(o * s.Cout) + q];
                    }

                    total += row;
                }
            }
        }

        dw[element] = accumulate != 0 ? dw[element] + total : total;
    }
}

/// <summary>
/// The numbers of a <see cref="TransposedConvProblem"/> as a kernel parameter. See there for shapes and formula.
/// </summary>
internal readonly struct TransposedSizes
{
    public readonly int N, InZ, InY, InX, Cin, Cout, StrideZ, StrideY, StrideX;

    public TransposedSizes(in TransposedConvProblem p)
    {
        (N, Cin, Cout) = (p.N, p.Cin, p.Cout);
        (InZ, InY, InX) = (p.Input.Z, p.Input.Y, p.Input.X);
        (StrideZ, StrideY, StrideX) = (p.Stride.Z, p.Stride.Y, p.Stride.X);
    }

    /// <summary>Voxels of a sample of the input.</summary>
    public int InVoxels => InZ * InY * InX;

    /// <summary>Voxels of a sample of the output.</summary>
    public int OutVoxels => InVoxels * StrideZ * StrideY * StrideX;
}
