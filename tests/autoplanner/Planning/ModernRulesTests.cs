using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Volumes;
using SharpSeg.Engine.Networks;
using SharpSeg.Engine.Tensors;
using Xunit;
using static SharpSeg.AutoPlanner.Tests.Planning.PlanningFixtures;

namespace SharpSeg.AutoPlanner.Tests.Planning;

/// <summary>Every table and worked example of docs/method/planning.md §3.1 to §3.8.</summary>
public sealed class ModernRulesTests
{
    public static TheoryData<string, (int, double[], int[])[], double[]> TargetSpacings => new()
    {
        { "isotropic", [(1, [1, 1, 1], [100, 100, 100]), (1, [1.2, 1, 1], [100, 100, 100]), (1, [.8, .9, .9], [100, 100, 100])],
            [1, 1, 1] },
        {
            "anisotropic",
            [(1, [5, 1.5, 1.5], [9, 256, 216]), (1, [6, 1.5, 1.5], [9, 256, 216]), (1, [8, 1.6, 1.6], [9, 256, 216]),
                (7, [10, 1.5625, 1.5625], [9, 256, 216])],
            [5.9, 1.5625, 1.5625]
        },
        { "never finer than in-plane", [(2, [.5, 1, 1], [10, 200, 200]), (8, [4, 1, 1], [10, 200, 200])], [1.00001, 1, 1] },
        { "too many slices", [(5, [4, 1, 1], [100, 200, 200])], [4, 1, 1] },
        { "three is not above three", [(3, [3, 1, 1], [20, 200, 200])], [3, 1, 1] },
        {
            "mixed",
            [(1, [1, .5, .5], [50, 256, 256]), (1, [2, .7, .7], [60, 256, 256]), (1, [3, .9, .9], [40, 300, 300]),
                (1, [5, .9, .9], [30, 320, 320])],
            [1.3, .8, .8]
        },
        { "coarse x", [(4, [.7, .7, 3], [320, 320, 24]), (1, [.7, .7, 2.2], [320, 320, 24])], [.7, .7, 2.52] },
    };

    [Theory]
    [MemberData(nameof(TargetSpacings))]
    public void Target_spacing_follows_the_table(string name, (int, double[], int[])[] cases, double[] expected)
    {
        Assert.NotEmpty(name);
        var target = TargetSpacing.Modern(Cases(cases), new DecisionLog());
        Assert.All(Enumerable.Range(0, 3), axis => Assert.Equal(expected[axis], target[axis], 1e-9));
    }

    [Fact]
    public void The_coarsest_axis_comes_first()
    {
        Assert.Equal([2, 0, 1], Transposition.Forward(new(.7, .7, 2.52)));
        Assert.Equal([1, 2, 0], Transposition.Inverse([2, 0, 1]));
        Assert.Equal([0, 1, 2], Transposition.Forward(new(1, 1, 1)));
        Assert.Equal([0, 1, 2], Transposition.Inverse([0, 1, 2]));
        Assert.Equal([1, 0, 2], Transposition.Forward(new(1, 3, 3)));
    }

    [Theory]
    [InlineData(new[] { 20, 320, 320 }, new[] { 3.6, .625, .625 }, new[] { 3, .625, .625 }, new[] { 24, 320, 320 })]
    [InlineData(new[] { 35, 51, 36 }, new[] { 1.0, 1, 1 }, new[] { 2.0, 2, 2 }, new[] { 18, 26, 18 })]
    [InlineData(new[] { 5, 5, 7 }, new[] { 1.0, 1, 1 }, new[] { 2.0, 2, 2 }, new[] { 2, 2, 4 })]
    [InlineData(new[] { 3, 4, 5 }, new[] { .4, 1, 1 }, new[] { 1.0, 1, 1 }, new[] { 1, 4, 5 })]
    [InlineData(
        new[] { 482, 512, 512 }, new[] { 1, .767578, .767578 }, new[] { 2.50008, 1.919007, 1.919007 }, new[] { 193, 205, 205 })]
    public void Resampled_shapes_round_half_to_even(int[] shape, double[] from, double[] to, int[] expected) =>
        Assert.Equal(
            Extent.FromArray(expected),
            ResampledShape.Of(Extent.FromArray(shape), Spacing.FromArray(from), Spacing.FromArray(to)));

    public static TheoryData<double[], double[], int[], string, string, int[]> Poolings => new()
    {
        { [1, 1, 1], [128, 128, 128], [5, 5, 5], Repeat((5, "222")), Repeat((6, "333")), [128, 128, 128] },
        { [1, 1, 1], [36, 50, 35], [3, 3, 3], Repeat((3, "222")), Repeat((4, "333")), [40, 56, 40] },
        { [1, 1, 1], [36.5, 50, 35.5], [3, 3, 3], Repeat((3, "222")), Repeat((4, "333")), [40, 56, 40] },
        { [3.6, .625, .625], [20, 320, 320], [2, 6, 6], "122 122 222 222 122 122", Repeat((2, "133"), (5, "333")),
            [20, 320, 320] },
        { [2.5, .802734, .802734], [40, 224, 224], [3, 5, 5], "122 222 222 222 122", Repeat((1, "133"), (5, "333")),
            [40, 224, 224] },
        { [10, 1.5625, 1.5625], [9, 256, 216], [1, 5, 5], "122 122 222 122 122", Repeat((2, "133"), (4, "333")), [10, 256, 224] },
        { [5, 1, 1], [12, 64, 64], [1, 4, 4], "122 122 222 122", Repeat((2, "133"), (3, "333")), [12, 64, 64] },
        { [1, 1, 1], [16, 100, 16], [2, 4, 2], "222 222 121 121", Repeat((5, "333")), [16, 112, 16] },
        { [1, 1], [512, 512], [7, 7], Repeat((7, "22")), Repeat((8, "33")), [512, 512] },
        { [1, 1], [8, 11], [1, 1], "22", "33 33", [8, 12] },
        { [1, 1], [11, 7], [0, 0], "", "33", [11, 7] },
        { [1, 1], [12, 7], [1, 0], "21", "33 33", [12, 7] },
    };

    [Theory]
    [MemberData(nameof(Poolings))]
    public void Pooling_follows_the_table(
        double[] spacing, double[] size, int[] pools, string strides, string kernels, int[] patch)
    {
        var pooling = PoolingRule.Apply(spacing, size);
        Assert.Equal(pools, pooling.Pools);
        Assert.Equal(strides, Stages(pooling.Strides.Skip(1)));
        Assert.All(pooling.Strides[0], value => Assert.Equal(1, value));
        Assert.Equal(kernels, Stages(pooling.Kernels));
        Assert.Equal(patch, pooling.Patch);
    }

    public static TheoryData<bool, double[], double[], int[], long> Estimates => new()
    {
        { false, [1, 1, 1], [128, 128, 128], [128, 128, 128], 452_796_416 },
        { false, [3.6, .625, .625], [20, 320, 256], [20, 320, 256], 483_315_200 },
        { false, [1, 1, 1], [36, 50, 35], [40, 56, 40], 19_174_400 },
        { false, [1, 1], [50, 35], [56, 40], 651_840 },
        { false, [1, 1], [512, 512], [512, 512], 82_886_656 },
        { true, [1, 1, 1], [128, 128, 128], [128, 128, 128], 557_420_544 },
        { true, [3.6, .625, .625], [20, 320, 256], [20, 320, 256], 706_336_000 },
        { true, [1, 1, 1], [36, 50, 35], [40, 56, 40], 23_609_600 },
    };

    [Theory]
    [MemberData(nameof(Estimates))]
    public void Memory_estimates_follow_the_table(bool residual, double[] spacing, double[] size, int[] patch, long expected)
    {
        var pooling = PoolingRule.Apply(spacing, size);
        Assert.Equal(patch, pooling.Patch);
        var family = residual ? NetworkFamily.ResidualEncoderUNet : NetworkFamily.PlainUNet;
        var network = NetworkShapeRule.Apply(family, StuNetVariant.S, pooling);
        Assert.Equal(expected, MemoryEstimate.Of(network, pooling.Patch, labelEntries: 3));
    }

    // The table's residual 2D row has six poolings, one fewer than the pooling rule gives a 512² patch.
    [Fact]
    public void Memory_estimate_of_a_residual_2d_network_with_six_poolings()
    {
        var ones = new[] { 1, 1 };
        var twos = new[] { 2, 2 };
        var threes = new[] { 3, 3 };
        var pooling = new Pooling(
            [6, 6], [ones, .. Enumerable.Repeat(twos, 6)], [.. Enumerable.Repeat(threes, 7)], [64, 64], [512, 512]);
        var network = NetworkShapeRule.Apply(NetworkFamily.ResidualEncoderUNet, StuNetVariant.S, pooling);
        Assert.Equal(129_531_904, MemoryEstimate.Of(network, pooling.Patch, labelEntries: 3));
    }

    [Theory]
    [InlineData(new[] { 1.0, 1, 1 }, new[] { 256.0, 256, 256 })]
    [InlineData(new[] { 3.6, .625, .625 }, new[] { 80.0, 459, 459 })]
    [InlineData(new[] { 2.5, .802734, .802734 }, new[] { 120.0, 374, 374 })]
    [InlineData(new[] { 10, 1.5625, 1.5625 }, new[] { 74.0, 475, 475 })]
    [InlineData(new[] { .5, .8 }, new[] { 2591.0, 1619 })]
    public void Patches_start_at_equal_physical_size(double[] spacing, double[] expected) =>
        Assert.Equal(expected, PatchSizeRule.Start(spacing));

    [Fact]
    public void Shrinking_the_heart_patch_follows_the_trace()
    {
        var inputs = PatchTrace(new[] { 1.37, 1.25, 1.25 }, [115, 320, 232], cases: 20, labelEntries: 2, out var patch);
        string[] steps =
        [
            "128×320×256 (E 2,253,854,720)", "112×320×256", "112×320×224", "112×288×224", "96×288×224", "96×288×192",
            "96×256×192", "80×256×192",
            "80×256×160", "80×224×160 (E 616,246,400)", "80×192×160 (E 528,211,200)",
        ];
        AssertInOrder(inputs, steps);
        Assert.Equal([80, 192, 160], patch.PatchSize);
        Assert.Equal([16, 32, 32], patch.Architecture.Divisor());
    }

    [Fact]
    public void Shrinking_takes_the_last_axis_on_ties()
    {
        var inputs = PatchTrace([1, 1, 1], [138, 169, 138], cases: 484, labelEntries: 4, out var patch);
        AssertInOrder(inputs, ["160×192×160", "160×192×128", "128×192×128", "128×160×128", "128×128×128 (E 454,893,568)"]);
        Assert.Equal([128, 128, 128], patch.PatchSize);
    }

    [Fact]
    public void The_default_planner_shrinks_2d_until_two_fit_and_the_residual_ones_until_twelve_do()
    {
        var fingerprint = Identical(100, [999, 1, 1], [1, 2000, 1500]);
        var plain = Plan(fingerprint, 2).Plans.Resolve("2d");
        var residual = Plan(fingerprint, 2, new PlannerOptions { Preset = PresetName.ResEncM }).Plans.Resolve("2d");
        AssertPlan([1536, 1024], 2, plain);
        AssertPlan([576, 448], 13, residual);
    }

    [Fact]
    public void Channel_names_choose_the_normalisation_and_cropping_the_mask()
    {
        bool[] Mask(double relativeSize) => [.. Plan(
                Identical(5, [1, 1, 1], [64, 64, 64]) with { MedianRelativeSizeAfterCropping = relativeSize }, 2, null, "FLAIR",
                "CT", "T1c", "nonorm")
            .Plans.Resolve("3d_fullres").UseMaskForNorm];

        Assert.Equal([true, false, true, false], Mask(0.6));
        Assert.Equal([false, false, false, false], Mask(0.75));
        Assert.Equal(NormalizationScheme.CT, NormalizationSchemes.FromChannelName("ct"));
        Assert.Equal(NormalizationScheme.ZScore, NormalizationSchemes.FromChannelName("CT_native"));
        Assert.Equal(NormalizationScheme.NoNormalization, NormalizationSchemes.FromChannelName("noNorm"));
        Assert.Equal(NormalizationScheme.RescaleTo01, NormalizationSchemes.FromChannelName("Rescale_to_0_1"));
        Assert.Equal(NormalizationScheme.RgbTo01, NormalizationSchemes.FromChannelName("rgb_to_0_1"));
    }

    private static string PatchTrace(double[] spacing, int[] shape, int cases, int labelEntries, out ConfigurationPlan plan)
    {
        var result = Plan(Identical(cases, spacing, shape), labelEntries);
        plan = result.Plans.Resolve("3d_fullres");
        return result.Decisions.Single(decision => decision is { Configuration: "3d_fullres", Subject: "patch_size" }).Inputs;
    }

    private static void AssertInOrder(string text, string[] parts)
    {
        var at = 0;
        foreach (var part in parts)
        {
            at = text.IndexOf(part, at, StringComparison.Ordinal);
            Assert.True(at >= 0, $"`{part}` not found in order in: {text}");
            at += part.Length;
        }

        Assert.Equal(parts.Length - 1, text.Split('→').Length - 1);
    }
}
