namespace SharpSeg.AutoPlanner.Steps;

/// <summary>Work of known sizes, divided so that those who share it end at about the same time.</summary>
internal static class EvenShares
{
    /// <summary>Divides: the largest piece first, each to the share that has least so far.</summary>
    /// <param name="pieces">Pieces and sizes, of any unit.</param>
    /// <param name="most">Number of shares; of fewer pieces each is one.</param>
    /// <returns>Shares that are not empty, the pieces of each from large to small.</returns>
    public static IReadOnlyList<IReadOnlyList<T>> Of<T>(IReadOnlyList<(T Piece, double Size)> pieces, int most)
    {
        var shares = Enumerable.Range(0, Math.Min(most, pieces.Count)).Select(_ => (Pieces: new List<T>(), Size: 0.0)).ToArray();
        foreach (var (piece, size) in pieces.OrderByDescending(item => item.Size))
        {
            // Of several with as little the one with fewer pieces: those without a size are spread, too.
            var least = Array.IndexOf(shares, shares.MinBy(share => (share.Size, share.Pieces.Count)));
            shares[least].Pieces.Add(piece);
            shares[least].Size += size;
        }

        return [.. shares.Select(share => share.Pieces)];
    }
}
