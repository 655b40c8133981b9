using System.Text.RegularExpressions;
using SharpSeg.Tests;
using Xunit;

namespace SharpSeg.Engine.Tests.Method;

/// <summary>
/// The pages of docs/ and the tests in the folders Method belong together: no mark without a test, no name twice.
/// </summary>
public sealed class MethodPagesTests
{
    [Fact]
    public void Every_marked_number_of_the_docs_is_asserted_by_a_test()
    {
        var tests = Directory.EnumerateDirectories(Path.Combine(Checkout.Root, "tests"))
            .Select(project => Path.Combine(project, "Method"))
            .Where(Directory.Exists)
            .SelectMany(folder => Directory.EnumerateFiles(folder, "*.cs", SearchOption.AllDirectories))
            .Select(File.ReadAllText)
            .ToList();

        var orphans = Marks().Where(mark => !tests.Any(t => t.Contains($"\"{mark.Name}\"", StringComparison.Ordinal)));
        Assert.Empty(orphans.Select(mark => $"{mark.Page}: no test in tests/*/Method asserts <!-- check: {mark.Name} -->"));
    }

    [Fact]
    public void No_two_marks_share_a_name() =>
        Assert.Empty(Marks().GroupBy(mark => mark.Name).Where(group => group.Count() > 1).Select(group => group.Key));

    /// <summary>A misspelt mark would mark nothing, and its number would go unchecked.</summary>
    [Fact]
    public void Every_comment_that_means_to_be_a_mark_is_one()
    {
        foreach (var page in Pages())
        {
            var lines = File.ReadAllLines(Path.Combine(Checkout.Root, page));
            var meant = lines.Count(line => Regex.IsMatch(line, @"<!--\s*check\b"));
            Assert.True(
                meant == MethodPage.Open(page).Checks.Count,
                $"{page}: a mark reads <!-- check: name -->, alone on its line, name in a-z0-9-");
        }
    }

    [Fact]
    public void A_page_number_knows_its_digits()
    {
        var numbers = PageNumber.AllIn("29,693,030 and −0.50, 1e-5; 3D, F1, 2.5e−3, 28×256, [1, 2]", "here");
        Assert.Equal([29693030, -0.5, 1e-5, 2.5e-3, 28, 256, 1, 2], numbers.Select(n => n.Value));
        Assert.Equal([1, 0.01, 1e-5, 1e-4, 1, 1, 1, 1], numbers.Select(n => n.Unit), (a, b) => Math.Abs(a - b) < 1e-12 * b);
        numbers[1].Agrees(-0.504);
        Assert.ThrowsAny<Xunit.Sdk.XunitException>(() => numbers[1].Agrees(-0.506));
    }

    private static IEnumerable<(string Page, string Name)> Marks() =>
        Pages().SelectMany(page => MethodPage.Open(page).Checks.Select(name => (page, name)));

    private static IEnumerable<string> Pages() => Directory
        .EnumerateFiles(Path.Combine(Checkout.Root, "docs"), "*.md", SearchOption.AllDirectories)
        .Select(file => Path.GetRelativePath(Checkout.Root, file).Replace('\\', '/'));
}
