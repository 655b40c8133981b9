namespace SharpSeg.AutoPlanner.Volumes;

/// <summary>
/// Binary morphology with any structuring element O (docs/method/augmentation.md §8.2): dilation out[v] = OR in[v − o], outside
/// 0; erosion out[v] = AND in[v + o], outside 1; opening = dilation of the erosion, closing = erosion of the dilation, neither of
/// which shifts.
/// </summary>
/// <param name="scratch">A mask of the same size as those that are worked on.</param>
/// <param name="widened">Another one.</param>
internal sealed class Morphology(BitVolume scratch, BitVolume widened)
{
    public void Dilate(BitVolume mask, StructuringElement element) => Spread(mask, element, 1);

    /// <summary>Erosion is dilation of the complement by the mirrored element; outside 1 becomes outside 0.</summary>
    public void Erode(BitVolume mask, StructuringElement element)
    {
        mask.Invert();
        Spread(mask, element, -1);
        mask.Invert();
    }

    public void Open(BitVolume mask, StructuringElement element)
    {
        Erode(mask, element);
        Dilate(mask, element);
    }

    public void Close(BitVolume mask, StructuringElement element)
    {
        Dilate(mask, element);
        Erode(mask, element);
    }

    // out[v] = OR in[v − sign·o]. Rows are widened along x once per distinct run, then ORed to where the run's (dz, dy) sends
    // them.
    private void Spread(BitVolume mask, StructuringElement element, int sign)
    {
        scratch.CopyFrom(mask);
        Array.Clear(mask.Words);
        foreach (var group in element.Runs.GroupBy(r => (r.From, r.To)))
        {
            var (from, to) = sign > 0 ? group.Key : (-group.Key.To, -group.Key.From);
            Widen(from, to);
            foreach (var run in group)
            {
                OrShifted(mask, sign * run.Z, sign * run.Y);
            }
        }
    }

    private void Widen(int from, int to)
    {
        Array.Clear(widened.Words);
        for (var row = 0; row < scratch.Words.Length; row += scratch.RowWords)
        {
            var source = scratch.Words.AsSpan(row, scratch.RowWords);
            var target = widened.Words.AsSpan(row, scratch.RowWords);
            if (source.IndexOfAnyExcept(0UL) < 0)
            {
                continue;
            }

            for (var shift = from; shift <= to; shift++)
            {
                for (var word = 0; word < target.Length; word++)
                {
                    target[word] |= Shifted(source, word, shift);
                }
            }

            target[^1] &= scratch.LastWordMask;
        }
    }

    // Word of the row moved by 'shift' voxels towards higher x. |shift| < 64.
    private static ulong Shifted(ReadOnlySpan<ulong> row, int word, int shift)
    {
        if (shift == 0)
        {
            return row[word];
        }

        if (shift > 0)
        {
            return (row[word] << shift) | (word > 0 ? row[word - 1] >> (64 - shift) : 0);
        }

        return (row[word] >> -shift) | (word + 1 < row.Length ? row[word + 1] << (64 + shift) : 0);
    }

    private void OrShifted(BitVolume target, int dz, int dy)
    {
        var size = target.Size;
        for (var z = Math.Max(0, dz); z < Math.Min(size.Z, size.Z + dz); z++)
        {
            for (var y = Math.Max(0, dy); y < Math.Min(size.Y, size.Y + dy); y++)
            {
                ReadOnlySpan<ulong> from = widened.Row(z - dz, y - dy);
                var to = target.Row(z, y);
                for (var word = 0; word < to.Length; word++)
                {
                    to[word] |= from[word];
                }
            }
        }
    }
}
