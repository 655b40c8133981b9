using ILGPU;
using ILGPU.Runtime;

namespace SharpSeg.Kernels.Gpu.Device;

/// <summary>
/// sums[n, c] = Σ_part partials[n, part, c]: few channels and up to hundreds of parts, which one thread per channel would read
/// one after the other, waiting for each (<see cref="Convolution.SplitSum"/> adds few parts of many elements).
/// <para>Mapping: <see cref="ChannelGroups.OverParts"/>. Every run adds in the same order.</para>
/// </summary>
internal sealed class PartSum(KernelList list)
{
    private readonly GpuKernel<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, int, int, int>>
        kernel = new(
            list, Sum,
            (ArrayView<float> partials, ArrayView<float> sums, int accumulate) =>
                KernelCost.OfWords(partials.Length + (accumulate * sums.Length), sums.Length));

    /// <summary>Adds the parts of every sample, on top of what sums holds if asked to.</summary>
    public void Launch(
        AcceleratorStream stream, ArrayView<float> partials, int parts, int channels, ArrayView<float> sums, bool accumulate) =>
        kernel.Launch(
            stream, ChannelGroups.OverParts(channels, (int)sums.Length / channels), partials, sums, parts, channels,
            accumulate ? 1 : 0);

    private static void Sum(ArrayView<float> partials, ArrayView<float> sums, int parts, int channels, int accumulate)
    {
        var shared = SharedMemory.Allocate<float>(ChannelGroups.Threads);
        var c = (Grid.IdxX * Group.DimX) + Group.IdxX;
        var inside = c < channels; // no early return: every thread must reach the barriers
        var first = (Grid.IdxZ * parts * channels) + c;
        var sum = 0f;
        for (var part = Group.IdxY; inside && part < parts; part += Group.DimY)
        {
            sum += partials[first + (part * channels)];
        }

        sum = ChannelGroups.SumOverRows(shared, sum);
        if (inside && Group.IdxY == 0)
        {
            var at = (Grid.IdxZ * channels) + c;
            sums[at] = accumulate != 0 ? sums[at] + sum : sum;
        }
    }
}
