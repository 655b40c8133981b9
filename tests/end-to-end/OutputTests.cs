using Xunit;

namespace SharpSeg.EndToEnd.Tests;

/// <summary>Outputs that cannot be written: told in one line, and what was there before is still there.</summary>
[Collection(TrainedWorkspaceTests.Refusals)]
public sealed class OutputTests(TrainedWorkspace trained)
{
    [Fact]
    public void A_demo_of_too_few_cases_makes_no_folder()
    {
        using var folder = new TemporaryFolder();
        SharpSegProcess.Run("demo", "-o", folder.At("demo"), "--cases", "3").AssertErrorWithHint(1, "3 phantom cases are too few");
        Assert.False(Directory.Exists(folder.At("demo")));
    }

    [Theory]
    [InlineData("plan", "DATASET", "-o", "FILE")]
    [InlineData("auto", "DATASET", "-o", "FILE", "--max-time", "1m")]
    [InlineData("demo", "-o", "FILE")]
    [InlineData("predict", "WORK", "-i", "IMAGE", "-o", "FILE")]
    [InlineData("evaluate", "VALIDATION", "LABELS", "-o", "FILE/summary.json")]
    public void An_output_that_is_a_file_is_kept(params string[] arguments)
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder.At("notes"), "precious");
        SharpSegProcess.Run(Placed(arguments, folder.At("notes"))).AssertErrorWithHint(1, "notes");
        Assert.Equal("precious", File.ReadAllText(folder.At("notes")));
        Assert.Single(Directory.GetFileSystemEntries(folder.Path));
    }

    [TheoryWith(Needs.Proc)]
    [InlineData("plan", "DATASET", "-o", "FILE")]
    [InlineData("auto", "DATASET", "-o", "FILE", "--max-time", "1m")]
    [InlineData("demo", "-o", "FILE")]
    [InlineData("predict", "WORK", "-i", "IMAGE", "-o", "FILE")]
    public void A_place_where_nothing_can_be_written_is_an_error(params string[] arguments)
    {
        SharpSegProcess.Run(Placed(arguments, "/proc/sharpseg")).AssertErrorWithHint(1, "/proc/sharpseg");
    }

    /// <summary>Files longer than so many KiB cannot be written: plans fail at once, training at its first checkpoint.</summary>
    [TheoryWith(Needs.Bash)]
    [InlineData(1, "plan", "DATASET", "-o", "NEW")]
    [InlineData(16, "preprocess", "PLANNED", "-c", "2d")]
    [InlineData(64, "train", "PLANNED", "--epochs", "1", "--iterations", "1", "--batch", "2")]
    public void A_full_disk_loses_nothing(int kibibytes, params string[] arguments)
    {
        using var folder = new TemporaryFolder();
        var planned = folder.Copy(trained.Planned, "planned");
        var before = (FolderSnapshot.Of(trained.Dataset), FolderSnapshot.Of(planned, "run.json", "log.txt"));
        string[] placed = [.. Placed(arguments, "").Select(a => a == "PLANNED" ? planned : a == "NEW" ? folder.At("new") : a)];

        SharpSegProcess.RunOnFullDisk(kibibytes, placed).AssertErrorWithHint(1);

        before.Item1.AssertUnchanged();
        before.Item2.AssertNothingLost();
        Assert.Equal(0, WorkspaceFiles.AssertAllWhole(planned));
        SharpSegProcess.Succeed(placed); // with room again, the same command does it
        Assert.Equal(0, WorkspaceFiles.AssertAllWhole(placed.Contains(planned) ? planned : folder.At("new")));
    }

    private string[] Placed(string[] arguments, string output) =>
    [
        .. arguments.Select(argument => argument switch
        {
            "DATASET" => trained.Dataset,
            "WORK" => trained.Work,
            "IMAGE" => TinyDataset.Image(trained.Dataset, "case_0"),
            "VALIDATION" => Path.Combine(trained.Run, "validation"),
            "LABELS" => Path.Combine(trained.Dataset, "labelsTr"),
            _ => argument.Replace("FILE", output, StringComparison.Ordinal),
        }),
    ];
}
