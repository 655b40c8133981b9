using ILGPU.Runtime;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Gpu.Device;
using SharpSeg.Kernels.Gpu.Variants;
using Xunit;

namespace SharpSeg.Kernels.Gpu.Tests;

/// <summary>
/// What the backend does around a driver's graphs. That a real one records rightly shows only on a device that has some
/// (<see cref="RecordedTrainingTests"/>).
/// </summary>
public sealed class GraphTests
{
    /// <summary>Steps then launch every kernel, as without the driver's graphs.</summary>
    [Theory]
    [InlineData("BeginCapture")]
    [InlineData("EndCapture")]
    [InlineData("Instantiate")]
    [InlineData("Launch")]
    public void A_driver_that_fails_is_done_without_and_not_asked_again(string function)
    {
        var graphs = new TestGraphs { Fails = function };
        int[] expected = Launches(null), actual = Launches(graphs);
        Assert.Equal(expected[0], actual[0]);
        Assert.Equal(expected[2..], actual[2..]);
        Assert.Equal((false, 0, 0), (graphs.IsCapturing, graphs.Alive, graphs.Launches));
        Assert.Single(graphs.Calls, function);
    }

    private static int[] Launches(TestGraphs? graphs)
    {
        using var step = PlainUNet.Step(KernelChoice.Fast, GpuPrecision.Fp32, new(8, 8, 8), [4, 8], graphs: graphs);
        return [.. Enumerable.Range(0, 4).Select(_ =>
        {
            var before = step.Kernels.Launches;
            step.Run();
            return step.Kernels.Launches - before;
        })];
    }

    [Fact]
    public void A_call_that_is_not_recorded_ends_the_recording_and_leaves_the_stream_as_it_was()
    {
        var graphs = new TestGraphs();
        using var backend = IdleKernels.Open(KernelChoice.Fast, graphs: graphs).Backend;
        var tensor = new Tensor(backend.Allocate(16), 0, Shape.Vector(16));
        Action[] refused =
        [
            () => throw new NotPermittedException(),
            backend.Synchronize, () => backend.Download(tensor, new float[16]), () => backend.Scratch(1 << 20),
        ];
        foreach (var one in refused)
        {
            Assert.Null(backend.Record(() =>
            {
                Assert.True(graphs.IsCapturing);
                backend.Fill(tensor, 1f);
                one();
            }));
            Assert.Equal((false, 0), (graphs.IsCapturing, graphs.Alive));
        }

        var shorter = new Tensor(tensor.Buffer, 0, Shape.Vector(8));
        Assert.Throws<ShapeException>(() => backend.Record(() => backend.Copy(tensor, shorter)));
        Assert.Equal((false, 0), (graphs.IsCapturing, graphs.Alive));
        using var recording = backend.Record(() => backend.Fill(tensor, 1f));
        Assert.NotNull(recording);
    }

    [Fact]
    public void A_graph_is_not_launched_once_scratch_memory_has_moved()
    {
        var graphs = new TestGraphs();
        using var backend = IdleKernels.Open(KernelChoice.Fast, graphs: graphs).Backend;
        backend.Scratch(64);
        using (var recording = backend.Record(() => backend.Scratch(32))!)
        {
            Assert.True(recording.Replay());
            backend.Scratch(64);
            Assert.True(recording.Replay());
            backend.Scratch(4096);
            Assert.False(recording.Replay());
            Assert.Equal((2, 1), (graphs.Launches, graphs.Alive));
        }

        Assert.Equal(0, graphs.Alive);
    }

    [Fact]
    public void Other_accelerators_have_no_graphs_and_record_nothing()
    {
        using var backend = IdleKernels.Open(KernelChoice.Fast).Backend;
        Assert.Null(backend.Record(() => throw new InvalidOperationException("nobody runs this")));
    }

    /// <summary>What ILGPU makes of a driver's error.</summary>
    private sealed class NotPermittedException : AcceleratorException
    {
        public override AcceleratorType AcceleratorType => AcceleratorType.Cuda;
    }
}
