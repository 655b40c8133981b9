using System.Text.Json;
using System.Text.RegularExpressions;
using SharpSeg.Tests;
using Xunit;

namespace SharpSeg.EndToEnd.Tests;

/// <summary>What the sources themselves must not do.</summary>
[Trait("Tier", "quick")]
public sealed partial class TidyTests
{
    /// <summary>
    /// A test that returns at once has passed without testing: an attribute skips it instead and says why (<see cref="Needs"/>).
    /// </summary>
    [Fact]
    public void No_test_passes_by_returning_early()
    {
        var files = Sources("tests");
        Assert.True(files.Length > 100, $"{files.Length} sources found");
        Assert.DoesNotContain(files, file => EarlyReturn().IsMatch(File.ReadAllText(file)));
    }

    /// <summary>
    /// A planted fault whose text is gone is tested no longer: tests/planted-faults/faults.json follows the code.
    /// </summary>
    [Fact]
    public void Every_planted_fault_finds_its_text_once()
    {
        using var list = JsonDocument.Parse(
            File.ReadAllText(Path.Combine(Checkout.Root, "tests", "planted-faults", "faults.json")));
        var edits = list.RootElement.EnumerateArray().SelectMany(fault => fault.GetProperty("edits").EnumerateArray()).ToArray();
        Assert.True(edits.Length > 50, $"{edits.Length} edits");
        Assert.All(edits, edit =>
        {
            var (file, text) = (edit.GetProperty("file").GetString()!, edit.GetProperty("text").GetString()!);
            var times = File.ReadAllText(Path.Combine(Checkout.Root, file)).Split(text).Length - 1;
            Assert.True(times == 1, $"{file} has the text of a planted fault {times} times: {text}");
        });
    }

    /// <summary>Lines end at 130 columns; only text that cannot be broken goes on: raw strings, patterns, long strings.</summary>
    [Fact]
    public void No_line_of_code_is_longer_than_130_columns()
    {
        string[] folders = ["autoplanner", "cli", "conformance", "engine", "kernels", "library", "perf", "tests"];
        var files = folders.SelectMany(Sources).ToArray();
        Assert.True(files.Length > 500, $"{files.Length} sources found");
        Assert.Empty(files.SelectMany(LongLines));
    }

    private static IEnumerable<string> LongLines(string file)
    {
        var (raw, number) = (false, 0);
        foreach (var line in File.ReadLines(file))
        {
            var quotes = RawQuotes().Count(line);
            var text = raw || quotes > 0 || LongText().IsMatch(line);
            raw ^= quotes % 2 == 1;
            number++;
            if (line.Length > 130 && !text)
            {
                yield return $"{file}:{number}: {line.Length} columns";
            }
        }
    }

    private static string[] Sources(string folder) =>
    [
        .. Directory.GetFiles(Path.Combine(Checkout.Root, folder), "*.cs", SearchOption.AllDirectories)
            .Where(file => !file.Split(Path.DirectorySeparatorChar).Any(part => part is "obj" or "bin")),
    ];

    // A public void method whose first statement is `if (…) { return; }`.
    [GeneratedRegex(@"public (?:void|async Task) \w+\([^)]*\)\s*\{\s*if \([^\r\n]*\)\s*\{\s*return;")]
    private static partial Regex EarlyReturn();

    [GeneratedRegex("\"{3,}")]
    private static partial Regex RawQuotes();

    // A verbatim string, or at least 60 columns from quote to quote.
    [GeneratedRegex("@\"|\"[^\r\n]{60,}\"")]
    private static partial Regex LongText();
}
