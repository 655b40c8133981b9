using System.Text.Json.Nodes;
using Xunit;

namespace SharpSeg.EndToEnd.Tests;

/// <summary>Who asks later how results came about, or why there are none, finds it beside them.</summary>
[Collection(TrainedWorkspaceTests.Runs)]
public sealed class CommandRecordTests(TrainedWorkspace trained)
{
    [Fact]
    public void A_workspace_remembers_every_command_that_wrote_to_it()
    {
        using var folder = new TemporaryFolder();
        var work = folder.Copy(trained.Work, "work");
        File.Delete(Path.Combine(work, "run.json")); // other tests' attempts
        Succeed("plan", trained.Dataset, "-o", work, "--plan", "again");
        Succeed("preprocess", work, "-c", "3d_fullres");
        var refused = InProcess.Run("find-best", work); // four folds are not trained
        refused.AssertError(1);
        Succeed("find-best", work, "-f", "0", "--trained-only");

        var sessions = Sessions(Path.Combine(work, "run.json"));
        Assert.Equal(["done", "done", "failed", "done"], sessions.Select(session => (string?)session!["state"]));
        Assert.Equal([0, 0, 1, 0], sessions.Select(session => (int)session!["exit_code"]!));
        foreach (var line in ((string)sessions[2]!["error"]!).Split('\n').Concat(((string)sessions[2]!["hint"]!).Split('\n')))
        {
            Assert.Contains(line, refused.Errors, StringComparison.Ordinal);
        }

        Assert.Equal("again.json", (string?)sessions[0]!["plans"]);
        Assert.All(new[] { 0, 1, 3 }, i =>
        {
            Assert.Equal(64, ((string)sessions[i]!["plans_sha256"]!).Length);
            Assert.NotEmpty((string)sessions[i]!["data_hash"]!);
            Assert.Equal(trained.Dataset, (string?)sessions[i]!["dataset"]);
            Assert.NotNull(sessions[i]!["result"]);
        });
        var log = File.ReadAllText(Path.Combine(work, "log.txt"));
        Assert.Contains("== measure 6 cases and plan", log, StringComparison.Ordinal);
        Assert.Contains("== preprocess 3d_fullres", log, StringComparison.Ordinal);
        Assert.Contains(
            $" failed, exit code 1: {(string)sessions[2]!["error"]!}".ReplaceLineEndings("\n    "), log,
            StringComparison.Ordinal);
        Assert.EndsWith(" done\n", log, StringComparison.Ordinal);
    }

    [Fact]
    public void A_model_has_its_record_beside_it_whether_it_could_be_written_or_not()
    {
        using var folder = new TemporaryFolder();
        var model = folder.At("model.zip");
        Succeed("export", trained.Work, "-o", model);
        var damaged = folder.Copy(trained.Work, "work");
        var checkpoint = Path.Combine(damaged, "runs", "3d_fullres", "fold_0", "checkpoint_final.safetensors");
        var bytes = File.ReadAllBytes(checkpoint);
        bytes[^1] ^= 1;
        File.WriteAllBytes(checkpoint, bytes);
        InProcess.Run("export", damaged, "-o", model).AssertErrorWithHint(1, "checkpoint_final.safetensors");

        var sessions = Sessions(folder.At("model.run.json"));
        Assert.Equal(["done", "failed"], sessions.Select(session => (string?)session!["state"]));
        Assert.Equal(
            Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(model))),
            (string?)sessions[0]!["model_sha256"]);
        Assert.Equal(trained.Work, (string?)sessions[0]!["workspace"]);
        Assert.Contains("checkpoint_final.safetensors", (string?)sessions[1]!["error"], StringComparison.Ordinal);
        Assert.Contains(
            $"failed, exit code 1: {(string)sessions[1]!["error"]!}\n", File.ReadAllText(folder.At("model.log.txt")),
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_prediction_that_fails_says_so_where_it_would_have_written_and_nowhere_else()
    {
        using var folder = new TemporaryFolder();
        Directory.CreateDirectory(folder.At("in"));
        Directory.CreateDirectory(folder.At("out"));
        File.Copy(TinyDataset.Image(trained.Dataset, "case_0"), folder.At("in", "scan.nii.gz"));
        TinyDataset.Spoil(folder.At("in", "scan.nii.gz"), float.NaN);
        var inputs = FolderSnapshot.Of(folder.At("in"));
        string[] predict = ["predict", trained.Work, "-i", folder.At("in"), "-o"];
        var failed = InProcess.Run([.. predict, folder.At("out"), "--part", "0", "--parts", "2"]);
        failed.AssertErrorWithHint(1, "`scan`");
        var session = Assert.Single(Sessions(folder.At("out", "run.part-0.json")))!;
        Assert.Equal("failed", (string?)session["state"]);
        Assert.Contains((string)session["error"]!, failed.Errors, StringComparison.Ordinal);

        // The inputs are not the place of a record, even of the command that named them as its output.
        InProcess.Run([.. predict, folder.At("in")]).AssertErrorWithHint(1, "`scan`");
        inputs.AssertUnchanged();
    }

    private static void Succeed(params string[] command)
    {
        var outcome = InProcess.Run(command);
        Assert.True(outcome.Code == 0, outcome.Errors);
    }

    private static JsonArray Sessions(string path) => JsonNode.Parse(File.ReadAllText(path))!["sessions"]!.AsArray();
}
