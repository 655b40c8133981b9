using System.Runtime.CompilerServices;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Cpu.Threading;
using Xunit;

namespace SharpSeg.Kernels.Cpu.Tests;

/// <summary>
/// Numbers too small for float32's normal range count as zero in kernels, on every thread, and only there: some processors take a
/// hundred times as long for them.
/// </summary>
public sealed class DenormalTests
{
    [DenormalTheory]
    [InlineData(1)]
    [InlineData(2)]
    public void Kernels_take_denormals_for_zero_and_leave_the_caller_as_it_was(int threads)
    {
        const int Length = 1 << 20; // many chunks, so that every thread gets some
        using var backend = Cpu.Open(threads);
        Tensor x = New(), y = New();
        backend.Fill(x, 1e-20f);
        backend.Fill(y, 0);
        backend.Axpby(1e-19f, x, 0, y); // 10⁻³⁹ is a denormal result
        var result = new float[Length];
        backend.Download(y, result);
        Assert.All(result, value => Assert.Equal(0, BitConverter.SingleToInt32Bits(value)));

        backend.Upload([.. Enumerable.Repeat(1e-39f, Length)], x); // and a denormal operand
        backend.Fill(y, 0);
        backend.Axpby(1e10f, x, 0, y);
        backend.Download(y, result);
        Assert.All(result, value => Assert.Equal(0, BitConverter.SingleToInt32Bits(value)));

        var tiny = Volatile.Read(ref result[0]) + 1e-20f;
        Assert.True(tiny * 1e-19f > 0, "the caller's own arithmetic flushes, too");
        backend.Free(x.Buffer);
        backend.Free(y.Buffer);

        Tensor New() => new(backend.Allocate(Length), 0, Shape.Vector(Length));
    }

    [DenormalFact]
    public void Flushing_twice_is_undone_twice()
    {
        var small = Random.Shared.Next(1, 9) * 1e-21f; // not a constant, which the compiler would multiply
        var outer = DenormalFlush.Begin();
        var inner = DenormalFlush.Begin();
        DenormalFlush.End(ref inner);
        var flushed = Square(small);
        DenormalFlush.End(ref outer);
        Assert.Equal(0f, flushed);
        Assert.True(Square(small) > 0);

        [MethodImpl(MethodImplOptions.NoInlining)]
        static float Square(float x) => x * x;
    }
}

/// <summary>Skipped where the system has no call that lets denormals be flushed.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class DenormalFactAttribute : FactAttribute
{
    public DenormalFactAttribute() => Skip = DenormalFlush.IsAvailable ? null : Reason;

    internal const string Reason = "no fegetenv or _controlfp_s was found: denormals are computed as they are";
}

/// <inheritdoc cref="DenormalFactAttribute"/>
[AttributeUsage(AttributeTargets.Method)]
public sealed class DenormalTheoryAttribute : TheoryAttribute
{
    public DenormalTheoryAttribute() => Skip = DenormalFlush.IsAvailable ? null : DenormalFactAttribute.Reason;
}
