using Xunit;

namespace SharpSeg.EndToEnd.Tests;

/// <summary>A failure that nobody foresaw, on a thread where nobody catches it.</summary>
public sealed class LastResortTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void An_unforeseen_failure_on_another_thread_is_one_line_that_says_how_to_report_it(bool json)
    {
        using var folder = new TemporaryFolder();
        var dataset = TinyDataset.Write(folder.At("dataset"));
        TinyDataset.MakeSlow(TinyDataset.Label(dataset, "case_1"));
        string[] options = json ? ["--json"] : [];
        var outcome = SharpSegProcess.RunWithFailure("planted failure", ["verify", dataset, .. options]);
        Assert.Equal(1, outcome.Code);
        var error = "internal error: InvalidOperationException in StartupHook.Fail: planted failure";
        Assert.Contains($"error: {error}\n", outcome.Errors, StringComparison.Ordinal);
        var hint = Assert.Single(
            outcome.Errors.Split('\n'), line => line.StartsWith("hint: this is a bug in SharpSeg", StringComparison.Ordinal));
        Assert.DoesNotContain("   at ", outcome.Errors, StringComparison.Ordinal);
        var report = hint.Split('`')[1];
        Assert.Contains("StartupHook.Fail", File.ReadAllText(report), StringComparison.Ordinal);
        Directory.Delete(Path.GetDirectoryName(report)!, recursive: true);
        if (json)
        {
            Assert.Equal(error, (string)outcome.Json()["error"]!);
        }
    }
}
