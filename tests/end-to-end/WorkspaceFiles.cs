using System.IO.Compression;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Preprocessing;
using SharpSeg.Engine.ModelFiles;
using Xunit;

namespace SharpSeg.EndToEnd.Tests;

/// <summary>Reads whatever a workspace holds: a file that appeared must be whole.</summary>
internal static partial class WorkspaceFiles
{
    /// <summary>
    /// Opens every file by its kind; temporary ones, which a killed process leaves behind, are counted and passed over.
    /// </summary>
    /// <returns>Number of temporary files.</returns>
    public static int AssertAllWhole(string folder)
    {
        var temporary = 0;
        foreach (var file in Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories))
        {
            switch (Path.GetExtension(file))
            {
                case ".tmp":
                    temporary++;
                    break;
                case ".txt": // a log of no line was opened by a process that was killed before it wrote
                    Assert.True(File.ReadAllText(file) is "" or [.., '\n'], $"{file} ends within a line");
                    break;
                case ".lock":
                    break; // of a killed process
                case ".jsonl":
                    Assert.All(File.ReadAllLines(file), line => Assert.IsType<JsonObject>(JsonNode.Parse(line)));
                    break;
                case ".json":
                    Assert.NotNull(JsonNode.Parse(File.ReadAllText(file)));
                    if (Path.GetRelativePath(folder, file).StartsWith("preprocessed", StringComparison.Ordinal))
                    {
                        StoredCase.Open(Path.GetDirectoryName(file)!, Path.GetFileNameWithoutExtension(file)).Dispose();
                    }

                    break;
                case ".safetensors":
                    using (var reader = SafetensorsReader.Open(file))
                    {
                        Assert.True(reader.HasChecksums);
                        reader.Verify();
                    }

                    break;
                case ".png":
                    Png.Read(file);
                    break;
                case ".gz":
                    ImageFile.Read(file);
                    break;
                case ".html":
                    Assert.EndsWith("</html>\n", File.ReadAllText(file), StringComparison.Ordinal);
                    break;
                case ".zip":
                    using (var zip = ZipFile.OpenRead(file))
                    {
                        Assert.All(zip.Entries, entry =>
                        {
                            using var content = entry.Open();
                            content.CopyTo(Stream.Null);
                        });
                    }

                    break;
                case ".image" or ".labels" or ".locations":
                    break; // opened with the case's json
                default:
                    Assert.Fail($"{file}: what is this?");
                    break;
            }
        }

        return temporary;
    }

    /// <summary>Two models are the same, byte for byte, but for the times that their trainings measured.</summary>
    public static void AssertSameModel(string expected, string actual)
    {
        using ZipArchive one = ZipFile.OpenRead(expected), other = ZipFile.OpenRead(actual);
        Assert.Equal(one.Entries.Select(entry => entry.FullName), other.Entries.Select(entry => entry.FullName));
        foreach (var (first, second) in one.Entries.Zip(other.Entries))
        {
            var isCheckpoint = first.FullName.EndsWith(".safetensors", StringComparison.Ordinal);
            var (bytes, others) = (Bytes(first), Bytes(second));
            Assert.True(
                (isCheckpoint ? WithoutTimes(bytes) : bytes).AsSpan().SequenceEqual(isCheckpoint ? WithoutTimes(others) : others),
                first.FullName);
        }

        static byte[] Bytes(ZipArchiveEntry entry)
        {
            using var buffer = new MemoryStream();
            using var stream = entry.Open();
            stream.CopyTo(buffer);
            return buffer.ToArray();
        }
    }

    /// <summary>Two checkpoints are the same, byte for byte, but for the times that were measured.</summary>
    public static void AssertSameCheckpoint(string expected, string actual) => Assert.True(
        WithoutTimes(File.ReadAllBytes(expected)).AsSpan().SequenceEqual(WithoutTimes(File.ReadAllBytes(actual))),
        $"{actual} is not {expected}");

    // The header is JSON behind its length; the hashes of the tensors are followed by one of the header's own text.
    private static byte[] WithoutTimes(byte[] checkpoint)
    {
        var length = (int)BitConverter.ToInt64(checkpoint);
        var header = JsonNode.Parse(checkpoint.AsSpan(8, length))!;
        var metadata = header["__metadata__"]!;
        if (metadata["state"] is { } state) // an imported network has none
        {
            metadata["state"] = Seconds().Replace((string)state!, "");
        }

        metadata["sharpseg.xxh64"] = ((string)metadata["sharpseg.xxh64"]!)[..^16];
        return [.. Encoding.UTF8.GetBytes(header.ToJsonString()), .. checkpoint.AsSpan(8 + length)];
    }

    [GeneratedRegex("\"seconds[a-z_]*\":[-+.0-9Ee]+")]
    private static partial Regex Seconds();

    /// <summary>All tensors of a checkpoint by name.</summary>
    public static SortedDictionary<string, float[]> ReadTensors(string path)
    {
        using var reader = SafetensorsReader.Open(path);
        var tensors = new SortedDictionary<string, float[]>(StringComparer.Ordinal);
        foreach (var name in reader.Names)
        {
            var values = new float[reader.Shape(name).Aggregate(1, (product, size) => product * size)];
            reader.Read(name, values);
            tensors[name] = values;
        }

        return tensors;
    }
}
