using System.Runtime.CompilerServices;
using ILGPU;
using SharpSeg.Kernels.Gpu.Device;

namespace SharpSeg.KernelSanitizer;

/// <summary>
/// One group at a time: its threads, its barrier, its shared memory.
/// <para>Exactly one thread runs at any moment, and the order is fixed: thread 0 until it waits or ends, then 1, and so on round.
/// A kernel without barriers therefore is a loop on the calling thread. At the first barrier, thread 0 stays where it is, in the
/// middle of its kernel, and the others are run on threads of the process that are kept for this and take turns.</para>
/// </summary>
/// <param name="processor">The processor on which the threads take turns, counted from 0 among those that may be used.</param>
internal sealed class GroupRun(int processor)
{
    internal const int WarpSize = 32;
    internal const int MaxThreads = 1024;
    internal const int SharedBytes = 48 * 1024;
    private readonly List<Lane> lanes = [];
    private readonly List<WarpProducts> warps = [];
    private readonly List<Thread> workers = [];
    private readonly List<CheckedMemory> sharedBlocks = [];
    private readonly List<long> sharedSizes = [];
    private readonly CountdownEvent unfinished = new(0);
    private Action body = () => { };
    private Exception? failure;
    private ulong clock;
    private int count;
    private int sharedInUse;
    private bool takingTurns;

    internal string Kernel { get; private set; } = string.Empty;

    internal KernelConfig Config { get; private set; }

    internal Index3D GridIndex { get; private set; }

    /// <summary>The stretch between two barriers that runs now.</summary>
    internal ulong Epoch { get; private set; }

    /// <summary>First epoch of this group.</summary>
    internal ulong FirstEpoch { get; private set; }

    /// <summary>First epoch of this launch.</summary>
    internal ulong LaunchEpoch { get; private set; }

    /// <summary>A launch begins.</summary>
    internal void Begin(string kernel, in KernelConfig config)
    {
        Kernel = kernel;
        Config = config;
        count = config.GroupDim.Size;
        LaunchEpoch = ++clock;
        for (var i = lanes.Count; i < count; i++)
        {
            if (i % WarpSize == 0)
            {
                warps.Add(new WarpProducts(this, lanes, i));
            }

            lanes.Add(new Lane(this, i, warps[^1]));
        }

        for (var i = 0; i < count; i++)
        {
            var (x, y) = (config.GroupDim.X, config.GroupDim.Y);
            lanes[i].ThreadIndex = new Index3D(i % x, i / x % y, i / x / y);
        }
    }

    /// <summary>Runs one group to its end.</summary>
    /// <exception cref="KernelFaultException">The kernel is wrong.</exception>
    internal void Run(Index3D gridIndex, Action kernelBody)
    {
        GridIndex = gridIndex;
        body = kernelBody;
        FirstEpoch = Epoch = ++clock;
        takingTurns = false;
        failure = null;
        sharedInUse = 0;
        foreach (var block in sharedBlocks)
        {
            block.Forget();
        }

        foreach (var warp in warps)
        {
            warp.Forget();
        }

        for (var i = 0; i < count; i++)
        {
            var lane = lanes[i];
            (lane.State, lane.SharedBlocks, lane.Collectives) = (LaneState.Ready, 0, 0);
            lane.Copies.Forget();
        }

        try
        {
            for (var i = 0; i < count && !takingTurns; i++)
            {
                Lane.Current = lanes[i];
                body();
                lanes[i].State = LaneState.Done;
            }

            if (takingTurns)
            {
                HandOn(lanes[0]);
            }
        }
        catch (LaneAbortedException)
        {
            // Another thread failed; what it threw is reported below.
        }
        catch (Exception e) when (takingTurns)
        {
            Fail(e);
        }
        finally
        {
            Lane.Current = null;
        }

        unfinished.Wait();
        if (failure is not null)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(failure);
        }
    }

    /// <summary>The group's barrier.</summary>
    internal void Barrier(Lane lane, SourceLine site)
    {
        if (count == 1)
        {
            Epoch = ++clock;
            return;
        }

        Wait(lane, LaneState.AtBarrier, site);
    }

    /// <summary>
    /// An exchange inside a warp: gives a 32-bit word, waits for the warp, and returns what each of its threads gave. Every
    /// thread of the warp must come, to the same line.
    /// </summary>
    internal WarpWords Collective(Lane lane, SourceLine site, uint word)
    {
        var turn = lane.Collectives++ & 1;
        lane.Given[turn] = word;
        if (WarpEnd(lane) - WarpStart(lane) > 1)
        {
            Wait(lane, LaneState.AtCollective, site);
        }

        return new WarpWords(lanes, WarpStart(lane), WarpEnd(lane) - WarpStart(lane), turn);
    }

    /// <summary>A product of matrices, to which every thread of a whole warp must come; <see cref="WarpProducts"/>.</summary>
    internal Float4 Multiply(
        Lane lane, PtxInstructions.Numbers numbers, Float4 c, ReadOnlySpan<uint> operands, SourceLine site)
    {
        if (WarpEnd(lane) - WarpStart(lane) != WarpSize)
        {
            throw KernelFaultException.Divergent($"mma.sync in a warp of {WarpEnd(lane) - WarpStart(lane)} threads");
        }

        if (!takingTurns)
        {
            StartTakingTurns(lane, site);
        }

        return lane.Products.Add(lane, numbers, c, operands, site);
    }

    /// <summary>Waits until all threads of the warp have come to so many products.</summary>
    internal void AwaitProducts(Lane lane, WarpProducts products, int needed, SourceLine site)
    {
        if (!products.HaveCome(needed))
        {
            lane.ProductsNeeded = needed;
            Wait(lane, LaneState.AtProducts, site);
        }
    }

    /// <summary>Shared memory: the same call of every thread gets the same block.</summary>
    internal ArrayView<T> AllocateShared<T>(Lane lane, int extent)
        where T : unmanaged
    {
        var block = lane.SharedBlocks++;
        var bytes = (long)extent * Unsafe.SizeOf<T>();
        if (block == sharedInUse)
        {
            sharedInUse++;
            if (block == sharedBlocks.Count)
            {
                sharedBlocks.Add(NewBlock(block, bytes));
                sharedSizes.Add(bytes);
            }
            else if (sharedSizes[block] != bytes)
            {
                sharedBlocks[block] = NewBlock(block, bytes);
                sharedSizes[block] = bytes;
            }

            var total = sharedSizes.Take(sharedInUse).Sum();
            if (total > SharedBytes)
            {
                throw KernelFaultException.InvalidLaunch(
                    $"{total} bytes of shared memory, of {SharedBytes} that a group may have");
            }
        }
        else if (sharedSizes[block] != bytes)
        {
            throw KernelFaultException.InvalidLaunch(
                $"shared memory number {block} has {sharedSizes[block]} bytes for other threads of the group and {bytes} for "
                    + "this one");
        }

        return new ArrayView<T>(sharedBlocks[block], 0, extent);
    }

    private static CheckedMemory NewBlock(int number, long bytes) => new($"shared memory number {number}", bytes, true, null);

    private static int WarpStart(Lane lane) => lane.Index / WarpSize * WarpSize;

    private int WarpEnd(Lane lane) => Math.Min(WarpStart(lane) + WarpSize, count);

    private void Wait(Lane lane, LaneState state, SourceLine site)
    {
        if (!takingTurns)
        {
            StartTakingTurns(lane, site);
        }

        (lane.State, lane.Site) = (state, site);
        var next = Next(lane);
        if (next == lane)
        {
            return;
        }

        next!.Resume();
        lane.AwaitTurn();
        if (failure is not null)
        {
            throw new LaneAbortedException();
        }
    }

    private void StartTakingTurns(Lane lane, SourceLine site)
    {
        if (lane.Index != 0)
        {
            throw KernelFaultException.Divergent(
                $"waits at {site}, but the {lane.Index} threads before it left the kernel without coming there");
        }

        takingTurns = true;
        unfinished.Reset(count - 1);
        for (var i = workers.Count + 1; i < count; i++)
        {
            var own = lanes[i];
            var worker =
                new Thread(() => Work(own), maxStackSize: 256 * 1024) { IsBackground = true, Name = $"emulated GPU thread {i}" };
            workers.Add(worker);
            worker.Start();
        }
    }

    /// <summary>The life of a thread of the process that stands for one emulated thread, over all groups.</summary>
    private void Work(Lane lane)
    {
        Processors.Keep(processor);
        while (true)
        {
            lane.AwaitTurn();
            Lane.Current = lane;
            try
            {
                if (failure is null)
                {
                    body();
                    HandOn(lane);
                }
            }
            catch (LaneAbortedException)
            {
                // Another thread failed; the group is being taken down.
            }
            catch (Exception e)
            {
                Fail(e);
            }
            finally
            {
                Lane.Current = null;
                unfinished.Signal();
            }
        }
    }

    /// <summary>A thread has left the kernel: the next one's turn.</summary>
    private void HandOn(Lane lane)
    {
        lane.State = LaneState.Done;
        Next(lane)?.Resume();
    }

    /// <summary>
    /// Who runs next: the first that is ready after this one, round; if nobody is, those whom a complete warp or a complete group
    /// lets go. Null when all are done.
    /// </summary>
    private Lane? Next(Lane lane)
    {
        if (FirstReady(lane.Index) is { } ready)
        {
            return ready;
        }

        var done = 0;
        var waiting = 0;
        for (var i = 0; i < count; i++)
        {
            done += lanes[i].State == LaneState.Done ? 1 : 0;
            waiting += lanes[i].State == LaneState.AtBarrier ? 1 : 0;
        }

        if (done == count)
        {
            warps.ForEach(warp => warp.RequireAlike());
            return null;
        }

        var released = false;
        for (var i = 0; i < count; i++)
        {
            if (lanes[i].State == LaneState.AtProducts && lanes[i].Products.HaveCome(lanes[i].ProductsNeeded))
            {
                lanes[i].State = LaneState.Ready;
                released = true;
            }
        }

        for (var start = 0; start < count; start += WarpSize)
        {
            released |= ReleaseWarp(start, Math.Min(start + WarpSize, count));
        }

        if (!released && waiting == count && AtOneSite(0, count))
        {
            Epoch = ++clock;
            for (var i = 0; i < count; i++)
            {
                lanes[i].State = LaneState.Ready;
            }

            released = true;
        }

        return released ? FirstReady(-1) : throw KernelFaultException.Divergent(DescribeStandstill(done));
    }

    private Lane? FirstReady(int after)
    {
        for (var i = after + 1; i < count; i++)
        {
            if (lanes[i].State == LaneState.Ready)
            {
                return lanes[i];
            }
        }

        for (var i = 0; i <= after; i++)
        {
            if (lanes[i].State == LaneState.Ready)
            {
                return lanes[i];
            }
        }

        return null;
    }

    private bool ReleaseWarp(int start, int end)
    {
        for (var i = start; i < end; i++)
        {
            if (lanes[i].State != LaneState.AtCollective)
            {
                return false;
            }
        }

        if (!AtOneSite(start, end))
        {
            return false;
        }

        for (var i = start; i < end; i++)
        {
            lanes[i].State = LaneState.Ready;
        }

        return true;
    }

    private bool AtOneSite(int start, int end)
    {
        for (var i = start + 1; i < end; i++)
        {
            if (lanes[i].Site != lanes[start].Site)
            {
                return false;
            }
        }

        return true;
    }

    private string DescribeStandstill(int done)
    {
        var places = lanes.Take(count).Where(lane => lane.State != LaneState.Done)
            .GroupBy(lane => (lane.State, lane.Site))
            .Select(
                place =>
                    $"{place.Count()} at the {NameOf(place.Key.State)} {place.Key.Site}");
        return $"the group stands still: {string.Join(", ", places)}, {done} done, of {count} threads";
    }

    private static string NameOf(LaneState state) => state switch
    {
        LaneState.AtBarrier => "barrier",
        LaneState.AtProducts => "sums of mma.sync",
        _ => "warp exchange",
    };

    /// <summary>Takes the group down: everybody who sleeps wakes and leaves.</summary>
    private void Fail(Exception e)
    {
        failure = e;
        for (var i = 0; i < count; i++)
        {
            if (lanes[i] != Lane.Current && lanes[i].State != LaneState.Done)
            {
                lanes[i].Resume();
            }
        }
    }

    private sealed class LaneAbortedException : Exception;
}
