using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.Conformance;

/// <summary>Allocation, transfers, copies and fills.</summary>
public sealed class MemoryConformance(ConformanceTarget target) : ConformanceSuite(target)
{
    private IEnumerable<int> Lengths => TinyShapesOnly ? [1, 15, 16, 17, 300] : [1, 2, 15, 16, 17, 63, 300, 100_003];

    [Check]
    public void Upload_and_download_return_the_same_bits() => ForEach(Lengths, (length, random) =>
    {
        var values = RandomValues.Uniform(random, length);
        ReadOnlySpan<float> special =
            [float.NaN, float.PositiveInfinity, float.NegativeInfinity, -0f, float.Epsilon, float.MaxValue, float.MinValue];
        for (var i = 0; i < special.Length && i < length; i++)
        {
            values[i] = special[i];
        }

        using var tensor = new GuardedTensor(Device, Shape.Vector(length), values);
        RequireSameBits(values, tensor.Read("tensor"));
    });

    [Check]
    public void Copy_moves_values_unchanged_between_shapes_of_one_length() => ForEach(Lengths, (length, random) =>
    {
        Operand[] operands =
        [
            Operand.Input("source", Shape.Activation(1, new(1, 1, length), 1), RandomValues.Uniform(random, length)),
            Operand.Output("target", Shape.Vector(length), Tolerance.Exact),
        ];
        Compare(operands, (backend, t) => backend.Copy(t["source"], t["target"]));
    });

    /// <summary>
    /// To what activations are kept in and back: the nearest number, the even one of two, and everything that is not a number of
    /// the usual kind.
    /// </summary>
    [Check]
    public void Copy_between_elements_rounds_to_the_nearest() => ForEach(Lengths, (length, random) =>
    {
        var kept = Device.Activations;
        ReadOnlySpan<float> special =
        [
            1 + (1f / 256), 1 + (3f / 256), 1 + (1f / 2048), 1 + (3f / 2048), -0f, 65519f, 65520f, -1e30f, 3e-8f, 2.9e-8f, 1e-6f,
            6.1e-5f, float.PositiveInfinity, float.NaN,
        ];
        var values = RandomValues.Uniform(random, length, radius: 3);
        for (var i = 0; i < special.Length && i < length; i++)
        {
            values[i] = special[i];
        }

        using var wide = new GuardedTensor(Device, Shape.Vector(length), values);
        using var narrow = new GuardedTensor(Device, Shape.Vector(length), new float[length], kept);
        using var second = new GuardedTensor(Device, Shape.Vector(length), new float[length], kept);
        Device.Copy(wide.Tensor, narrow.Tensor);
        Device.Copy(narrow.Tensor, second.Tensor);
        var copied = second.Read("target");
        for (var i = 0; i < length; i++)
        {
            var expected = kept.Rounded(values[i]);
            Require.True(
                expected.Equals(copied[i]), $"{values[i]:R} became {copied[i]:R} in {kept.Name()}, expected {expected:R}");
        }
    });

    [Check]
    public void Fill_sets_every_element_and_no_other() => ForEach(Lengths, (length, random) =>
    {
        foreach (var value in new[] { 0f, -1.5f })
        {
            Operand[] operands = [Operand.Output("target", Shape.Vector(length), Tolerance.Exact).In(Kept(random))];
            Compare(operands, (backend, t) => backend.Fill(t["target"], value));
        }
    });

    [Check]
    public void Tensors_of_one_buffer_do_not_disturb_each_other()
    {
        var random = NewRandom();
        var buffer = Device.Allocate(100);
        Tensor first = new(buffer, 0, Shape.Vector(17)), second = new(buffer, 32, Shape.Vector(33)),
        third = new(buffer, 80, Shape.Vector(20));
        var (a, b) = (RandomValues.Uniform(random, 17), RandomValues.Uniform(random, 33));
        Device.Upload(a, first);
        Device.Upload(b, second);
        Device.Fill(third, 7);
        RequireSameBits(a, Download(first));
        RequireSameBits(b, Download(second));
        Require.All(Download(third), v => Require.Equal(7f, v));
        Device.Free(buffer);
    }

    /// <summary>
    /// The order of calls is the order of effects, also across operations that a device may run asynchronously.
    /// </summary>
    [Check]
    public void Operations_run_in_the_order_of_the_calls()
    {
        using var x = new GuardedTensor(Device, Shape.Vector(100), new float[100]);
        using var y = new GuardedTensor(Device, Shape.Vector(100), new float[100]);
        Device.Fill(x.Tensor, 1);
        for (var i = 0; i < 10; i++)
        {
            Device.Axpby(1, x.Tensor, 1, y.Tensor);
            Device.Copy(y.Tensor, x.Tensor);
        }

        Device.Synchronize();
        Require.All(Download(x.Tensor), v => Require.Equal(512f, v));
    }

    [Check]
    public void Allocated_and_peak_bytes_are_counted()
    {
        var (before, peakBefore) = (Device.AllocatedBytes, Device.PeakBytes);
        var buffer = Device.Allocate(1000);
        Require.True(buffer.Length >= 1000);
        Require.Equal(before + (buffer.Length * sizeof(float)), Device.AllocatedBytes);
        Require.True(Device.PeakBytes >= Math.Max(peakBefore, Device.AllocatedBytes));
        Device.Free(buffer);
        Require.Equal(before, Device.AllocatedBytes);
    }

    [Check]
    public void Wrong_lengths_are_refused()
    {
        using var tensor = new GuardedTensor(Device, Shape.Vector(3), new float[3]);
        using var other = new GuardedTensor(Device, Shape.Vector(4), new float[4]);
        Require.Throws<ShapeException>(() => Device.Upload(new float[2], tensor.Tensor));
        Require.Throws<ShapeException>(() => Device.Download(tensor.Tensor, new float[4]));
        Require.Throws<ShapeException>(() => Device.Copy(tensor.Tensor, other.Tensor));
        Require.Throws<ArgumentOutOfRangeException>(() => Device.Allocate(0));
    }

    /// <summary>Only float32 and what activations are kept in are taken, the latter only where an operation says so.</summary>
    [Check]
    public void Elements_that_do_not_fit_are_refused()
    {
        var other = Device.Activations == ElementType.Fp16 ? ElementType.Bf16 : ElementType.Fp16;
        var buffer = Device.Allocate(64);
        Tensor wide = new(buffer, 0, Shape.Vector(4)), foreign = new(buffer, 16, Shape.Vector(4), other);
        Require.Throws<ShapeException>(() => Device.Fill(foreign, 0));
        Require.Throws<ShapeException>(() => Device.Copy(wide, foreign));
        Require.Throws<ShapeException>(() => Device.Axpby(1, foreign, 1, wide));
        Require.Throws<ShapeException>(() => Device.Download(foreign, new float[4]));
        Require.Throws<ShapeException>(() => Device.SumOfSquares(foreign));
        Require.Throws<ShapeException>(() => _ = new Tensor(buffer, 48, Shape.Vector(33), other));
        Device.Free(buffer);
    }

    [Check]
    public void The_backend_says_what_it_is()
    {
        Require.False(string.IsNullOrWhiteSpace(Device.Name));
        Require.False(string.IsNullOrWhiteSpace(Device.Description));
        Require.DoesNotContain('\n', Device.Description);
    }

    private float[] Download(Tensor tensor)
    {
        var values = new float[tensor.Length];
        Device.Download(tensor, values);
        return values;
    }

    private static void RequireSameBits(float[] expected, float[] actual)
    {
        for (var i = 0; i < expected.Length; i++)
        {
            Require.Equal(BitConverter.SingleToInt32Bits(expected[i]), BitConverter.SingleToInt32Bits(actual[i]));
        }
    }
}
