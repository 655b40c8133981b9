using System.Text.RegularExpressions;
using SharpSeg.Tests;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Docs;

/// <summary>README, CONTRIBUTING and the pages of docs/ and perf/results point at what is there.</summary>
public sealed partial class LinkTests
{
    private static readonly string[] Folders =
        ["autoplanner", "cli", "conformance", "docs", "engine", "kernels", "library", "perf", "tests", ".ci"];

    public static TheoryData<string> Pages =>
    [
        .. Directory.EnumerateFiles(Checkout.Root, "*.md")
            .Concat(new[] { "docs", "perf/results" }.SelectMany(folder =>
                Directory.EnumerateFiles(Path.Combine(Checkout.Root, folder), "*.md", SearchOption.AllDirectories)))
            .Select(file => Path.GetRelativePath(Checkout.Root, file).Replace('\\', '/')).Order(StringComparer.Ordinal),
    ];

    [Theory]
    [MemberData(nameof(Pages))]
    public void Every_relative_link_leads_somewhere(string page)
    {
        var targets = Link().Matches(Text(page)).Select(match => match.Groups[1].Value);
        string[] broken =
            [.. targets.Where(target => !target.Contains("://", StringComparison.Ordinal) && !Exists(page, target))];
        Assert.Empty(broken);
    }

    [Theory]
    [MemberData(nameof(Pages))]
    public void Every_path_of_the_repository_in_backticks_exists(string page)
    {
        var paths = Code().Matches(Text(page)).Select(match => match.Groups[1].Value).Where(IsRepositoryPath);
        string[] missing = [.. paths.Where(path => !OnDisk(Path.Combine(Checkout.Root, path)))];
        Assert.Empty(missing);
    }

    private static bool IsRepositoryPath(string code) =>
        Folders.Any(folder => code.StartsWith(folder + "/", StringComparison.Ordinal))
            && code.All(c => char.IsAsciiLetterOrDigit(c) || "/._-".Contains(c));

    private static bool Exists(string page, string target)
    {
        var parts = target.Split('#');
        var path = parts[0].Length == 0 ? page : Path.Combine(Path.GetDirectoryName(page)!, Uri.UnescapeDataString(parts[0]));
        return OnDisk(Path.Combine(Checkout.Root, path)) && (parts.Length == 1 || Anchors(path).Contains(parts[1]));
    }

    private static bool OnDisk(string path) => File.Exists(path) || Directory.Exists(path);

    /// <summary>The anchors that GitHub gives the headings of a page.</summary>
    private static HashSet<string> Anchors(string page) =>
    [
        .. Heading().Matches(Text(page))
        .Select(match => Punctuation().Replace(match.Groups[1].Value.Trim().ToLowerInvariant(), "").Replace(' ', '-')),
    ];

    /// <summary>A page without its code blocks, whose brackets and numbers signs mean other things.</summary>
    private static string Text(string page) =>
        CodeBlock().Replace(File.ReadAllText(Path.Combine(Checkout.Root, page)), "");

    [GeneratedRegex(@"\]\(([^)\s]+)\)")]
    private static partial Regex Link();

    [GeneratedRegex("`([^`\n]+)`")]
    private static partial Regex Code();

    [GeneratedRegex("^#+ (.+)$", RegexOptions.Multiline)]
    private static partial Regex Heading();

    [GeneratedRegex(@"[^\w\- ]")]
    private static partial Regex Punctuation();

    [GeneratedRegex(@"^```.*?^```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex CodeBlock();
}
