using ILGPU;
using ILGPU.Runtime;
using SharpSeg.Kernels.Gpu.Device;

namespace SharpSeg.Kernels.Gpu.Convolution;

/// <summary>
/// The bias gradient, by groups: partials[chunk, q] = Σ dy[v, q] over the chunk's voxels; <see cref="SplitSum"/> adds the chunks.
/// <para>Shapes: dy (voxels of the whole batch, q); partials (chunks, q). Mapping: <see cref="ChannelGroups"/>. Reads dy
/// once.</para>
/// </summary>
internal sealed class ChannelSum(KernelList list)
{
    private readonly GpuKernel<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, int, int, int>>
        kernel = new(list, Sum);

    /// <summary>partials from dy.</summary>
    public void Launch(AcceleratorStream stream, ArrayView<float> dy, int channels, ArrayView<float> partials)
    {
        var voxels = checked((int)(dy.Length / channels));
        kernel.Launch(
            stream, ChannelGroups.Over(channels, voxels, 1), dy, partials, voxels, channels, ChannelGroups.ChunkLength(voxels));
    }

    private static void Sum(ArrayView<float> dy, ArrayView<float> partials, int voxels, int channels, int chunkLength)
    {
        var shared = SharedMemory.Allocate<float>(ChannelGroups.Threads);
        var q = (Grid.IdxX * Group.DimX) + Group.IdxX;
        var inside = q < channels;
        var start = Grid.IdxY * chunkLength;
        var end = start + chunkLength < voxels ? start + chunkLength : voxels;
        var sum = 0f;
        for (var v = start + Group.IdxY; inside && v < end; v += Group.DimY)
        {
            sum += dy[((long)v * channels) + q];
        }

        sum = ChannelGroups.SumOverRows(shared, sum);
        if (inside && Group.IdxY == 0)
        {
            partials[(Grid.IdxY * channels) + q] = sum;
        }
    }
}
