using ILGPU;
using ILGPU.Runtime;
using SharpSeg.Engine.Backends;
using SharpSeg.Kernels.Gpu.Device;

namespace SharpSeg.Kernels.Gpu.Convolution;

/// <summary>
/// Convolution, all three passes, one thread per element of the result: the formula of <see cref="Engine.Backends.ConvProblem"/>
/// as it stands there, and the yardstick for the fast variants.
/// <para>Shapes: x (n, z, y, x, Cin); x2 (n, z, y, x, Cin2); w (kz, ky, kx, Cin + Cin2, Cout); y (n, oz, oy, ox, Cout).</para>
/// <para>Mapping: neighbouring threads take neighbouring channels of one voxel, so that weights are read in one piece and inputs
/// are the same address. Every product reads both factors from the caches: bound by their bandwidth, a tenth of peak at
/// best.</para>
/// </summary>
internal sealed class PlainConvolution(KernelList list)
{
    private readonly GpuKernel<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, ArrayView<float>,
        ArrayView<float>, ArrayView<float>, ConvSizes, int>> forward = new(
        list, Forward,
        (ArrayView<float> x, ArrayView<float> w, ArrayView<float> y, ConvSizes s) =>
            ConvolutionCosts.Plain(
                (x.Length / s.Cin * (s.Cin + s.Cin2)) + w.Length, y.Length, y.Length / s.Cout * w.Length));

    private readonly GpuKernel<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, ArrayView<float>,
        ConvSizes, int, int, int>> backwardData = new(
        list, BackwardData,
        (ArrayView<float> dy, ArrayView<float> w, ArrayView<float> dx, ConvSizes s, int channels, int accumulate) =>
            ConvolutionCosts.Plain(
                dy.Length + w.Length + (accumulate * dx.Length), dx.Length,
                dy.Length / s.Cout * w.Length / (s.Cin + s.Cin2) * channels));

    private readonly GpuKernel<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, ArrayView<float>,
        ArrayView<float>, ConvSizes, int>> backwardWeights = new(
        list, BackwardWeights,
        (ArrayView<float> x, ArrayView<float> dy, ArrayView<float> dw, ConvSizes s) =>
            ConvolutionCosts.Plain(
                (x.Length / s.Cin * (s.Cin + s.Cin2)) + dy.Length, dw.Length, dy.Length / s.Cout * dw.Length));

    /// <summary>y = conv([x, x2], w) + b; x2 and b may be any view where they are not used.</summary>
    public void LaunchForward(
        AcceleratorStream stream, in ConvSizes s, ArrayView<float> x, ArrayView<float> x2, ArrayView<float> w, ArrayView<float> b,
        bool hasBias, ArrayView<float> y) =>
        forward.Launch(stream, ElementIndex.Over(y.Length), x, x2, w, b, y, s, hasBias ? 1 : 0);

    /// <summary>Gradient with respect to the input channels firstChannel, firstChannel + 1, … (as many as dx has).</summary>
    public void LaunchBackwardData(
        AcceleratorStream stream, in ConvSizes s, ArrayView<float> dy, ArrayView<float> w, ArrayView<float> dx, int firstChannel,
        int channels, bool accumulate) =>
        backwardData.Launch(stream, ElementIndex.Over(dx.Length), dy, w, dx, s, firstChannel, channels, accumulate ? 1 : 0);

    /// <summary>Gradient with respect to the weights.</summary>
    public void LaunchBackwardWeights(
        AcceleratorStream stream, in ConvSizes s, ArrayView<float> x, ArrayView<float> x2, ArrayView<float> dy,
        ArrayView<float> dw,
        bool accumulate) =>
        backwardWeights.Launch(stream, ElementIndex.Over(dw.Length), x, x2, dy, dw, s, accumulate ? 1 : 0);

    private static void Forward(
        ArrayView<float> x, ArrayView<float> x2, ArrayView<float> w, ArrayView<float> b, ArrayView<float> y, ConvSizes s,
        int hasBias)
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
        var ox = o % s.OutX;
        var oy = o / s.OutX % s.OutY;
        var oz = o / s.OutX / s.OutY;
        var sample = x.SubView((long)n * s.InVoxels * s.Cin);
        var sample2 = s.Cin2 > 0 ? x2.SubView((long)n * s.InVoxels * s.Cin2) : x2;
        var sum = hasBias != 0 ? b[q] : 0f;
        for (var kz = 0; kz < s.KernelZ; kz++)
        {
            var iz = (oz * s.StrideZ) + kz - s.PadZ;
            for (var ky = 0; ky < s.KernelY; ky++)
            {
                var iy = (oy * s.StrideY) + ky - s.PadY;
                for (var kx = 0; kx < s.KernelX; kx++)
                {
                    var ix = (ox * s.StrideX) + kx - s.PadX;
                    if (iz >= 0 && iz < s.InZ && iy >= 0 && iy < s.InY && ix >= 0 && ix < s.InX)
                    {
                        var i = (((iz * s.InY) + iy) * s.InX) + ix;
                        var weight = (((((kz * s.KernelY) + ky) * s.KernelX) + kx) * (s.Cin + s.Cin2) * s.Cout) + q;
                        for (var c = 0; c < s.Cin; c++, weight += s.Cout)
                        {
                            sum += sample[(i * s.Cin) + c] * w[weight];
                        }

                        for (var c = 0; c < s.Cin2; c++, weight += s.Cout)
                        {
                            sum += sample2[(i * s.Cin2) + c] * w[weight];
                        }
                    }
                }
            }
        }

        y[element] = sum;
    }

    private static void BackwardData(
        ArrayView<float> dy, ArrayView<float> w, ArrayView<float> dx, ConvSizes s, int firstChannel, int channels, int accumulate)
    {
        var element = ElementIndex.Current;
        if (element >= dx.Length)
        {
            return;
        }

        var c = firstChannel + (int)(element % channels);
        var voxel = element / channels;
        var n = (int)(voxel / s.InVoxels);
        var i = (int)(voxel % s.InVoxels);
        var ix = i % s.InX;
        var iy = i / s.InX % s.InY;
        var iz = i / s.InX / s.InY;
        var sample = dy.SubView((long)n * s.OutVoxels * s.Cout);
        var sum = 0f;
        for (var kz = 0; kz < s.KernelZ; kz++)
        {
            var tz = iz + s.PadZ - kz; // o·stride, if some o reaches i through this tap
            for (var ky = 0; ky < s.KernelY; ky++)
            {
                var ty = iy + s.PadY - ky;
                for (var kx = 0; kx < s.KernelX; kx++)
                {
                    var tx = ix + s.PadX - kx;
                    if (tz >= 0 && ty >= 0 && tx >= 0 && tz % s.StrideZ == 0 && ty % s.StrideY == 0 && tx % s.StrideX == 0)
                    {
                        var oz = tz / s.StrideZ;
                        var oy = ty / s.StrideY;
                        var ox = tx / s.StrideX;
                        if (oz < s.OutZ && oy < s.OutY && ox < s.OutX)
                        {
                            var o = ((((oz * s.OutY) + oy) * s.OutX) + ox) * s.Cout;
                            var weight = ((((((kz * s.KernelY) + ky) * s.KernelX) + kx) * (s.Cin + s.Cin2)) + c) * s.Cout;
                            for (var q = 0; q < s.Cout; q++)
                            {
                                sum += sample[o + q] * w[weight + q];
                            }
                        }
                    }
                }
            }
        }

        dx[element] = accumulate != 0 ? dx[element] + sum : sum;
    }

    private static void BackwardWeights(
        ArrayView<float> x, ArrayView<float> x2, ArrayView<float> dy, ArrayView<float> dw, ConvSizes s, int accumulate)
    {
        var element = ElementIndex.Current;
        if (element >= dw.Length)
        {
            return;
        }

        var index = (int)element;
        var q = index % s.Cout;
        var c = index / s.Cout % (s.Cin + s.Cin2);
        var tap = index / s.Cout / (s.Cin + s.Cin2);
        var kx = tap % s.KernelX;
        var ky = tap / s.KernelX % s.KernelY;
        var kz = tap / s.KernelX / s.KernelY;
        var second = c >= s.Cin;
        var channels = second ? s.Cin2 : s.Cin;
        var channel = second ? c - s.Cin : c;
        var total = 0f;
        for (var n = 0; n < s.N; n++)
        {
            var input = second ? x2.SubView((long)n * s.InVoxels * channels) : x.SubView((long)n * s.InVoxels * channels);
            var gradient = dy.SubView((long)n * s.OutVoxels * s.Cout);
            for (var oz = 0; oz < s.OutZ; oz++)
            {
                var iz = (oz * s.StrideZ) + kz - s.PadZ;
                for (var oy = 0; oy < s.OutY; oy++)
                {
                    var iy = (oy * s.StrideY) + ky - s.PadY;
                    var row = 0f; // sums of rows, then of rows' sums: rounding grows with the root of either, not with the volume
                    for (var ox = 0; ox < s.OutX; ox++)
                    {
                        var ix = (ox * s.StrideX) + kx - s.PadX;
                        if (iz >= 0 && iz < s.InZ && iy >= 0 && iy < s.InY && ix >= 0 && ix < s.InX)
                        {
                            var i = (((iz * s.InY) + iy) * s.InX) + ix;
                            var o = (((oz * s.OutY) + oy) * s.OutX) + ox;
                            row += input[(i * channels) + channel] * gradient[(o * s.Cout) + q];
                        }
                    }

                    total += row;
                }
            }
        }

        dw[element] = accumulate != 0 ? dw[element] + total : total;
    }
}

/// <summary>The numbers of a <see cref="ConvProblem"/> as a kernel parameter. See there for shapes and formula.</summary>
internal readonly struct ConvSizes
{
    public readonly int N, InZ, InY, InX, Cin, Cin2, Cout, OutZ, OutY, OutX;
    public readonly int KernelZ, KernelY, KernelX, StrideZ, StrideY, StrideX, PadZ, PadY, PadX;

    public ConvSizes(in ConvProblem p)
    {
        (N, Cin, Cin2, Cout) = (p.N, p.Cin, p.Cin2, p.Cout);
        (InZ, InY, InX) = (p.Input.Z, p.Input.Y, p.Input.X);
        (OutZ, OutY, OutX) = (p.Output.Z, p.Output.Y, p.Output.X);
        (KernelZ, KernelY, KernelX) = (p.Kernel.Z, p.Kernel.Y, p.Kernel.X);
        (StrideZ, StrideY, StrideX) = (p.Stride.Z, p.Stride.Y, p.Stride.X);
        (PadZ, PadY, PadX) = (p.Padding.Z, p.Padding.Y, p.Padding.X);
    }

    /// <summary>Voxels of a sample of the input.</summary>
    public int InVoxels => InZ * InY * InX;

    /// <summary>Voxels of a sample of the output.</summary>
    public int OutVoxels => OutZ * OutY * OutX;
}
