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

    [Fact]
    public void A_demo_is_continued_with_as_many_cases_as_it_has()
    {
        using var folder = new TemporaryFolder();
        var images = Directory.CreateDirectory(folder.At("demo", "dataset", "imagesTr")).FullName;
        for (var i = 0; i < 26; i++)
        {
            File.WriteAllText(Path.Combine(images, $"phantom_{i:000}_0000.nii.gz"), "");
        }

        File.WriteAllText(folder.At("demo", "sharpseg-demo"), "");
        var before = FolderSnapshot.Of(folder.Path);
        SharpSegProcess.Run("demo", "-o", folder.At("demo"), "--resume", "--cases", "24")
            .AssertErrorWithHint(1, "has 26 cases, not 24");
        before.AssertUnchanged();
        File.WriteAllText(folder.At("demo", "dataset", "dataset.json"), "{}"); // so that all are there
        before = FolderSnapshot.Of(folder.Path);
        foreach (var cases in new[] { "24", "40" })
        {
            var outcome = SharpSegProcess.Run("demo", "-o", folder.At("demo"), "--resume", "--cases", cases);
            outcome.AssertErrorWithHint(1, $"has 26 cases, not {cases}");
            Assert.Contains("--cases 26", outcome.Errors, StringComparison.Ordinal);
        }

        before.AssertUnchanged();
    }

    [Fact]
    public void A_folder_is_not_named_like_a_file()
    {
        using var folder = new TemporaryFolder();
        var validation = Path.Combine(trained.Run, "validation");
        var description = Path.Combine(trained.Work, "dataset.json");
        File.WriteAllText(folder.At("best.json"), ProtectedInputTests.Best);
        string[][] verbs =
        [
            ["postprocess", validation, "-o", folder.At("x.nii.gz"), "-b", folder.At("best.json"), "-d", description],
            ["ensemble", validation, validation, "-d", description, "-o", folder.At("x.NII.GZ")],
            ["import", trained.Work, "-o", folder.At("model.txt")],
            ["trace", trained.Work, "case_0", "-o", folder.At("trace.html")],
        ];
        Assert.All(verbs, verb => SharpSegProcess.Run(verb).AssertErrorWithHint(1, "is named like a file"));
        Assert.Single(Directory.GetFileSystemEntries(folder.Path));
        Directory.CreateDirectory(folder.At("old.zip")); // one that is there is what its user wants
        SharpSegProcess.Succeed("trace", trained.Work, "case_0", "-o", folder.At("old.zip"));
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
