using System.Text.Json.Nodes;
using Xunit;

namespace SharpSeg.EndToEnd.Tests;

/// <summary>Folds that keep patients together, from the command line.</summary>
public sealed class GroupByTests
{
    [Fact]
    public void Patients_are_kept_together_and_leaks_are_reported()
    {
        using var folder = new TemporaryFolder();
        var dataset = TinyDataset.Write(folder.At("dataset"), cases: 6);
        for (var i = 0; i < 6; i++)
        {
            var id = $"p{i / 2}_v{i % 2}";
            File.Move(TinyDataset.Image(dataset, $"case_{i}"), TinyDataset.Image(dataset, id));
            File.Move(TinyDataset.Label(dataset, $"case_{i}"), TinyDataset.Label(dataset, id));
        }

        Assert.Contains("may be of one patient", SharpSegProcess.Succeed("verify", dataset).Output, StringComparison.Ordinal);
        var grouped = SharpSegProcess.Succeed("verify", dataset, "--group-by", "^(.*)_");
        Assert.DoesNotContain("patient", grouped.Output, StringComparison.Ordinal);
        var work = folder.At("work");
        var planned = SharpSegProcess.Succeed("plan", dataset, "-o", work, "--group-by", "^(.*)_");
        Assert.Contains("6 cases of 3 patients in 3 folds of 2, 2, 2", planned.Errors, StringComparison.Ordinal);
        var folds = JsonNode.Parse(File.ReadAllText(Path.Combine(work, "splits.json")))!.AsArray();
        Assert.Equal(3, folds.Count);
        foreach (var fold in folds)
        {
            Assert.Equal("^(.*)_", (string)fold!["group_by"]!);
            Assert.Single(fold["val"]!.AsArray().Select(id => ((string)id!)[..2]).Distinct());
        }

        SharpSegProcess.Run("plan", dataset, "-o", work, "--group-by", "^(..)").AssertErrorWithHint(1, "splits.json", "group-by");
        SharpSegProcess.Run("plan", dataset, "-o", work, "--group-by", "^(x)").AssertErrorWithHint(1, "p0_v0");
        File.WriteAllText(
            Path.Combine(dataset, "splits_final.json"), """[{"train": ["p0_v0", "p1_v0"], "val": ["p0_v1"]}]""");
        var leaking = SharpSegProcess.Run("verify", dataset, "--group-by", "^(.*)_");
        Assert.Equal(1, leaking.Code);
        Assert.Contains("both of patient `p0`", leaking.Output, StringComparison.Ordinal);
    }
}
