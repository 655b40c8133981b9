using System.Text.RegularExpressions;

namespace SharpSeg.AutoPlanner.Datasets;

/// <summary>
/// Classes that differ only in their side, noticed by their names: `left_kidney` and `right_kidney`, `Lung L` and `Lung R`
/// (docs/method/planning.md §3.12). A mirrored image of such a dataset would show the right kidney under the left one's name.
/// </summary>
internal static partial class LeftRightPairs
{
    // Whole words of a name, in the languages and abbreviations of anatomical labels.
    private static readonly HashSet<string> Left =
    [
        "left", "l", "lt", "lh", "sin", "sinister", "sinistra", "links", "linke", "linker", "linkes", "gauche", "izquierdo",
        "izquierda",
    ];

    private static readonly HashSet<string> Right =
    [
        "right", "r", "rt", "rh", "dex", "dexter", "dextra", "rechts", "rechte", "rechter", "rechtes", "droit", "droite",
        "derecho", "derecha",
    ];

    /// <summary>The pairs, left first, in the order of the left one.</summary>
    public static IReadOnlyList<(LabelEntry Left, LabelEntry Right)> Of(LabelScheme labels)
    {
        var sided = labels.EvaluatedClasses.Select(entry => (Entry: entry, Side: SideOf(entry.Name))).ToArray();
        return
        [
            .. from one in sided
               where one.Side?.IsLeft == true
               from other in sided.Where(other => other.Side == (false, one.Side!.Value.Stem)).Take(1)
               select (one.Entry, other.Entry),
        ];
    }

    /// <summary>Which side a name names, and the rest of it; null if none, or both.</summary>
    private static (bool IsLeft, string Stem)? SideOf(string name)
    {
        string[] words = [.. Words().Matches(name).Select(match => match.Value.ToLowerInvariant())];
        var (isLeft, isRight) = (words.Any(Left.Contains), words.Any(Right.Contains));
        return isLeft == isRight
            ? null
            : (isLeft, string.Join(' ', words.Select(word => Left.Contains(word) || Right.Contains(word) ? "*" : word)));
    }

    // Letters and digits; a capital behind a small letter, or before one, begins a word: kidneyLeft, LKidney.
    [GeneratedRegex(@"\p{Lu}+(?!\p{Ll})|\p{Lu}?\p{Ll}+|\p{Nd}+")]
    private static partial Regex Words();
}
