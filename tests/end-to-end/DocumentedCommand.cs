using System.Text.RegularExpressions;
using SharpSeg.Tests;

namespace SharpSeg.EndToEnd.Tests;

/// <summary>A command of README, CONTRIBUTING or docs.</summary>
/// <param name="Page">The page, relative to the checkout.</param>
/// <param name="Line">Its line, from 1.</param>
/// <param name="Text">The command without launcher and comment, e.g. <c>train work --all --resume</c>.</param>
/// <param name="IsBlock">Whether it stands in a code block, to be typed as it is; otherwise in a sentence.</param>
internal sealed partial record DocumentedCommand(string Page, int Line, string Text, bool IsBlock)
{
    /// <summary>Its words, as a shell would divide them.</summary>
    public string[] Words => Split(Text);

    /// <summary>Words of a command; quotes around one are the shell's.</summary>
    public static string[] Split(string text) =>
        [.. text.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(word => word.Trim('\'', '"'))];

    /// <summary>All, in the order of a reader: README, the guide, other pages, and last the examples of every verb.</summary>
    public static IEnumerable<DocumentedCommand> All()
    {
        string[] first = ["README.md", "docs/gpu/README.md", "docs/guide/use-an-nnunet-model.md", "docs/guide/whole-method.md"];
        var others = Directory.GetFiles(Path.Combine(Checkout.Root, "docs"), "*.md", SearchOption.AllDirectories)
            .Select(path => Path.GetRelativePath(Checkout.Root, path).Replace('\\', '/'))
            .Order(StringComparer.Ordinal).Prepend("CONTRIBUTING.md").Except(first).Where(page => page != Reference);
        return [.. first.Concat(others).Append(Reference).SelectMany(Of)];
    }

    private const string Reference = "docs/commands.md";

    private static IEnumerable<DocumentedCommand> Of(string page)
    {
        var lines = File.ReadAllLines(Path.Combine(Checkout.Root, page));
        var fenced = false;
        for (var i = 0; i < lines.Length; i++)
        {
            if (lines[i].TrimStart().StartsWith("```", StringComparison.Ordinal))
            {
                fenced = !fenced;
            }
            else if (fenced || lines[i].StartsWith("    ", StringComparison.Ordinal))
            {
                if (BlockCommand().Match(lines[i]) is { Success: true } match)
                {
                    yield return new DocumentedCommand(page, i + 1, match.Groups[1].Value.TrimEnd(), true);
                }
            }
            else
            {
                foreach (Match match in CommandInSentence().Matches(lines[i]))
                {
                    yield return new DocumentedCommand(page, i + 1, match.Groups[1].Value, false);
                }
            }
        }
    }

    // A comment begins with a number sign that begins a word. Deeper lines are the help's explanations.
    [GeneratedRegex(@"^\s{0,8}(?:\$ )?(?:\./)?sharpseg ((?:(?!\s#).)+)")]
    private static partial Regex BlockCommand();

    [GeneratedRegex(@"`(?:\./)?sharpseg ([^`]+)`")]
    private static partial Regex CommandInSentence();
}
