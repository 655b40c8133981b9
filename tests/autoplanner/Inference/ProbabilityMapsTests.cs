using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Inference;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.Engine.ModelFiles;
using SharpSeg.Engine.Tensors;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Inference;

/// <summary>Probabilities on the original grid, their mean and their files (docs/method/inference.md §1, §8, §9).</summary>
public sealed class ProbabilityMapsTests
{
    private static readonly Spacing Isotropic = new(1, 1, 1);
    private static readonly LabelScheme ThreeLabels = new([new("background", [0]), new("a", [1]), new("b", [2])]);

    [Fact]
    public void Maps_are_the_softmax_of_resampled_logits()
    {
        // The maps of SegmentationExporterTests, 2×3 to 3×5, against float64.
        float[] logits = [2, 0, 0, 1, 1, 1.5f, 1, 2, 3, 0, 0, 2];
        double[] first = [2, 1.2, 0, .6, 1, 1.5, 1.5, 1.5, .9, .5, 1, 1.8, 3, 1.2, 0];
        double[] second = [0, .4, 1, 1.3, 1.5, 1, .8, .5, 1.25, 1.75, 2, 1.2, 0, 1.2, 2];
        var maps = Maps(logits, new(1, 2, 3), new(1, 3, 5), InferenceFixtures.TwoLabels);
        Assert.Equal(new Extent(1, 3, 5), maps.Extent);
        var (zero, one) = (Read(maps, 0), Read(maps, 1));
        for (var i = 0; i < 15; i++)
        {
            Assert.Equal(1 / (1 + Math.Exp(second[i] - first[i])), zero[i], 1e-6);
            Assert.Equal(1, zero[i] + one[i], 1e-6);
        }
    }

    [Fact]
    public void Labels_of_the_maps_are_those_of_the_logits()
    {
        var logits = InferenceFixtures.Noise(3 * 4 * 5 * 6, seed: 3);
        var maps = Maps(logits, new(4, 5, 6), new(6, 7, 5), ThreeLabels);
        Assert.Equal(maps.Segmentation(), LabelDecision.Of(maps, ThreeLabels));
    }

    [Theory]
    [InlineData(Profile.Modern)]
    [InlineData(Profile.Classic)]
    public void Outside_the_box_is_certain_background_in_the_original_order(Profile profile)
    {
        // Forward [2,0,1]; in the transposed image (3,2,2) the box is the one slice z = 1. Large logits: exp must not overflow.
        var configuration = InferenceFixtures.Configuration([4, 4, 4], [1, 1, 1]);
        var (box, full) = (new Extent(1, 2, 2), new Extent(3, 2, 2));
        var modern = profile == Profile.Modern;
        float[] outputs = modern ? [100, 100, 300, 100, 0, 0, -500, 0] : [.5f, .5f, 1, 0, .5f, .5f, 0, 1];
        var maps = new PredictedMaps(
            Processor.Outputs(outputs, box), InferenceFixtures.Properties(box, box, Isotropic, full, new Extent(1, 0, 0)),
            InferenceFixtures.Plans(configuration, profile, [2, 0, 1], [1, 2, 0]), configuration, InferenceFixtures.TwoLabels);
        Assert.Equal(new Extent(2, 2, 3), maps.Extent);
        Assert.Equal([1, .5f, 1, 1, 1, 1, 1, .5f, 1, 1, 0, 1], Read(maps, 0));
        Assert.Equal([0, .5f, 0, 0, 0, 0, 0, .5f, 0, 0, 1, 0], Read(maps, 1));
    }

    [Fact]
    public void Regions_are_sigmoids_and_nothing_outside_the_box()
    {
        var configuration = InferenceFixtures.Configuration([4, 4, 4], [1, 1, 1]);
        var (box, full) = (new Extent(1, 1, 2), new Extent(1, 1, 3));
        var maps = new PredictedMaps(
            Processor.Outputs([0, 2, 200, -200], box),
            InferenceFixtures.Properties(box, box, Isotropic, full, new Extent(0, 0, 1)),
            InferenceFixtures.Plans(configuration), configuration, InferenceFixtures.Regions);
        Assert.Equal([0, .5f, 1], Read(maps, 0));
        Assert.Equal([0, (float)(1 / (1 + Math.Exp(-2))), 0], Read(maps, 1), (a, b) => Math.Abs(a - b) < 1e-6);
        Assert.Equal([0, 2, 1], LabelDecision.Of(maps, InferenceFixtures.Regions)); // exactly one half is not above it
    }

    [Fact]
    public void Members_are_averaged_as_probabilities()
    {
        // docs/method/inference.md §1: the means of the logits would say 1 0 and 0 1.
        Extent one = new(1, 1, 1);
        var two = new AveragedMaps(
            [.. new float[][] { [5, 0], [-1, 1], [-1, 1] }.Select(l => Maps(l, one, one, InferenceFixtures.TwoLabels))]);
        Assert.Equal(.411, Read(two, 0)[0], 5e-4);
        Assert.Equal(.589, Read(two, 1)[0], 5e-4);
        Assert.Equal([1], LabelDecision.Of(two, InferenceFixtures.TwoLabels));

        var three = new AveragedMaps(
            [.. new float[][] { [2, 0, -1], [-3, 1, .5f], [.2f, .1f, 0] }.Select(l => Maps(l, one, one, ThreeLabels))]);
        double[] expected = [.407, .354, .239];
        Assert.All(expected, (value, head) => Assert.Equal(value, Read(three, head)[0], 5e-4));
        Assert.Equal([0], LabelDecision.Of(three, ThreeLabels));
    }

    /// <summary>What comes after the last tile can take long: labels, and files of the maps, of which nothing is left.</summary>
    [Fact]
    public void A_cancellation_after_the_last_tile_stops_deciding_and_saving()
    {
        Extent one = new(1, 1, 1);
        using var folder = new TemporaryFolder();
        using var stop = new CancellationTokenSource();
        using var maps = Maps([0, 1], one, one, InferenceFixtures.TwoLabels, stop.Token);
        var mean = new AveragedMaps([Maps([0, 1], one, one, InferenceFixtures.TwoLabels)], stop.Token);
        Assert.Equal([1], maps.Segmentation());
        stop.Cancel();
        Assert.Throws<OperationCanceledException>(() => maps.Segmentation());
        Assert.Throws<OperationCanceledException>(() => LabelDecision.Of(mean, InferenceFixtures.TwoLabels));
        foreach (var saved in new[] { SavedProbabilities.Compact, SavedProbabilities.Full })
        {
            Assert.Throws<OperationCanceledException>(() => ProbabilityFile.Write(
                ProbabilityFile.PathOf(folder.Path, "a"), "a", maps, InferenceFixtures.TwoLabels, saved));
        }

        Assert.Empty(Directory.GetFileSystemEntries(folder.Path));
    }

    /// <summary>docs/method/inference.md §8, for saved probabilities and for the outputs themselves.</summary>
    [Fact]
    public void The_lowest_of_equally_probable_classes_is_taken()
    {
        var extent = new Extent(1, 1, 3);
        float[][] equal = [[.4f, .2f, 1f / 3], [.4f, .4f, 1f / 3], [.2f, .4f, 1f / 3]];
        Assert.Equal([0, 1, 0], LabelDecision.Of(new GivenMaps(extent, equal), ThreeLabels));
        float[] logits = [2, 2, 1, 1, 2, 2, 3, 3, 3];       // channels last
        Assert.Equal([0, 1, 0], Maps(logits, extent, extent, ThreeLabels).Segmentation());
    }

    [Fact]
    public void Files_give_back_what_was_written()
    {
        using var folder = new TemporaryFolder();
        var path = ProbabilityFile.PathOf(folder.Path, "case_1");
        var maps = Maps(InferenceFixtures.Noise(3 * 4 * 5 * 6, seed: 4), new(4, 5, 6), new(4, 5, 6), ThreeLabels);
        ProbabilityFile.Write(path, "case_1", maps, ThreeLabels, SavedProbabilities.Full);
        Assert.Equal(["case_1.probabilities.safetensors"], Directory.GetFileSystemEntries(folder.Path).Select(Path.GetFileName));
        using var read = ProbabilityFile.Open(path, ThreeLabels);
        Assert.Equal((maps.Extent, 3), (read.Extent, read.Heads));
        for (var head = 0; head < 3; head++)
        {
            Assert.Equal(Read(maps, head), Read(read, head));
        }
    }

    /// <summary>
    /// Maps that come in few planes are the same bytes, however the scan was turned and cropped, and so are their files
    /// (docs/method/memory.md §2).
    /// </summary>
    [Theory]
    [InlineData(Profile.Modern, false, new[] { 1, 2, 3 })]
    [InlineData(Profile.Modern, false, new[] { -2, 3, -1 })]
    [InlineData(Profile.Classic, false, new[] { 3, -1, 2 })]
    [InlineData(Profile.Modern, true, new[] { -1, 2, 3 })]
    public void Planes_are_those_of_whole_maps(Profile profile, bool hasRegions, int[] turned)
    {
        var labels = hasRegions ? InferenceFixtures.Regions : new LabelScheme(
            [new("background", [0]), .. Enumerable.Range(1, 5).Select(label => new LabelEntry($"c{label}", [label]))]);
        Extent from = new(5, 4, 6), box = new(7, 6, 5), full = new(9, 8, 6);
        var configuration = InferenceFixtures.Configuration([4, 4, 4], [1, 1, 1]);
        var properties = InferenceFixtures.Properties(from, box, Isotropic, full, new Extent(1, 2, 0)) with
        {
            Orientation = Orientation.FromSigned(turned),
        };
        var logits = InferenceFixtures.Noise(labels.HeadCount * from.Voxels, seed: 7);
        PredictedMaps Of(int planes) => new(
            Processor.Outputs(profile == Profile.Modern ? logits : [.. logits.Select(Math.Abs)], from), properties,
            InferenceFixtures.Plans(configuration, profile, [2, 0, 1], [1, 2, 0]), configuration, labels, planes);

        using var folder = new TemporaryFolder();
        var whole = Of(0);
        var area = whole.Extent.Y * whole.Extent.X;
        foreach (var planes in new[] { 1, 4, whole.Extent.Z })
        {
            var few = Of(planes);
            Assert.Equal((whole.Extent, planes), (few.Extent, few.PlanesAtOnce));
            for (var first = 0; first < few.Extent.Z; first += planes)
            {
                var slab = new float[Math.Min(planes, few.Extent.Z - first) * area];
                for (var head = 0; head < few.Heads; head++)
                {
                    few.Read(head, first, slab);
                    Assert.Equal(Read(whole, head)[(first * area)..][..slab.Length], slab);
                }
            }

            Assert.Equal(LabelDecision.Of(whole, labels), LabelDecision.Of(few, labels));
            foreach (var saved in new[] { SavedProbabilities.Full, SavedProbabilities.Compact })
            {
                byte[] Written(PredictedMaps maps)
                {
                    ProbabilityFile.Write(folder.File("x"), "x", maps, labels, saved);
                    return File.ReadAllBytes(folder.File("x"));
                }

                Assert.Equal(Written(whole), Written(few));
            }
        }

        Assert.Equal([folder.File("x")], Directory.GetFileSystemEntries(folder.Path)); // what waited beside it is gone
    }

    /// <summary>Files are read by turns; whoever asks in another order waits, and gets the same.</summary>
    [Theory]
    [InlineData(SavedProbabilities.Full)]
    [InlineData(SavedProbabilities.Compact)]
    public void Planes_of_files_come_in_any_order(SavedProbabilities saved)
    {
        using var folder = new TemporaryFolder();
        var (path, extent) = (folder.File("x"), new Extent(6, 3, 4));
        ProbabilityFile.Write(
            path, "x", Maps(InferenceFixtures.Noise(3 * extent.Voxels, seed: 5), extent, extent, ThreeLabels), ThreeLabels,
            saved);
        using var file = ProbabilityFile.Open(path, ThreeLabels);
        var (whole, two) = (Read(file, 1), new float[2 * 12]);
        foreach (var first in new[] { 3, 0, 1, 4, 2, 4 })
        {
            file.Read(1, first, two);
            Assert.Equal(whole[(first * 12)..][..24], two);
        }

        // Damage shows with the last plane at the latest.
        var bytes = File.ReadAllBytes(path);
        bytes[^1] ^= 1;
        File.WriteAllBytes(path, bytes);
        using var damaged = ProbabilityFile.Open(path, ThreeLabels);
        var error = Assert.Throws<SharpSegException>(
            () => Enumerable.Range(0, 3).ToList().ForEach(i => damaged.Read(2, 2 * i, two)));
        Assert.Contains(path, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Files_that_cannot_be_averaged_are_named()
    {
        using var folder = new TemporaryFolder();
        var path = folder.File("x" + ProbabilityFile.Ending);
        ProbabilityFile.Write(
            path, "x", Maps([0, 1], new(1, 1, 1), new(1, 1, 1), InferenceFixtures.TwoLabels), InferenceFixtures.TwoLabels,
            SavedProbabilities.Full);
        Says(path, ThreeLabels, "background 0, a 1", "background 0, a 1, b 2");
        Says(folder.File("y" + ProbabilityFile.Ending), ThreeLabels, "no such file");

        var other = folder.File("other" + ProbabilityFile.Ending);
        ProbabilityFile.Write(
            other, "x", Maps([0, 1, 0, 1], new(1, 1, 2), new(1, 1, 2), InferenceFixtures.TwoLabels), InferenceFixtures.TwoLabels,
            SavedProbabilities.Full);
        var differ = Assert.Throws<SharpSegException>(
            () => new EnsembleMembers([path, other], InferenceFixtures.TwoLabels).Dispose());
        Assert.Contains(other, differ.Message, StringComparison.Ordinal);
        Assert.Contains("1×1×2", differ.Message, StringComparison.Ordinal);

        File.WriteAllBytes(other, File.ReadAllBytes(path)[..^1]);
        Says(other, InferenceFixtures.TwoLabels, "outside the file");
        AtomicFile.Write(
            other, stream => Safetensors.Write(stream, [new("probability.background", [1, 1, 1], target => target.Clear())]));
        Says(other, InferenceFixtures.TwoLabels, "not a file of class probabilities");

        // A value that is no probability.
        var bytes = File.ReadAllBytes(path);
        BitConverter.GetBytes(float.NaN).CopyTo(bytes, bytes.Length - 4);
        File.WriteAllBytes(other, bytes);
        using var spoilt = ProbabilityFile.Open(other, InferenceFixtures.TwoLabels);
        Assert.Contains(
            "probability.a", Assert.Throws<SharpSegException>(() => Read(spoilt, 1)).Message, StringComparison.Ordinal);

        static void Says(string file, LabelScheme labels, params string[] says)
        {
            var error = Assert.Throws<SharpSegException>(() => ProbabilityFile.Open(file, labels).Dispose());
            Assert.All(says.Prepend(file), part => Assert.Contains(part, error.Message, StringComparison.Ordinal));
            Assert.NotNull(error.Hint);
        }
    }

    private static float[] Read(IProbabilityMaps maps, int head)
    {
        var values = new float[maps.Extent.Voxels];
        maps.Read(head, 0, values);
        return values;
    }

    private static PredictedMaps Maps(
        float[] logits, Extent from, Extent to, LabelScheme labels, CancellationToken cancel = default)
    {
        var configuration = InferenceFixtures.Configuration([4, 4, 4], [1, 1, 1]);
        return new PredictedMaps(
            Processor.Outputs(logits, from), InferenceFixtures.Properties(from, to, Isotropic),
            InferenceFixtures.Plans(configuration), configuration, labels, cancel: cancel);
    }
}
