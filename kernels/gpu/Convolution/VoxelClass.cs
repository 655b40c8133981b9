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
