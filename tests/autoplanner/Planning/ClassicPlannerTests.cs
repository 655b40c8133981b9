using SharpSeg.AutoPlanner.Planning;
using SharpSeg.Engine.Networks;
using Xunit;
using static SharpSeg.AutoPlanner.Tests.Planning.PlanningFixtures;

namespace SharpSeg.AutoPlanner.Tests.Planning;

/// <summary>Profile `classic`: docs/method/planning.md §4, its Table 4.8 (first nnU-Net papers) and worked examples.</summary>
public sealed class ClassicPlannerTests
{
    private static readonly PlannerOptions Classic = new() { Profile = Profile.Classic };

    [Theory]
    [InlineData(7, 7, 0)]
    [InlineData(8, 8, 1)]
    [InlineData(9, 10, 1)]
    [InlineData(15, 16, 2)]
    [InlineData(31, 32, 3)]
    [InlineData(35, 40, 3)]
    [InlineData(50, 56, 3)]
    [InlineData(120, 128, 5)]
    [InlineData(138, 160, 5)]
    [InlineData(169, 192, 5)]
    [InlineData(232, 256, 6)]
    [InlineData(320, 320, 6)]
    [InlineData(512, 512, 6)]
    [InlineData(600, 640, 6)]
    public void Axes_are_pooled_until_below_eight_in_2d(int size, int padded, int pools)
    {
        Assert.Equal(padded, new ClassicPooling().Pad(size, axes: 2));
        Assert.Equal(pools, new ClassicPooling().Pools(padded, axes: 2));
    }

    [Theory]
    [InlineData(232, 256, 5)]
    [InlineData(600, 608, 5)]
    public void Axes_are_pooled_five_times_at_most_in_3d(int size, int padded, int pools)
    {
        Assert.Equal(padded, new ClassicPooling().Pad(size, axes: 3));
        Assert.Equal(pools, new ClassicPooling().Pools(padded, axes: 3));
    }

    [Fact]
    public void Coarse_axes_pool_last() =>
        Assert.Equal("111 122 122 122 222 222", Stages(new ClassicPooling().Strides([20, 320, 320])));

    public static TheoryData<int[], double[], int, int[], int[], int, int[]?, int[], int> Table => new()
    {
        { [138, 169, 138], [1, 1, 1], 484, [192, 160], [5, 5], 89, [128, 128, 128], [5, 5, 5], 2 },
        { [36, 50, 35], [1, 1, 1], 260, [56, 40], [3, 3], 366, [40, 56, 40], [3, 3, 3], 9 },
        { [36, 50, 35], [1, 1, 1], 200, [56, 40], [3, 3], 281, [40, 56, 40], [3, 3, 3], 7 },
        { [482, 512, 512], [1, .77, .77], 131, [512, 512], [6, 6], 10, [128, 128, 128], [5, 5, 5], 2 },
        { [115, 320, 232], [1.37, 1.25, 1.25], 20, [320, 256], [6, 6], 33, [64, 192, 160], [4, 5, 5], 2 },
        { [20, 320, 319], [3.6, .62, .62], 32, [320, 320], [6, 6], 26, [20, 320, 320], [2, 5, 5], 2 },
        { [252, 512, 512], [1.24, .785, .785], 63, [512, 512], [6, 6], 10, [80, 160, 160], [4, 5, 5], 2 },
        { [96, 512, 512], [2.5, .8, .8], 281, [512, 512], [6, 6], 10, [40, 224, 224], [3, 5, 5], 2 },
        { [127, 129, 127], [1, 1, 1], 100, [160, 128], [5, 5], 134, [128, 128, 128], [5, 5, 5], 2 },
        { [1, 512, 512], [999, 1, 1], 100, [512, 512], [6, 6], 5, null, [], 0 },
    };

    [Theory]
    [MemberData(nameof(Table))]
    public void Patches_pools_and_batches_follow_the_table(
        int[] shape, double[] spacing, int cases, int[] patch2D, int[] pools2D, int batch2D, int[]? patch3D, int[] pools3D,
        int batch3D)
    {
        var plans = Plan(Identical(cases, spacing, shape), 3, Classic).Plans;
        Check(plans.Resolve("2d"), patch2D, pools2D, batch2D, mostFeatures: 480);
        Assert.Equal(patch3D is not null, plans.Configurations.ContainsKey("3d_fullres"));
        if (patch3D is not null)
        {
            Check(plans.Resolve("3d_fullres"), patch3D, pools3D, batch3D, mostFeatures: 320);
        }
    }

    public static TheoryData<int[], double[], int, double[], int[], int[], int> Lowres => new()
    {
        { [482, 512, 512], [1, .77, .77], 131, [4, 3.08, 3.08], [121, 128, 128], [128, 128, 128], 2 },
        { [115, 320, 232], [1.37, 1.25, 1.25], 20, [2.74, 2.5, 2.5], [58, 160, 116], [64, 160, 128], 2 },
        { [252, 512, 512], [1.24, .785, .785], 63, [2.48, 1.57, 1.57], [126, 256, 256], [80, 160, 160], 2 },
        { [96, 512, 512], [2.5, .8, .8], 281, [2.5, 1.6, 1.6], [96, 256, 256], [64, 192, 160], 2 },
        { [150, 512, 512], [2, 1, 1], 10, [4, 4, 4], [75, 128, 128], [], 0 },
        { [40, 512, 512], [5, 1, 1], 10, [5, 2, 2], [40, 256, 256], [], 0 },
    };

    [Theory]
    [MemberData(nameof(Lowres))]
    public void Lowres_stages_follow_the_table(
        int[] shape, double[] spacing, int cases, double[] lowSpacing, int[] lowShape, int[] patch, int batch)
    {
        var plans = Plan(Identical(cases, spacing, shape), 3, Classic).Plans;
        var low = plans.Resolve("3d_lowres");
        Assert.All(Enumerable.Range(0, 3), axis => Assert.Equal(lowSpacing[axis], low.Spacing[axis], 1e-9));
        Assert.Equal(lowShape, low.MedianImageSize.Select(value => (int)value));
        if (patch.Length > 0)
        {
            AssertPlan(patch, batch, low);
        }

        Assert.True(plans.Resolve("3d_fullres").BatchDice);
        Assert.Equal("3d_lowres", plans.Resolve("3d_cascade_fullres").PreviousStage);
    }

    [Theory]
    [InlineData(new[] { 138, 169, 138 }, new[] { 1.0, 1, 1 })]
    [InlineData(new[] { 20, 320, 319 }, new[] { 3.6, .62, .62 })]
    public void Median_cases_of_up_to_four_base_patches_have_no_lowres_stage(int[] shape, double[] spacing)
    {
        var plans = Plan(Identical(10, spacing, shape), 3, Classic).Plans;
        Assert.Equal(["2d", "3d_fullres"], plans.Configurations.Keys.Order());
        Assert.False(plans.Resolve("3d_fullres").BatchDice);
    }

    /// <summary>A twelfth of the memory is a twelfth of the patch, and of the size from which a cascade is planned.</summary>
    [Fact]
    public void The_cascade_follows_the_memory()
    {
        int[] shape = [138, 169, 138];
        var small = Plan(Identical(484, [1, 1, 1], shape), 3, Classic with { MemoryGigabytes = 1 }).Plans;
        Assert.Equal([2, 2, 2], small.Resolve("3d_lowres").Spacing);
        Assert.Equal("3d_lowres", small.Resolve("3d_cascade_fullres").PreviousStage);
        Assert.InRange(
            small.Resolve("3d_fullres").PatchSize.Aggregate(1L, (product, edge) => product * edge), 1, 128 * 128 * 128 / 12);
        int[] large = [252, 512, 512];
        Assert.Contains("3d_lowres", Plan(Identical(63, [1.24, .785, .785], large), 3, Classic).Plans.Configurations.Keys);
        Assert.DoesNotContain(
            "3d_lowres",
            Plan(Identical(63, [1.24, .785, .785], large), 3, Classic with { MemoryGigabytes = 120 }).Plans.Configurations.Keys);
    }

    /// <summary>docs/method/planning.md §4: pools until below 4, labels linearly; the file says so.</summary>
    [Fact]
    public void The_second_paper_pools_deeper_and_interpolates_labels()
    {
        var plans = Plan(Identical(200, [1, 1, 1], [36, 50, 35]), 3, Classic with { SecondPaper = true }).Plans;
        var full = plans.Resolve("3d_fullres");
        Assert.Equal([48, 64, 48], full.PatchSize); // 36/2⁴, 50/2⁴ and 35/2⁴ are below 4
        Assert.Equal([16, 32, 16], full.Architecture.Divisor()); // a map of 4 is pooled once more, as one of 8 by the first paper
        Assert.Equal(
            (3, 1, 1), (full.Resampling.Data.Order, full.Resampling.Segmentation.Order, full.Resampling.Probabilities.Order));
        Assert.Equal("classic_2019", plans.PlansName);
        Assert.True(PlansJson.Parse(PlansJson.ToJson(plans), "plans.json").SecondPaper);
        Assert.DoesNotContain("classic_paper", PlansJson.ToJson(plans with { SecondPaper = false }), StringComparison.Ordinal);
        var wrong = Assert.Throws<SharpSegException>(() => PlansJson.Parse(
            PlansJson.ToJson(plans).Replace("\"classic_paper\": 2019", "\"classic_paper\": 2020", StringComparison.Ordinal),
            "p.json"));
        Assert.Contains("classic_paper", wrong.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_mask_is_used_by_the_mean_relative_size()
    {
        bool[] Mask(double mean) => [.. Plan(
                Identical(
                    5, [1, 1, 1], [64, 64, 64]) with { MedianRelativeSizeAfterCropping = 1,
                    MeanRelativeSizeAfterCropping = mean }, 2, Classic, "T1", "CT")
            .Plans.Resolve("3d_fullres").UseMaskForNorm];

        Assert.Equal([true, false], Mask(0.75));
        Assert.Equal([false, false], Mask(0.76));
    }

    [Fact]
    public void Labels_are_resampled_to_the_nearest()
    {
        var resampling = Plan(Identical(5, [1, 1, 1], [64, 64, 64]), 2, Classic).Plans.Resolve("2d").Resampling;
        Assert.Equal((3, 0, 1), (resampling.Data.Order, resampling.Segmentation.Order, resampling.Probabilities.Order));
    }

    [Fact]
    public void Presets_of_the_other_profile_are_refused()
    {
        var error = Assert.Throws<SharpSegException>(
            () => Plan(Identical(5, [1, 1, 1], [64, 64, 64]), 2, Classic with { Preset = PresetName.ResEncL }));
        Assert.Contains("ResEncL", error.Message, StringComparison.Ordinal);
    }

    private static void Check(ConfigurationPlan plan, int[] patch, int[] pools, int batch, int mostFeatures)
    {
        AssertPlan(patch, batch, plan);
        Assert.Equal(pools.Select(count => 1 << count), plan.Architecture.Divisor());
        Assert.Equal(pools.Max() + 1, plan.Architecture.StageCount);
        Assert.Equal(
            Enumerable.Range(0, pools.Max() + 1).Select(stage => Math.Min(mostFeatures, 30 << stage)),
            plan.Architecture.FeaturesPerStage);
        Assert.All(plan.Architecture.KernelSizes, kernel => Assert.All(kernel, value => Assert.Equal(3, value)));
        Assert.Equal(NetworkFamily.ClassicUNet, plan.Architecture.Family);
    }
}
