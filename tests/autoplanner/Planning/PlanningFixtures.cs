using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Planning.Fingerprinting;
using SharpSeg.Engine.Tensors;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Planning;

/// <summary>
/// Fingerprints of invented datasets, and short notations for comparing plans with the tables of docs/method/planning.md.
/// </summary>
internal static class PlanningFixtures
{
    public static Fingerprint Cases(params (int Count, double[] Spacing, int[] Shape)[] groups)
    {
        var spacings = groups.SelectMany(group => Enumerable.Repeat(Spacing.FromArray(group.Spacing), group.Count)).ToArray();
        var shapes = groups.SelectMany(group => Enumerable.Repeat(Extent.FromArray(group.Shape), group.Count)).ToArray();
        return new Fingerprint
        {
            Spacings = spacings,
            ShapesAfterCrop = shapes,
            MedianRelativeSizeAfterCropping = 1,
            MeanRelativeSizeAfterCropping = 1,
        };
    }

    public static PlanResult Plan(
        Fingerprint fingerprint, int labelEntries, PlannerOptions? options = null, params string[] channels) => Planner.Plan(
        new PlanningFacts(fingerprint, "test", channels.Length == 0 ? ["MRI"] : channels, labelEntries),
        options ?? new PlannerOptions());

    public static Fingerprint Identical(int cases, double[] spacing, int[] shape) => Cases((cases, spacing, shape));

    public static void AssertPlan(int[] patch, int batch, ConfigurationPlan plan)
    {
        Assert.Equal(patch, plan.PatchSize);
        Assert.Equal(batch, plan.BatchSize);
    }

    /// <summary>Strides or kernels in the tables' notation: `122 222`.</summary>
    public static string Stages(IEnumerable<int[]> rows) => string.Join(' ', rows.Select(row => string.Concat(row)));

    /// <summary>`2×122 222` written out.</summary>
    public static string Repeat(params (int Times, string Stage)[] parts) =>
        string.Join(' ', parts.SelectMany(part => Enumerable.Repeat(part.Stage, part.Times)));
}
