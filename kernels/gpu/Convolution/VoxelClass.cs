using System.Runtime.CompilerServices;
using ILGPU;

namespace SharpSeg.Kernels.Gpu.Convolution;

/// <summary>The voxels of one class (see GatherSizes): their three axes.</summary>
internal struct VoxelClass
{
    public TapAxis Z, Y, X;

    /// <summary>Class number (rz·sy + ry)·sx + rx.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static VoxelClass Of(GatherSizes s, int number)
    {
        var place = default(VoxelClass);
        place.X = TapAxis.Of(s.Scatter, number % s.StrideX, s.DestX, s.KernelX, s.StrideX, s.PadX);
        place.Y = TapAxis.Of(s.Scatter, number / s.StrideX % s.StrideY, s.DestY, s.KernelY, s.StrideY, s.PadY);
        place.Z = TapAxis.Of(s.Scatter, number / s.StrideX / s.StrideY, s.DestZ, s.KernelZ, s.StrideZ, s.PadZ);
        return place;
    }

    /// <summary>
    /// rows[0 | 1 | 2, row] ← source position z, y, x of tap 0 of voxel m, or a z far outside for rows beyond the last voxel, so
    /// that their loads give zero; rows[3, row] ← index of its first channel in a sample of the destination, or −1.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void WriteRow(ArrayView<int> rows, int row, int tileRows, int m, int voxels, GatherSizes s, VoxelClass place)
    {
        var x = m % place.X.Count;
        var line = m / place.X.Count;
        var y = line % place.Y.Count;
        var z = line / place.Y.Count;
        rows[row] = m < voxels ? (z * place.Z.Step) + place.Z.Base : -(1 << 28);
        rows[tileRows + row] = (y * place.Y.Step) + place.Y.Base;
        rows[(2 * tileRows) + row] = (x * place.X.Step) + place.X.Base;
        x = (x * place.X.DestStep) + place.X.Remainder;
        y = (y * place.Y.DestStep) + place.Y.Remainder;
        z = (z * place.Z.DestStep) + place.Z.Remainder;
        rows[(3 * tileRows) + row] = m < voxels ? ((((z * s.DestY) + y) * s.DestX) + x) * s.Columns : -1;
    }
}

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
