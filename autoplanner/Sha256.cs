using System.Buffers.Binary;
using System.Numerics;
using System.Text;

namespace SharpSeg.AutoPlanner;

/// <summary>
/// SHA-256 (FIPS 180-4), so that a self-contained build needs nothing of its machine: .NET's own calls OpenSSL, and ends the
/// process where there is none, as in a small container.
/// </summary>
internal sealed class Sha256
{
    private const int BlockBytes = 64;

    // The first 32 bits of the fractional parts of the square roots of the first 8 primes, of the cube roots of the first 64.
    private static readonly uint[] Start = [.. Primes(8).Select(prime => Fraction(Math.Sqrt(prime)))];
    private static readonly uint[] Constants = [.. Primes(64).Select(prime => Fraction(Math.Cbrt(prime)))];

    private readonly uint[] state = [.. Start];
    private readonly uint[] words = new uint[64];
    private readonly byte[] pending = new byte[BlockBytes];
    private long length;

    /// <summary>Of a text in UTF-8, 64 hexadecimal digits.</summary>
    public static string Of(string text) => Convert.ToHexStringLower(Bytes(Encoding.UTF8.GetBytes(text)));

    /// <summary>Of what a stream still holds, 64 hexadecimal digits.</summary>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static string Of(Stream stream)
    {
        var hash = new Sha256();
        var buffer = new byte[1 << 16];
        while (stream.Read(buffer) is > 0 and var read)
        {
            hash.Append(buffer.AsSpan(0, read));
        }

        return Convert.ToHexStringLower(hash.Finish());
    }

    /// <summary>Of bytes, 32 bytes.</summary>
    public static byte[] Bytes(ReadOnlySpan<byte> data)
    {
        var hash = new Sha256();
        hash.Append(data);
        return hash.Finish();
    }

    /// <summary>Adds data at the end.</summary>
    public void Append(ReadOnlySpan<byte> data)
    {
        var waiting = (int)(length % BlockBytes);
        length += data.Length;
        if (waiting > 0)
        {
            var taken = Math.Min(BlockBytes - waiting, data.Length);
            data[..taken].CopyTo(pending.AsSpan(waiting));
            data = data[taken..];
            if (waiting + taken < BlockBytes)
            {
                return;
            }

            Block(pending);
        }

        for (; data.Length >= BlockBytes; data = data[BlockBytes..])
        {
            Block(data);
        }

        data.CopyTo(pending);
    }

    /// <summary>The 32 bytes of everything appended; nothing can be appended any more.</summary>
    public byte[] Finish()
    {
        // A 1, zeros up to 8 bytes before the end of a block, then the length in bits.
        var bits = length * 8;
        var used = (int)(length % BlockBytes) + 1 + sizeof(long);
        var end = new byte[1 + (BlockBytes - (used % BlockBytes)) % BlockBytes + sizeof(long)];
        end[0] = 0x80;
        BinaryPrimitives.WriteInt64BigEndian(end.AsSpan(^sizeof(long)..), bits);
        Append(end);
        var digest = new byte[state.Length * sizeof(uint)];
        for (var i = 0; i < state.Length; i++)
        {
            BinaryPrimitives.WriteUInt32BigEndian(digest.AsSpan(i * sizeof(uint)), state[i]);
        }

        return digest;
    }

    private void Block(ReadOnlySpan<byte> block)
    {
        var w = words;
        for (var t = 0; t < 16; t++)
        {
            w[t] = BinaryPrimitives.ReadUInt32BigEndian(block[(t * sizeof(uint))..]);
        }

        for (var t = 16; t < w.Length; t++)
        {
            var (early, late) = (w[t - 15], w[t - 2]);
            w[t] = w[t - 16] + (BitOperations.RotateRight(early, 7) ^ BitOperations.RotateRight(early, 18) ^ (early >> 3))
                + w[t - 7] + (BitOperations.RotateRight(late, 17) ^ BitOperations.RotateRight(late, 19) ^ (late >> 10));
        }

        var (a, b, c, d, e, f, g, h) = (state[0], state[1], state[2], state[3], state[4], state[5], state[6], state[7]);
        for (var t = 0; t < w.Length; t++)
        {
            var mixed = BitOperations.RotateRight(e, 6) ^ BitOperations.RotateRight(e, 11) ^ BitOperations.RotateRight(e, 25);
            var first = h + mixed + ((e & f) ^ (~e & g)) + Constants[t] + w[t];
            var second = (BitOperations.RotateRight(a, 2) ^ BitOperations.RotateRight(a, 13) ^ BitOperations.RotateRight(a, 22))
                + ((a & b) ^ (a & c) ^ (b & c));
            (h, g, f, e, d, c, b, a) = (g, f, e, d + first, c, b, a, first + second);
        }

        state[0] += a;
        state[1] += b;
        state[2] += c;
        state[3] += d;
        state[4] += e;
        state[5] += f;
        state[6] += g;
        state[7] += h;
    }

    private static IEnumerable<int> Primes(int count) => Enumerable.Range(2, int.MaxValue - 2)
        .Where(number => !Enumerable.Range(2, number - 2).Any(divisor => number % divisor == 0)).Take(count);

    // 53 bits hold three digits before the point and the 32 bits after it.
    private static uint Fraction(double root) => (uint)((root - Math.Floor(root)) * 4294967296.0);
}
