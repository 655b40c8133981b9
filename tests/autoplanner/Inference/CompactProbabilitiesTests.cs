using System.Buffers.Binary;
using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Inference;
using SharpSeg.Engine.Tensors;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Inference;

/// <summary>Compact files of probabilities (docs/method/inference.md §8): what they keep, and what of them is refused.</summary>
public sealed class CompactProbabilitiesTests
{
    private const float Rounding = 0.5f / CompactMap.One;

    private static readonly Extent Size = new(6, 9, 8);

    private static readonly LabelScheme SevenLabels =
        new([new("background", [0]), .. Enumerable.Range(1, 6).Select(label => new LabelEntry($"c{label}", [label]))]);

    [Fact]
    public void Codes_are_the_nearest_and_never_cross_one_half()
    {
        Assert.Equal((ushort)0, CompactMap.CodeOf(0));
        Assert.Equal(CompactMap.One, CompactMap.CodeOf(1));
        Assert.Equal(CompactMap.One, CompactMap.CodeOf(1.0005f));
        Assert.Equal(0.5f, CompactMap.ProbabilityOf((ushort)CompactMap.CodeOf(0.5f)!));
        Assert.True(CompactMap.ProbabilityOf((ushort)CompactMap.CodeOf(MathF.BitIncrement(0.5f))!) > 0.5f);
        Assert.False(CompactMap.ProbabilityOf((ushort)CompactMap.CodeOf(MathF.BitDecrement(0.5f))!) > 0.5f);
        Assert.All(new[] { float.NaN, -1e-6f, 1.01f, float.PositiveInfinity }, wrong => Assert.Null(CompactMap.CodeOf(wrong)));
        Seeded.Run(random =>
        {
            for (var i = 0; i < 10_000; i++)
            {
                var p = random.NextSingle();
                var steps = p is > 0.5f and < 0.5f + Rounding ? 2.01f : 1.01f; // lifted, to stay above one half
                Assert.Equal(p, CompactMap.ProbabilityOf((ushort)CompactMap.CodeOf(p)!), steps * Rounding);
            }
        });
    }

    [Fact]
    public void A_map_comes_back_whatever_its_box() => Seeded.Run(random =>
    {
        foreach (var outside in new ushort[] { 0, CompactMap.One })
        {
            var codes = new ushort[Size.Voxels];
            Array.Fill(codes, outside);
            Assert.Equal(24, Packed(codes, outside).Length); // an empty box
            AssertSame(codes, outside);
            for (var n = 0; n < 20; n++)
            {
                codes[random.Next(codes.Length)] = (ushort)random.Next(CompactMap.One + 1);
                AssertSame(codes, outside);
            }
        }

        static void AssertSame(ushort[] codes, ushort outside)
        {
            Assert.Equal(codes.Select(CompactMap.ProbabilityOf), Unpacked(Packed(codes, outside), outside));
        }
    });

    [Fact]
    public void Bytes_that_lie_are_refused()
    {
        var codes = new ushort[Size.Voxels];
        codes[100] = 5;
        codes[200] = CompactMap.One;
        var packed = Packed(codes, 0);
        Says(packed[..10], "no room for a box");
        Says(packed[..^6], "missing");
        Says(Changed(0, -1), "does not lie inside");
        Says(Changed(12, int.MaxValue), "does not lie inside");
        Says(Changed(16, 1), "more values");
        Says(Packed([.. codes.Select(code => code == 5 ? ushort.MaxValue : code)], 0), "no probability");

        byte[] Changed(int at, int value)
        {
            var changed = (byte[])packed.Clone();
            BinaryPrimitives.WriteInt32LittleEndian(changed.AsSpan(at), value);
            return changed;
        }

        static void Says(byte[] bytes, string what) => Assert.Contains(
            what, Assert.Throws<InvalidDataException>(() => Unpacked(bytes, 0)).Message, StringComparison.Ordinal);
    }

    /// <summary>The four highest of seven classes come back within the rounding, the others as 0.</summary>
    [Fact]
    public void The_highest_classes_of_every_voxel_are_kept()
    {
        using var folder = new TemporaryFolder();
        var maps = Softmax(7, seed: 3, sharpness: 2);
        using var file = Saved(folder.File("a"), maps, SevenLabels, SavedProbabilities.Compact);
        Assert.Equal((Size, 7), (file.Extent, file.Heads));
        var (given, read) = (All(maps), All(file));
        for (var voxel = 0; voxel < Size.Voxels; voxel++)
        {
            var ranked = Enumerable.Range(0, 7).OrderByDescending(head => given[head][voxel]).ToArray();
            Assert.All(ranked[..4], head => Assert.Equal(given[head][voxel], read[head][voxel], 1.01f * Rounding));
            Assert.All(ranked[4..], head => Assert.Equal(0, read[head][voxel]));
        }

        Assert.Equal(LabelDecision.Of(maps, SevenLabels), LabelDecision.Of(file, SevenLabels));
    }

    /// <summary>Seven blobs in 64,000 voxels: what trained networks answer is smooth, and sure nearly everywhere.</summary>
    [Fact]
    public void Files_are_small()
    {
        using var folder = new TemporaryFolder();
        var size = new Extent(40, 40, 40);
        var maps = Softmax(7, (voxel, c) =>
        {
            var (z, y, x) = (voxel / 1600, voxel / 40 % 40, voxel % 40);
            return c == 0 ? 0 : 5 - Math.Sqrt(Math.Pow(z - (5 * c), 2) + Math.Pow(y - 20, 2) + Math.Pow(x - 15 - c, 2));
        }, size);
        using var full = Saved(folder.File("full"), maps, SevenLabels, SavedProbabilities.Full);
        using var compact = Saved(folder.File("compact"), maps, SevenLabels, SavedProbabilities.Compact);
        Assert.Equal(LabelDecision.Of(full, SevenLabels), LabelDecision.Of(compact, SevenLabels));
        var bytes = new FileInfo(folder.File("compact")).Length;
        Assert.InRange(bytes, 1, ProbabilityFile.Bytes(size.Voxels, SevenLabels, SavedProbabilities.Compact));
        Assert.InRange(bytes, 1, new FileInfo(folder.File("full")).Length / 10);
    }

    /// <summary>Noise is the worst case. Labels differ only where float32 itself is near a tie.</summary>
    [Theory]
    [InlineData(2)]
    [InlineData(4)]
    [InlineData(7)]
    public void Ensembles_decide_alike_but_for_ties_within_the_rounding(int classes)
    {
        using var folder = new TemporaryFolder();
        var labels = new LabelScheme([.. SevenLabels.Classes.Take(classes)]);
        IProbabilityMaps[] members = [Softmax(classes, seed: 5, sharpness: 3), Softmax(classes, seed: 6, sharpness: 3)];
        using var a = Saved(folder.File("a"), members[0], labels, SavedProbabilities.Compact);
        using var b = Saved(folder.File("b"), members[1], labels, SavedProbabilities.Compact);
        var exact = new AveragedMaps(members);
        var (decided, compact) = (LabelDecision.Of(exact, labels), LabelDecision.Of(new AveragedMaps([a, b]), labels));
        var (maps, kept) = (All(exact), All(new AveragedMaps([a, b])));
        for (var voxel = 0; voxel < decided.Length; voxel++)
        {
            var lost = Enumerable.Range(0, classes).Max(head => maps[head][voxel] - kept[head][voxel]);
            var margin = maps[decided[voxel]][voxel] - maps[compact[voxel]][voxel];
            Assert.True(margin <= lost + (2 * Rounding), $"voxel {voxel}: {decided[voxel]} became {compact[voxel]}");
        }

        Assert.InRange(decided.Zip(compact).Count(pair => pair.First != pair.Second), 0, classes > 4 ? 4 : 0);
    }

    [Fact]
    public void Regions_decide_alike_to_the_last_voxel()
    {
        using var folder = new TemporaryFolder();
        var random = new Random(8);
        float[][] sigmoids =
        [
            .. Enumerable.Range(0, 2).Select(_ => Enumerable.Range(0, (int)Size.Voxels).Select(
                i => i % 3 == 0 ? MathF.BitIncrement(0.5f) : i % 3 == 1 ? 0.5f : random.NextSingle()).ToArray()),
        ];
        var maps = new GivenMaps(Size, sigmoids);
        using var file = Saved(folder.File("a"), maps, InferenceFixtures.Regions, SavedProbabilities.Compact);
        Assert.Equal(LabelDecision.Of(maps, InferenceFixtures.Regions), LabelDecision.Of(file, InferenceFixtures.Regions));
    }

    [Fact]
    public void Files_of_both_kinds_are_averaged_together_and_known_apart()
    {
        using var folder = new TemporaryFolder();
        var maps = Softmax(2, seed: 1, sharpness: 1);
        string full = folder.File("full"), compact = folder.File("compact");
        Saved(full, maps, InferenceFixtures.TwoLabels, SavedProbabilities.Full).Dispose();
        Saved(compact, maps, InferenceFixtures.TwoLabels, SavedProbabilities.Compact).Dispose();
        using (var both = new EnsembleMembers([full, compact], InferenceFixtures.TwoLabels))
        {
            Assert.All(All(both)[1].Zip(All(maps)[1]), pair => Assert.Equal(pair.First, pair.Second, Rounding));
        }

        Assert.True(ProbabilityFile.Exists(full, SavedProbabilities.Full));
        Assert.True(ProbabilityFile.Exists(full, SavedProbabilities.Compact));
        Assert.True(ProbabilityFile.Exists(compact, SavedProbabilities.Compact));
        Assert.False(ProbabilityFile.Exists(compact, SavedProbabilities.Full));
        File.WriteAllBytes(compact, File.ReadAllBytes(compact)[..^1]);
        Assert.False(ProbabilityFile.Exists(compact, SavedProbabilities.Compact));
    }

    [Fact]
    public void Answers_that_are_no_probabilities_are_not_written()
    {
        using var folder = new TemporaryFolder();
        var maps = new GivenMaps(new Extent(1, 1, 1), [[0.5f], [float.NaN]]);
        var error = Assert.Throws<SharpSegException>(
            () => Saved(folder.File("a"), maps, InferenceFixtures.TwoLabels, SavedProbabilities.Compact).Dispose());
        Assert.Contains("NaN for a", error.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(folder.Path));
    }

    private static byte[] Packed(ushort[] codes, ushort outside)
    {
        var (area, box) = (Size.Y * Size.X, new CompactMapBox(Size, outside));
        box.Add(0, codes.AsSpan(0, 2 * area));
        box.Add(2, codes.AsSpan(2 * area));
        using var packed = new MemoryStream();
        using (var map = new CompactMapWriter(packed, Size, box.Box))
        {
            for (var z = 0; z < Size.Z; z++)
            {
                map.Write(z, codes.AsSpan(z * area, area), new byte[2 * area]);
            }
        }

        return packed.ToArray();
    }

    private static float[] Unpacked(byte[] packed, ushort outside)
    {
        var (area, values) = (Size.Y * Size.X, new float[Size.Voxels]);
        using var map = new CompactMapReader(new MemoryStream(packed), Size, outside);
        for (var z = 0; z < Size.Z; z++)
        {
            map.Read(values.AsSpan(z * area, area), new byte[2 * area]);
        }

        return values;
    }

    private static ProbabilityFile Saved(string path, IProbabilityMaps maps, LabelScheme labels, SavedProbabilities saved)
    {
        ProbabilityFile.Write(path, "x", maps, labels, saved);
        return ProbabilityFile.Open(path, labels);
    }

    private static float[][] All(IProbabilityMaps maps) => [.. Enumerable.Range(0, maps.Heads).Select(head =>
    {
        var map = new float[maps.Extent.Voxels];
        maps.Read(head, 0, map);
        return map;
    })];

    private static GivenMaps Softmax(int classes, int seed, double sharpness)
    {
        var logits = InferenceFixtures.Noise(classes * (int)Size.Voxels, seed);
        return Softmax(classes, (voxel, c) => sharpness * logits[(voxel * classes) + c], Size);
    }

    private static GivenMaps Softmax(int classes, Func<int, int, double> logit, Extent size)
    {
        var maps = Enumerable.Range(0, classes).Select(_ => new float[size.Voxels]).ToArray();
        for (var voxel = 0; voxel < size.Voxels; voxel++)
        {
            var exp = Enumerable.Range(0, classes).Select(c => Math.Exp(logit(voxel, c))).ToArray();
            var sum = exp.Sum();
            for (var c = 0; c < classes; c++)
            {
                maps[c][voxel] = (float)(exp[c] / sum);
            }
        }

        return new GivenMaps(size, maps);
    }
}
