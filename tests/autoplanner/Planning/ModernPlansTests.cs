using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Planning.Fingerprinting;
using SharpSeg.Engine.Networks;
using Xunit;
using static SharpSeg.AutoPlanner.Tests.Planning.PlanningFixtures;

namespace SharpSeg.AutoPlanner.Tests.Planning;

/// <summary>Whole plans: the vectors of docs/method/planning.md §3.9 and §3.11.</summary>
public sealed class ModernPlansTests
{
    private static readonly double[] Iso = [1, 1, 1];
    private static readonly int[] Hippocampus = [36, 50, 35];
    private static readonly double[] ProstateSpacing = [3.6, .625, .625];
    private static readonly int[] Prostate = [20, 320, 320];
    private static readonly double[] LiverSpacing = [1, .767578, .767578];
    private static readonly int[] Liver = [482, 512, 512];
    private static readonly double[] PancreasSpacing = [2.5, .802734, .802734];
    private static readonly int[] Pancreas = [96, 512, 512];

    public static TheoryData<double[], int[], int, int, PresetName, double?, int[]?, int, int[], int> Table => new()
    {
        { Iso, Hippocampus, 200, 3, PresetName.Default, null, [40, 56, 40], 7, [56, 40], 281 },
        { Iso, Hippocampus, 260, 3, PresetName.Default, null, [40, 56, 40], 9, [56, 40], 366 },
        { Iso, Hippocampus, 260, 3, PresetName.ResEncM, null, [40, 56, 40], 58, [56, 40], 1618 },
        { Iso, Hippocampus, 260, 3, PresetName.ResEncL, null, [40, 56, 40], 178, [56, 40], 4554 },
        { Iso, Hippocampus, 260, 3, PresetName.ResEncXL, null, [40, 56, 40], 183, [56, 40], 6711 },
        { ProstateSpacing, Prostate, 32, 3, PresetName.Default, null, [20, 320, 256], 2, [320, 320], 32 },
        { ProstateSpacing, Prostate, 32, 3, PresetName.ResEncM, null, [20, 256, 256], 2, [320, 320], 32 },
        { ProstateSpacing, Prostate, 32, 3, PresetName.ResEncL, null, [20, 320, 320], 5, [320, 320], 90 },
        { ProstateSpacing, Prostate, 32, 3, PresetName.ResEncXL, null, [20, 320, 320], 8, [320, 320], 133 },
        { LiverSpacing, Liver, 131, 3, PresetName.Default, null, [128, 128, 128], 2, [512, 512], 12 },
        { LiverSpacing, Liver, 131, 3, PresetName.ResEncM, null, [128, 128, 128], 2, [512, 512], 12 },
        { LiverSpacing, Liver, 131, 3, PresetName.ResEncL, null, [192, 192, 192], 2, [512, 512], 35 },
        { LiverSpacing, Liver, 131, 3, PresetName.ResEncXL, null, [224, 256, 224], 2, [512, 512], 52 },
        { LiverSpacing, Liver, 131, 3, PresetName.Default, 16, [160, 192, 160], 2, [512, 512], 25 },
        { Iso, [138, 169, 138], 484, 4, PresetName.Default, null, [128, 128, 128], 2, [192, 160], 105 },
        { PancreasSpacing, Pancreas, 282, 3, PresetName.Default, null, [40, 224, 224], 2, [512, 512], 12 },
        { [1.37, 1.25, 1.25], [115, 320, 232], 20, 2, PresetName.Default, null, [80, 192, 160], 2, [320, 256], 40 },
        { [999, 1, 1], [1, 512, 512], 100, 2, PresetName.Default, null, null, 0, [512, 512], 5 },
    };

    [Theory]
    [MemberData(nameof(Table))]
    public void Patches_and_batches_follow_the_table(
        double[] spacing, int[] shape, int cases, int labelEntries, PresetName preset, double? gigabytes, int[]? patch3D,
        int batch3D, int[] patch2D, int batch2D)
    {
        var options = new PlannerOptions { Preset = preset, MemoryGigabytes = gigabytes };
        var plans = Plan(Identical(cases, spacing, shape), labelEntries, options).Plans;

        var planar = plans.Resolve("2d");
        AssertPlan(patch2D, batch2D, planar);
        Assert.True(planar.BatchDice);
        Assert.Equal(patch3D is not null, plans.Configurations.ContainsKey("3d_fullres"));
        if (patch3D is not null)
        {
            var full = plans.Resolve("3d_fullres");
            AssertPlan(patch3D, batch3D, full);
            Assert.Equal(plans.Configurations.ContainsKey("3d_lowres"), full.BatchDice);
        }
    }

    [Fact]
    public void Anisotropic_cases_of_mixed_spacing_follow_the_table()
    {
        int[] shape = [9, 256, 216];
        var fingerprint = Cases(
            (1, [5, 1.5, 1.5], shape), (1, [6, 1.5, 1.5], shape), (1, [8, 1.6, 1.6], shape), (7, [10, 1.5625, 1.5625], shape));
        var plans = Plan(fingerprint, 4).Plans;
        var full = plans.Resolve("3d_fullres");
        Assert.Equal([15.0, 256, 216], full.MedianImageSize);
        AssertPlan([16, 256, 224], 2, full);
        AssertPlan([256, 224], 7, plans.Resolve("2d"));
        Assert.DoesNotContain("3d_lowres", plans.Configurations.Keys);
    }

    public static TheoryData<double[], int[], int, int, PresetName, double?, double[], int[]?, int[]> Lowres => new()
    {
        { LiverSpacing, Liver, 131, 3, PresetName.Default, null, [2.50008, 1.919007, 1.919007], [193, 205, 205],
            [128, 128, 128] },
        { PancreasSpacing, Pancreas, 282, 3, PresetName.Default, null, [2.65225, 1.326797, 1.326797], [90, 310, 310],
            [64, 192, 192] },
        { [1.24, .785, .785], [252, 512, 512], 63, 2, PresetName.Default, null, [2.375968, 1.504141, 1.504141], [132, 267, 267],
            [80, 192, 160] },
        { LiverSpacing, Liver, 131, 3, PresetName.ResEncL, null, [1.65285, 1.26869, 1.26869], null, [192, 192, 192] },
        { LiverSpacing, Liver, 131, 3, PresetName.ResEncXL, null, [1.38423, 1.06251, 1.06251], null, [224, 256, 224] },
        { LiverSpacing, Liver, 131, 3, PresetName.Default, 16, [], null, [160, 192, 160] },
    };

    [Theory]
    [MemberData(nameof(Lowres))]
    public void Lowres_stages_follow_the_vectors(
        double[] spacing, int[] shape, int cases, int labelEntries, PresetName preset, double? gigabytes, double[] lowSpacing,
        int[]? lowShape, int[] patch)
    {
        var plans = Plan(
            Identical(cases, spacing, shape), labelEntries,
            new PlannerOptions { Preset = preset, MemoryGigabytes = gigabytes }).Plans;
        var low = plans.Resolve("3d_lowres");
        Assert.All(Enumerable.Range(0, lowSpacing.Length), axis => Assert.Equal(lowSpacing[axis], low.Spacing[axis], 1e-5));
        if (lowShape is not null)
        {
            Assert.Equal(lowShape, low.MedianImageSize.Select(value => (int)value));
        }

        Assert.Equal(patch, low.PatchSize);
        Assert.False(low.BatchDice);
        Assert.Equal("3d_cascade_fullres", low.NextStage);
        var cascade = plans.Resolve("3d_cascade_fullres");
        var full = plans.Resolve("3d_fullres");
        Assert.Equal(("3d_fullres", "3d_lowres"), (cascade.InheritsFrom, cascade.PreviousStage));
        AssertPlan(full.PatchSize, full.BatchSize, cascade);
        Assert.Equal(full.DataIdentifier, cascade.DataIdentifier);
        Assert.True(cascade.BatchDice && full.BatchDice);
    }

    [Fact]
    public void A_lowres_stage_with_more_than_half_of_the_voxels_is_dropped()
    {
        var result = Plan(Identical(282, PancreasSpacing, Pancreas), 3, new PlannerOptions { Preset = PresetName.ResEncL });
        Assert.DoesNotContain("3d_lowres", result.Plans.Configurations.Keys);
        Assert.DoesNotContain("3d_cascade_fullres", result.Plans.Configurations.Keys);
        var decision = result.Decisions.Single(one => one.Configuration == "3d_lowres");
        Assert.Contains("4 steps, reduction 1.26", decision.Inputs, StringComparison.Ordinal);
        Assert.Equal("none", decision.Result);
    }

    [Fact]
    public void A_patch_above_a_quarter_of_the_median_case_needs_no_lowres_stage()
    {
        var result = Plan(Identical(20, [1.37, 1.25, 1.25], [115, 320, 232]), 2);
        Assert.Contains(
            "0.287856", result.Decisions.Single(one => one.Configuration == "3d_lowres").Inputs, StringComparison.Ordinal);
        Assert.DoesNotContain("3d_lowres", result.Plans.Configurations.Keys);
    }

    [Fact]
    public void Residual_presets_share_data_but_not_lowres()
    {
        var fingerprint = Identical(131, LiverSpacing, Liver);
        var plain = Plan(fingerprint, 3).Plans;
        var residual = Plan(fingerprint, 3, new PlannerOptions { Preset = PresetName.ResEncM }).Plans;
        Assert.Equal(plain.Resolve("2d").DataIdentifier, residual.Resolve("2d").DataIdentifier);
        Assert.Equal(plain.Resolve("3d_fullres").DataIdentifier, residual.Resolve("3d_fullres").DataIdentifier);
        Assert.NotEqual(plain.Resolve("3d_lowres").DataIdentifier, residual.Resolve("3d_lowres").DataIdentifier);
        Assert.Equal(NetworkFamily.ResidualEncoderUNet, residual.Resolve("2d").Architecture.Family);
    }

    [Fact]
    public void ResEnc_base_is_M_with_the_five_percent_cap()
    {
        var fingerprint = Identical(260, Iso, Hippocampus);
        var capped = Plan(fingerprint, 3, new PlannerOptions { Preset = PresetName.ResEnc }).Plans.Resolve("3d_fullres");
        AssertPlan([40, 56, 40], 9, capped);
    }

    [Fact]
    public void Other_families_are_planned_on_the_default_budget()
    {
        var fingerprint = Identical(131, LiverSpacing, Liver);
        var plain = Plan(fingerprint, 3);
        var nested = Plan(fingerprint, 3, new PlannerOptions { Family = NetworkFamily.UNetPlusPlus });
        var stu = Plan(fingerprint, 3, new PlannerOptions { Family = NetworkFamily.StuNet, StuNetVariant = StuNetVariant.B });

        Assert.True(nested.MemoryEstimates["3d_fullres"] <= 560_000_000);
        Assert.True(nested.Plans.Resolve("3d_fullres").Patch.Voxels < plain.Plans.Resolve("3d_fullres").Patch.Voxels);
        Assert.True(stu.MemoryEstimates["3d_fullres"] <= 560_000_000);
        Assert.Equal(6, stu.Plans.Resolve("3d_fullres").Architecture.StageCount);
        Assert.Equal([32, 64, 128, 256, 512, 512], stu.Plans.Resolve("3d_fullres").Architecture.FeaturesPerStage);
        Assert.DoesNotContain("2d", stu.Plans.Configurations.Keys);
    }

    [Fact]
    public void A_memory_target_that_holds_no_patch_is_a_clear_error()
    {
        var error = Assert.Throws<SharpSegException>(
            () => Plan(Identical(10, Iso, [200, 200, 200]), 3, new PlannerOptions { MemoryGigabytes = 1e-6 }));
        Assert.Contains("no patch fits", error.Message, StringComparison.Ordinal);
        Assert.NotNull(error.Hint);
    }

    [Fact]
    public void Images_too_small_for_any_network_are_a_clear_error()
    {
        var error = Assert.Throws<SharpSegException>(() => Plan(Identical(10, Iso, [3, 4, 5]), 3));
        Assert.Contains("3×4×5", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void CT_without_foreground_statistics_is_a_clear_error()
    {
        var fingerprint = Identical(10, Iso, [64, 64, 64]) with { IntensityProperties = new IntensityProperties?[] { null } };
        var description = DatasetDescription.FromJson(
            """{"channel_names": {"0": "CT"}, "labels": {"background": 0, "a": 1}, "numTraining": 10, "file_ending": ".nii.gz"}""");
        var error = Assert.Throws<SharpSegException>(() => Planner.Plan(fingerprint, description, new PlannerOptions()));
        Assert.Contains("CT", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_number_is_explained()
    {
        var result = Plan(Identical(131, LiverSpacing, Liver), 3);
        foreach (var name in new[] { "2d", "3d_fullres", "3d_lowres" })
        {
            var subjects = result.Decisions.Where(decision => decision.Configuration == name)
                .Select(decision => decision.Subject).ToArray();
            Assert.All(["patch_size", "batch_size", "architecture", "batch_dice"], subject => Assert.Contains(subject, subjects));
        }

        Assert.All(result.Decisions, decision => Assert.True(decision.Rule.Length > 0 && decision.Result.Length > 0));
        var table = PlanTable.Write(result, explain: true);
        Assert.Contains("128×128×128", table, StringComparison.Ordinal);
        Assert.Contains("docs/method/planning.md §3.6", table, StringComparison.Ordinal);
        Assert.Contains("31 steps", table, StringComparison.Ordinal);
    }
}
