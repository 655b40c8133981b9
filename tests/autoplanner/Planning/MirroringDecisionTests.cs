using System.Text.Json.Nodes;
using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Planning.Fingerprinting;
using SharpSeg.AutoPlanner.Steps;
using SharpSeg.AutoPlanner.Workspaces;
using Xunit;
using static SharpSeg.AutoPlanner.Tests.Planning.PlanningFixtures;

namespace SharpSeg.AutoPlanner.Tests.Planning;

/// <summary>Which axes plans leave unmirrored (docs/method/planning.md §3.12).</summary>
public sealed class MirroringDecisionTests
{
    private static readonly DatasetDescription Sided = new(
        "sided", ["MRI"], new LabelScheme([new("background", [0]), new("left", [1]), new("right", [2])]), ".nii.gz", null);

    private static readonly DatasetDescription Other = new(
        "other", ["MRI"], new LabelScheme([new("background", [0]), new("a", [1]), new("b", [2])]), ".nii.gz", null);

    // The coarsest axis comes first: y of the files becomes axis 0.
    private static readonly Fingerprint Coronal = Identical(20, [1, 4, 1], [60, 20, 70]);

    [Theory]
    [InlineData(new[] { 2 }, new[] { 2 })]
    [InlineData(new[] { 1 }, new[] { 0 })]
    [InlineData(new[] { 0 }, new[] { 1 })]
    [InlineData(new[] { 0, 2 }, new[] { 1, 2 })]
    public void The_axis_of_left_and_right_is_left_out_in_the_plans_own_order(int[] stored, int[] planned)
    {
        var result = Planner.Plan(Coronal with { LeftRightAxes = stored }, Sided, new PlannerOptions());
        Assert.Equal([1, 0, 2], result.Plans.TransposeForward);
        Assert.Equal(planned, result.Plans.UnmirroredAxes);
        var decision = Assert.Single(result.Decisions, decision => decision.Subject == "unmirrored_axes");
        Assert.Contains("left/right", decision.Inputs, StringComparison.Ordinal);
        Assert.Contains("unlike in nnU-Net", MirroringDecision.Notice(result.Plans, Sided.Labels), StringComparison.Ordinal);
        Assert.Equal(planned, PlansJson.Parse(PlansJson.ToJson(result.Plans), "plans.json").UnmirroredAxes);
    }

    [Fact]
    public void Without_pairs_plans_are_those_of_the_reference()
    {
        var fingerprint = Coronal with { LeftRightAxes = [2] };
        var result = Planner.Plan(fingerprint, Other, new PlannerOptions());
        Assert.Empty(result.Plans.UnmirroredAxes);
        Assert.DoesNotContain(result.Decisions, decision => decision.Subject == "unmirrored_axes");
        Assert.DoesNotContain("unmirrored", PlansJson.ToJson(result.Plans), StringComparison.Ordinal);
        Assert.Null(MirroringDecision.Notice(result.Plans, Other.Labels));
        Assert.Equal(
            PlansJson.ToJson(result.Plans with { DatasetName = "sided", MirrorsAll = true }),
            PlansJson.ToJson(Planner.Plan(fingerprint, Sided, new PlannerOptions { Mirroring = MirroringRule.All }).Plans));
    }

    [Fact]
    public void The_user_decides_otherwise()
    {
        var fingerprint = Coronal with { LeftRightAxes = [2] };
        var all = Planner.Plan(fingerprint, Sided, new PlannerOptions { Mirroring = MirroringRule.All });
        Assert.Empty(all.Plans.UnmirroredAxes);
        Assert.True(PlansJson.Parse(PlansJson.ToJson(all.Plans), "plans.json").MirrorsAll);
        Assert.Contains(all.Decisions, decision => decision is { Subject: "unmirrored_axes", Result: "none" });
        var none = Planner.Plan(fingerprint, Other, new PlannerOptions { Mirroring = MirroringRule.NotLeftRight });
        Assert.Equal([2], none.Plans.UnmirroredAxes);
    }

    /// <summary>`auto --resume` without the option, of plans that were made with it.</summary>
    [Fact]
    public void A_resumed_auto_remembers_that_all_axes_were_asked_for()
    {
        using var folder = new TemporaryFolder();
        var work = new Workspace(Path.Combine(folder.Path, "work"));
        var begun = new PlannerOptions { Mirroring = MirroringRule.All };
        work.MakeFolder();
        work.WritePlans(Planner.Plan(Coronal with { LeftRightAxes = [2] }, Other, begun).Plans);
        var asked = new AutoRequest("dataset", work.Folder, [], [], new PlannerOptions(), null, 1, Resume: true);
        Assert.Equal(begun, AutoRun.PlannerOf(asked, work, SilentReporter.Instance));
        Assert.Equal(asked.Planner, AutoRun.PlannerOf(asked with { Resume = false }, work, SilentReporter.Instance));
        var other = new PlannerOptions { Mirroring = MirroringRule.NotLeftRight };
        Assert.Equal(other, AutoRun.PlannerOf(asked with { Planner = other }, work, SilentReporter.Instance));
    }

    [Fact]
    public void Of_an_unknown_orientation_x_is_taken_and_said()
    {
        var result = Planner.Plan(Coronal, Sided, new PlannerOptions());
        Assert.Equal([2], result.Plans.UnmirroredAxes);
        Assert.Contains(result.Decisions, decision => decision.Inputs.Contains("does not say", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(new double[] { -1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0 }, 2)]    // axial
    [InlineData(new double[] { 0, 0, 1, 0, 1, 0, 0, 0, 0, 1, 0, 0 }, 0)]     // sagittal slices
    [InlineData(new double[] { 0, .9, .1, 0, 1, .1, 0, 0, 0, 0, 1, 0 }, 1)]
    [InlineData(new double[] { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }, 2)]     // nothing known
    public void The_axis_comes_from_the_orientation(double[] affine, int axis) =>
        Assert.Equal(axis, PatientSpace.LeftRightAxis(affine));

    [Theory]
    [InlineData("[3]")]
    [InlineData("[0, 0]")]
    [InlineData("[-1]")]
    [InlineData("[0, 1, 2, 1]")]
    public void Bad_axes_are_refused(string axes)
    {
        var plans = PlansJson.ToJson(Planner.Plan(Coronal, Sided, new PlannerOptions()).Plans);
        var bad = JsonNode.Parse(plans)!.AsObject();
        bad["unmirrored_axes"] = JsonNode.Parse(axes);
        Assert.Contains(
            "unmirrored_axes", Assert.Throws<SharpSegException>(() => PlansJson.Parse(bad.ToJsonString(), "plans.json")).Message,
            StringComparison.Ordinal);
    }
}
