using Xunit;

namespace SharpSeg.AutoPlanner.Tests;

public sealed class OrderedWorkTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void Results_are_taken_in_order(int workers)
    {
        var taken = new List<int>();
        OrderedWork.Run(
            50,
            workers,
            i =>
            {
                Thread.Sleep(i % 7 == 0 ? 3 : 0);
                return i * i;
            },
            (i, square) =>
            {
                Assert.Equal(i * i, square);
                taken.Add(i);
            },
            default);
        Assert.Equal(Enumerable.Range(0, 50), taken);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void The_first_failure_is_told(int workers)
    {
        var error = Assert.Throws<SharpSegException>(() => OrderedWork.Run(
            20, workers, i => i % 5 == 3 ? throw new SharpSegException($"case {i}") : i, (_, _) => { }, default));
        Assert.Equal("case 3", error.Message);
    }

    [Fact]
    public void Cancelling_ends_at_once_and_takes_nothing_afterwards()
    {
        using var source = new CancellationTokenSource();
        using var never = new ManualResetEventSlim();
        var taken = 0;
        Assert.Throws<OperationCanceledException>(() => OrderedWork.Run(
            10,
            2,
            i =>
            {
                if (i == 3)
                {
                    source.Cancel();
                    never.Wait(); // a piece that would take for ever
                }

                return i;
            },
            (_, _) => taken++,
            source.Token));
        var before = taken;
        never.Set();
        Thread.Sleep(20);
        Assert.Equal(before, taken);
        Assert.InRange(taken, 0, 4);
    }

    [Fact]
    public void No_work_is_done_at_once() =>
        OrderedWork.Run<int>(0, 3, _ => throw new InvalidOperationException(), (_, _) => { }, default);

    /// <summary>Where the first piece takes long, not all the others may have their results wait for it.</summary>
    [Fact]
    public void Large_results_do_not_gather()
    {
        var (begun, most) = (0, 0);
        OrderedWork.Run(
            20, 3, index =>
            {
                Interlocked.Increment(ref begun);
                if (index == 0)
                {
                    SpinWait.SpinUntil(() => Volatile.Read(ref begun) == 3, TimeSpan.FromSeconds(30));
                    Thread.Sleep(50);
                    most = Volatile.Read(ref begun);
                }

                return index;
            },
            (_, _) => { }, default, mostAhead: 3);
        Assert.Equal((20, 3), (begun, most));
    }
}
