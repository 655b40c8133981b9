using System.IO.Compression;
using SharpSeg.AutoPlanner.Tests;
using SharpSeg.Engine.ModelFiles;
using SharpSeg.Tests;
using Xunit;
using Xunit.Abstractions;

namespace SharpSeg.Engine.Tests.ModelFiles;

/// <summary>
/// Files that were changed at random: whatever comes in, the answer is data or a <see cref="ModelFileException"/>.
/// SHARPSEG_FUZZ_COUNT sets how many are tried; a million takes about an hour.
/// </summary>
public sealed class TorchFileFuzzTests(ITestOutputHelper output)
{
    [Fact]
    public void Changed_files_are_read_or_refused()
    {
        var count = int.TryParse(Environment.GetEnvironmentVariable("SHARPSEG_FUZZ_COUNT"), out var wanted) ? wanted : 3000;
        var seed = int.TryParse(Environment.GetEnvironmentVariable("SHARPSEG_TEST_SEED"), out var given)
            ? given
            : Environment.TickCount;
        output.WriteLine($"seed {seed}");
        var random = new Random(seed);
        var seeds = new[] { Seed(CompressionLevel.NoCompression), Seed(CompressionLevel.Optimal) };
        var pickle = PickleOf(seeds[0]);
        using var folder = new TemporaryFolder();
        var path = Path.Combine(folder.Path, "fuzz.pth");
        var (read, refused) = (0, 0);
        for (var i = 0; i < count; i++)
        {
            if (i % 2 == 0)
            {
                // The pickle alone, so that changes are not caught by the zip's own checks.
                try
                {
                    Pickle.Read(Mutate(pickle, random));
                    read++;
                }
                catch (InvalidDataException)
                {
                    refused++;
                }

                continue;
            }

            File.WriteAllBytes(path, Mutate(seeds[random.Next(seeds.Length)], random));
            try
            {
                using var file = TorchFile.Open(path);
                ReadAll(file);
                read++;
            }
            catch (ModelFileException error)
            {
                Assert.DoesNotContain('\n', error.Message);
                refused++;
            }
        }

        output.WriteLine($"{read} read, {refused} refused");
        Assert.True(refused > count / 4, $"only {refused} of {count} changed files were refused");
    }

    private static void ReadAll(TorchFile file)
    {
        if (file.Root is not OrderedDictionary<string, object?> root
            || root.GetValueOrDefault("network_weights") is not OrderedDictionary<string, object?> weights)
        {
            return;
        }

        foreach (var (name, value) in weights)
        {
            if (value is TorchTensor { Length: < 1 << 20 } tensor)
            {
                file.Read(name, tensor, new float[tensor.Length]);
            }
        }
    }

    private static byte[] Mutate(byte[] seed, Random random)
    {
        var bytes = (byte[])seed.Clone();
        for (var changes = random.Next(1, 5); changes > 0 && bytes.Length > 1; changes--)
        {
            var at = random.Next(bytes.Length);
            switch (random.Next(6))
            {
                case 0: bytes[at] = (byte)random.Next(256); break;
                case 1: bytes[at] ^= (byte)(1 << random.Next(8)); break;
                case 2: bytes = bytes[..at]; break;
                case 3: bytes = [.. bytes[..at], .. bytes[random.Next(at, bytes.Length)..]]; break;
                case 4:
                    bytes =
                    [.. bytes[..at], .. bytes[random.Next(bytes.Length)..].Take(random.Next(64)), .. bytes[at..]]; break;
                default:
                    for (var i = at; i < Math.Min(at + 4, bytes.Length); i++)
                    {
                        bytes[i] = 0xff;
                    }

                    break;
            }
        }

        return bytes;
    }

    private static byte[] Seed(CompressionLevel level)
    {
        using var stream = new MemoryStream();
        float[] shared = [.. Enumerable.Range(0, 32).Select(i => (float)i)];
        TorchFileWriter.Write(stream, new Dictionary<string, object?>
        {
            ["network_weights"] = new Dictionary<string, object?>
            {
                ["a.weight"] = new TorchTensorToWrite(shared, [2, 3, 5]),
                ["b.weight"] = new TorchTensorToWrite(shared, [4, 4], Stride: [1, 4], Offset: 8),
                ["c.bias"] = new TorchTensorToWrite([1, 2, 3], [3], Type: "Half"),
            },
            ["logging"] = new List<object?> { new NumpyScalarToWrite(1), 0.5, 3, null },
            ["init_args"] = new Dictionary<string, object?> { ["configuration"] = "3d_fullres", ["fold"] = 0 },
            ["inference_allowed_mirroring_axes"] = new object?[] { 0, 1, 2 },
        }, level);
        return stream.ToArray();
    }

    private static byte[] PickleOf(byte[] file)
    {
        using var zip = new ZipArchive(new MemoryStream(file));
        using var stream = zip.Entries.Single(entry => entry.FullName.EndsWith("data.pkl", StringComparison.Ordinal)).Open();
        using var copy = new MemoryStream();
        stream.CopyTo(copy);
        return copy.ToArray();
    }
}
