using System.Globalization;
using System.IO.Compression;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.EndToEnd.Tests;

/// <summary>
/// A small valid dataset in nnU-Net's raw format: 16×20×16 voxels of 1 mm, noise, and a bright ball that a plane cuts into two
/// touching structures. Tests damage copies of it.
/// </summary>
internal static class TinyDataset
{
    public const string Description =
        """{"channel_names": {CHANNELS}, "labels": {"background": 0, "lower": 1, "upper": 2}, "numTraining": CASES, "file_ending": ".nii.gz"}""";

    public static readonly Extent Size = new(16, 20, 16); // voxels (z, y, x)

    /// <summary>Writes case_0, case_1, … with one or more channels.</summary>
    public static string Write(string folder, int cases = 6, int channels = 1)
    {
        Directory.CreateDirectory(Path.Combine(folder, "imagesTr"));
        Directory.CreateDirectory(Path.Combine(folder, "labelsTr"));
        for (var i = 0; i < cases; i++)
        {
            var labels = Labels(i);
            for (var c = 0; c < channels; c++)
            {
                ImageFile.WriteFloats(
                    Image(folder, $"case_{i}", c), Voxels(labels, seed: (100 * c) + i), Geometry(new Spacing(1, 1, 1)));
            }

            ImageFile.WriteLabels(Label(folder, $"case_{i}"), labels, Geometry(new Spacing(1, 1, 1)), highestLabel: 2);
        }

        Describe(folder, cases, channels);
        return folder;
    }

    /// <summary>Writes dataset.json.</summary>
    public static void Describe(string folder, int cases, int channels)
    {
        var names = string.Join(", ", Enumerable.Range(0, channels).Select(c => $"\"{c}\": \"T{c + 1}\""));
        File.WriteAllText(
            Path.Combine(folder, "dataset.json"),
            Description.Replace("CHANNELS", names, StringComparison.Ordinal)
                .Replace("CASES", cases.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal));
    }

    public static string Image(string folder, string id, int channel = 0) =>
        Path.Combine(folder, "imagesTr", $"{id}_{channel:0000}.nii.gz");

    public static string Label(string folder, string id) => Path.Combine(folder, "labelsTr", $"{id}.nii.gz");

    public static ImageGeometry Geometry(Spacing s) => Geometry(Size, s);

    public static ImageGeometry Geometry(Extent size, Spacing s) =>
        new(size, s, [s.X, 0, 0, 0, 0, s.Y, 0, 0, 0, 0, s.Z, 0], "", []);

    /// <summary>Replaces single voxels of an image.</summary>
    public static void Spoil(string image, params float[] values)
    {
        var read = ImageFile.Read(image);
        values.CopyTo(read.Channels[0], 777);
        ImageFile.WriteFloats(image, read.Channels[0], read.Geometry);
    }

    /// <summary>Changes the bytes of a gzip-compressed file.</summary>
    public static void Rewrite(string path, Func<byte[], byte[]> change)
    {
        using var buffer = new MemoryStream();
        using (var gzip = new GZipStream(File.OpenRead(path), CompressionMode.Decompress))
        {
            gzip.CopyTo(buffer);
        }

        using var target = new GZipStream(File.Create(path), CompressionLevel.Fastest);
        target.Write(change(buffer.ToArray()));
    }

    /// <summary>
    /// Makes a small file that takes long to read: its header says that the voxels begin behind 7 GiB, which are zeros and well
    /// compressed.
    /// </summary>
    public static void MakeSlow(string label)
    {
        const int Members = 128, MemberBytes = 1 << 26; // 8 GiB in all
        const float Offset = 7L << 30;
        Rewrite(label, bytes =>
        {
            BitConverter.GetBytes(Offset).CopyTo(bytes, 108);
            return bytes[..352];
        });
        using var member = new MemoryStream();
        using (var gzip = new GZipStream(member, CompressionLevel.SmallestSize, leaveOpen: true))
        {
            var zeros = new byte[1 << 20];
            for (var written = 0; written < MemberBytes; written += zeros.Length)
            {
                gzip.Write(zeros);
            }
        }

        using var file = new FileStream(label, FileMode.Append);
        for (var i = 0; i < Members; i++)
        {
            member.WriteTo(file);
        }
    }

    /// <summary>A ball around a centre that differs from case to case, cut in two across z.</summary>
    public static short[] Labels(int seed)
    {
        var labels = new short[Size.Voxels];
        double cz = 7 + (seed % 3), cy = 9 + (seed % 2), cx = 7 + (seed % 4 * 0.5);
        for (var i = 0; i < labels.Length; i++)
        {
            var (z, y, x) = (i / (Size.Y * Size.X), i / Size.X % Size.Y, i % Size.X);
            var distance = Math.Sqrt(((z - cz) * (z - cz)) + ((y - cy) * (y - cy)) + ((x - cx) * (x - cx)));
            labels[i] = (short)(distance > 5.5 ? 0 : z < cz ? 1 : 2);
        }

        return labels;
    }

    private static float[] Voxels(short[] labels, int seed)
    {
        var random = new Random(seed); // seeded Random is stable across .NET versions
        return [.. labels.Select(label => 100 + (50 * label) + (float)(20 * random.NextDouble()))];
    }
}
