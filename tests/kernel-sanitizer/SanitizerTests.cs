using ILGPU;
using ILGPU.Runtime;
using ILGPU.Runtime.CPU;
using SharpSeg.Kernels.Gpu.Convolution;
using SharpSeg.Kernels.Gpu.Device;
using Xunit;

namespace SharpSeg.KernelSanitizer;

/// <summary>
/// Every check of the sanitizer, each on a kernel that is wrong in exactly that way, beside the same kernel put right.
/// </summary>
public sealed class SanitizerTests : IDisposable
{
    private const int Threads = 64;
    private readonly Context context;
    private readonly Accelerator accelerator;

    public SanitizerTests()
    {
        context = Context.Create(builder => builder.CPU(CPUDeviceKind.Nvidia).EnableAlgorithms());
        accelerator = context.CreateCPUAccelerator(0);
    }

    public void Dispose()
    {
        accelerator.Dispose();
        context.Dispose();
    }

    [Fact]
    public void Index_behind_the_end_is_out_of_bounds() =>
        Assert.Equal(KernelFault.OutOfBounds, FaultOf((view, i) => view[i + 1] = 1f));

    [Fact]
    public void Negative_index_is_out_of_bounds() =>
        Assert.Equal(KernelFault.OutOfBounds, FaultOf((view, i) => view[i - 1] = 1f));

    [Fact]
    public void Sub_view_that_leaves_its_parent_is_out_of_bounds() =>
        Assert.Equal(KernelFault.OutOfBounds, FaultOf((view, i) => view.SubView(i, 2)[0] = 1f));

    [Fact]
    public void Wide_element_at_an_odd_address_is_misaligned() =>
        Assert.Equal(KernelFault.Misaligned, FaultOf((view, i) => view.SubView(1).Cast<Float4>()[0] = default));

    [Fact]
    public void View_that_is_promised_to_be_aligned_and_is_not_is_misaligned() =>
        Assert.Equal(KernelFault.Misaligned, FaultOf((view, i) => view.SubView(1).AsAligned16()[0] = 1f));

    [Fact]
    public void Reading_shared_memory_that_nobody_wrote_is_reported() =>
        Assert.Equal(KernelFault.UnwrittenSharedMemory, FaultOf(ReadsUnwritten));

    [Fact]
    public void Shared_memory_of_the_group_before_counts_as_unwritten()
    {
        Launch(WritesShared, groups: 1);
        Assert.Equal(KernelFault.UnwrittenSharedMemory, FaultOf(ReadsUnwritten));
    }

    [Fact]
    public void Reading_a_neighbours_value_without_a_barrier_is_a_race() =>
        Assert.Equal(KernelFault.Race, FaultOf(ReadsNeighbourWithoutBarrier));

    [Fact]
    public void Reading_a_neighbours_value_behind_a_barrier_is_fine() =>
        Assert.Equal(Enumerable.Range(0, Threads).Select(i => (float)(i ^ 1)), Launch(ReadsNeighbourBehindBarrier, groups: 1));

    [Fact]
    public void Overwriting_what_others_still_read_is_a_race() =>
        Assert.Equal(KernelFault.Race, FaultOf(OverwritesWhatOthersRead));

    [Fact]
    public void Reading_a_neighbours_copy_without_a_barrier_is_a_race() =>
        Assert.Equal(KernelFault.Race, FaultOf(ReadsNeighboursCopyWithoutBarrier));

    [Fact]
    public void A_copy_brings_nothing_before_it_is_closed_and_waited_for() =>
        Assert.Equal(
            Enumerable.Range(0, Threads).Select(i => i % 3 < 2 ? float.NaN : 0f), Launch(WaitsForSomeCopies, groups: 1));

    [Fact]
    public void A_copy_from_behind_the_end_is_out_of_bounds() =>
        Assert.Equal(KernelFault.OutOfBounds, FaultOf(CopiesFromBehindTheEnd));

    [Fact]
    public void Two_writers_of_one_element_are_a_race_even_if_they_write_the_same() =>
        Assert.Equal(KernelFault.Race, FaultOf((view, i) => view[0] = 1f));

    [Fact]
    public void Race_through_global_memory_inside_a_group_is_reported() =>
        Assert.Equal(KernelFault.Race, FaultOf(RacesThroughGlobalMemory));

    [Fact]
    public void Passing_a_value_through_global_memory_behind_a_barrier_is_fine() =>
        Assert.Equal(Enumerable.Range(0, Threads).Select(i => (float)(i ^ 1)), Launch(PassesThroughGlobalMemory, groups: 1));

    [Fact]
    public void Two_groups_on_one_element_are_a_race_whatever_the_barriers() =>
        Assert.Equal(KernelFault.RaceBetweenGroups, FaultOf(TwoGroupsWriteOneElement, groups: 2));

    [Fact]
    public void Barrier_that_half_of_the_threads_skip_is_divergent() =>
        Assert.Equal(KernelFault.DivergentBarrier, FaultOf(HalfSkipTheBarrier));

    [Fact]
    public void Barrier_that_only_late_threads_reach_is_divergent() =>
        Assert.Equal(KernelFault.DivergentBarrier, FaultOf(OnlyLateThreadsReachTheBarrier));

    [Fact]
    public void Waiting_at_two_different_barriers_is_divergent() =>
        Assert.Equal(KernelFault.DivergentBarrier, FaultOf(TwoDifferentBarriers));

    [Fact]
    public void Warp_exchange_in_divergent_code_is_reported() =>
        Assert.Equal(KernelFault.DivergentBarrier, FaultOf(ShufflesInDivergentCode));

    [Fact]
    public void Warp_exchange_passes_values_down() => Assert.Equal(
        Enumerable.Range(0, Threads).Select(i => (float)(i % 32 == 31 ? i : i + 1)), Launch(ShufflesDown, groups: 1));

    [Fact]
    public void Products_add_up_whoever_looks_at_the_sums() => Assert.Equal(
        Enumerable.Range(0, Threads).Select(i => i % 3 == 0 ? 59f * 16 : 100f * 16), Launch(AddsHundredProducts, groups: 1));

    [Fact]
    public void Product_that_half_of_a_warp_skips_is_divergent_though_nobody_looks() =>
        Assert.Equal(KernelFault.DivergentBarrier, FaultOf(HalfSkipTheProduct));

    [Fact]
    public void Looking_at_sums_to_which_others_never_come_is_divergent() =>
        Assert.Equal(KernelFault.DivergentBarrier, FaultOf(LooksWhereHalfSkipTheProduct));

    [Fact]
    public void Product_before_the_barrier_for_some_and_behind_it_for_others_is_divergent() =>
        Assert.Equal(KernelFault.DivergentBarrier, FaultOf(HalfMultiplyBehindTheBarrier));

    [Fact]
    public void Product_before_the_exchange_for_some_and_behind_it_for_others_is_divergent() =>
        Assert.Equal(KernelFault.DivergentBarrier, FaultOf(HalfMultiplyBehindTheExchange));

    [Fact]
    public void Buffer_used_after_it_was_freed_is_reported()
    {
        var buffer = accelerator.Allocate1D<float>(Threads);
        var view = buffer.AsContiguous();
        buffer.Dispose();
        var kernel = accelerator.LoadKernel<ArrayView<float>>(ReadsNeighbourBehindBarrier);
        var fault = Assert.Throws<KernelFaultException>(
            () => kernel(accelerator.DefaultStream, new KernelConfig(1, Threads), view));
        Assert.Equal(KernelFault.UseAfterFree, fault.Fault);
    }

    [Fact]
    public void More_shared_memory_than_a_group_may_have_is_refused() =>
        Assert.Equal(KernelFault.InvalidLaunch, FaultOf(TooMuchSharedMemory));

    [Fact]
    public void Grid_that_no_GPU_accepts_is_refused()
    {
        var kernel = accelerator.LoadKernel<ArrayView<float>>(WritesShared);
        var fault = Assert.Throws<KernelFaultException>(() => kernel(
            accelerator.DefaultStream, new KernelConfig(new Index3D(1, 65536, 1), new Index3D(32, 1, 1)), default));
        Assert.Equal(KernelFault.InvalidLaunch, fault.Fault);
    }

    [Fact]
    public void Group_of_more_threads_than_were_promised_is_refused()
    {
        Action<ArrayView<float>> body = WritesShared;
        var kernel = accelerator.LoadKernel<Action<AcceleratorStream, KernelConfig, ArrayView<float>>>(
            body.Method, new KernelSpecialization(Threads - 1, null));
        var fault = Assert.Throws<KernelFaultException>(
            () => kernel(accelerator.DefaultStream, new KernelConfig(1, Threads), default));
        Assert.Equal(KernelFault.InvalidLaunch, fault.Fault);
    }

    [Fact]
    public void Lambda_that_captures_is_refused_as_a_kernel()
    {
        var captured = 1f;
        Assert.Throws<NotSupportedException>(() => accelerator.LoadKernel<ArrayView<float>>(view => view[0] = captured));
    }

    [Fact]
    public void Message_names_kernel_group_thread_and_element()
    {
        var fault = Assert.Throws<KernelFaultException>(() => Launch(ReadsUnwritten, groups: 1));
        Assert.Contains("ReadsUnwritten, group (0, 0, 0), thread (0, 0, 0)", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Device_goes_on_working_after_a_fault()
    {
        Assert.Equal(KernelFault.Race, FaultOf(ReadsNeighbourWithoutBarrier));
        Assert.Equal(KernelFault.DivergentBarrier, FaultOf(HalfSkipTheBarrier));
        Assert.Equal(Enumerable.Range(0, Threads).Select(i => (float)(i ^ 1)), Launch(ReadsNeighbourBehindBarrier, groups: 1));
    }

    private delegate void Body(ArrayView<float> view, int thread);

    private static KernelFault FaultOfLaunch(Action launch) => Assert.Throws<KernelFaultException>(launch).Fault;

    private KernelFault FaultOf(Action<ArrayView<float>> kernel, int groups = 1) => FaultOfLaunch(() => Launch(kernel, groups));

    /// <summary>Runs a body per thread; a wrapper stands for the kernel, because kernels are static methods.</summary>
    private KernelFault FaultOf(Body body)
    {
        current = body;
        return FaultOf(RunBody);
    }

    private float[] Launch(Action<ArrayView<float>> kernel, int groups)
    {
        using var buffer = accelerator.Allocate1D<float>(Threads);
        var values = new float[Threads];
        var loaded = accelerator.LoadKernel(kernel);
        loaded(accelerator.DefaultStream, new KernelConfig(groups, Threads), buffer.AsContiguous());
        buffer.AsContiguous().CopyToCPU<float, ArrayView<float>>(accelerator.DefaultStream, ref values[0], Threads);
        return values;
    }

    [ThreadStatic]
    private static Body? current;

    private static void RunBody(ArrayView<float> view) => current!(view, Group.IdxX);

    private static void ReadsUnwritten(ArrayView<float> view)
    {
        var shared = SharedMemory.Allocate<float>(Threads);
        view[Group.IdxX] = shared[Group.IdxX];
    }

    private static void WritesShared(ArrayView<float> view)
    {
        var shared = SharedMemory.Allocate<float>(Threads);
        shared[Group.IdxX] = 1f;
        view[Group.IdxX] = shared[Group.IdxX];
    }

    private static void ReadsNeighbourWithoutBarrier(ArrayView<float> view)
    {
        var shared = SharedMemory.Allocate<float>(Threads);
        shared[Group.IdxX] = Group.IdxX;
        Group.Barrier();
        shared[Group.IdxX] = Group.IdxX + 1;
        view[Group.IdxX] = shared[Group.IdxX ^ 1];
    }

    private static void ReadsNeighbourBehindBarrier(ArrayView<float> view)
    {
        var shared = SharedMemory.Allocate<float>(Threads);
        shared[Group.IdxX] = Group.IdxX;
        Group.Barrier();
        view[Group.IdxX] = shared[Group.IdxX ^ 1];
    }

    private static void ReadsNeighboursCopyWithoutBarrier(ArrayView<float> view)
    {
        var shared = SharedMemory.Allocate<Float4>(Threads);
        shared[Group.IdxX] = default;
        Group.Barrier();
        AsyncCopies.Begin(shared, Group.IdxX, view.Cast<Float4>(), 0, inside: false);
        AsyncCopies.Commit();
        AsyncCopies.Await();
        view[Group.IdxX] = shared[Group.IdxX ^ 1].X;
    }

    private static void WaitsForSomeCopies(ArrayView<float> view)
    {
        var shared = SharedMemory.Allocate<Float4>(Threads);
        AsyncCopies.Begin(shared, Group.IdxX, view.Cast<Float4>(), 0, inside: false);
        if (Group.IdxX % 3 > 0)
        {
            AsyncCopies.Commit();
        }

        if (Group.IdxX % 3 != 1)
        {
            AsyncCopies.Await();
        }

        view[Group.IdxX] = shared[Group.IdxX].X;
    }

    private static void CopiesFromBehindTheEnd(ArrayView<float> view)
    {
        var shared = SharedMemory.Allocate<Float4>(Threads);
        AsyncCopies.Begin(shared, Group.IdxX, view.Cast<Float4>(), Group.IdxX, inside: true);
    }

    private static void OverwritesWhatOthersRead(ArrayView<float> view)
    {
        var shared = SharedMemory.Allocate<float>(Threads);
        shared[Group.IdxX] = Group.IdxX;
        Group.Barrier();
        view[Group.IdxX] = shared[0];
        if (Group.IdxX == Threads - 1)
        {
            shared[0] = 1f;
        }
    }

    private static void RacesThroughGlobalMemory(ArrayView<float> view)
    {
        view[Group.IdxX] = 1f;
        Group.Barrier();
        view[Group.IdxX] += view[Group.IdxX ^ 1];
    }

    private static void PassesThroughGlobalMemory(ArrayView<float> view)
    {
        view[Group.IdxX] = Group.IdxX;
        Group.Barrier();
        var other = view[Group.IdxX ^ 1];
        Group.Barrier();
        view[Group.IdxX] = other;
    }

    private static void TwoGroupsWriteOneElement(ArrayView<float> view)
    {
        view[Group.IdxX] = Grid.IdxX;
        Group.Barrier();
    }

    private static void HalfSkipTheBarrier(ArrayView<float> view)
    {
        if (Group.IdxX < Threads / 2)
        {
            Group.Barrier();
        }

        view[Group.IdxX] = 1f;
    }

    private static void OnlyLateThreadsReachTheBarrier(ArrayView<float> view)
    {
        if (Group.IdxX >= Threads / 2)
        {
            Group.Barrier();
        }

        view[Group.IdxX] = 1f;
    }

    private static void TwoDifferentBarriers(ArrayView<float> view)
    {
        if (Group.IdxX < Threads / 2)
        {
            Group.Barrier();
        }
        else
        {
            Group.Barrier();
        }

        view[Group.IdxX] = 1f;
    }

    private static void ShufflesInDivergentCode(ArrayView<float> view)
    {
        if (Group.IdxX % 2 == 0)
        {
            view[Group.IdxX] = Warp.ShuffleDown((float)Group.IdxX, 1);
        }
    }

    private static void ShufflesDown(ArrayView<float> view) => view[Group.IdxX] = Warp.ShuffleDown((float)Group.IdxX, 1);

    // Ones of bfloat16: each of a product's elements is 16. Every third thread looks in between, and begins again.
    private static Float4 Multiply(Float4 sums)
    {
        const uint Ones = 0x3F803F80;
        return TensorInstructions.MultiplyBf16(
            sums, new TensorFragment { R0 = Ones, R1 = Ones, R2 = Ones, R3 = Ones }, Ones, Ones);
    }

    private static void AddsHundredProducts(ArrayView<float> view)
    {
        var sums = default(Float4);
        for (var i = 0; i < 100; i++)
        {
            sums = Multiply(sums);
            if (i == 40 && Group.IdxX % 3 == 0)
            {
                sums.W -= sums.X;
            }
        }

        view[Group.IdxX] = sums.W;
    }

    private static void HalfSkipTheProduct(ArrayView<float> view)
    {
        if (Group.IdxX % 2 == 0)
        {
            Multiply(default);
        }
    }

    private static void LooksWhereHalfSkipTheProduct(ArrayView<float> view)
    {
        if (Group.IdxX % 2 == 0)
        {
            view[Group.IdxX] = Multiply(default).X;
        }
    }

    private static void HalfMultiplyBehindTheBarrier(ArrayView<float> view)
    {
        var sums = Group.IdxX % 2 == 0 ? Multiply(default) : default;
        Group.Barrier();
        sums = Group.IdxX % 2 == 1 ? Multiply(default) : sums;
        view[Group.IdxX] = sums.X;
    }

    private static void HalfMultiplyBehindTheExchange(ArrayView<float> view)
    {
        var sums = Group.IdxX % 2 == 0 ? Multiply(default) : default;
        Warp.ShuffleDown(1f, 1);
        sums = Group.IdxX % 2 == 1 ? Multiply(default) : sums;
        view[Group.IdxX] = sums.X;
    }

    private static void TooMuchSharedMemory(ArrayView<float> view)
    {
        var shared = SharedMemory.Allocate<float>(12 * 1024);
        var more = SharedMemory.Allocate<float>(1);
        shared[Group.IdxX] = 1f;
        view[Group.IdxX] = more.Length;
    }
}
