using System.Buffers.Binary;
using System.Numerics;

namespace SharpSeg.Engine.ModelFiles;

/// <summary>
/// The 64-bit xxHash of a byte stream (Yann Collet, xxHash specification 0.1.1, seed 0): a checksum against damaged files, as
/// fast as memory. It is no protection against forgery.
/// </summary>
public sealed class XxHash64
{
    private const ulong P1 = 0x9E3779B185EBCA87, P2 = 0xC2B2AE3D27D4EB4F, P3 = 0x165667B19E3779F9;
    private const ulong P4 = 0x85EBCA77C2B2AE63, P5 = 0x27D4EB2F165667C5;
    private const int StripeBytes = 32;

    private readonly byte[] pending = new byte[StripeBytes];
    private ulong a = unchecked(P1 + P2), b = P2, c, d = unchecked(0 - P1);
    private int pendingBytes;
    private ulong totalBytes;

    /// <summary>The hash of one array of bytes.</summary>
    public static ulong Of(ReadOnlySpan<byte> bytes)
    {
        var hash = new XxHash64();
        hash.Append(bytes);
        return hash.Value();
    }

    /// <summary>Adds bytes; how they are cut into calls makes no difference.</summary>
    public void Append(ReadOnlySpan<byte> bytes)
    {
        totalBytes += (ulong)bytes.Length;
        if (pendingBytes > 0)
        {
            var fill = Math.Min(StripeBytes - pendingBytes, bytes.Length);
            bytes[..fill].CopyTo(pending.AsSpan(pendingBytes));
            pendingBytes += fill;
            bytes = bytes[fill..];
            if (pendingBytes < StripeBytes)
            {
                return;
            }

            Stripe(pending);
            pendingBytes = 0;
        }

        while (bytes.Length >= StripeBytes)
        {
            Stripe(bytes);
            bytes = bytes[StripeBytes..];
        }

        bytes.CopyTo(pending);
        pendingBytes = bytes.Length;
    }

    /// <summary>The hash of everything appended so far.</summary>
    public ulong Value()
    {
        unchecked
        {
            ulong hash;
            if (totalBytes >= StripeBytes)
            {
                hash = BitOperations.RotateLeft(a, 1) + BitOperations.RotateLeft(b, 7)
                    + BitOperations.RotateLeft(c, 12) + BitOperations.RotateLeft(d, 18);
                hash = Merge(Merge(Merge(Merge(hash, a), b), c), d);
            }
            else
            {
                hash = P5;
            }

            hash += totalBytes;
            ReadOnlySpan<byte> rest = pending.AsSpan(0, pendingBytes);
            for (; rest.Length >= 8; rest = rest[8..])
            {
                hash = BitOperations.RotateLeft(hash ^ Round(0, BinaryPrimitives.ReadUInt64LittleEndian(rest)), 27) * P1 + P4;
            }

            if (rest.Length >= 4)
            {
                hash = BitOperations.RotateLeft(hash ^ (BinaryPrimitives.ReadUInt32LittleEndian(rest) * P1), 23) * P2 + P3;
                rest = rest[4..];
            }

            foreach (var value in rest)
            {
                hash = BitOperations.RotateLeft(hash ^ (value * P5), 11) * P1;
            }

            hash = (hash ^ (hash >> 33)) * P2;
            hash = (hash ^ (hash >> 29)) * P3;
            return hash ^ (hash >> 32);
        }
    }

    private static ulong Round(ulong lane, ulong value) => unchecked(BitOperations.RotateLeft(lane + value * P2, 31) * P1);

    private static ulong Merge(ulong hash, ulong lane) => unchecked((hash ^ Round(0, lane)) * P1 + P4);

    private void Stripe(ReadOnlySpan<byte> bytes)
    {
        a = Round(a, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
        b = Round(b, BinaryPrimitives.ReadUInt64LittleEndian(bytes[8..]));
        c = Round(c, BinaryPrimitives.ReadUInt64LittleEndian(bytes[16..]));
        d = Round(d, BinaryPrimitives.ReadUInt64LittleEndian(bytes[24..]));
    }
}
