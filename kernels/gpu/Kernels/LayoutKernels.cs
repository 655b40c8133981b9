using ILGPU;
using ILGPU.Runtime;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Gpu.Sizes;

namespace SharpSeg.Kernels.Gpu.Kernels;

/// <summary>
/// Operations that move voxels: sums over blocks, repetition of blocks, mirroring.
/// <para>Shapes: (n, z, y, x, c). Formulas: Backend.BlockSum, BlockRepeat, Flip.</para>
/// <para>Mapping: one thread per element of the result; a block is summed in the order z, y, x. Bound by memory.</para>
/// </summary>
internal sealed class LayoutKernels(Accelerator accelerator)
{
    private readonly Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, BlockSizes, float, int> blockSum =
        accelerator.LoadKernel<ArrayView<float>, ArrayView<float>, BlockSizes, float, int>(BlockSum);

    private readonly Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, BlockSizes, float, int> blockRepeat =
        accelerator.LoadKernel<ArrayView<float>, ArrayView<float>, BlockSizes, float, int>(BlockRepeat);

    private readonly Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, BlockSizes, int, int, int> flip =
        accelerator.LoadKernel<ArrayView<float>, ArrayView<float>, BlockSizes, int, int, int>(Flip);

    /// <summary>The kernels of this file.</summary>
    public static IReadOnlyList<Delegate> Methods => [BlockSum, BlockRepeat, Flip];

    /// <summary>coarse ← scale·(sums of blocks of fine).</summary>
    public void LaunchBlockSum(
        AcceleratorStream stream, in BlockSizes s, ArrayView<float> fine, float scale, ArrayView<float> coarse, bool accumulate) =>
        blockSum(stream, ElementIndex.Over(coarse.Length), fine, coarse, s, scale, accumulate ? 1 : 0);

    /// <summary>fine ← scale·(coarse, every voxel repeated over its block).</summary>
    public void LaunchBlockRepeat(
        AcceleratorStream stream, in BlockSizes s, ArrayView<float> coarse, float scale, ArrayView<float> fine, bool accumulate) =>
        blockRepeat(stream, ElementIndex.Over(fine.Length), coarse, fine, s, scale, accumulate ? 1 : 0);

    /// <summary>y ← x mirrored.</summary>
    public void LaunchFlip(
        AcceleratorStream stream, Shape shape, ArrayView<float> x, bool alongZ, bool alongY, bool alongX, ArrayView<float> y) =>
        flip(
            stream, ElementIndex.Over(y.Length), x, y, new BlockSizes(shape.Spatial, Extent.One, shape.C), alongZ ? 1 : 0, alongY ? 1 : 0,
            alongX ? 1 : 0);

    private static void BlockSum(ArrayView<float> fine, ArrayView<float> coarse, BlockSizes s, float scale, int accumulate)
    {
        var element = ElementIndex.Current;
        if (element >= coarse.Length)
        {
            return;
        }

        var c = element % s.C;
        var voxel = element / s.C;
        var x = voxel % s.X;
        var y = voxel / s.X % s.Y;
        var plane = voxel / s.X / s.Y; // n·Z + z: samples follow each other as planes do
        var sum = 0f;
        for (var bz = 0; bz < s.BlockZ; bz++)
        {
            for (var by = 0; by < s.BlockY; by++)
            {
                for (var bx = 0; bx < s.BlockX; bx++)
                {
                    var row = ((((plane * s.BlockZ) + bz) * s.Y * s.BlockY) + (y * s.BlockY) + by) * s.X * s.BlockX;
                    sum += fine[((row + (x * s.BlockX) + bx) * s.C) + c];
                }
            }
        }

        coarse[element] = accumulate != 0 ? coarse[element] + (scale * sum) : scale * sum;
    }

    private static void BlockRepeat(ArrayView<float> coarse, ArrayView<float> fine, BlockSizes s, float scale, int accumulate)
    {
        var element = ElementIndex.Current;
        if (element >= fine.Length)
        {
            return;
        }

        var c = element % s.C;
        var voxel = element / s.C;
        var sizeX = s.X * s.BlockX;
        var sizeY = s.Y * s.BlockY;
        var x = voxel % sizeX / s.BlockX;
        var y = voxel / sizeX % sizeY / s.BlockY;
        var plane = voxel / sizeX / sizeY / s.BlockZ; // n·Z + z, because the fine planes of a sample are a multiple of the block
        var value = scale * coarse[((((plane * s.Y) + y) * s.X) + x) * s.C + c];
        fine[element] = accumulate != 0 ? fine[element] + value : value;
    }

    private static void Flip(ArrayView<float> from, ArrayView<float> to, BlockSizes s, int alongZ, int alongY, int alongX)
    {
        var element = ElementIndex.Current;
        if (element >= to.Length)
        {
            return;
        }

        var c = element % s.C;
        var voxel = element / s.C;
        var x = voxel % s.X;
        var y = voxel / s.X % s.Y;
        var z = voxel / s.X / s.Y % s.Z;
        var n = voxel / s.X / s.Y / s.Z;
        x = alongX != 0 ? s.X - 1 - x : x;
        y = alongY != 0 ? s.Y - 1 - y : y;
        z = alongZ != 0 ? s.Z - 1 - z : z;
        to[element] = from[((((((n * s.Z) + z) * s.Y) + y) * s.X) + x) * s.C + c];
    }
}
