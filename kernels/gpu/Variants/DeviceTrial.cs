using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Gpu.Convolution;

namespace SharpSeg.Kernels.Gpu.Variants;

/// <summary>
/// Whether a device computes at all: one small convolution by the plain kernel against the same sums in float64 on the processor.
/// What this lets pass is the yardstick for the device's faster kernels (<see cref="VariantSelfCheck"/>).
/// </summary>
internal static class DeviceTrial
{
    private const double Tolerance = 1e-5;                // of sums of 54 products of numbers below 1

    private static readonly ConvProblem Problem = new(1, new(2, 3, 4), 2, 0, 3, new(3, 3, 3), Extent.One);

    /// <summary>Runs it.</summary>
    public static bool Passes(GpuBackend backend)
    {
        using var tensors = new SelfCheckTensors(backend);
        var (x, w) = (tensors.Input(Problem.InputShape), tensors.Input(Problem.WeightShape));
        new ConvForward(Problem, x, null, w, null).Run(backend, Variant.Plain, tensors.Output(Problem.OutputShape));
        var (input, weights) = (new float[x.Length], new float[w.Length]);
        backend.Download(x, input);
        backend.Download(w, weights);
        return Agrees(input, weights, tensors.ReadOutputs()[0]);
    }

    /// <summary>Whether y is the convolution of x by w.</summary>
    internal static bool Agrees(float[] x, float[] w, float[] y)
    {
        var (size, kernel) = (Problem.Input, Problem.Kernel);
        for (var i = 0; i < y.Length; i++)
        {
            var (voxel, q) = (i / Problem.Cout, i % Problem.Cout);
            var sum = 0.0;
            for (var tap = 0; tap < kernel.Voxels; tap++)
            {
                var sz = (voxel / size.X / size.Y) + (tap / kernel.X / kernel.Y) - Problem.Padding.Z;
                var sy = (voxel / size.X % size.Y) + (tap / kernel.X % kernel.Y) - Problem.Padding.Y;
                var sx = (voxel % size.X) + (tap % kernel.X) - Problem.Padding.X;
                var inside = sz >= 0 && sz < size.Z && sy >= 0 && sy < size.Y && sx >= 0 && sx < size.X;
                for (var c = 0; inside && c < Problem.Cin; c++)
                {
                    sum += (double)x[(((((sz * size.Y) + sy) * size.X) + sx) * Problem.Cin) + c]
                        * w[(((tap * Problem.Cin) + c) * Problem.Cout) + q];
                }
            }

            if (!(Math.Abs(sum - y[i]) <= Tolerance))
            {
                return false;
            }
        }

        return true;
    }
}
