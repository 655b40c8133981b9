using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace SharpSeg.Fuzz.Tests;

/// <summary>
/// Turns valid bytes into invalid ones, a few changes at a time: the nearer to a valid file, the deeper a reader goes.
/// </summary>
internal static partial class Mutation
{
    // Little-endian; every other one is written backwards.
    private static readonly byte[][] Numbers =
    [
        [0xff, 0xff, 0xff, 0xff], [0, 0, 0, 0x80], [0xff, 0xff, 0xff, 0x7f], [0, 0, 0, 0], [1, 0, 0, 0], [0, 0, 0x80, 0x7f],
        [0, 0, 0xc0, 0x7f],
        [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f], [0, 0, 0, 0, 0, 0, 0, 0x80], [0xff, 0x7f], [0, 0x80],
        [0xfe, 0xff, 0xff, 0x7f], [0, 0, 1, 0], [0, 0xca, 0x9a, 0x3b],
        Float(1e-45f), Float(1e30f), Float(float.MaxValue), Float(1e9f),
        Double(double.Epsilon), Double(1e-300), Double(1e308), Double(double.NaN), Double(1e9),
    ];

    private static readonly string[] JsonValues =
    [
        "null", "true", "0", "-1", "1", "65536", "2147483647", "-2147483648", "4294967296", "9223372036854775807", "1e400",
        "-1e-400", "0.1", "1e308",
        "\"\"", "\"../../../evil\"", "\"/abs/x\"", "\"\\ud800\"", "\"a\\u0000b\"", "\"\\u001b[2J\"", "\".\"", "\"nan\"",
        "\"NaN\"", "[]", "{}", "[[]]", "[null]",
        "[1,2,3]", "[-1,0,65536]", "{\"a\":1,\"a\":2}", "\"" + new string('x', 5000) + "\"",
        "-1e308", "1e9", "1e19", "-1e9", "1e-9", "1e-300", "5e-324", "2147483646", "9007199254740993", "16384", "1000000",
        "\"1e308\"", "\"2147483647\"", "\"1\"", "\"-1\"", "\"99999-23:59:59\"", "\"0-4000000\"", "\"1e9G\"",
        Nested('[', ']', 60), Nested('[', ']', 70), $"[{string.Join(',', Enumerable.Repeat("1e308", 300))}]",
    ];

    private static byte[] Float(float value)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteSingleLittleEndian(bytes, value);
        return bytes;
    }

    private static byte[] Double(double value)
    {
        var bytes = new byte[8];
        BinaryPrimitives.WriteDoubleLittleEndian(bytes, value);
        return bytes;
    }

    // JSON may be 64 deep.
    private static string Nested(char open, char close, int depth) => new string(open, depth) + new string(close, depth);

    private static readonly string[] Words =
    [
        "0", "-1", "1e30", "nan", "inf", "999999999999999999999", "2147483647", "4294967297", "", "raw", "gzip", "ascii", "LOCAL",
        "True", "False", "none", "(1,0,0)",
        "MET_DOUBLE", "double", "\u001b[2J", "../x", "\0",
        "1e308", "-1e308", "1e-300", "5e-324", "1e9", "2147483646", "9223372036854775807", "1000000000", "65536",
    ];

    // What says how an image is cut, stored and coloured.
    private static readonly ushort[] TiffTags =
        [256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 284, 317, 320, 322, 323, 324, 325, 330, 338, 339, 347, 32997, 32998];

    private static readonly uint[] TiffNumbers =
        [0, 1, 2, 3, 5, 6, 7, 8, 16, 32, 64, 255, 1000, 20480, 30000, 32773, 65535, 1 << 20, 1 << 28, 1 << 30, int.MaxValue,
            1u << 31, uint.MaxValue];

    /// <summary>Changes bytes anywhere.</summary>
    public static byte[] Bytes(byte[] valid, Random random)
    {
        var bytes = (byte[])valid.Clone();
        for (var changes = 1 + (int)(5 * Math.Pow(random.NextDouble(), 2)); changes > 0 && bytes.Length > 0; changes--)
        {
            var at = Position(bytes.Length, random);
            switch (random.Next(9))
            {
                case 0:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 1:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 2:
                    var number = (byte[])Numbers[random.Next(Numbers.Length)].Clone();
                    if (random.Next(2) == 0)
                    {
                        Array.Reverse(number);
                    }

                    number.AsSpan(0, Math.Min(number.Length, bytes.Length - at)).CopyTo(bytes.AsSpan(at));
                    break;
                case 3:
                    bytes = bytes[..at];
                    break;
                case 4:
                    bytes = [.. bytes[..at], .. bytes[Math.Min(bytes.Length, at + 1 + random.Next(64))..]];
                    break;
                case 5:
                    bytes = [.. bytes[..at], .. RandomBytes(random, 1 + random.Next(64)), .. bytes[at..]];
                    break;
                case 6:
                    var length = Math.Min(bytes.Length - at, 1 + random.Next(256));
                    bytes = [.. bytes[..at], .. bytes.AsSpan(at, length), .. bytes[at..]];
                    break;
                case 7:
                    bytes = [.. bytes, .. RandomBytes(random, 1 + random.Next(600))];
                    break;
                default:
                    bytes[at] = unchecked((byte)(bytes[at] + (random.Next(2) == 0 ? 1 : -1)));
                    break;
            }
        }

        return bytes;
    }

    /// <summary>Changes fields of a TIFF's first directory, which bytes at random seldom hit, or bytes anywhere.</summary>
    public static byte[] Tiff(byte[] valid, Random random)
    {
        if (random.Next(2) == 0)
        {
            return Bytes(valid, random);
        }

        const int entryBytes = 12, types = 19;
        var bytes = (byte[])valid.Clone();
        var isLittle = bytes[0] == 'I';
        var directory = (int)Read(bytes.AsSpan(4, sizeof(uint)), isLittle);
        var entries = (int)Read(bytes.AsSpan(directory, sizeof(ushort)), isLittle);
        for (var changes = random.Next(1, 5); changes > 0; changes--)
        {
            var entry = directory + 2 + (entryBytes * random.Next(entries));
            var (at, value) = random.Next(8) switch
            {
                0 => (entry, TiffTags[random.Next(TiffTags.Length)]),
                1 => (entry + 2, (uint)random.Next(types)),
                2 => (entry + 4, TiffNumbers[random.Next(TiffNumbers.Length)]),
                _ => (entry + 8, TiffNumbers[random.Next(TiffNumbers.Length)]),
            };
            var isShort = at < entry + 4 || random.Next(2) == 0;
            Write(value, bytes.AsSpan(at, isShort ? sizeof(ushort) : sizeof(uint)), isLittle);
        }

        return bytes;
    }

    private static uint Read(ReadOnlySpan<byte> bytes, bool isLittle)
    {
        var value = 0u;
        for (var i = 0; i < bytes.Length; i++)
        {
            value = (value << 8) | bytes[isLittle ? bytes.Length - 1 - i : i];
        }

        return value;
    }

    private static void Write(uint value, Span<byte> bytes, bool isLittle)
    {
        for (var i = 0; i < bytes.Length; i++, value >>= 8)
        {
            bytes[isLittle ? i : bytes.Length - 1 - i] = (byte)value;
        }
    }

    /// <summary>Changes words of a text header, or bytes anywhere.</summary>
    public static byte[] TextHeader(byte[] valid, Random random)
    {
        if (random.Next(2) == 0)
        {
            return Bytes(valid, random);
        }

        // The header ends at an empty line or at the first byte that is no text; voxels behind it stay.
        var end = Array.FindIndex(valid, value => value is < 9 or > 126);
        end = end < 0 ? valid.Length : end;
        var lines = Encoding.Latin1.GetString(valid, 0, end).Split('\n').ToList();
        for (var changes = 1 + random.Next(3); changes > 0 && lines.Count > 1; changes--)
        {
            var line = random.Next(lines.Count);
            switch (random.Next(5))
            {
                case 0:
                    lines.RemoveAt(line);
                    break;
                case 1:
                    lines.Insert(line, lines[random.Next(lines.Count)]);
                    break;
                default:
                    var words = Separator().Split(lines[line]); // every second one is what separates
                    words[2 * random.Next((words.Length + 1) / 2)] = Words[random.Next(Words.Length)];
                    lines[line] = string.Concat(words);
                    break;
            }
        }

        return [.. Encoding.Latin1.GetBytes(string.Join('\n', lines)), .. valid[end..]];
    }

    /// <summary>Changes values and keys of a JSON text, or bytes anywhere.</summary>
    public static byte[] Json(byte[] valid, Random random)
    {
        if (random.Next(3) == 0)
        {
            return Bytes(valid, random);
        }

        var text = Encoding.UTF8.GetString(valid);
        for (var changes = 1 + random.Next(3); changes > 0; changes--)
        {
            // A value begins behind a colon, a comma or a bracket and ends before the next comma or bracket of any kind.
            var start = text.LastIndexOfAny([':', ',', '['], random.Next(text.Length)) + 1;
            var length = text.AsSpan(start).IndexOfAny(",]}");
            if (start > 0 && length >= 0)
            {
                var (old, value) = (text.Substring(start, length).Trim(), JsonValue(random));
                text = random.Next(8) == 0 && Number().Match(old) is { Success: true }
                    ? Everywhere(text, old, value)
                    : $"{text[..start]} {value}{text[(start + length)..]}";
            }
        }

        return Encoding.UTF8.GetBytes(text);
    }

    // One of the list, or a number of any size.
    private static string JsonValue(Random random)
    {
        if (random.Next(4) > 0)
        {
            return JsonValues[random.Next(JsonValues.Length)];
        }

        var exponent = random.Next(2) == 0 ? random.Next(-12, 13) : random.Next(-320, 306);
        return string.Create(
            CultureInfo.InvariantCulture, $"{(random.Next(4) == 0 ? "-" : "")}{random.Next(1, 1000)}e{exponent}");
    }

    /// <summary>
    /// A number replaced wherever it stands alone, since a median or a comparison of the entries overlooks a single one.
    /// </summary>
    private static string Everywhere(string text, string number, string value) =>
        Number().Replace(text, match => match.Value == number ? value : match.Value);

    [GeneratedRegex("([ \t,()-])")]
    private static partial Regex Separator();

    [GeneratedRegex(@"(?<![\w.""+-])-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?(?![\w.""])")]
    private static partial Regex Number();

    // Headers lie at the beginning, trailers at the end.
    private static int Position(int length, Random random) => random.Next(4) switch
    {
        0 => random.Next(Math.Min(length, 400)),
        1 => length - 1 - random.Next(Math.Min(length, 40)),
        _ => random.Next(length),
    };

    private static byte[] RandomBytes(Random random, int count)
    {
        var bytes = new byte[count];
        random.NextBytes(bytes);
        return bytes;
    }
}
