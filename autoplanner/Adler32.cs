namespace SharpSeg.AutoPlanner;

/// <summary>The checksum at the end of zlib data. Source: RFC 1950, section 8.</summary>
internal static class Adler32
{
    /// <summary>Value before the first byte.</summary>
    public const uint Start = 1;

    private const uint Modulus = 65521;
    private const int Block = 5552; // this many bytes fit before a sum overflows 32 bits (RFC 1950)

    /// <summary>The checksum after further bytes.</summary>
    public static uint Append(uint before, ReadOnlySpan<byte> bytes)
    {
        uint a = before & 0xffff, b = before >> 16;
        while (bytes.Length > 0)
        {
            var block = bytes[..Math.Min(Block, bytes.Length)];
            foreach (var value in block)
            {
                a += value;
                b += a;
            }

            (a, b) = (a % Modulus, b % Modulus);
            bytes = bytes[block.Length..];
        }

        return (b << 16) | a;
    }
}
