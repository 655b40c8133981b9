using System.Text.Json.Nodes;
using Xunit;

namespace SharpSeg.EndToEnd.Tests;

/// <summary><c>compare</c>: runs of several plans side by side, and what cannot be compared.</summary>
[Collection(TrainedWorkspaceTests.Runs)]
public sealed class CompareTests(TrainedWorkspace trained)
{
    [Fact]
    public void Runs_are_compared_case_by_case_and_other_cases_are_refused()
    {
        using var folder = new TemporaryFolder();
        var work = folder.Copy(trained.Work, "work");
        string[] length = ["--epochs", "2", "--iterations", "2", "--batch", "2", "--seed", "7"];
        SharpSegProcess.Succeed("plan", trained.Dataset, "-o", work, "--plan", "ce");
        SharpSegProcess.Succeed(["train", work, "--plan", "ce", "--loss", "ce", .. length]);
        SharpSegProcess.Succeed(["train", work, "--plan", "ce", "--loss", "ce", "-f", "1", .. length]);
        var first = Path.Combine(work, "runs", "3d_fullres", "fold_0");
        var second = Path.Combine(work, "plans", "ce", "runs", "3d_fullres", "fold_0");

        // Scores written by hand: what a few iterations learn is not worth comparing.
        SetDice(first, [0.5, 0.5]);
        SetDice(second, [0.75, 0.625]);
        var json = SharpSegProcess.Succeed("compare", first, second, "--json").Json();
        Assert.Equal(["loss"], json["differing"]!.AsArray().Select(name => (string)name!));
        var runs = json["runs"]!.AsArray();
        Assert.Equal(("default", "ce"), ((string)runs[0]!["settings"]!["loss"]!, (string)runs[1]!["settings"]!["loss"]!));
        Assert.Equal(4, (int)runs[1]!["iterations"]!);
        Assert.True((double)runs[1]!["seconds_per_iteration"]! > 0);
        var difference = runs[1]!["difference"]!;
        Assert.Equal(0.1875, (double)difference["mean"]!, 1e-12);
        Assert.InRange((double)difference["low"]!, 0.125, 0.1875);
        Assert.InRange((double)difference["high"]!, 0.1875, 0.25);
        Assert.Equal((2, 0, 2), ((int)difference["better"]!, (int)difference["worse"]!, (int)difference["cases"]!));
        Assert.Equal([0.25, 0.125], runs[1]!["difference_per_case"]!.AsObject().Select(pair => (double)pair.Value!));

        var text = SharpSegProcess.Succeed("compare", first, second, "--cases").Output;
        Assert.Matches(@"loss +default +ce", text);
        Assert.Matches(@"Dice foreground +0\.5000 +0\.6875", text);
        Assert.Matches(@"difference to A +\+0\.1875", text);
        Assert.Matches(@"better / worse cases +2 / 0 of 2", text);

        var other = Path.Combine(work, "plans", "ce", "runs", "3d_fullres", "fold_1");
        SharpSegProcess.Run("compare", first, other)
            .AssertErrorWithHint(1, "validated on different cases: only the first has `case_");
        SharpSegProcess.Run("compare", first).AssertErrorWithHint(2, "one run has nothing to be compared with");
        SharpSegProcess.Run("compare", first, folder.At("none")).AssertErrorWithHint(1, "none`: no such folder");
        SharpSegProcess.Run("compare", first, work).AssertErrorWithHint(1, "is no run that was trained and validated");
        var scores = Path.Combine(second, "validation", "summary.json");
        var summary = JsonNode.Parse(File.ReadAllText(scores))!;
        summary["metric_per_case"]![0]!["metrics"]!["1"]!["FN"] = 12345;
        File.WriteAllText(scores, summary.ToJsonString());
        SharpSegProcess.Run("compare", first, second).AssertErrorWithHint(1, "has other references in");
    }

    private static void SetDice(string run, double[] dice)
    {
        var path = Path.Combine(run, "validation", "summary.json");
        var summary = JsonNode.Parse(File.ReadAllText(path))!;
        var cases = summary["metric_per_case"]!.AsArray();
        Assert.Equal(dice.Length, cases.Count);
        for (var i = 0; i < dice.Length; i++)
        {
            foreach (var (_, metrics) in cases[i]!["metrics"]!.AsObject())
            {
                metrics!["Dice"] = dice[i];
            }
        }

        File.WriteAllText(path, summary.ToJsonString());
    }
}
