using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Inference;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Volumes;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Cpu;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Inference;

/// <summary>The vectors of docs/method/inference.md §8, and the steps one by one.</summary>
public sealed class SegmentationExporterTests
{
    private static readonly Spacing Isotropic = new(1, 1, 1);

    [Fact]
    public void Maps_are_resampled_before_they_are_decided()
    {
        // Two maps [[2,0,1],[1,3,0]] and [[0,1,1.5],[2,0,2]], channels last.
        float[] maps = [2, 0, 0, 1, 1, 1.5f, 1, 2, 3, 0, 0, 2];
        var labels = Export(maps, new(1, 2, 3), new(1, 3, 5), Isotropic, [1, 1, 1]);
        short[] expected = [0, 0, 1, 1, 1, 0, 0, 0, 1, 1, 1, 0, 0, 0, 1];
        labels[13] = 0; // 1.2 against 1.2 in exact arithmetic: either answer is right
        Assert.Equal(expected, labels);
    }

    [Fact]
    public void Coarse_slices_are_not_interpolated_across()
    {
        // Two slices [1,2] and [5,6] to three.
        Assert.Equal([1, 2, 5, 6, 5, 6], Resampled(new Spacing(4, 1, 1), [2.5, .8, .8]));
        Assert.Equal([1, 2, 3, 4, 5, 6], Resampled(new Spacing(1, 1, 1), [1.5, 1, 1]));

        // The value of a voxel is the number of thresholds ½, 1½, … that it exceeds.
        static int[] Resampled(Spacing original, double[] current)
        {
            var values = new int[6];
            for (var threshold = 0.5f; threshold < 8; threshold++)
            {
                var labels = Export(
                    [threshold, 1, threshold, 2, threshold, 5, threshold, 6], new(2, 1, 2), new(3, 1, 2), original, current);
                for (var i = 0; i < values.Length; i++)
                {
                    values[i] += labels[i];
                }
            }

            return values;
        }
    }

    [Fact]
    public void The_lowest_class_wins_a_tie() =>
        Assert.Equal([0, 1], Export([2, 2, 2, 2.0001f], new(1, 1, 2), new(1, 1, 2), Isotropic, [1, 1, 1]));

    [Theory]
    [InlineData(Profile.Modern, 1f, -1f, 0f)]        // logits: above 0
    [InlineData(Profile.Classic, 0.6f, 0.4f, 0.5f)]  // probabilities: above one half
    public void Later_regions_lie_over_earlier_ones(Profile profile, float yes, float no, float border)
    {
        float[] maps = [yes, no, yes, yes, no, yes, no, no, border, border];
        var configuration = InferenceFixtures.Configuration([4, 4, 4], [1, 1, 1]);
        var size = new Extent(1, 1, 5);
        var labels = SegmentationExporter.ToOriginalGrid(
            Processor.Outputs(maps, size), InferenceFixtures.Properties(size, size, Isotropic),
            InferenceFixtures.Plans(configuration, profile), configuration,
            InferenceFixtures.Regions);
        Assert.Equal([1, 2, 2, 0, 0], labels);
    }

    [Fact]
    public void Outside_the_box_is_background()
    {
        var configuration = InferenceFixtures.Configuration([4, 4, 4], [1, 1, 1]);
        var (box, full, origin) = (new Extent(2, 1, 3), new Extent(4, 3, 5), new Extent(1, 2, 1));
        float[] maps = [.. Enumerable.Range(0, 12).Select(i => i % 2 == 0 ? 0f : 1f)]; // label 1 everywhere in the box
        var labels = SegmentationExporter.ToOriginalGrid(
            Processor.Outputs(maps, box), InferenceFixtures.Properties(box, box, Isotropic, full, origin),
            InferenceFixtures.Plans(configuration), configuration,
            InferenceFixtures.TwoLabels);
        for (var i = 0; i < labels.Length; i++)
        {
            var (z, y, x) = (i / 15, i / 5 % 3, i % 5);
            Assert.Equal(z is 1 or 2 && y == 2 && x is >= 1 and <= 3 ? 1 : 0, labels[i]);
        }
    }

    [Fact]
    public void Axes_are_put_back()
    {
        // Forward [2,0,1]: original (5,6,7) lies transposed as (7,5,6); backward [1,2,0].
        short[] transposed = [.. Enumerable.Range(0, 210).Select(i => (short)i)];
        var (size, plans) = (new Extent(7, 5, 6), Turning([2, 0, 1], [1, 2, 0]));
        var back = SegmentationExporter.Restore(transposed, InferenceFixtures.Properties(size, size, Isotropic), plans);
        for (var i = 0; i < back.Length; i++)
        {
            var (z, y, x) = (i / 42, i / 7 % 6, i % 7);
            Assert.Equal((((x * 5) + z) * 6) + y, back[i]);
        }
    }

    /// <summary>Turned, transposed and cropped by the steps of preprocessing, and back by one.</summary>
    [Fact]
    public void A_turned_transposed_and_cropped_volume_comes_back()
    {
        int[][] orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
        var stored = new Extent(5, 6, 7);
        int[] volume = [.. Enumerable.Range(1, (int)stored.Voxels)];
        var cases = 0;
        foreach (var forward in orders)
        {
            foreach (var axes in orders)
            {
                for (var signs = 0; signs < 8; signs++, cases++)
                {
                    var orientation = Orientation.FromSigned(
                        [.. axes.Select((axis, i) => (signs >> i & 1) == 0 ? axis + 1 : -axis - 1)]);
                    var turned = orientation.Apply(stored);
                    var whole = AxisOrder.Apply(orientation.Apply(volume, stored), turned, forward);
                    var (full, origin) = (AxisOrder.Apply(turned, forward), new Extent(1, 0, 2));
                    var size = new Extent(full.Z - 2, full.Y - (signs & 1), full.X - 3);
                    var box = new int[size.Voxels];
                    NonZeroCrop.CopyBox(whole, full, origin, size, box);
                    var properties = InferenceFixtures.Properties(size, size, Isotropic, full, origin) with
                    {
                        Orientation = orientation,
                    };
                    var back = SegmentationExporter.Restore(
                        box, properties, Turning(forward, AxisOrder.Inverse(forward)), outside: -1);
                    HashSet<int> inside = [.. box];
                    Assert.Equal(volume.Select(value => inside.Contains(value) ? value : -1), back);
                }
            }
        }

        Assert.Equal(288, cases);
    }

    [Fact]
    public void The_separate_axis_is_chosen_in_transposed_order()
    {
        // The file's x axis is coarse; transposed it comes first, and nothing is interpolated across it.
        var configuration = InferenceFixtures.Configuration([4, 4, 4], [2.5, .8, .8]);
        var plans = InferenceFixtures.Plans(configuration, Profile.Modern, [2, 0, 1], [1, 2, 0]);
        var properties = InferenceFixtures.Properties(new(2, 1, 2), new(3, 1, 2), new Spacing(1, 1, 4));
        var labels = SegmentationExporter.ToOriginalGrid(
            Processor.Outputs([4.5f, 1, 4.5f, 2, 4.5f, 5, 4.5f, 6], properties.Shape), properties, plans, configuration,
            InferenceFixtures.TwoLabels);
        Assert.Equal([0, 1, 1, 0, 1, 1], labels); // (z, y, x) = (1, 2, 3): along x, the coarse axis, 0 1 1
    }

    /// <summary>
    /// To the next stage of a cascade the low-resolution spacing stands for both grids (docs/method/inference.md §7).
    /// </summary>
    [Theory]
    [InlineData(4, new short[] { 0, 0, 1, 1, 1, 1 })]   // coarse slices: the middle one is a copy of the second
    [InlineData(1.5, new short[] { 0, 0, 0, 1, 1, 1 })] // the middle one is the mean, 3 and 4
    public void The_next_stage_gets_labels_on_its_own_grid(double slices, short[] expected)
    {
        var configuration = InferenceFixtures.Configuration([4, 4, 4], [slices, 1, 1]);
        float[] maps = [3.5f, 1, 3.5f, 2, 3.5f, 5, 3.5f, 6];
        Assert.Equal(expected, SegmentationExporter.ToNextStage(
            Processor.Outputs(maps, new(2, 1, 2)), new(3, 1, 2), Profile.Modern, configuration, InferenceFixtures.TwoLabels));
    }

    /// <summary>
    /// However thin the slabs, and whether outputs lie on the device, padded, or on the host: the labels are the same.
    /// </summary>
    [Theory]
    [InlineData(false, null)]
    [InlineData(true, null)]
    [InlineData(false, 0)]
    public void Slabs_and_padding_change_nothing(bool regions, int? separate)
    {
        var labels = regions ? InferenceFixtures.Regions : InferenceFixtures.TwoLabels;
        Extent size = new(4, 5, 6), padded = new(7, 5, 9), below = new(1, 0, 2);
        var change = new GridChange(size, new(9, 11, 7), 1, separate);
        var heads = labels.HeadCount;
        var maps = InferenceFixtures.Noise(heads * padded.Voxels, seed: 4);
        using var backend = Cpu.Open(2);
        using var pool = new BufferPool(backend);
        var tensor = pool.Rent(Shape.Activation(1, padded, heads));
        backend.Upload(maps, tensor);
        using var outputs = new NetworkOutputs(pool, tensor, below, size);
        var whole = SegmentationExporter.Decide(outputs, change, 0, labels);
        Assert.True(whole.Distinct().Count() > 1);
        Assert.Equal(whole, SegmentationExporter.Decide(outputs, change, 0, labels, slabVoxels: 1));
        outputs.MoveToHost();
        Assert.Equal(0, pool.InUseBytes);
        Assert.Equal(whole, SegmentationExporter.Decide(outputs, change, 0, labels, slabVoxels: 2 * 11 * 7));
        Assert.Equal(whole, SegmentationExporter.Decide(Processor.Outputs(outputs.ToHost(), size), change, 0, labels));
    }

    private static short[] Export(float[] maps, Extent from, Extent to, Spacing original, double[] current)
    {
        var configuration = InferenceFixtures.Configuration([4, 4, 4], current);
        return SegmentationExporter.ToOriginalGrid(
            Processor.Outputs(maps, from), InferenceFixtures.Properties(from, to, original),
            InferenceFixtures.Plans(configuration),
            configuration, InferenceFixtures.TwoLabels);
    }

    private static Plans Turning(int[] forward, int[] backward) => InferenceFixtures.Plans(
        InferenceFixtures.Configuration([4, 4, 4], [1, 1, 1]), Profile.Modern, forward, backward);
}
