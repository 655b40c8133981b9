using System.Buffers.Binary;
using BitMiracle.LibTiff.Classic;

namespace SharpSeg.AutoPlanner.Imaging;

/// <summary>
/// A look at the directories of a TIFF file before a library reads them, because it takes the memory that they claim: of every
/// tag, and of lists with an entry for each strip or tile. Source: TIFF 6.0 and BigTIFF: a header, then a chain of directories of
/// tags, each a type, a count and a value or its offset.
/// </summary>
internal static class TiffDirectories
{
    private const ushort Classic = 42, Big = 43;
    private const int MostTags = 4096;                                      // of a directory; ordinary ones have a dozen
    private static readonly int[] TypeBytes = [0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 0, 0, 8, 8, 8];

    // How an image is cut. The two depths are an extension whose further slices nothing here would read.
    private static readonly TiffTag[] Cuts =
    [
        TiffTag.IMAGEWIDTH, TiffTag.IMAGELENGTH, TiffTag.SAMPLESPERPIXEL, TiffTag.ROWSPERSTRIP, TiffTag.PLANARCONFIG,
        TiffTag.TILEWIDTH, TiffTag.TILELENGTH, TiffTag.IMAGEDEPTH, TiffTag.TILEDEPTH,
    ];

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
            if (isBig && !isLittle)
            {
                return "a BigTIFF file with the highest byte first is not supported"; // the library fails on every one
            }

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

            var cuts = new Dictionary<TiffTag, ulong>();
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

                // Others are ignored by the library, or taken for something else than we would.
                var isNumber = (TiffType)type is TiffType.SHORT or TiffType.LONG && count == 1;
                if (Cuts.Contains((TiffTag)tag) && !(isNumber && TryAdd(cuts, (TiffTag)tag, Number(size))))
                {
                    return $"tag {tag} is not one whole number below 2^31";
                }

                file.Position = at + (isBig ? 8 : 4);
            }

            var depth = Math.Max(
                cuts.GetValueOrDefault(TiffTag.IMAGEDEPTH, 1UL), cuts.GetValueOrDefault(TiffTag.TILEDEPTH, 1UL));
            return depth > 1 ? $"images of {depth} slices in one page are not supported"
                : cuts.ContainsKey(TiffTag.TILEWIDTH) != cuts.ContainsKey(TiffTag.TILELENGTH) ? "its tiles have one side alone"
                : Pieces(cuts) is var pieces && pieces > (UInt128)file.Length ? $"it claims {pieces} strips or tiles"
                : null;
        }

        /// <summary>
        /// The library counts with 32 bits and a sign. The one number beyond says that all rows are one strip, as it does itself.
        /// </summary>
        private static bool TryAdd(Dictionary<TiffTag, ulong> cuts, TiffTag tag, ulong number) =>
            (number <= int.MaxValue || (tag == TiffTag.ROWSPERSTRIP && number == uint.MaxValue)) && cuts.TryAdd(tag, number);

        /// <summary>Strips or tiles of a page.</summary>
        private static UInt128 Pieces(Dictionary<TiffTag, ulong> cuts)
        {
            var pieces = cuts.ContainsKey(TiffTag.TILEWIDTH)
                ? Parts(TiffTag.IMAGEWIDTH, TiffTag.TILEWIDTH) * Parts(TiffTag.IMAGELENGTH, TiffTag.TILELENGTH)
                : Parts(TiffTag.IMAGELENGTH, TiffTag.ROWSPERSTRIP);
            var isSeparate = cuts.GetValueOrDefault(TiffTag.PLANARCONFIG) == (ulong)PlanarConfig.SEPARATE;
            return isSeparate ? pieces * cuts.GetValueOrDefault(TiffTag.SAMPLESPERPIXEL, 1UL) : pieces;

            UInt128 Parts(TiffTag whole, TiffTag part)
            {
                var size = cuts.GetValueOrDefault(part, uint.MaxValue); // rows of a strip, where it is not said
                return size == 0 ? 0 : ((UInt128)cuts.GetValueOrDefault(whole) + size - 1) / size;
            }
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
