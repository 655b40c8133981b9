using SharpSeg.AutoPlanner.Steps;
using SharpSeg.Tests;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Steps;

public sealed class EvenSharesTests
{
    [Fact]
    public void The_largest_piece_comes_first_and_each_goes_where_least_is() => Assert.Equal(
        [["whole body", "d"], ["a", "b", "c"]],
        EvenShares.Of([("a", 10), ("b", 10), ("whole body", 29), ("c", 10), ("d", 1)], most: 2));

    [Fact]
    public void No_share_is_empty_and_pieces_without_a_size_are_spread()
    {
        Assert.Empty(EvenShares.Of<string>([], most: 3));
        Assert.Equal([["b"], ["a"]], EvenShares.Of([("a", 1), ("b", 2)], most: 3));
        Assert.Equal([["a", "c"], ["b", "d"]], EvenShares.Of([("a", 0), ("b", 0), ("c", 0), ("d", 0)], most: 2));
    }

    /// <summary>No share exceeds another by more than one piece: it had least when it was given its last one.</summary>
    [Fact]
    public void Every_piece_is_in_one_share_and_shares_differ_by_less_than_a_piece() => Seeded.Run(random =>
    {
        var pieces = Enumerable.Range(0, random.Next(1, 40)).Select(i => (Piece: i, Size: (double)random.Next(1, 100))).ToArray();
        var shares = EvenShares.Of(pieces, random.Next(1, 5));
        Assert.Equal(pieces.Select(one => one.Piece), shares.SelectMany(share => share).Order());
        var sizes = shares.Select(share => share.Sum(piece => pieces[piece].Size)).ToArray();
        Assert.True(sizes.Max() - sizes.Min() <= pieces.Max(one => one.Size), string.Join(", ", sizes));
    });
}
