using System.Buffers.Binary;

namespace SharpSeg.AutoPlanner.Imaging;

/// <summary>
/// A look at the directories of a TIFF file before a library reads them, because it takes the memory that they claim. Source:
/// TIFF 6.0 and BigTIFF: a header, then a chain of directories of tags, each a type, a count and a value or its offset.
/// </summary>
internal static class TiffDirectories
{
    private const ushort Classic = 42, Big = 43;
    private const int MostTags = 4096;                                      // of a directory; ordinary ones have a dozen
    private static readonly int[] TypeBytes = [0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 0, 0, 8, 8, 8];

    // Counts of bytes, which the library takes as they are: of strips and of tiles.
    private static readonly ushort[] ByteCounts = [279, 325];

    /// <summary>Says what a directory claims that the file cannot hold; null if there is nothing.</summary>
    /// <param name="file">The file; read from its beginning.</param>
    /// <param name="mostPages">Directories that are followed.</param>
    public static string? Problem(Stream file, int mostPages)
    {
        try
        {
            return new Walk(file).Run(mostPages);
        }
        catch (EndOfStreamException)
        {
            return "a directory is cut off";
        }
    }

    private sealed class Walk(Stream file)
    {
        private readonly byte[] buffer = new byte[20];
        private bool isLittle, isBig;

        public string? Run(int mostPages)
        {
            file.Position = 0;
            var mark = Bytes(2);
            isLittle = mark[0] == 'I';
            var version = (ushort)Number(2);
            if (version is not (Classic or Big))
            {
                return "it is no TIFF file";
            }

            isBig = version == Big;
            file.Position = isBig ? 8 : 4;
            var seen = new HashSet<ulong>();
            for (var next = Offset(); next != 0; next = Offset())
            {
                if (next >= (ulong)file.Length || !seen.Add(next) || seen.Count > mostPages)
                {
                    return "its directories lead nowhere";
                }

                file.Position = (long)next;
                if (Directory() is { } problem)
                {
                    return problem;
                }
            }

            return null;
        }

        private string? Directory()
        {
            var tags = isBig ? Number(8) : Number(2);
            if (tags > MostTags)
            {
                return $"a directory of {tags} tags";
            }

            for (var i = 0UL; i < tags; i++)
            {
                int tag = (int)Number(2), type = (int)Number(2);
                var count = Offset();
                var at = file.Position;
                var size = type < TypeBytes.Length ? TypeBytes[type] : 0;
                var bytes = (UInt128)count * (ulong)Math.Max(size, 1);
                if (bytes > (UInt128)file.Length)
                {
                    return $"tag {tag} claims {bytes} bytes";
                }

                if (Array.IndexOf(ByteCounts, (ushort)tag) >= 0 && size > 0 && Largest(size, (int)count) > (ulong)file.Length)
                {
                    return "a strip or tile is longer than the file";
                }

                file.Position = at + (isBig ? 8 : 4);
            }

            return null;
        }

        /// <summary>The largest of a tag's whole numbers.</summary>
        private ulong Largest(int size, int count)
        {
            if (size * count > (isBig ? 8 : 4))
            {
                file.Position = (long)Math.Min(Offset(), (ulong)file.Length);
            }

            var largest = 0UL;
            for (var i = 0; i < count; i++)
            {
                largest = Math.Max(largest, Number(size));
            }

            return largest;
        }

        private ulong Offset() => Number(isBig ? 8 : 4);

        private ulong Number(int size)
        {
            var bytes = Bytes(size);
            return size switch
            {
                1 => bytes[0],
                2 => isLittle ? BinaryPrimitives.ReadUInt16LittleEndian(bytes) : BinaryPrimitives.ReadUInt16BigEndian(bytes),
                4 => isLittle ? BinaryPrimitives.ReadUInt32LittleEndian(bytes) : BinaryPrimitives.ReadUInt32BigEndian(bytes),
                _ => isLittle ? BinaryPrimitives.ReadUInt64LittleEndian(bytes) : BinaryPrimitives.ReadUInt64BigEndian(bytes),
            };
        }

        private Span<byte> Bytes(int size)
        {
            file.ReadExactly(buffer, 0, size);
            return buffer.AsSpan(0, size);
        }
    }
}
