namespace SharpSeg.AutoPlanner.Imaging;

/// <summary>Takes a piece of an image's values.</summary>
/// <param name="channel">Whose values they are; pieces of one channel come one after the other.</param>
/// <param name="first">Place of the first value in its channel (z, y, x).</param>
/// <param name="values">Scaled by the file's slope and intercept; only valid during the call.</param>
internal delegate void TakeVoxels(int channel, long first, ReadOnlySpan<float> values);

/// <summary>Is told what an image's header says before its first value, and says who takes the values.</summary>
/// <param name="header">Size and channels.</param>
/// <param name="isBelieved">The file is known to hold as many values as its header claims.</param>
internal delegate TakeVoxels BeginVoxels(ImageHeader header, bool isBelieved);

/// <summary>
/// Arrays of an image's channels that grow with the values that are really there: a compressed file that claims a billion values
/// and delivers none costs nothing.
/// </summary>
/// <typeparam name="T">What a value is kept as.</typeparam>
internal sealed class ChannelArrays<T>
{
    private const int FirstAllocation = 1 << 20; // values; doubled while a compressed file keeps delivering

    /// <summary>A file that has delivered an eighth of its values is believed the rest: so much is there twice then.</summary>
    public const int BelievedShare = 8;

    private readonly long count;
    private readonly bool isBelieved;

    /// <summary>Empty arrays.</summary>
    /// <exception cref="SharpSegException">A channel has more values than an array can hold.</exception>
    public ChannelArrays(string path, ImageHeader header, bool isBelieved)
    {
        (count, this.isBelieved) = (header.Geometry.Extent.Voxels, isBelieved);
        Channels = new T[header.Channels][];
        if (count > Array.MaxLength)
        {
            throw new SharpSegException(
                $"`{path}`: {count} values a channel are more than the {Array.MaxLength} that are supported");
        }
    }

    /// <summary>The arrays, complete once all values were taken.</summary>
    public T[][] Channels { get; }

    /// <summary>Room for a piece.</summary>
    public Span<T> Room(int channel, long first, int length)
    {
        ref var values = ref Channels[channel];
        values ??= New(isBelieved ? count : Math.Min(count, FirstAllocation));
        if (first + length > values.Length)
        {
            var share = Math.Max(count / BelievedShare, first + length);
            var wanted = first >= count / BelievedShare ? count : Math.Min(count, Math.Min(share, 2L * values.Length));
            if (wanted == count)
            {
                MemoryBudget.GiveBack(count);             // the shorter arrays but for the last
            }

            Grow(ref values, wanted);
        }

        return values.AsSpan((int)first, length);
    }

    // Values are written right after: clearing them first would only cost time.
    private static T[] New(long length) => GC.AllocateUninitializedArray<T>((int)length);

    private static void Grow(ref T[] values, long length)
    {
        var larger = New(length);
        values.CopyTo(larger, 0);
        values = larger;
    }
}
