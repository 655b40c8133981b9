using System.Text;

namespace SharpSeg.Fuzz.Tests;

/// <summary>
/// Turns valid bytes into invalid ones, a few changes at a time: the nearer to a valid file, the deeper a reader goes.
/// </summary>
internal static class Mutation
{
    private static readonly byte[][] Numbers =
    [
        [0xff, 0xff, 0xff, 0xff], [0, 0, 0, 0x80], [0xff, 0xff, 0xff, 0x7f], [0, 0, 0, 0], [1, 0, 0, 0], [0, 0, 0x80, 0x7f],
        [0, 0, 0xc0, 0x7f],
        [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f], [0, 0, 0, 0, 0, 0, 0, 0x80], [0xff, 0x7f], [0, 0x80],
    ];

    private static readonly string[] JsonValues =
    [
        "null", "true", "0", "-1", "1", "65536", "2147483647", "-2147483648", "4294967296", "9223372036854775807", "1e400",
        "-1e-400", "0.1", "1e308",
        "\"\"", "\"../../../evil\"", "\"/abs/x\"", "\"\\ud800\"", "\"a\\u0000b\"", "\"\\u001b[2J\"", "\".\"", "\"nan\"",
        "\"NaN\"", "[]", "{}", "[[]]", "[null]",
        "[1,2,3]", "[-1,0,65536]", "{\"a\":1,\"a\":2}", "\"" + new string('x', 5000) + "\"",
    ];

    private static readonly string[] Words =
    [
        "0", "-1", "1e30", "nan", "inf", "999999999999999999999", "2147483647", "4294967297", "", "raw", "gzip", "ascii", "LOCAL",
        "True", "False", "none", "(1,0,0)",
        "MET_DOUBLE", "double", "\u001b[2J", "../x", "\0",
    ];

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
                    var number = Numbers[random.Next(Numbers.Length)];
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
                    var words = lines[line].Split(' ');
                    words[random.Next(words.Length)] = Words[random.Next(Words.Length)];
                    lines[line] = string.Join(' ', words);
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
                text = $"{text[..start]} {JsonValues[random.Next(JsonValues.Length)]}{text[(start + length)..]}";
            }
        }

        return Encoding.UTF8.GetBytes(text);
    }

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
