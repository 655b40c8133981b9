using SharpSeg.Cli;
using Xunit;

namespace SharpSeg.EndToEnd.Tests;

[Trait("Tier", "quick")]
public sealed class DurationTests
{
    [Theory]
    [InlineData("90s", 90)]
    [InlineData("30m", 1800)]
    [InlineData("2h", 7200)]
    [InlineData("1h30m", 5400)]
    [InlineData("1.5h", 5400)]
    [InlineData("1D2H3M4S", 93784)]
    [InlineData("0h5s", 5)]
    public void Times_are_read_as_people_write_them(string text, double seconds) =>
        Assert.Equal(seconds, Duration.Parse(text, "--max-time").TotalSeconds, 1e-9);

    [Theory]
    [InlineData("")]
    [InlineData("5")]
    [InlineData("m")]
    [InlineData("0s")]
    [InlineData("-5m")]
    [InlineData("5 m")]
    [InlineData("1.2.3s")]
    [InlineData("1h30")]
    [InlineData("3w")]
    [InlineData("1e3s")]
    [InlineData("99999999999999d")]
    [InlineData("9000d9000d")]
    [InlineData("NaNs")]
    public void Anything_else_is_wrong_usage_with_an_example(string text)
    {
        var error = Assert.Throws<UsageException>(() => Duration.Parse(text, "--max-time"));
        Assert.StartsWith($"--max-time {text}: not a time", error.Message, StringComparison.Ordinal);
        Assert.Contains("30m", error.Hint, StringComparison.Ordinal);
    }
}
