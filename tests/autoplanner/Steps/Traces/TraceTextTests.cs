using SharpSeg.AutoPlanner.Steps.Traces;
using SharpSeg.Tests;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Steps.Traces;

public sealed class TraceTextTests
{
    [Fact]
    public void Every_station_has_its_own_text_and_names_files_that_exist()
    {
        var texts = Enum.GetValues<TraceKind>().Select(TraceText.Of).ToArray();
        Assert.Equal(texts.Length, texts.Select(text => text.Title).Distinct().Count());
        Assert.All(texts, text =>
        {
            Assert.All(
                text.Code.Append(text.Method.Split(' ')[0]),
                file => Assert.True(File.Exists(Path.Combine(Checkout.Root, file)), file));
            Assert.Equal(Anchor(text.Method), text.Anchor);
            Assert.All(new[] { text.What, text.Why, text.LookAt }, words => Assert.InRange(words.Length, 60, 900));
        });
    }

    /// <summary>The anchor that GitHub gives the heading of a cited section, e.g. of "docs/method/inference.md §4".</summary>
    private static string Anchor(string cited)
    {
        var (page, number) = (cited.Split(" §")[0], cited.Split(" §")[1]);
        var heading = File.ReadAllLines(Path.Combine(Checkout.Root, page))
            .Single(line => line.StartsWith($"## {number}. ", StringComparison.Ordinal))["## ".Length..];
        var kept = heading.ToLowerInvariant().Where(c => char.IsAsciiLetterOrDigit(c) || c is ' ' or '-');
        return string.Concat(kept).Replace(' ', '-');
    }
}
