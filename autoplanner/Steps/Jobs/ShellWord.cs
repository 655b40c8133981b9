using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using SharpSeg.Engine.ModelFiles;

namespace SharpSeg.AutoPlanner.Steps.Jobs;

/// <summary>Text in a shell script: whatever a name holds, the shell takes it for one word and runs nothing in it.</summary>
internal static partial class ShellWord
{
    /// <summary>The text as one word of bash.</summary>
    public static string Quote(string text) =>
        Plain().IsMatch(text) ? text : $"'{text.Replace("'", @"'\''", StringComparison.Ordinal)}'";

    /// <summary>The text as part of a comment.</summary>
    public static string Comment(string text) => string.Concat(text.Select(c => char.IsControl(c) ? ' ' : c));

    /// <summary>
    /// A name that Slurm, bash and file systems take as it is. Two different names stay different: what had to be changed gets a
    /// number out of the name itself.
    /// </summary>
    public static string Name(string text)
    {
        if (Kept().IsMatch(text))
        {
            return text;
        }

        var hash = XxHash64.Of(Encoding.UTF8.GetBytes(text)) & 0xffffff;
        var kept = string.Concat(text.Select(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '.' ? c : '-')).TrimStart('-', '.');
        return $"{kept}-{hash.ToString("x6", CultureInfo.InvariantCulture)}";
    }

    [GeneratedRegex(@"\A[A-Za-z0-9_][A-Za-z0-9_.-]*\z")]
    private static partial Regex Kept();

    [GeneratedRegex(@"\A[A-Za-z0-9_./:=,@+-]+\z")]
    private static partial Regex Plain();
}
