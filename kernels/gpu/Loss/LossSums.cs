using ILGPU;
using ILGPU.Runtime;
using SharpSeg.Kernels.Gpu.Device;
using SharpSeg.Kernels.Gpu.Optimizer;

namespace SharpSeg.Kernels.Gpu.Loss;

/// <summary>
/// First pass of Dice + cross-entropy by groups, in three launches.
/// <para>1. One thread per voxel: the softmax' maximum and 1/Σ (0 marks voxels that do not count), and per group the sum of the
/// cross-entropy and the number of valid voxels. 2. <see cref="ChannelGroups"/> over classes: per chunk of voxels I, P, G. 3. One
/// thread per sum adds groups or chunks in order.</para>
/// <para>Shapes, maths: <see cref="Engine.Backends.LossProblem"/>; scratch as laid out in <see cref="Launch"/>. Reads logits
/// twice.</para>
/// </summary>
internal sealed class LossSums(KernelList list)
{
    private readonly GpuKernel<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, ArrayView<float>,
        ArrayView<float>, LossSizes>> voxels = new(
        list, Voxels,
        (ArrayView<float> logits, ArrayView<float> target, ArrayView<float> perVoxel, ArrayView<float> perGroup) =>
            KernelCost.Of([logits, target], [perVoxel, perGroup]));

    private readonly GpuKernel<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, ArrayView<float>,
        ArrayView<float>, LossSizes, int>> classes = new(
        list, Classes,
        (ArrayView<float> logits, ArrayView<float> target, ArrayView<float> perVoxel, ArrayView<float> perChunk) =>
            KernelCost.Of([logits, target, perVoxel], [perChunk]));

    private readonly GpuKernel<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, ArrayView<float>,
        LossSizes, int>> join = new(
        list, Join,
        (ArrayView<float> perGroup, ArrayView<float> perChunk, ArrayView<float> sums) =>
            KernelCost.Of([perGroup, perChunk], [sums]));

    /// <summary>Elements of scratch memory that a launch needs.</summary>
    public static long ScratchLength(in LossSizes s) =>
        (2L * s.N * s.Voxels) + (2L * Groups(s)) + (3L * s.N * ChannelGroups.Chunks(s.Voxels) * s.C);

    /// <summary>sums from logits and target.</summary>
    public void Launch(
        AcceleratorStream stream, in LossSizes s, ArrayView<float> logits, ArrayView<float> target, ArrayView<float> scratch,
        ArrayView<float> sums)
    {
        var perVoxel = scratch.SubView(0, 2L * s.N * s.Voxels);
        var perGroup = scratch.SubView(perVoxel.Length, 2L * Groups(s));
        var perChunk = scratch.SubView(perVoxel.Length + perGroup.Length);
        voxels.Launch(
            stream, new KernelConfig((Index1D)Groups(s), (Index1D)GroupSum.Threads), logits, target, perVoxel, perGroup, s);
        classes.Launch(
            stream, ChannelGroups.Over(s.C, s.Voxels, s.N), logits, target, perVoxel, perChunk, s,
            ChannelGroups.ChunkLength(s.Voxels));
        join.Launch(stream, ElementIndex.Over(sums.Length), perGroup, perChunk, sums, s, ChannelGroups.Chunks(s.Voxels));
    }

    private static int Groups(in LossSizes s) =>
        (int)Math.Min(SquareSum.MostGroups, (((long)s.N * s.Voxels) + GroupSum.Threads - 1) / GroupSum.Threads);

    private static void Voxels(
        ArrayView<float> logits, ArrayView<float> target, ArrayView<float> perVoxel, ArrayView<float> perGroup, LossSizes s)
    {
        var shared = SharedMemory.Allocate<float>(GroupSum.Threads);
        var total = (long)s.N * s.Voxels;
        var stride = (long)Grid.DimX * GroupSum.Threads;
        var crossEntropy = 0f;
        var valid = 0f;
        for (var voxel = ElementIndex.Current; voxel < total; voxel += stride)
        {
            var highest = 0f;
            var inverse = 0f;
            if (VoxelLoss.IsValid(target, voxel, s))
            {
                var sum = 1f;
                if (s.Regions == 0)
                {
                    highest = Logits.Highest(logits, voxel * s.C, s.C);
                    sum = Logits.SumOfExponentials(logits, voxel * s.C, s.C, highest);
                }

                inverse = 1f / sum;
                crossEntropy += VoxelLoss.CrossEntropy(logits, target, voxel, highest, sum, s);
                valid += 1f;
            }

            perVoxel[2 * voxel] = highest;
            perVoxel[(2 * voxel) + 1] = inverse;
        }

        crossEntropy = GroupSum.Of(shared, crossEntropy);
        valid = GroupSum.Of(shared, valid);
        if (Group.IdxX == 0)
        {
            perGroup[2 * Grid.IdxX] = crossEntropy;
            perGroup[(2 * Grid.IdxX) + 1] = valid;
        }
    }

    private static void Classes(
        ArrayView<float> logits, ArrayView<float> target, ArrayView<float> perVoxel, ArrayView<float> perChunk, LossSizes s,
        int chunkLength)
    {
        var shared = SharedMemory.Allocate<float>(ChannelGroups.Threads);
        var c = (Grid.IdxX * Group.DimX) + Group.IdxX;
        var inside = c < s.C;
        var start = Grid.IdxY * chunkLength;
        var end = start + chunkLength < s.Voxels ? start + chunkLength : s.Voxels;
        var both = 0f;
        var predicted = 0f;
        var labelled = 0f;
        for (var v = start + Group.IdxY; inside && v < end; v += Group.DimY)
        {
            var voxel = ((long)Grid.IdxZ * s.Voxels) + v;
            var inverse = perVoxel[(2 * voxel) + 1];
            if (inverse > 0f)
            {
                var p = VoxelLoss.Probability(logits, voxel, c, perVoxel[2 * voxel], inverse, s);
                var y = VoxelLoss.Truth(target, voxel, c, s);
                both += p * y;
                predicted += p;
                labelled += y;
            }
        }

        both = ChannelGroups.SumOverRows(shared, both);
        predicted = ChannelGroups.SumOverRows(shared, predicted);
        labelled = ChannelGroups.SumOverRows(shared, labelled);
        if (inside && Group.IdxY == 0)
        {
            var at = 3 * ((((Grid.IdxZ * Grid.DimY) + Grid.IdxY) * s.C) + c);
            perChunk[at] = both;
            perChunk[at + 1] = predicted;
            perChunk[at + 2] = labelled;
        }
    }

    private static void Join(ArrayView<float> perGroup, ArrayView<float> perChunk, ArrayView<float> sums, LossSizes s, int chunks)
    {
        var index = (int)ElementIndex.Current;
        var total = 0f;
        if (index < s.CrossEntropyIndex)
        {
            var perSample = 3 * s.C;
            var first = ((index / perSample) * chunks * perSample) + (index % perSample);
            for (var chunk = 0; chunk < chunks; chunk++)
            {
                total += perChunk[first + (chunk * perSample)];
            }

            sums[index] = total;
        }
        else if (index < s.CrossEntropyIndex + 2)
        {
            for (var i = index - s.CrossEntropyIndex; i < perGroup.Length; i += 2)
            {
                total += perGroup[i];
            }

            sums[index] = total;
        }
    }
}
