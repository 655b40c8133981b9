using SharpSeg.Conformance;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;
using Xunit;

namespace SharpSeg.Engine.Tests.Backends;

public sealed class BufferPoolTests : IDisposable
{
    private readonly ReferenceBackend backend = new();

    [Fact]
    public void Bytes_in_use_and_their_peak_are_exact()
    {
        using var pool = new BufferPool(backend);
        var a = pool.Rent(Shape.Vector(16));
        var b = pool.Rent(Shape.Vector(17));                             // padded to 32 elements
        Assert.Equal(4 * 48, pool.InUseBytes);
        pool.Return(a);
        Assert.Equal(4 * 32, pool.InUseBytes);
        pool.Return(b);
        Assert.Equal(0, pool.InUseBytes);
        Assert.Equal(4 * 48, pool.PeakBytes);
    }

    [Fact]
    public void Holes_are_filled_best_first_and_grow_together()
    {
        using var pool = new BufferPool(backend);
        pool.Reserve(4 * 1024);
        var tensors = new[] { 64, 32, 48, 16, 128 }.Select(n => pool.Rent(Shape.Vector(n))).ToArray();
        pool.Return(tensors[0]);
        pool.Return(tensors[2]);
        var small = pool.Rent(Shape.Vector(48));
        Assert.Equal(tensors[2].Offset, small.Offset);                   // the hole of 48, not that of 64
        pool.Return(small);
        pool.Return(tensors[1]);
        var wide = pool.Rent(Shape.Vector(64 + 32 + 48));
        Assert.Equal(0, wide.Offset);                                    // three neighbours became one hole
        Assert.Equal(1, pool.Allocations);
        Assert.Equal(4 * (64 + 32 + 48 + 16 + 128), pool.HighWaterBytes);
    }

    [Fact]
    public void Lent_tensors_never_overlap()
    {
        using var pool = new BufferPool(backend);
        var random = new Random(5);
        var lent = new List<Tensor>();
        for (var i = 0; i < 2000; i++)
        {
            if (lent.Count > 0 && random.Next(2) == 0)
            {
                var at = random.Next(lent.Count);
                pool.Return(lent[at]);
                lent.RemoveAt(at);
            }
            else
            {
                var t = pool.Rent(Shape.Vector(random.Next(1, 500)));
                Assert.DoesNotContain(
                    lent, o =>
                        ReferenceEquals(o.Buffer, t.Buffer) && o.Offset < t.Offset + t.Length && t.Offset < o.Offset + o.Length);
                lent.Add(t);
            }
        }

        Assert.Equal(lent.Sum(t => (t.Length + 15) / 16 * 64), pool.InUseBytes);
    }

    [Fact]
    public void Foreign_and_repeated_returns_are_refused()
    {
        using var pool = new BufferPool(backend);
        using var other = new BufferPool(backend);
        var a = pool.Rent(Shape.Vector(16));
        Assert.Throws<InvalidOperationException>(() => other.Return(a));
        Assert.Throws<InvalidOperationException>(pool.Trim);
        pool.Return(a);
        Assert.Throws<InvalidOperationException>(() => pool.Return(a));
        pool.Trim();
        Assert.Equal(0, backend.AllocatedBytes);
    }

    public void Dispose() => backend.Dispose();
}
