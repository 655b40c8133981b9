using System.Globalization;

namespace SharpSeg.AutoPlanner;

/// <summary>A number and its noun: 1 case, 2 cases; and which they are.</summary>
public static class Counted
{
    /// <summary>The number, and the noun in the form that goes with it.</summary>
    /// <param name="count">How many.</param>
    /// <param name="one">The noun for one.</param>
    /// <param name="many">The noun for any other number; null adds an s.</param>
    public static string Of(long count, string one, string? many = null) =>
        string.Create(CultureInfo.InvariantCulture, $"{count} {Noun(count, one, many)}");

    /// <summary>The noun alone, where a number does not stand directly before it: folds 0, 1.</summary>
    /// <param name="count">How many.</param>
    /// <param name="one">The noun for one.</param>
    /// <param name="many">The noun for any other number; null adds an s.</param>
    public static string Noun(long count, string one, string? many = null) => count == 1 ? one : many ?? one + "s";

    /// <summary>The first of several things: 1, 2, 3, ….</summary>
    /// <param name="all">All of them.</param>
    /// <param name="most">How many are shown.</param>
    internal static string First<T>(IReadOnlyCollection<T> all, int most) =>
        string.Join(", ", all.Take(most)) + (all.Count > most ? ", …" : "");
}
