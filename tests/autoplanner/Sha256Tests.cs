using System.Security.Cryptography;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests;

/// <summary>Our SHA-256 against .NET's.</summary>
public sealed class Sha256Tests
{
    [Fact]
    public void Every_length_around_the_blocks_agrees()
    {
        var data = Bytes(200);
        for (var length = 0; length <= data.Length; length++)
        {
            Assert.Equal(SHA256.HashData(data.AsSpan(0, length)), Sha256.Bytes(data.AsSpan(0, length)));
        }
    }

    [Fact]
    public void Pieces_give_the_hash_of_the_whole()
    {
        var data = Bytes(1000);
        var hash = new Sha256();
        var taken = 0;
        for (var piece = 0; taken < data.Length; piece++)
        {
            var count = Math.Min(piece * 7 % 150, data.Length - taken);
            hash.Append(data.AsSpan(taken, count));
            taken += count;
        }

        Assert.Equal(SHA256.HashData(data), hash.Finish());
    }

    [Fact]
    public void Texts_and_streams_are_hashed_as_their_bytes()
    {
        // FIPS 180-4's example.
        Assert.Equal("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", Sha256.Of("abc"));
        var data = Bytes(200_000);
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(data)), Sha256.Of(new MemoryStream(data)));
    }

    private static byte[] Bytes(int count)
    {
        var data = new byte[count];
        new Random(count).NextBytes(data);
        return data;
    }
}
