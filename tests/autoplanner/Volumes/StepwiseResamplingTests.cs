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

    /// <summary>Every volume on the way is let go where one cannot be written, or somebody stops it: files vanish then.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void What_fails_leaves_no_volume(int failing)
    {
        using var backend = Cpu.Open(1);
        var change = new GridChange(new(11, 6, 5), new(16, 9, 7), 3);
        foreach (var isStopped in new[] { false, true })
        {
            using var stop = new CancellationTokenSource();
            var stores = new List<Watched> { new(change.From, () => { }) };
            VoxelStore<float> Create(Extent size)
            {
                stores.Add(new Watched(size, stores.Count < failing ? () => { } : Fail));
                return stores[^1];
            }

            void Fail()
            {
                stop.Cancel();
                Assert.True(isStopped, "no room");
            }

            var resampling = new StepwiseResampling(backend, change, Create, slabVoxels: 40)
            {
                Cancel = isStopped ? stop.Token : default,
            };
            Assert.ThrowsAny<Exception>(() => resampling.Resample(stores[0]));
            Assert.Equal(failing + 1, stores.Count);
            Assert.All(stores, store => Assert.True(store.IsLetGo));
        }
    }

    private sealed class Watched(Extent size, Action writing) : VoxelStore<float>(size)
    {
        public bool IsLetGo { get; private set; }

        public override void Read(in Box box, Span<float> values) => values.Clear();

        public override void Write(in Box box, ReadOnlySpan<float> values) => writing();

        public override void Dispose() => IsLetGo = true;
    }
}
