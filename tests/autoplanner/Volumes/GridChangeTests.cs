using SharpSeg.AutoPlanner.Volumes;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Cpu;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Volumes;

/// <summary>
/// A target computed slab by slab, from the planes that each slab needs, has the bytes of one computed at once.
/// </summary>
public sealed class GridChangeTests
{
    public static TheoryData<int, int?, int, bool> Changes => new()
    {
        // Order, separate axis, order along it, whether a slab needs only some planes.
        { 0, null, 0, true },
        { 1, null, 0, true },
        { 1, 0, 0, true },
        { 1, 0, 1, true },
        { 1, 2, 3, true },
        { 3, 0, 0, true },
        { 3, 0, 1, true },
        { 3, null, 0, false },
        { 3, 1, 0, false },
        { 1, 0, 3, false },
    };

    [Theory]
    [MemberData(nameof(Changes))]
    public void Slabs_are_parts_of_the_whole(int order, int? separate, int separateOrder, bool isLocal)
    {
        var random = new Random(7);
        using var backend = Cpu.Open(2);
        foreach (var (z, y, x) in new[] { (5, 9, 7), (16, 9, 3), (11, 4, 7), (11, 6, 5) })
        {
            var change = new GridChange(new(11, 6, 5), new(z, y, x), order, separate, separateOrder);
            Assert.Equal(isLocal, change.IsLocal);
            var values = Enumerable.Range(0, (int)change.From.Voxels).Select(_ => random.NextSingle() - 0.5f).ToArray();
            var whole = Processor.ResampleImage(values, change.From, change.To, order, separate, separateOrder);
            var slabs = change.Slabs(2L * y * x).ToArray();
            Assert.Equal(isLocal ? (z + 1) / 2 : 1, slabs.Length);
            Assert.Equal(z, slabs.Sum(slab => slab.Size.Z));
            foreach (var slab in slabs)
            {
                using var memory = new VolumeMemory(backend);
                var from = change.Source(slab);
                var source = memory.Allocate(from.Size);
                backend.Upload(values.AsSpan(from.Origin.Z * 30, from.Size.Z * 30), source);
                var target = change.Resample(memory, source, from, slab);
                var part = new float[target.Length];
                backend.Download(target, part);
                Assert.Equal(whole[(slab.Origin.Z * y * x)..(slab.EndZ * y * x)], part);
            }
        }
    }

    [Fact]
    public void A_slab_of_a_linear_change_needs_two_planes_more_than_it_spans()
    {
        var change = new GridChange(new(100, 2, 2), new(200, 3, 3), 1);
        Assert.Equal((0, 11), Source(0, 20));
        Assert.Equal((49, 12), Source(100, 20));
        Assert.Equal((89, 11), Source(180, 20));

        (int First, int Count) Source(int first, int count)
        {
            var source = change.Source(Box.Planes(change.To, first, count));
            return (source.Origin.Z, source.Size.Z);
        }
    }

    [Fact]
    public void Memory_of_freed_volumes_is_used_again_and_all_of_it_given_back()
    {
        using var backend = Cpu.Open(1);
        using (var memory = new VolumeMemory(backend))
        {
            var first = memory.Allocate(new(4, 5, 6));
            memory.Free(first);
            Assert.Same(first.Buffer, memory.Allocate(new(6, 5, 4)).Buffer);
            memory.Free(memory.Allocate(new(40, 50, 60)));
            memory.Allocate(new(3, 3, 3));                // no buffer of this size: the idle one is freed
            Assert.Equal(sizeof(float) * (120 + 27), backend.AllocatedBytes);
        }

        Assert.Equal(0, backend.AllocatedBytes);
    }

    [Theory]
    [InlineData(5)]
    [InlineData(300_000)]
    public void Labels_come_back_as_they_went(int count)
    {
        using var backend = Cpu.Open(1);
        using var memory = new VolumeMemory(backend);
        var random = new Random(count);
        var labels = Enumerable.Range(0, count).Select(_ => (short)random.Next(-short.MaxValue, short.MaxValue)).ToArray();
        var back = new short[count];
        memory.Download(memory.Upload(labels, new(1, 1, count)), back);
        Assert.Equal(labels, back);
    }
}
