using System.Runtime.CompilerServices;
using ILGPU;
using ILGPU.Runtime;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Gpu.Device;

namespace SharpSeg.Kernels.Gpu.Convolution;

/// <summary>
/// The bias gradient, by groups: partials[chunk, q] = Σ dy[v, q] over the chunk's voxels; <see cref="PartSum"/> adds the chunks.
/// <para>Shapes: dy (voxels of the whole batch, q); partials (chunks, q). Mapping: <see cref="ChannelGroups"/>. Reads dy, of
/// float32 or 16 bits, once.</para>
/// </summary>
internal sealed class ChannelSum(KernelList list)
{
    private readonly GpuKernel<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, int, int, int>>[]
        kernels = list.Add<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, int, int, int>>(
            tensorCores: false, (ArrayView<float> dy, ArrayView<float> partials) =>
                KernelCost.Of([dy], [partials]), SumFloat32, SumBf16, SumFp16);

    /// <summary>partials from dy.</summary>
    public void Launch(AcceleratorStream stream, Tensor gradient, ArrayView<float> partials)
    {
        var (dy, channels) = (GpuBackend.View(gradient), gradient.Shape.C);
        var voxels = checked((int)(gradient.Length / channels));
        kernels[Elements.IndexOf(gradient)].Launch(
            stream, ChannelGroups.Over(channels, voxels, 1), dy, partials, voxels, channels, ChannelGroups.ChunkLength(voxels));
    }

    private static void SumFloat32(
        ArrayView<float> dy, ArrayView<float> partials, int voxels, int channels, int chunkLength) =>
        Sum(dy, partials, voxels, channels, chunkLength, TileWords.Float32);

    private static void SumBf16(ArrayView<float> dy, ArrayView<float> partials, int voxels, int channels, int chunkLength) =>
        Sum(dy, partials, voxels, channels, chunkLength, TileWords.Bf16);

    private static void SumFp16(ArrayView<float> dy, ArrayView<float> partials, int voxels, int channels, int chunkLength) =>
        Sum(dy, partials, voxels, channels, chunkLength, TileWords.Fp16);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Sum(
        ArrayView<float> dy, ArrayView<float> partials, int voxels, int channels, int chunkLength, int format)
    {
        var shared = SharedMemory.Allocate<float>(ChannelGroups.Threads);
        var q = (Grid.IdxX * Group.DimX) + Group.IdxX;
        var inside = q < channels;
        var start = Grid.IdxY * chunkLength;
        var end = start + chunkLength < voxels ? start + chunkLength : voxels;
        var sum = 0f;
        for (var v = start + Group.IdxY; inside && v < end; v += Group.DimY)
        {
            var at = ((long)v * channels) + q;
            sum += format == TileWords.Float32 ? dy[at] : Elements.One(dy, at, format);
        }

        sum = ChannelGroups.SumOverRows(shared, sum);
        if (inside && Group.IdxY == 0)
        {
            partials[(Grid.IdxY * channels) + q] = sum;
        }
    }
}
