using ILGPU;
using ILGPU.Runtime;
using ILGPU.Runtime.CPU;
using SharpSeg.Kernels.Gpu.Device;
using Xunit;

namespace SharpSeg.Kernels.Gpu.Tests;

/// <summary>
/// Copies to shared memory where there is no instruction for them; that instruction: <see cref="TensorCoreTests"/>, by bricks of
/// 16-bit activations.
/// </summary>
public sealed class AsyncCopyTests
{
    private const int Threads = 64;

    private delegate void Launcher(
        AcceleratorStream stream, KernelConfig config, ArrayView<float> from, ArrayView<float> to);

    [Fact]
    public void Sixteen_bytes_or_zeros_are_there_behind_the_barrier()
    {
        using var context = Context.Create(builder => builder.CPU(CPUDeviceKind.Nvidia).EnableAlgorithms());
        using var accelerator = context.CreateCPUAccelerator(0);
        using var from = accelerator.Allocate1D<float>(4 * Threads);
        using var to = accelerator.Allocate1D<float>(4 * Threads);
        var values = Enumerable.Range(1, 4 * Threads).Select(i => (float)i).ToArray();
        from.AsContiguous().CopyFromCPUUnsafeAsync<float, ArrayView<float>>(
            accelerator.DefaultStream, ref values[0], values.Length);

        var launch = new KernelList(accelerator).Compile<Launcher>(((Delegate)Reverse).Method);
        launch(accelerator.DefaultStream, new KernelConfig(1, Threads), from.AsContiguous(), to.AsContiguous());
        var result = new float[4 * Threads];
        to.AsContiguous().CopyToCPU<float, ArrayView<float>>(accelerator.DefaultStream, ref result[0], result.Length);

        Assert.Equal(
            Enumerable.Range(0, 4 * Threads).Select(i => i / 4 % 3 == 0 ? 0f : values[(4 * (Threads - 1 - (i / 4))) + (i % 4)]),
            result);
    }

    // A thread copies what another one stores; every third is told that its source lies outside, and gives an index that does.
    private static void Reverse(ArrayView<float> from, ArrayView<float> to)
    {
        var shared = SharedMemory.Allocate<Float4>(Threads);
        var thread = Group.IdxX;
        var inside = thread % 3 != 0;
        AsyncCopies.Begin(shared, thread, from.Cast<Float4>(), inside ? Threads - 1 - thread : -1, inside);
        AsyncCopies.Commit();
        AsyncCopies.Await();
        Group.Barrier();
        var other = thread ^ 1;
        to.Cast<Float4>()[other] = shared[other];
    }
}
