using System.Runtime.CompilerServices;

namespace SharpSeg.Kernels.Gpu.Convolution;

/// <summary>
/// One axis of a class of voxels (see GatherSizes): voxel number m of the class lies at d = m·DestStep + Remainder, and its tap
/// number j, which is the kernel's tap FirstTap + j·TapStep, reads the source position m·Step + Base + j·Direction.
/// </summary>
internal struct TapAxis
{
    public int Count, DestStep, Remainder, Step, Base, Direction, Taps, FirstTap, TapStep;

    /// <summary>Computes the axis of one class.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TapAxis Of(int scatter, int remainder, int dest, int kernel, int stride, int pad)
    {
        var axis = default(TapAxis);
        if (scatter == 0)
        {
            axis.Count = dest;
            axis.DestStep = 1;
            axis.Remainder = 0;
            axis.Step = stride;
            axis.Base = -pad;
            axis.Direction = 1;
            axis.Taps = kernel;
            axis.FirstTap = 0;
            axis.TapStep = 1;
        }
        else
        {
            var first = (remainder + pad) % stride; // the lowest tap that reaches this class
            axis.Count = (dest - remainder + stride - 1) / stride;
            axis.DestStep = stride;
            axis.Remainder = remainder;
            axis.Step = 1;
            axis.Base = (remainder + pad) / stride;
            axis.Direction = -1;
            axis.Taps = first < kernel ? (kernel - first + stride - 1) / stride : 0;
            axis.FirstTap = first;
            axis.TapStep = stride;
        }

        return axis;
    }
}
