using SharpSeg.Cli;
using Xunit;

namespace SharpSeg.EndToEnd.Tests;

/// <summary>What the terminal shows while something is being done.</summary>
public sealed class ReporterTests
{
    private const string Detail = "epoch 1000/1000, iteration 250/250, loss -0.712, pseudo-Dice 0.834";

    [Theory]
    [InlineData(7, "0:07")]
    [InlineData(3723, "1:02:03")]
    [InlineData((24 * 3600) + 34_470, "1d 9:34:30")]
    [InlineData(12.0 * 24 * 3600, "12d 0:00:00")]
    public void Times_show_their_days(double seconds, string text) =>
        Assert.Equal(text, ConsoleReporter.Clock(TimeSpan.FromSeconds(seconds)));

    [Theory]
    [InlineData(80)]
    [InlineData(79)]
    [InlineData(40)]
    [InlineData(200)]
    public void The_time_left_comes_first_and_the_line_fits(int width)
    {
        var line = ConsoleReporter.Line("12d 23:59:59 left", " 42", 0.42, Detail, width);
        Assert.StartsWith("  12d 23:59:59 left", line, StringComparison.Ordinal);
        Assert.InRange(line.Length, 0, width);
    }

    [Theory]
    [InlineData("  short", 40, "  short")]
    [InlineData("  memory: training 435 MB, validation 424 MB", 20, "  memory: training\n    435 MB,\n    validation 424\n    MB")]
    [InlineData("  /a/path/that/is/longer/than/the/terminal", 20, "  /a/path/that/is/longer/than/the/terminal")]
    public void Lines_are_broken_between_words(string line, int width, string folded) =>
        Assert.Equal(folded, ConsoleReporter.Folded(line, width));

    [Fact]
    public void A_line_of_80_columns_holds_time_percent_epoch_iteration_and_loss()
    {
        var line = ConsoleReporter.Line("12d 23:59:59 left", " 42", 0.42, Detail, 79);
        Assert.Contains(" 42 % epoch 1000/1000, iteration 250/250, loss", line, StringComparison.Ordinal);
    }

    [Fact]
    public void The_bar_takes_the_room_that_is_left()
    {
        Assert.Equal("  0:07 left [######......]  50 % case 1/2", ConsoleReporter.Line("0:07 left", " 50", 0.5, "case 1/2", 41));
        Assert.DoesNotContain('[', ConsoleReporter.Line("0:07 left", " 50", 0.5, "case 1/2", 32));
    }

    [Theory]
    [InlineData("case \e[2J\e[1;1Hforged", @"case \u001b[2J\u001b[1;1Hforged")]
    [InlineData("a\nerror: forged", @"a\u000aerror: forged")]
    [InlineData("a\rb\tc\u0085d\u202Ee\u0000", @"a\u000db\u0009c\u0085d\u202ee\u0000")]
    [InlineData("naïve Fälle, 例", "naïve Fälle, 例")]
    public void Control_characters_never_reach_the_terminal(string text, string shown) =>
        Assert.Equal(shown, Readable.Line(text));

    [Fact]
    public void A_message_stays_short_and_keeps_both_ends()
    {
        var line = Readable.Line("file " + new string('x', 100_000) + " value");
        Assert.InRange(line.Length, 300, 410);
        Assert.StartsWith("file x", line, StringComparison.Ordinal);
        Assert.EndsWith("x value", line, StringComparison.Ordinal);
    }

    [Fact]
    public void Quiet_leaves_warnings_and_the_result()
    {
        using var folder = new TemporaryFolder();
        var dataset = TinyDataset.Write(folder.At("dataset"));
        var loud = SharpSegProcess.Succeed("verify", dataset);
        var quiet = SharpSegProcess.Succeed("verify", dataset, "--quiet");
        Assert.Contains("verify", loud.Errors, StringComparison.Ordinal);
        Assert.Equal("", quiet.Errors);
        Assert.Equal(loud.Output, quiet.Output);
    }

    [Fact]
    public void A_fault_of_the_program_is_one_line_and_says_how_to_report_it()
    {
        var failure = Failure.Of(new InvalidOperationException("nobody foresaw this"));
        Assert.Contains("internal error: InvalidOperationException", failure.Message, StringComparison.Ordinal);
        Assert.Contains("nobody foresaw this", failure.Message, StringComparison.Ordinal);
        Assert.Contains("please report it", failure.Hint, StringComparison.Ordinal);
        var report = failure.Hint!.Split('`')[1];
        Assert.Contains("nobody foresaw this", File.ReadAllText(report), StringComparison.Ordinal);
        Directory.Delete(Path.GetDirectoryName(report)!, recursive: true);
    }

    [Fact]
    public void An_error_of_several_threads_is_the_first_one_of_them()
    {
        var failure = Failure.Of(
            new AggregateException(
                new AutoPlanner.SharpSegException("a case is damaged", "copy it again"), new IOException("x")));
        Assert.Equal(new Failure("a case is damaged", "copy it again"), failure);
    }
}
