using SharpSeg.Conformance;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;
using Xunit;

namespace SharpSeg.Engine.Tests;

/// <content>A suite that finds nothing proves nothing: each kind of error, planted in the run under test, must be
/// reported.</content>
public sealed class PlantedErrors() : ConformanceSuite(new ConformanceTarget(new ReferenceBackend())), IDisposable
{
    private static readonly Shape Sixteen = Shape.Vector(16);

    private static readonly Operand Input = Operand.Input("x", Sixteen, [.. Enumerable.Range(1, 16).Select(i => (float)i)]);

    private static readonly Operand Output = Operand.Output("y", Sixteen, new Tolerance(1e-6));

    public void Dispose() => Device.Dispose();

    [Fact]
    public void Without_an_error_nothing_is_reported() => Compare([Input, Output], (backend, t) => backend.Copy(t["x"], t["y"]));

    [Fact]
    public void A_wrong_value_is_found() => Finds("y[0] is 1.5", (device, t) =>
    {
        device.Copy(t["x"], t["y"]);
        device.Upload([1.5f], new Tensor(t["y"].Buffer, t["y"].Offset, Shape.Vector(1)));
    });

    [Fact]
    public void An_output_that_is_not_written_is_found() => Finds("NaN", (_, _) => { });

    [Fact]
    public void A_changed_input_is_found() => Finds("x[15] is 32", (device, t) =>
    {
        device.Copy(t["x"], t["y"]);
        device.Axpby(1, t["y"], 1, t["x"]);
    });

    [Fact]
    public void A_write_behind_the_tensor_is_found() => Finds("outside the tensor, at element 16", (device, t) =>
    {
        device.Copy(t["x"], t["y"]);
        device.Fill(new Tensor(t["y"].Buffer, t["y"].Offset + 16, Shape.Vector(1)), 1);
    });

    [Fact]
    public void A_write_before_the_tensor_is_found() => Finds("outside the tensor, at element -16", (device, t) =>
    {
        device.Copy(t["x"], t["y"]);
        device.Fill(new Tensor(t["y"].Buffer, t["y"].Offset - 16, Shape.Vector(1)), 1);
    });

    [Fact]
    public void Runs_that_differ_in_the_last_bit_are_found()
    {
        var run = 0;
        Finds("in the next", (device, t) =>
        {
            device.Copy(t["x"], t["y"]);
            if (run++ == 1)
            {
                device.Upload([MathF.BitIncrement(1f)], new Tensor(t["y"].Buffer, t["y"].Offset, Shape.Vector(1)));
            }
        });
    }

    [Fact]
    public void A_result_that_depends_on_what_the_output_held_is_found() => Finds("y[0]", (device, t) =>
    {
        device.Axpby(0, t["x"], 1, t["y"]);
        device.Axpby(1, t["x"], 1, t["y"]);
    });

    [Fact]
    public void A_failing_case_is_named_with_the_seed()
    {
        var exception = Assert.ThrowsAny<ConformanceException>(
            () => ForEach(["first", "second"], (item, _) => Require.Equal("first", item)));
        Assert.Contains("SHARPSEG_TEST_SEED=", exception.Message, StringComparison.Ordinal);
        Assert.Contains("second: ", exception.Message, StringComparison.Ordinal);
        Assert.Contains("1 of 2 cases", exception.Message, StringComparison.Ordinal);
    }

    /// <summary>
    /// Copies x to y on the reference; on the backend under test something else happens, and its report is read.
    /// </summary>
    private void Finds(string report, Action<Backend, TensorSet> planted)
    {
        var exception = Assert.ThrowsAny<ConformanceException>(() => Compare([Input, Output], (backend, t) =>
        {
            if (ReferenceEquals(backend, Device))
            {
                planted(backend, t);
            }
            else
            {
                backend.Copy(t["x"], t["y"]);
            }
        }));
        Assert.Contains(report, exception.Message, StringComparison.Ordinal);
    }
}
