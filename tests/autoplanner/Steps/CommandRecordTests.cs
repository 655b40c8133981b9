using System.Text.Json.Nodes;
using SharpSeg.AutoPlanner.Steps;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Steps;

/// <summary>run.json and log.txt beside what a command wrote.</summary>
public sealed class CommandRecordTests
{
    [Fact]
    public void A_command_that_wrote_nowhere_leaves_nothing()
    {
        using var folder = new TemporaryFolder();
        var record = new CommandRecord(SilentReporter.Instance);
        record.Fail("no such folder", null, 1, "failed");
        record.WritesTo(folder.File("never made"));
        record.Keep([], [], 0, "done");
        Assert.Empty(Directory.GetFileSystemEntries(folder.Path));
    }

    [Fact]
    public void What_was_shown_and_how_it_ended_are_kept_for_each_command()
    {
        using var folder = new TemporaryFolder();
        var warned = new List<string>();
        var first = new CommandRecord(new Listener(warned));
        first.WritesTo(folder.Path);
        first.WritesTo(folder.File("part")); // of the whole
        first.Stage("measure");
        first.Warning("odd\nspacing");
        first.Keep(new JsonObject { ["device"] = "CPU" }, new JsonObject { ["cases"] = 2 }, 3, "some cases failed");
        var second = new CommandRecord(SilentReporter.Instance);
        second.WritesTo(folder.Path);
        second.Fail("`a.nii.gz` is damaged", "copy it again", 1, "failed");

        Assert.Equal(["odd\nspacing"], warned);
        Assert.Equal(["log.txt", "run.json"], Directory.GetFiles(folder.Path).Select(Path.GetFileName).Order());
        var sessions = Sessions(folder.File("run.json"));
        Assert.Equal(["some cases failed", "failed"], sessions.Select(session => (string?)session!["state"]));
        Assert.Equal([3, 1], sessions.Select(session => (int)session!["exit_code"]!));
        Assert.Equal("CPU", (string?)sessions[0]!["device"]);
        Assert.Equal(2, (int)sessions[0]!["result"]!["cases"]!);
        Assert.Equal("`a.nii.gz` is damaged", (string?)sessions[1]!["error"]);
        Assert.Equal("copy it again", (string?)sessions[1]!["hint"]);
        Assert.All(sessions, session => Assert.NotNull(session!["ended"]));

        const int time = 21; // characters of a moment and the blank behind it
        var log = File.ReadAllLines(folder.File("log.txt")).Select(line => line.StartsWith(' ') ? line : line[time..]).ToArray();
        Assert.Equal(["== measure", "warning: odd", "    spacing", "some cases failed, exit code 3"], log[1..5]);
        Assert.Equal("failed, exit code 1: `a.nii.gz` is damaged", log[^1]);
        Assert.Equal(7, log.Length);
    }

    [Fact]
    public void One_file_has_a_record_of_its_name_and_a_part_one_of_its_number()
    {
        using var folder = new TemporaryFolder();
        var file = new CommandRecord(SilentReporter.Instance);
        file.WritesTo(folder.File("model.zip"), isFile: true);
        file.Keep([], [], 0, "done");
        var part = new CommandRecord(SilentReporter.Instance, part: 2);
        part.WritesTo(folder.Path);
        part.Keep([], [], 0, "done");
        Assert.Equal(
            ["log.part-2.txt", "model.log.txt", "model.run.json", "run.part-2.json"],
            Directory.GetFiles(folder.Path).Select(Path.GetFileName).Order());
    }

    /// <summary>Folds that are trained side by side in one workspace may end at one moment.</summary>
    [Fact]
    public void Commands_that_end_at_one_moment_are_all_kept()
    {
        const int commands = 6;
        using var folder = new TemporaryFolder();
        using var together = new Barrier(commands);
        var threads = Enumerable.Range(0, commands).Select(number => new Thread(() =>
        {
            var record = new CommandRecord(SilentReporter.Instance);
            record.WritesTo(folder.Path);
            record.Info($"command {number}");
            together.SignalAndWait();
            record.Keep(new JsonObject { ["number"] = number }, [], 0, "done");
        })).ToArray();
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());

        Assert.Equal(Enumerable.Range(0, commands), Sessions(folder.File("run.json")).Select(s => (int)s!["number"]!).Order());
        var log = File.ReadAllText(folder.File("log.txt"));
        Assert.All(
            Enumerable.Range(0, commands),
            number => Assert.Matches($@"sharpseg .*\n\S+ command {number}\n\S+ done\n", log));
    }

    private static JsonArray Sessions(string path) => JsonNode.Parse(File.ReadAllText(path))!["sessions"]!.AsArray();

    private sealed class Listener(List<string> warnings) : IReporter
    {
        public void Stage(string name)
        {
        }

        public void Progress(double fraction, string detail)
        {
        }

        public void Info(string line)
        {
        }

        public void Warning(string line) => warnings.Add(line);
    }
}
