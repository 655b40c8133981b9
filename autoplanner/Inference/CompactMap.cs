using System.Buffers.Binary;
using System.IO.Compression;
using System.Runtime.InteropServices;
using SharpSeg.AutoPlanner.Volumes;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Inference;

/// <summary>
/// One map of probabilities in few bytes (docs/method/inference.md §8): probabilities are multiples of 1/65534, only the box is
/// kept outside of which all have one value, and that is deflated.
/// <para>Bytes: origin and size of the box (z, y, x), six int32, little endian; then, unless the box is empty, one zlib stream:
/// per plane the high and then the low bytes of each code's difference to its left neighbour, the first of a row to 0.</para>
/// </summary>
internal static class CompactMap
{
    /// <summary>The code of probability 1. It is even, so that one half is a code, too.</summary>
    public const ushort One = 65534;

    private const ushort OneHalf = One / 2;
    private const int BoxBytes = 6 * sizeof(int);

    /// <summary>The nearest code; what is above one half, as regions ask, stays above it, and nothing else comes there.</summary>
    /// <param name="probability">0 to 1; rounding may have lifted it above.</param>
    /// <returns>Null if it is no probability.</returns>
    public static ushort? CodeOf(float probability)
    {
        if (!(probability is >= 0 and <= ProbabilityFile.Highest))
        {
            return null;
        }

        var code = (ushort)Math.Min((probability * One) + 0.5f, One);
        return probability > 0.5f ? Math.Max(code, (ushort)(OneHalf + 1)) : Math.Min(code, OneHalf);
    }

    /// <summary>The probability of a code.</summary>
    public static float ProbabilityOf(ushort code) => (float)code / One;

    /// <summary>Packs a map.</summary>
    /// <param name="codes">Of every voxel (z, y, x).</param>
    /// <param name="extent">Of the map.</param>
    /// <param name="outside">The code that need not be kept.</param>
    public static byte[] Pack(ReadOnlySpan<ushort> codes, Extent extent, ushort outside)
    {
        var box = BoxOf(codes, extent, outside);
        using var packed = new MemoryStream();
        Span<byte> header = stackalloc byte[BoxBytes];
        for (var axis = 0; axis < 3; axis++)
        {
            BinaryPrimitives.WriteInt32LittleEndian(header[(axis * sizeof(int))..], box.Origin[axis]);
            BinaryPrimitives.WriteInt32LittleEndian(header[((axis + 3) * sizeof(int))..], box.Size[axis]);
        }

        packed.Write(header);
        if (box.Size.Voxels > 0)
        {
            using var deflate = new ZLibStream(packed, CompressionLevel.Optimal, leaveOpen: true);
            var area = box.Size.Y * box.Size.X;
            var plane = new byte[2 * area];
            for (var z = 0; z < box.Size.Z; z++)
            {
                for (var y = 0; y < box.Size.Y; y++)
                {
                    var row = codes.Slice(RowStart(extent, box, z, y), box.Size.X);
                    var left = 0;
                    for (var x = 0; x < row.Length; x++)
                    {
                        var difference = (ushort)(row[x] - left);
                        left = row[x];
                        var at = (y * box.Size.X) + x;
                        (plane[at], plane[area + at]) = ((byte)(difference >> 8), (byte)difference);
                    }
                }

                deflate.Write(plane);
            }
        }

        return packed.ToArray();
    }

    /// <summary>Unpacks a map.</summary>
    /// <param name="packed">Bytes that <see cref="Pack"/> wrote, or anything else.</param>
    /// <param name="extent">Of the map.</param>
    /// <param name="outside">The code outside the box.</param>
    /// <param name="target">Gets the probability of every voxel.</param>
    /// <exception cref="InvalidDataException">These are no packed probabilities of this extent.</exception>
    public static void Unpack(ReadOnlyMemory<byte> packed, Extent extent, ushort outside, Span<float> target)
    {
        var box = ReadBox(packed.Span, extent);
        target[..(int)extent.Voxels].Fill(ProbabilityOf(outside));
        if (box.Size.Voxels == 0)
        {
            return;
        }

        var part = MemoryMarshal.TryGetArray(packed, out var own) ? own : packed.ToArray();
        using var bytes = new MemoryStream(part.Array!, part.Offset + BoxBytes, part.Count - BoxBytes, writable: false);
        using var inflate = new ZLibStream(bytes, CompressionMode.Decompress);
        var area = box.Size.Y * box.Size.X;
        var plane = new byte[2 * area];
        for (var z = 0; z < box.Size.Z; z++)
        {
            if (ReadUpTo(inflate, plane) < plane.Length)
            {
                throw new InvalidDataException($"plane {z} of {box.Size.Z} is missing");
            }

            for (var y = 0; y < box.Size.Y; y++)
            {
                var row = target.Slice(RowStart(extent, box, z, y), box.Size.X);
                ushort code = 0;
                for (var x = 0; x < row.Length; x++)
                {
                    var at = (y * box.Size.X) + x;
                    code += (ushort)((plane[at] << 8) | plane[area + at]);
                    row[x] = code <= One
                        ? ProbabilityOf(code)
                        : throw new InvalidDataException($"the code {code} is no probability");
                }
            }
        }

        if (ReadUpTo(inflate, plane) > 0)
        {
            throw new InvalidDataException("there are more values than its box has voxels");
        }
    }

    private static int ReadUpTo(ZLibStream inflate, Span<byte> bytes)
    {
        try
        {
            return inflate.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
        }
        catch (IOException error) // e.g. a stream that wants a dictionary
        {
            throw new InvalidDataException(error.Message, error);
        }
    }

    private static Box ReadBox(ReadOnlySpan<byte> packed, Extent extent)
    {
        if (packed.Length < BoxBytes)
        {
            throw new InvalidDataException($"{packed.Length} bytes have no room for a box");
        }

        Span<int> numbers = stackalloc int[6];
        for (var i = 0; i < numbers.Length; i++)
        {
            numbers[i] = BinaryPrimitives.ReadInt32LittleEndian(packed[(i * sizeof(int))..]);
        }

        for (var axis = 0; axis < 3; axis++)
        {
            if (numbers[axis] < 0 || numbers[axis + 3] < 0 || (long)numbers[axis] + numbers[axis + 3] > extent[axis])
            {
                throw new InvalidDataException(
                    $"a box of {numbers[3]}×{numbers[4]}×{numbers[5]} voxels at ({numbers[0]}, {numbers[1]}, {numbers[2]}) does "
                        + $"not lie inside {extent}");
            }
        }

        return new Box(new Extent(numbers[0], numbers[1], numbers[2]), new Extent(numbers[3], numbers[4], numbers[5]));
    }

    /// <summary>The smallest box outside of which every code is the given one; empty if all are.</summary>
    private static Box BoxOf(ReadOnlySpan<ushort> codes, Extent extent, ushort outside)
    {
        var (z0, y0, x0) = (extent.Z, extent.Y, extent.X);
        var (z1, y1, x1) = (0, 0, 0);
        for (var z = 0; z < extent.Z; z++)
        {
            for (var y = 0; y < extent.Y; y++)
            {
                var row = codes.Slice(((z * extent.Y) + y) * extent.X, extent.X);
                if (row.IndexOfAnyExcept(outside) is var first and >= 0)
                {
                    (z0, y0, x0) = (Math.Min(z0, z), Math.Min(y0, y), Math.Min(x0, first));
                    (z1, y1) = (z + 1, Math.Max(y1, y + 1));
                    x1 = Math.Max(x1, row.LastIndexOfAnyExcept(outside) + 1);
                }
            }
        }

        return z1 == 0 ? default : new Box(new Extent(z0, y0, x0), new Extent(z1 - z0, y1 - y0, x1 - x0));
    }

    private static int RowStart(Extent extent, Box box, int z, int y) =>
        ((((z + box.Origin.Z) * extent.Y) + y + box.Origin.Y) * extent.X) + box.Origin.X;
}
