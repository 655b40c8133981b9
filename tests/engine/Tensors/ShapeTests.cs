using SharpSeg.Engine.Tensors;
using Xunit;

namespace SharpSeg.Engine.Tests.Tensors;

public sealed class ShapeTests
{
    [Fact]
    public void Elements_are_counted_beyond_32_bits() =>
        Assert.Equal((1L << 48) - (1L << 33), new Shape((1 << 15) - 1, 1 << 16, 1, 1, 1 << 17).Length);

    [Theory]
    [InlineData(1 << 16, 1 << 16, 1 << 16, 1, 1)] // 2^48
    [InlineData(1 << 14, 1 << 14, 1 << 14, 1 << 14, 1 << 13)] // 2^69: wraps 64 bits
    public void A_tensor_beyond_any_memory_is_refused(int n, int z, int y, int x, int c)
    {
        var e = Assert.Throws<ShapeException>(() => new Shape(n, z, y, x, c).Length);
        Assert.Contains($"({n}, {z}, {y}, {x}, {c})", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_vector_is_no_longer_than_an_extent_holds()
    {
        Assert.Equal(int.MaxValue, Shape.Vector(int.MaxValue).C);
        Assert.Throws<ShapeException>(() => Shape.Vector(1L + int.MaxValue));
    }
}
