using System.Runtime.InteropServices;
using SharpSeg.AutoPlanner.Volumes;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Cpu;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Volumes;

/// <summary>
/// Large volumes are resampled step by step, in slabs (docs/method/memory.md §3): the same bytes as all at once.
/// </summary>
public sealed class StepwiseResamplingTests
{
    [Theory]
    [InlineData(3, null, 0)]
    [InlineData(1, null, 0)]
    [InlineData(0, null, 0)]
    [InlineData(3, 0, 0)]
    [InlineData(3, 0, 3)]
    [InlineData(3, 1, 1)]
    [InlineData(3, 2, 0)]
    [InlineData(1, 0, 1)]
    public void Steps_give_the_bytes_of_the_whole(int order, int? separate, int separateOrder)
    {
        using var backend = Cpu.Open(2);
        foreach (var (z, y, x) in new[] { (5, 9, 7), (16, 9, 3), (11, 4, 7), (11, 6, 5), (20, 6, 5) })
        {
            var change = new GridChange(new(11, 6, 5), new(z, y, x), order, separate, separateOrder);
            var values = Enumerable.Range(0, (int)change.From.Voxels).Select(_ => Random.Shared.NextSingle() - 0.5f).ToArray();
            var whole = Processor.ResampleImage(values, change.From, change.To, order, separate, separateOrder, threads: 2);
            foreach (var slab in new[] { 1, 40, 100_000 })
            {
                var source = new ArrayStore<float>((float[])values.Clone(), change.From);
                var sizes = new List<long> { change.From.Voxels };
                var result = new StepwiseResampling(
                    backend, change,
                    size =>
                    {
                        sizes.Add(size.Voxels);
                        return ArrayStore<float>.Create(size);
                    },
                    slab).Resample(source);
                Assert.Equal(
                    sizes.Zip(sizes.Skip(1), (before, after) => before + after).DefaultIfEmpty(sizes[0]).Max(),
                    StepwiseResampling.MostVoxels(change));
                var steps = ((ArrayStore<float>)result).Values;
                Assert.Equal(MemoryMarshal.AsBytes(whole.AsSpan()).ToArray(), MemoryMarshal.AsBytes(steps.AsSpan()).ToArray());
                Assert.Equal(change.From == change.To, source.Values.Length > 0); // what is not needed is let go
            }
        }
    }
}
