using ILGPU;
using ILGPU.Runtime;
using SharpSeg.Kernels.Gpu.Device;

namespace SharpSeg.Kernels.Gpu.Loss;

/// <summary>
/// First pass of Dice + cross-entropy, one thread per sum: 3·N·C threads for the I, P, G of a sample and class, then one for the
/// cross-entropy and one for the number of valid voxels. Every thread recomputes the softmax of every voxel.
/// <para>Shapes, maths: <see cref="Engine.Backends.LossProblem"/>. Sums of rows, then of rows' sums.</para>
/// </summary>
internal sealed class PlainLossSums(KernelList list)
{
    private readonly GpuKernel<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, ArrayView<float>,
        LossSizes>> kernel = new(
        list, Sums,
        (ArrayView<float> logits, ArrayView<float> target, ArrayView<float> sums) => KernelCost.OfWords(
            logits.Length + target.Length, sums.Length, sums.Length * (logits.Length + target.Length)));

    /// <summary>sums from logits and target.</summary>
    public void Launch(
        AcceleratorStream stream, in LossSizes s, ArrayView<float> logits, ArrayView<float> target, ArrayView<float> sums) =>
        kernel.Launch(stream, ElementIndex.Over(sums.Length), logits, target, sums, s);

    private static void Sums(ArrayView<float> logits, ArrayView<float> target, ArrayView<float> sums, LossSizes s)
    {
        var element = ElementIndex.Current;
        if (element >= sums.Length)
        {
            return;
        }

        var index = (int)element;
        var triple = index < s.CrossEntropyIndex;
        var c = triple ? index / 3 % s.C : 0;
        var what = triple ? index % 3 : 3 + index - s.CrossEntropyIndex; // I, P, G, cross-entropy, voxels
        var first = triple ? (long)(index / 3 / s.C) * s.Voxels : 0L;
        var end = triple ? first + s.Voxels : (long)s.N * s.Voxels;
        var total = 0f;
        for (var row = first; row < end; row += s.RowLength)
        {
            var sum = 0f;
            for (var voxel = row; voxel < row + s.RowLength; voxel++)
            {
                if (VoxelLoss.IsValid(target, voxel, s))
                {
                    sum += Term(logits, target, voxel, c, what, s);
                }
            }

            total += sum;
        }

        sums[element] = total;
    }

    private static float Term(ArrayView<float> logits, ArrayView<float> target, long voxel, int c, int what, LossSizes s)
    {
        if (what == 4)
        {
            return 1f;
        }

        var highest = Logits.Highest(logits, voxel * s.C, s.C);
        var sum = Logits.SumOfExponentials(logits, voxel * s.C, s.C, highest);
        if (what == 3)
        {
            return VoxelLoss.CrossEntropy(logits, target, voxel, highest, sum, s);
        }

        var p = VoxelLoss.Probability(logits, voxel, c, highest, 1f / sum, s);
        var y = VoxelLoss.Truth(target, voxel, c, s);
        return what == 0 ? p * y : what == 1 ? p : y;
    }
}
