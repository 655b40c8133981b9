namespace SharpSeg.Cli;

/// <summary>Suggests the name that was probably meant by a mistyped one.</summary>
internal static class NearestName
{
    /// <summary>The candidate with the fewest edits, or null if none is close.</summary>
    public static string? Find(string typed, IEnumerable<string> candidates)
    {
        string? best = null;
        var fewest = Math.Max(2, typed.Length / 3) + 1;
        foreach (var candidate in candidates)
        {
            var edits = Distance(typed, candidate);
            if (edits < fewest)
            {
                (best, fewest) = (candidate, edits);
            }
        }

        return best;
    }

    // Levenshtein 1966: insertions, deletions and substitutions, one row at a time.
    private static int Distance(string a, string b)
    {
        var row = new int[b.Length + 1];
        for (var j = 0; j <= b.Length; j++)
        {
            row[j] = j;
        }

        for (var i = 1; i <= a.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var substitution = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(substitution, Math.Min(row[j], row[j - 1]) + 1);
            }
        }

        return row[b.Length];
    }
}
