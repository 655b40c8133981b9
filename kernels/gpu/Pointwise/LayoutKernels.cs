using ILGPU;
using ILGPU.Runtime;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Gpu.Device;

namespace SharpSeg.Kernels.Gpu.Pointwise;

/// <summary>
/// Operations that move voxels: sums over blocks, repetition of blocks, mirroring.
/// <para>Shapes: (n, z, y, x, c). Formulas: Backend.BlockSum, BlockRepeat, Flip.</para>
/// <para>Mapping: one thread per element of the result (<see cref="RowIndex"/>); a block is summed in the order z, y, x. Bound by
/// memory.</para>
/// </summary>
internal sealed class LayoutKernels(KernelList list)
{
    private readonly GpuKernel<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, BlockSizes, float,
        int>> blockSum = new(
        list, BlockSum,
        (ArrayView<float> fine, ArrayView<float> coarse, int accumulate) =>
            KernelCost.OfWords(fine.Length + (accumulate * coarse.Length), coarse.Length));

    private readonly GpuKernel<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, BlockSizes, float,
        int>> blockRepeat = new(
        list, BlockRepeat,
        (ArrayView<float> coarse, ArrayView<float> fine, int accumulate) =>
            KernelCost.OfWords(coarse.Length + (accumulate * fine.Length), fine.Length));

    private readonly GpuKernel<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, BlockSizes, int,
        int, int>> flip = new(
        list, Flip,
        (ArrayView<float> from, ArrayView<float> to) => KernelCost.Of([from], [to]));

    /// <summary>coarse ← scale·(sums of blocks of fine).</summary>
    public void LaunchBlockSum(
        AcceleratorStream stream, in BlockSizes s, ArrayView<float> fine, float scale, ArrayView<float> coarse,
        bool accumulate) =>
        blockSum.Launch(stream, Over(s, Extent.One, coarse.Length), fine, coarse, s, scale, accumulate ? 1 : 0);

    /// <summary>fine ← scale·(coarse, every voxel repeated over its block).</summary>
    public void LaunchBlockRepeat(
        AcceleratorStream stream, in BlockSizes s, ArrayView<float> coarse, float scale, ArrayView<float> fine,
        bool accumulate) =>
        blockRepeat.Launch(
            stream, Over(s, new Extent(s.BlockZ, s.BlockY, s.BlockX), fine.Length), coarse, fine, s, scale, accumulate ? 1 : 0);

    /// <summary>y ← x mirrored.</summary>
    public void LaunchFlip(
        AcceleratorStream stream, Shape shape, ArrayView<float> x, bool alongZ, bool alongY, bool alongX, ArrayView<float> y)
    {
        var sizes = new BlockSizes(shape.Spatial, Extent.One, shape.C);
        flip.Launch(stream, Over(sizes, Extent.One, y.Length), x, y, sizes, alongZ ? 1 : 0, alongY ? 1 : 0, alongX ? 1 : 0);
    }

    /// <summary>A thread per element of the result.</summary>
    internal static KernelConfig Over(in BlockSizes s, Extent block, long elements)
    {
        var (rowLength, rows) = (s.X * block.X * s.C, s.Y * block.Y);
        return RowIndex.Over(rowLength, rows, checked((int)(elements / rowLength / rows)));
    }

    private static void BlockSum(ArrayView<float> fine, ArrayView<float> coarse, BlockSizes s, float scale, int accumulate)
    {
        var i = RowIndex.Element;
        var y = RowIndex.Row;
        var plane = (long)RowIndex.Plane; // n·Z + z: samples follow each other as planes do
        if (i >= s.X * s.C || y >= s.Y)
        {
            return;
        }

        var c = i % s.C;
        var x = i / s.C;
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

        var element = (((plane * s.Y) + y) * s.X * s.C) + i;
        coarse[element] = accumulate != 0 ? coarse[element] + (scale * sum) : scale * sum;
    }

    private static void BlockRepeat(ArrayView<float> coarse, ArrayView<float> fine, BlockSizes s, float scale, int accumulate)
    {
        var i = RowIndex.Element;
        var y = RowIndex.Row;
        var rowLength = s.X * s.BlockX * s.C;
        if (i >= rowLength || y >= s.Y * s.BlockY)
        {
            return;
        }

        var c = i % s.C;
        var x = i / s.C / s.BlockX;
        var plane = (long)(RowIndex.Plane / s.BlockZ); // n·Z + z, because the fine planes of a sample are a multiple of the block
        var value = scale * coarse[((((plane * s.Y) + (y / s.BlockY)) * s.X) + x) * s.C + c];
        var element = ((((long)RowIndex.Plane * s.Y * s.BlockY) + y) * rowLength) + i;
        fine[element] = accumulate != 0 ? fine[element] + value : value;
    }

    private static void Flip(ArrayView<float> from, ArrayView<float> to, BlockSizes s, int alongZ, int alongY, int alongX)
    {
        var i = RowIndex.Element;
        var y = RowIndex.Row;
        if (i >= s.X * s.C || y >= s.Y)
        {
            return;
        }

        var n = RowIndex.Plane / s.Z;
        var z = RowIndex.Plane % s.Z;
        var x = i / s.C;
        var toRow = ((long)RowIndex.Plane * s.Y) + y;
        x = alongX != 0 ? s.X - 1 - x : x;
        y = alongY != 0 ? s.Y - 1 - y : y;
        z = alongZ != 0 ? s.Z - 1 - z : z;
        var fromRow = ((((long)n * s.Z) + z) * s.Y) + y;
        to[(toRow * s.X * s.C) + i] = from[((fromRow * s.X) + x) * s.C + (i % s.C)];
    }
}

/// <summary>A coarse volume, the block that each of its voxels stands for, and channels, as a kernel parameter.</summary>
internal readonly struct BlockSizes
{
    public readonly int Z, Y, X, C, BlockZ, BlockY, BlockX;

    public BlockSizes(Extent coarse, Extent block, int channels)
    {
        (Z, Y, X, C) = (coarse.Z, coarse.Y, coarse.X, channels);
        (BlockZ, BlockY, BlockX) = (block.Z, block.Y, block.X);
    }
}
