using System.Text.RegularExpressions;
using Xunit;

namespace SharpSeg.EndToEnd.Tests;

/// <summary>What the sources themselves must not do.</summary>
[Trait("Tier", "quick")]
public sealed partial class TidyTests
{
    /// <summary>A test that returns at once has passed without testing: an attribute skips it instead and says why (<see cref="Needs"/>).</summary>
    [Fact]
    public void No_test_passes_by_returning_early()
    {
        var files = Directory.GetFiles(Path.Combine(Root(), "tests"), "*.cs", SearchOption.AllDirectories)
            .Where(file => !file.Split(Path.DirectorySeparatorChar).Any(part => part is "obj" or "bin")).ToArray();
        Assert.True(files.Length > 100, $"{files.Length} sources found");
        Assert.DoesNotContain(files, file => EarlyReturn().IsMatch(File.ReadAllText(file)));
    }

    internal static string Root()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Engine.sln")))
            {
                return folder.FullName;
            }
        }

        throw new DirectoryNotFoundException("the checkout's folder");
    }

    // A public void method whose first statement is `if (…) { return; }`.
    [GeneratedRegex(@"public (?:void|async Task) \w+\([^)]*\)\s*\{\s*if \([^\r\n]*\)\s*\{\s*return;")]
    private static partial Regex EarlyReturn();
}
