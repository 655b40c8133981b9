using SharpSeg.AutoPlanner.Steps;
using SharpSeg.Engine.Backends;
using SharpSeg.Kernels.Cpu;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Steps;

public sealed class DeviceWorkTests
{
    private static readonly TimeSpan Hanging = TimeSpan.FromMinutes(5); // nothing is waited for so long unless it never comes

    [Fact]
    public void Devices_work_at_the_same_time_and_results_keep_their_order()
    {
        using var meet = new Barrier(2);
        var listening = new Listener();
        var results = Run(
            [3, 1, 2, 0], needs: (_, _) => false,
            (piece, device, reporter) =>
            {
                reporter.Stage($"stage {piece}");
                Assert.True(meet.SignalAndWait(Hanging)); // passes only two by two
                return piece * 10;
            },
            listening);
        Assert.Equal([30, 10, 20, 0], results);
        Assert.All([0, 1, 2, 3], piece => Assert.Single(
            listening.Lines, line => line.EndsWith($": stage {piece}", StringComparison.Ordinal)));
        Assert.All(listening.Lines[1..], line => Assert.Matches("^(first|second): ", line));
    }

    [Fact]
    public void A_piece_waits_for_all_that_it_needs()
    {
        var done = new List<int>();
        var seen = Run(
            [0, 1, 2, 3], needs: (piece, other) => piece == 3 && other < 3,
            (piece, _, _) =>
            {
                lock (done)
                {
                    done.Add(piece);
                    return done.Count;
                }
            },
            new Listener());
        Assert.Equal(4, seen[3]);
    }

    [Fact]
    public void A_failure_keeps_only_those_from_running_that_need_it_and_all_are_named()
    {
        var ran = new List<int>();
        var error = Assert.Throws<SharpSegException>(() => Run(
            [0, 1, 2, 3, 4], needs: (piece, other) => (piece, other) is (2, 1) or (4, 2),
            (piece, _, _) =>
            {
                lock (ran)
                {
                    ran.Add(piece);
                }

                return piece is 1 or 3 ? throw new SharpSegException($"bad {piece}", $"mend {piece}") : piece;
            },
            new Listener()));
        Assert.Equal("piece 1 failed: bad 1; so did piece 3; left out: piece 2, piece 4", error.Message);
        Assert.Equal("mend 1", error.Hint);
        Assert.Equal([0, 1, 3], ran.Order());
    }

    [Fact]
    public void What_needs_a_piece_left_out_is_left_out_too()
    {
        var error = Assert.Throws<SharpSegException>(() => Run(
            [0, 1, 2, 3], needs: (piece, other) => piece == other + 1,
            (piece, _, _) => piece == 0 ? throw new SharpSegException("bad 0") : piece,
            new Listener()));
        Assert.Equal("piece 0 failed: bad 0; left out: piece 1, piece 2, piece 3", error.Message);
    }

    [Fact]
    public void What_is_not_the_users_to_mend_comes_as_it_is() =>
        Assert.Throws<InvalidOperationException>(() => Run<int>(
            [0, 1], needs: (_, _) => false, (piece, _, _) => piece == 0 ? throw new InvalidOperationException() : piece,
            new Listener()));

    [Fact]
    public void Cancelled_work_begins_nothing_more_and_ends()
    {
        using var source = new CancellationTokenSource();
        var ran = 0;
        Assert.Throws<OperationCanceledException>(() => Run(
            [0, 1, 2, 3, 4, 5], needs: (piece, other) => piece > 0 && other == 0,
            (piece, _, _) =>
            {
                ran++; // the others need the first: no two at a time
                source.Cancel();
                return piece;
            },
            new Listener(), source.Token));
        Assert.Equal(1, ran);
    }

    [Fact]
    public void One_device_works_on_the_callers_thread_and_ends_with_the_first_failure()
    {
        using var backend = Cpu.Open(1);
        var (thread, ran) = (Environment.CurrentManagedThreadId, new List<int>());
        var work = new DeviceWork([new("only", backend)], SilentReporter.Instance, default);
        Assert.Throws<SharpSegException>(() => work.Run(
            [0, 1, 2], (_, _) => false, piece => $"{piece}", beginning => (beginning.Piece, beginning.Left),
            (prepared, _, _) =>
            {
                Assert.Equal(thread, Environment.CurrentManagedThreadId);
                Assert.Equal(3 - prepared.Piece, prepared.Left);
                ran.Add(prepared.Piece);
                return prepared.Piece == 1 ? throw new SharpSegException("bad") : 0;
            }));
        Assert.Equal([0, 1], ran);
    }

    [Theory]
    [InlineData(1, 7, 7)]
    [InlineData(2, 7, 4)]
    [InlineData(3, 3, 1)]
    public void Memory_and_time_are_shared(int devices, int left, int rounds)
    {
        using var backend = Cpu.Open(1);
        var work = new DeviceWork(
            [.. Enumerable.Repeat(new NamedDevice("any", backend), devices)], SilentReporter.Instance, default);
        Assert.Equal(rounds, work.Rounds(left));
        Assert.Equal(600 / devices, work.Share(new MemoryBudget(600, IsGiven: true))!.Bytes);
    }

    private static IReadOnlyList<TResult> Run<TResult>(
        IReadOnlyList<int> pieces, Func<int, int, bool> needs, Func<int, string, IReporter, TResult> run, IReporter reporter,
        CancellationToken cancel = default)
    {
        using Backend first = Cpu.Open(1), second = Cpu.Open(1);
        return new DeviceWork([new("first", first), new("second", second)], reporter, cancel).Run(
            pieces, needs, piece => $"piece {piece}", beginning => beginning.Piece,
            (piece, backend, own) => run(piece, backend == first ? "first" : "second", own));
    }

    /// <summary>Keeps what is reported, and refuses two calls at a time.</summary>
    private sealed class Listener : IReporter
    {
        private int inside;

        public List<string> Lines { get; } = [];

        public void Stage(string name) => Keep(name);

        public void Progress(double fraction, string detail) => Assert.InRange(fraction, 0, 1);

        public void Info(string line) => Keep(line);

        public void Warning(string line) => Keep(line);

        private void Keep(string line)
        {
            Assert.Equal(1, Interlocked.Increment(ref inside));
            Lines.Add(line);
            Interlocked.Decrement(ref inside);
        }
    }
}
