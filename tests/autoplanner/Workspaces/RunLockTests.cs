using SharpSeg.AutoPlanner.Workspaces;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Workspaces;

/// <summary>One process at a time, on one machine and between machines that do not see each other's locks.</summary>
public sealed class RunLockTests
{
    private static readonly LockTiming Quick = new(
        TimeSpan.FromMilliseconds(150), TimeSpan.FromMilliseconds(1500), TimeSpan.FromMilliseconds(50));

    [Fact]
    public void A_folder_has_one_owner_and_nothing_is_left_of_it()
    {
        using var temporary = new TemporaryFolder();
        var folder = Path.Combine(temporary.Path, "runs", "2d", "fold_0");
        using (RunLock.Take(folder, "trained"))
        {
            Assert.True(RunLock.IsTaken(folder));
            var error = Assert.Throws<SharpSegException>(() => RunLock.Take(folder, "trained"));
            Assert.Contains($"is being trained by another process (process {Environment.ProcessId} on ", error.Message,
                StringComparison.Ordinal);
        }

        Assert.False(RunLock.IsTaken(folder));
        Assert.Empty(Directory.EnumerateFileSystemEntries(temporary.Path));
    }

    [Fact]
    public async Task Waiting_ends_with_the_owner()
    {
        using var temporary = new TemporaryFolder();
        var folder = Folder(temporary);
        var first = RunLock.Take(folder, "run");
        using var waited = new ManualResetEventSlim();
        var second = Task.Run(() => RunLock.Wait(folder, waited.Set, CancellationToken.None));
        Assert.True(waited.Wait(TimeSpan.FromMinutes(1)));
        Assert.False(second.IsCompleted);
        first.Dispose();
        (await second).Dispose();
    }

    [Fact]
    public void What_a_killed_process_of_this_machine_left_is_taken_at_once()
    {
        using var temporary = new TemporaryFolder();
        var folder = Folder(temporary);
        var owner = Path.Combine(folder, ".owner.lock");
        using (RunLock.Take(folder, "run"))
        {
            File.Copy(owner, owner + ".copy");
        }

        File.Move(owner + ".copy", owner);
        RunLock.TryTake(folder, Quick with { Silence = TimeSpan.FromDays(1) })!.Dispose();
        Assert.False(File.Exists(owner));
    }

    [Fact]
    public void A_silent_owner_on_another_machine_is_gone_and_a_living_one_is_not()
    {
        using var temporary = new TemporaryFolder();
        var folder = Folder(temporary);
        var owner = Path.Combine(folder, ".owner.lock");
        void Beat(int count) => AtomicFile.WriteText(owner, $"another-kernel\tnode3\t7\ttoken\t{count}");
        Beat(0);
        Assert.True(RunLock.IsTaken(folder));
        using (RunLock.TryTake(folder, Quick)!)
        {
            Assert.StartsWith(" (process ", LockOwner.Describe(folder), StringComparison.Ordinal);
            Assert.False(LockOwner.IsElsewhere(folder));
        }

        Beat(1);
        var count = 1;
        using (new Timer(_ => Beat(Interlocked.Increment(ref count)), null, TimeSpan.Zero, TimeSpan.FromMilliseconds(100)))
        {
            Assert.Null(RunLock.TryTake(folder, Quick));
        }

        Assert.Equal(" (process 7 on node3)", LockOwner.Describe(folder));
        Assert.False(File.Exists(Path.Combine(folder, ".lock")));
    }

    [Fact]
    public void Who_was_taken_for_dead_hears_of_it_and_leaves_the_new_owner_alone()
    {
        using var temporary = new TemporaryFolder();
        var folder = Folder(temporary);
        var owner = Path.Combine(folder, ".owner.lock");
        using (var mine = RunLock.TryTake(folder, Quick)!)
        {
            Thread.Sleep(Quick.Beat * 3);
            Assert.False(mine.Lost.IsCancellationRequested);
            void Claim() => AtomicFile.WriteText(owner, "another-kernel\tnode3\t7\ttoken\t0");

            // A beat that had begun may write over the claim; the other machine would then see that this one lives.
            Claim();
            for (var i = 0; i < 100 && !mine.Lost.WaitHandle.WaitOne(Quick.Beat * 3); i++)
            {
                Claim();
            }

            Assert.True(mine.Lost.IsCancellationRequested);
        }

        Assert.StartsWith("another-kernel", File.ReadAllText(owner), StringComparison.Ordinal);
    }

    /// <summary>A folder that a lock does not remove at its end, because it is not empty.</summary>
    private static string Folder(TemporaryFolder temporary)
    {
        File.WriteAllText(Path.Combine(temporary.Path, "kept"), "");
        return temporary.Path;
    }
}
