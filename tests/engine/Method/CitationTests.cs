using System.Text.RegularExpressions;
using SharpSeg.Tests;
using Xunit;

namespace SharpSeg.Engine.Tests.Method;

/// <summary>
/// Comments and messages cite the specification as a page and its sections, "docs/method/networks.md §2.1, §2.6"; the pages name
/// the files that implement them. Neither may point at something that does not exist.
/// </summary>
public sealed partial class CitationTests
{
    private const string Folder = "docs/method";

    [Fact]
    public void Every_citation_in_code_points_to_a_section_that_exists()
    {
        var sections = Pages().ToDictionary(page => page, page => SectionsOf(page), StringComparer.Ordinal);
        var count = 0;
        foreach (var file in SourceFiles())
        {
            var text = CommentBreak().Replace(File.ReadAllText(file), " ");
            foreach (Match citation in Citation().Matches(text))
            {
                var page = citation.Groups["page"].Value;
                Assert.True(sections.ContainsKey(page), $"{file}: there is no page {page}");
                foreach (Match section in SectionNumber().Matches(citation.Groups["sections"].Value))
                {
                    count++;
                    Assert.True(sections[page].Contains(section.Value), $"{file}: {page} has no §{section.Value}");
                }
            }
        }

        Assert.True(count > 100, $"only {count} citations found: the pattern no longer fits");
    }

    [Fact]
    public void Sections_are_cited_with_their_page()
    {
        foreach (var file in SourceFiles())
        {
            var text = CommentBreak().Replace(File.ReadAllText(file), " ");
            Assert.False(WithoutPage().IsMatch(text), $"{file}: cite docs/method/PAGE.md §N");
        }
    }

    private static List<string> Pages() =>
    [
        .. Directory.EnumerateFiles(Path.Combine(Checkout.Root, Folder), "*.md")
            .Select(file => $"{Folder}/{Path.GetFileName(file)}"),
    ];

    /// <summary>Numbered headings, and the numbered points below them: point 2 of section 6 is §6.2.</summary>
    private static HashSet<string> SectionsOf(string page)
    {
        var sections = new HashSet<string>(StringComparer.Ordinal);
        var heading = "";
        foreach (var line in File.ReadAllLines(Path.Combine(Checkout.Root, page)))
        {
            if (Heading().Match(line) is { Success: true } section)
            {
                heading = section.Groups[1].Value;
                sections.Add(heading);
            }
            else if (Point().Match(line) is { Success: true } point && heading.Length > 0)
            {
                sections.Add($"{heading}.{point.Groups[1].Value}");
            }
        }

        return sections;
    }

    private static IEnumerable<string> SourceFiles()
    {
        char[] separators = [Path.DirectorySeparatorChar, Path.AltDirectorySeparatorChar];
        string[] folders = ["engine", "kernels", "autoplanner", "cli", "conformance", "perf", "tests"];
        return folders.Select(folder => Path.Combine(Checkout.Root, folder)).Where(Directory.Exists)
            .SelectMany(folder => Directory.EnumerateFiles(folder, "*.cs", SearchOption.AllDirectories))
            .Where(file => !file.Split(separators).Any(part => part is "obj" or "bin"))
            .Where(file => Path.GetFileName(file) != "CitationTests.cs");
    }

    [GeneratedRegex(@"\s*\n\s*//+ ?")]
    private static partial Regex CommentBreak();

    [GeneratedRegex(@"(?<page>docs/method/[a-z-]+\.md)(?<sections>((,|,? and| to)? §\d+(\.\d+)*)*)")]
    private static partial Regex Citation();

    [GeneratedRegex(@"\d+(\.\d+)*")]
    private static partial Regex SectionNumber();

    [GeneratedRegex(@"^#+ (\d+(\.\d+)*)\.? ")]
    private static partial Regex Heading();

    [GeneratedRegex(@"^(\d+)\. ")]
    private static partial Regex Point();

    [GeneratedRegex(
        @"\b[sS]pec (datasets|planning|preprocessing|networks|losses|training|augmentation|inference|evaluation|import)? ?§?\d")]
    private static partial Regex WithoutPage();
}
