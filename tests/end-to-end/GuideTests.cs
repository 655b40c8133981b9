using Xunit;

namespace SharpSeg.EndToEnd.Tests;

/// <summary>The commands of docs/guide/whole-method.md, run one after the other as a reader types them.</summary>
public sealed class GuideTests
{
    [Fact]
    public void The_commands_of_the_guide_run()
    {
        using var folder = new TemporaryFolder();
        var dataset = TinyDataset.Write(folder.At("dataset"), cases: 4);
        var page = File.ReadLines(Path.Combine(TidyTests.Root(), "docs", "guide", "whole-method.md"));
        string[] commands =
            [.. page.Where(line => line.StartsWith("    sharpseg ", StringComparison.Ordinal)).Select(line => line.Trim())];
        Assert.NotEmpty(commands);
        foreach (var command in commands)
        {
            SharpSegProcess.Succeed([.. command.Split(' ').Skip(1).SelectMany(word => word switch
            {
                "--epochs" => (string[])["--iterations", "2", "--batch", "2", word],
                "100" => ["1"],
                "12h" => ["20s"],
                _ =>
                    [word.Replace("DATASET", dataset, StringComparison.Ordinal)
                        .Replace("MODEL", folder.At("model"), StringComparison.Ordinal)
                        .Replace("WORK", folder.At("work"), StringComparison.Ordinal)],
            })]);
        }
    }
}
