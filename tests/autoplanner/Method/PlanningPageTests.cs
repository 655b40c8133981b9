using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Planning.Fingerprinting;
using SharpSeg.AutoPlanner.Volumes;
using SharpSeg.Engine.Networks;
using SharpSeg.Engine.Tensors;
using SharpSeg.Tests;
using Xunit;
using static SharpSeg.AutoPlanner.Tests.Planning.PlanningFixtures;

namespace SharpSeg.AutoPlanner.Tests.Method;

/// <summary>The numbers of docs/method/planning.md.</summary>
public sealed class PlanningPageTests
{
    private static readonly MethodPage Page = MethodPage.Open("docs/method/planning.md");
    private static readonly PlannerOptions Classic = new() { Profile = Profile.Classic };

    [Fact]
    public void Intensities_are_pooled_as_the_page_does()
    {
        var pooling = new EqualCasePooling(2) { Samples = 4 };
        var condensed = new[] { pooling.Condense([3, 1, 2]), pooling.Condense([10]) };
        Array.ForEach(condensed, pooling.Add);
        var result = pooling.Finish()!;
        var rows = Page.Table("pooling");
        rows[0].Agrees("value", [.. condensed.SelectMany(one => (float[])one.Detail).Select(value => (double)value)]);
        double[] values = [result.Mean, result.Std, result.Percentile005, result.Median, result.Percentile995];
        Assert.All(rows.Skip(1).Zip(values), pair => pair.First.Number("value").Agrees(pair.Second, 1e-12));
    }

    [Fact]
    public void Target_spacings_are_the_pages()
    {
        foreach (var row in Page.Table("target-spacing"))
        {
            var shape = row.Ints("median shape");
            var groups = row.Reals("cases × spacing").Chunk(4).Select(group => ((int)group[0], group[1..], shape)).ToArray();
            row.Agrees("target", TargetSpacing.Modern(Cases(groups), new DecisionLog()).ToArray(), 1e-9);
        }
    }

    [Fact]
    public void Resampled_shapes_are_the_pages() => Assert.All(Page.Table("resampled-shape"), row =>
        Assert.Equal(
            row.Extent("new shape"), ResampledShape.Of(row.Extent("shape"), row.Spacing("spacing"), row.Spacing("target"))));

    [Fact]
    public void Poolings_and_kernels_are_the_pages()
    {
        foreach (var row in Page.Table("pooling-rule"))
        {
            var pooling = PoolingRule.Apply(row.Reals("spacing"), row.Reals("size"));
            Assert.Equal(row.Ints("poolings"), pooling.Pools);
            Assert.Equal(row["strides after the first"], Stages(pooling.Strides.Skip(1)));
            Assert.Equal(row["kernels"], Stages(pooling.Kernels));
            Assert.Equal(row.Ints("patch"), pooling.Patch);
        }
    }

    [Fact]
    public void Memory_estimates_are_the_pages()
    {
        foreach (var row in Page.Table("memory-estimate"))
        {
            var pooling = PoolingRule.Apply(row.Reals("spacing"), row.Reals("patch"));
            Assert.Equal(row.Ints("patch"), pooling.Patch);
            var family = row["network"] == "residual" ? NetworkFamily.ResidualEncoderUNet : NetworkFamily.PlainUNet;
            var network = NetworkShapeRule.Apply(family, StuNetVariant.S, pooling);
            Assert.Equal(row.Whole("E"), MemoryEstimate.Of(network, pooling.Patch, labelEntries: 3));
        }
    }

    [Fact]
    public void The_patch_shrinks_along_the_pages_trace()
    {
        var result = Plan(Identical(20, [1.37, 1.25, 1.25], [115, 320, 232]), labelEntries: 2);
        var inputs =
            result.Decisions.Single(decision => decision is { Configuration: "3d_fullres", Subject: "patch_size" }).Inputs;
        var steps = inputs[(inputs.LastIndexOf(';') + 1)..].Split('→').Select(step => step.Trim()).ToArray();
        var lines = Page.Lines("patch-trace");
        Assert.Equal(lines.Count, steps.Length);
        Assert.All(lines.Zip(steps), pair => Assert.StartsWith(pair.First, pair.Second, StringComparison.Ordinal));
    }

    [Fact]
    public void Presets_are_the_pages()
    {
        var rows = Page.Table("presets");
        Assert.Equal(Enum.GetNames<PresetName>().Length, rows.Count);
        foreach (var row in rows)
        {
            var preset = Preset.Parse(row["preset"]);
            row.Number("memory, GB").Agrees(preset.MemoryGigabytes);
            row.Number("budget 3D").Agrees(preset.Budget3D);
            row.Number("budget 2D").Agrees(preset.Budget2D);
            row.Number("cover").Agrees(preset.DatasetCover);
        }
    }

    [Fact]
    public void Lowres_stages_are_the_pages()
    {
        foreach (var row in Page.Table("lowres"))
        {
            var low = Plan(Fingerprint(row, "shape"), (int)row.Whole("C")).Plans.Resolve("3d_lowres");
            row.Agrees("lowres spacing", low.Spacing);
            row.Agrees("lowres shape", low.MedianImageSize);
            Assert.Equal(row.Ints("patch"), low.PatchSize);
        }
    }

    [Fact]
    public void Whole_plans_are_the_pages() => Assert.All(Page.Table("whole-plans"), row => CheckPlans(
        row,
        Plan(
            Fingerprint(row, "shape"), (int)row.Whole("C"),
            new PlannerOptions { Preset = Preset.Parse(row["preset"]).Name }).Plans));

    [Fact]
    public void Classic_padding_is_the_pages()
    {
        foreach (var row in Page.Table("classic-padding"))
        {
            var axes = (int)row.Whole("axes");
            Assert.Equal(row.Whole("padded"), new ClassicPooling().Pad((int)row.Whole("size"), axes));
            Assert.Equal(row.Whole("poolings"), new ClassicPooling().Pools((int)row.Whole("padded"), axes));
        }
    }

    [Fact]
    public void Classic_plans_are_the_pages() =>
        Assert.All(Page.Table("classic-plans"), row => CheckPlans(row, Plan(Fingerprint(row, "m"), 3, Classic).Plans));

    [Fact]
    public void Classic_lowres_stages_are_the_pages()
    {
        foreach (var row in Page.Table("classic-lowres"))
        {
            var low = Plan(Identical(10, row.Reals("spacing"), row.Ints("m")), 3, Classic).Plans.Resolve("3d_lowres");
            row.Agrees("lowres spacing", low.Spacing, 1e-9);
            row.Agrees("lowres shape", low.MedianImageSize);
        }
    }

    private static Fingerprint Fingerprint(PageRow row, string shape) =>
        Identical((int)row.Whole("cases"), row.Reals("spacing"), row.Ints(shape));

    private static void CheckPlans(PageRow row, Plans plans)
    {
        AssertPlan(row.Ints("3D patch"), (int)row.Whole("batch"), plans.Resolve("3d_fullres"));
        AssertPlan(row.Ints("2D patch"), (int)row.Whole("2D batch"), plans.Resolve("2d"));
    }
}
