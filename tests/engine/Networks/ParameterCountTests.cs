using SharpSeg.AutoPlanner.Tests;
using SharpSeg.Engine.Networks;
using SharpSeg.Engine.Tensors;
using SharpSeg.Engine.Tests.Training;
using SharpSeg.Engine.Training;
using Xunit;

namespace SharpSeg.Engine.Tests.Networks;

/// <summary>The table of spec networks §9, which was taken from the reference implementations. No weights are allocated.</summary>
public class ParameterCountTests
{
    private static readonly int[] Classic3D = [30, 60, 120, 240, 320, 320];
    private static readonly int[] Modern3D = [32, 64, 128, 256, 320, 320];

    [Theory]
    [InlineData(1, 2, true, 29_694_510)]                                 // row 1
    [InlineData(1, 2, false, 29_693_030)]                                // row 1a
    [InlineData(1, 3, true, 29_695_280)]                                 // row 2
    [InlineData(1, 3, false, 29_693_060)]
    [InlineData(4, 4, true, 29_698_480)]                                 // row 3
    [InlineData(4, 4, false, 29_695_520)]
    public void Classic_3d_counts_match(int inputs, int outputs, bool allHeads, long expected) =>
        Assert.Equal(expected, Count(Cubic(NetworkFamily.ClassicUNet, Classic3D, inputs, outputs) with { DeepSupervision = allHeads }));

    [Theory]
    [InlineData(true, 4_924_800)]                                        // row 4
    [InlineData(false, 4_924_260)]
    public void Classic_3d_with_three_poolings_matches(bool allHeads, long expected) =>
        Assert.Equal(expected, Count(Cubic(NetworkFamily.ClassicUNet, Classic3D[..4], 1, 3) with { DeepSupervision = allHeads }));

    [Theory]
    [InlineData(7, 1, 2, true, 29_418_690)]                              // row 5
    [InlineData(7, 1, 2, false, 29_415_930)]
    [InlineData(6, 4, 4, true, 18_125_040)]                              // row 6
    [InlineData(6, 4, 4, false, 18_121_440)]
    public void Classic_2d_counts_match(int stages, int inputs, int outputs, bool allHeads, long expected) =>
        Assert.Equal(expected, Count(Flat(NetworkFamily.ClassicUNet, Features(30, 480, stages), inputs, outputs) with { DeepSupervision = allHeads }));

    [Fact]
    public void Classic_without_a_cap_and_the_later_release_match()
    {
        var noCap = Cubic(NetworkFamily.ClassicUNet, Features(30, 960, 6), 1, 2) with { DeepSupervision = true };
        Assert.Equal(79_530_990, Count(noCap));                          // row 7
        var v1 = Cubic(NetworkFamily.ClassicUNet, Modern3D, 1, 2) with { DeepSupervision = true };
        Assert.Equal(31_194_784, Count(v1));                             // row 9
    }

    [Theory]
    [InlineData(1, 2, 31_195_594)]                                       // row 10
    [InlineData(1, 3, 31_196_399)]                                       // row 11
    [InlineData(4, 4, 31_199_796)]                                       // row 12
    public void Modern_plain_3d_counts_match(int inputs, int outputs, long expected) =>
        Assert.Equal(expected, Count(Cubic(NetworkFamily.PlainUNet, Modern3D, inputs, outputs)));

    [Fact]
    public void Modern_plain_3d_variants_match()
    {
        Assert.Equal(5_603_177, Count(Cubic(NetworkFamily.PlainUNet, Modern3D[..4], 1, 3)));                    // row 13

        var seven = Cubic(NetworkFamily.PlainUNet, [.. Modern3D, 320], 1, 2);
        Assert.Equal(45_433_996, Count(seven with { Strides = [.. seven.Strides.Take(6), new Extent(1, 2, 2)] }));  // row 14

        var (flat, cube) = (new Extent(1, 2, 2), new Extent(2, 2, 2));
        var anisotropic = Cubic(NetworkFamily.PlainUNet, Modern3D, 1, 2) with
        {
            Strides = [Extent.One, flat, flat, cube, cube, flat],
            Kernels = [new(1, 3, 3), new(1, 3, 3), .. Enumerable.Repeat(new Extent(3, 3, 3), 4)],
        };
        Assert.Equal(30_338_954, Count(anisotropic));                                                          // row 15
    }

    [Theory]
    [InlineData(8, 1, 2, 46_324_558)]                                    // row 16
    [InlineData(7, 1, 2, 33_471_820)]                                    // row 17
    [InlineData(6, 3, 4, 20_621_652)]                                    // row 18
    public void Modern_plain_2d_counts_match(int stages, int inputs, int outputs, long expected) =>
        Assert.Equal(expected, Count(Flat(NetworkFamily.PlainUNet, Features(32, 512, stages), inputs, outputs)));

    [Theory]
    [InlineData(1, 2, 102_349_770)]                                      // row 19
    [InlineData(1, 3, 102_350_575)]                                      // row 20
    [InlineData(4, 4, 102_353_972)]                                      // row 21
    public void Residual_encoder_3d_counts_match(int inputs, int outputs, long expected) =>
        Assert.Equal(expected, Count(Residual(Cubic(NetworkFamily.ResidualEncoderUNet, Modern3D, inputs, outputs))));

    [Fact]
    public void Residual_encoder_2d_count_matches() =>                   // row 22
        Assert.Equal(105_918_322, Count(Residual(Flat(NetworkFamily.ResidualEncoderUNet, Features(32, 512, 7), 1, 3))));

    [Fact]
    public void Unet_plus_plus_counts_match()
    {
        Assert.Equal(42_716_150, Count(Cubic(NetworkFamily.UNetPlusPlus, Classic3D, 1, 2)));                    // row 23
        Assert.Equal(45_966_624, Count(Cubic(NetworkFamily.UNetPlusPlus, Modern3D, 1, 2)));                     // row 24
        Assert.Equal(22_836_090, Count(Flat(NetworkFamily.UNetPlusPlus, Features(30, 480, 6), 1, 2)));          // row 25
    }

    [Theory]
    [InlineData(1, 2, 14_545_338, 58_159_978, 440_097_738, 1_457_019_178)]      // row 26
    [InlineData(4, 4, 14_547_684, 58_164_660, 440_107_092, 1_457_033_204)]      // row 27
    [InlineData(1, 105, 14_596_941, 58_262_669, 440_302_605, 1_457_326_221)]    // spec networks §8
    public void Stu_net_counts_match(int inputs, int outputs, long s, long b, long l, long h)
    {
        var strides = new[] { Extent.One, new(2, 2, 2), new(2, 2, 2), new(1, 2, 2) };
        var counts = StuNetVariant.All.Select(v => Count(v.Plan(strides, inputs, outputs, deepSupervision: true)));
        Assert.Equal([s, b, l, h], counts);
    }

    [Fact]
    public void Counts_of_planned_networks_match_the_reference()
    {
        foreach (var entry in GoldenJson.Rows("network_params.json", 164, 10))
        {
            var arch = entry.GetProperty("arch");
            var family = entry.GetProperty("class").GetString() == "PlainConvUNet" ? NetworkFamily.PlainUNet : NetworkFamily.ResidualEncoderUNet;
            var blocks = GoldenPlans.Integers(arch.GetProperty("blocks"));
            var plan = new NetworkPlan
            {
                Family = family,
                InputChannels = entry.GetProperty("in").GetInt32(),
                OutputChannels = entry.GetProperty("out").GetInt32(),
                Features = GoldenPlans.Integers(arch.GetProperty("features_per_stage")),
                Kernels = GoldenPlans.Extents(arch.GetProperty("kernel_sizes")),
                Strides = GoldenPlans.Extents(arch.GetProperty("strides")),
                EncoderBlocks = blocks,
                DecoderBlocks = [.. Enumerable.Repeat(family == NetworkFamily.PlainUNet ? 2 : 1, blocks.Length - 1)],
                DeepSupervision = true,
            };
            Assert.Equal(entry.GetProperty("n_params").GetInt64(), Count(plan));
        }
    }

    [Fact]
    public void Names_and_shapes_are_those_of_the_reference_state_dict()
    {
        var golden = GoldenJson.Read("functions", "state_dict_keys.json");
        Check("nnUNetPlans:2d", Flat(NetworkFamily.PlainUNet, Modern3D[..4], 1, 3));
        Check("nnUNetPlans:3d_fullres", Cubic(NetworkFamily.PlainUNet, Modern3D[..4], 1, 3));
        Check("nnUNetResEncUNetMPlans:3d_fullres", Residual(Cubic(NetworkFamily.ResidualEncoderUNet, Modern3D[..4], 1, 3)));

        void Check(string key, NetworkPlan plan)
        {
            // The reference lists every tensor up to three times: as conv/norm, as all_modules, and again below decoder.encoder.
            var expected = golden.GetProperty(key).EnumerateObject()
                .Where(p => !p.Name.Contains("all_modules", StringComparison.Ordinal) && !p.Name.StartsWith("decoder.encoder", StringComparison.Ordinal))
                .Select(p => $"{p.Name} [{string.Join(",", GoldenPlans.Integers(p.Value))}]");
            using var backend = new RehearsalBackend();
            using var network = Network.Create(plan, backend);
            var actual = network.Parameters.Parameters
                .Select(p => $"{p.Name} [{string.Join(",", WeightLayout.ReferenceShape(p, plan.Is2D))}]");
            Assert.Equal(expected, actual);
        }
    }

    private static long Count(NetworkPlan plan)
    {
        using var backend = new RehearsalBackend();
        using var network = Network.Create(plan, backend);
        return network.Parameters.Count;
    }

    private static int[] Features(int start, int cap, int stages) => [.. Enumerable.Range(0, stages).Select(l => Math.Min(start << l, cap))];

    private static NetworkPlan Cubic(NetworkFamily family, int[] features, int inputs, int outputs) =>
        Regular(family, features, inputs, outputs, new Extent(3, 3, 3), new Extent(2, 2, 2));

    private static NetworkPlan Flat(NetworkFamily family, int[] features, int inputs, int outputs) =>
        Regular(family, features, inputs, outputs, new Extent(1, 3, 3), new Extent(1, 2, 2));

    private static NetworkPlan Regular(NetworkFamily family, int[] features, int inputs, int outputs, Extent kernel, Extent stride) =>
        FixturePlans.Plan(
            family, features, [.. Enumerable.Repeat(kernel, features.Length)], [Extent.One, .. Enumerable.Repeat(stride, features.Length - 1)],
            2, 2, inputs, outputs);

    private static NetworkPlan Residual(NetworkPlan plan) => plan with
    {
        EncoderBlocks = [.. new[] { 1, 3, 4, 6, 6, 6, 6 }.Take(plan.Stages)],
        DecoderBlocks = [.. Enumerable.Repeat(1, plan.Stages - 1)],
    };
}
