using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Planning.Fingerprinting;
using SharpSeg.Engine.Tensors;
using Xunit;
using static SharpSeg.AutoPlanner.Tests.Planning.PlanningFixtures;

namespace SharpSeg.AutoPlanner.Tests.Planning;

/// <summary>
/// Any spacing of 0.1..10 mm, any shape of 1..1000 voxels per axis, 1..8 channels, 1..100 classes: the planner ends with a valid
/// plan or with a clear error.
/// </summary>
public sealed class PlannerPropertyTests
{
    [Theory]
    [InlineData(Profile.Modern)]
    [InlineData(Profile.Classic)]
    public void Any_dataset_ends_in_a_valid_plan_or_a_clear_error(Profile profile)
    {
        var random = new Random(20261122);
        int planned = 0, refused = 0;
        for (var trial = 0; trial < 400; trial++)
        {
            var fingerprint = RandomFingerprint(random, trial);
            var channels = Enumerable.Range(0, random.Next(1, 9))
                .Select(_ => new[] { "CT", "MRI", "noNorm" }[random.Next(3)]).ToArray();
            var labels = random.Next(2, 102);
            var options = new PlannerOptions
            {
                Profile = profile,
                Preset = profile == Profile.Classic ? PresetName.Default : (PresetName)random.Next(5),
                MemoryGigabytes = random.Next(3) == 0 ? 1 + (random.NextDouble() * 40) : null,
                Transpose = random.Next(4) != 0,
            };
            try
            {
                Check(Plan(fingerprint, labels, options, channels), options, fingerprint);
                planned++;
            }
            catch (SharpSegException error)
            {
                Assert.NotEmpty(error.Message);
                Assert.DoesNotContain('\n', error.Message);
                refused++;
            }
        }

        Assert.True(planned > 320, $"{planned} planned, {refused} refused");
    }

    /// <summary>
    /// A damaged header may say 1e308 mm: the rules that go step by step once took minutes over that (more than this whole class
    /// takes). Any spacing that a file may state, any number of voxels.
    /// </summary>
    [Theory]
    [InlineData(Profile.Modern)]
    [InlineData(Profile.Classic)]
    public void The_wildest_dataset_ends_as_well(Profile profile) => Seeded.Run(random =>
    {
        double LogUniform(double low, double high) => low * Math.Pow(high / low, random.NextDouble());
        double Wild() => random.Next(3) == 0 ? LogUniform(.1, 10) : LogUniform(Spacing.Least, Spacing.Most);
        int Size() => random.Next(3) == 0 ? (int)LogUniform(1, int.MaxValue) : (int)LogUniform(1, 300);
        for (var trial = 0; trial < 40; trial++)
        {
            // One case more than one axis makes different at times, so that medians fall between the wild and the usual.
            var fingerprint = Cases(
                (random.Next(1, 3), [Wild(), Wild(), Wild()], [Size(), Size(), Size()]),
                (random.Next(0, 3), [Wild(), 1, 1], [Size(), 40, 40]));
            try
            {
                var options = new PlannerOptions { Profile = profile };
                Check(Plan(fingerprint, 2, options), options, fingerprint);
            }
            catch (SharpSegException error)
            {
                Assert.DoesNotContain('\n', error.Message);
            }
        }
    });

    [Theory]
    [InlineData(Profile.Modern)]
    [InlineData(Profile.Classic)]
    public void A_median_case_longer_than_any_scan_is_refused(Profile profile)
    {
        var error = Assert.Throws<SharpSegException>(
            () => Plan(Identical(3, [1, 1, 1], [40, 40, 200_000]), 2, new PlannerOptions { Profile = profile }));
        Assert.Contains("40×40×200000", error.Message, StringComparison.Ordinal);
        Assert.Contains("131072", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void More_memory_never_shrinks_a_patch() => Seeded.Run(random =>
    {
        for (var trial = 0; trial < 60; trial++)
        {
            var fingerprint = RandomFingerprint(random, trial);
            long previous = 0;
            foreach (var gigabytes in new[] { 4.0, 8, 12, 24, 48 })
            {
                long voxels;
                try
                {
                    var plans = Plan(fingerprint, 3, new PlannerOptions { MemoryGigabytes = gigabytes }).Plans;
                    voxels = plans.Configurations.TryGetValue("3d_fullres", out var full)
                        ? full.Patch.Voxels
                        : plans.Resolve("2d").Patch.Voxels;
                }
                catch (SharpSegException)
                {
                    continue;
                }

                Assert.True(voxels >= previous, $"trial {trial}: {voxels} voxels with {gigabytes} GB, {previous} with less");
                previous = voxels;
            }
        }
    });

    private static void Check(PlanResult result, PlannerOptions options, Fingerprint fingerprint)
    {
        Assert.NotEmpty(result.Plans.Configurations);
        foreach (var (name, configuration) in result.Plans.Configurations)
        {
            var network = configuration.ToNetworkPlan(configuration.Normalization.Count, 2, deepSupervision: true);
            network.Check();
            network.CheckPatch(configuration.Patch);
            Assert.True(configuration.BatchSize >= 2, name);
            Assert.All(configuration.Spacing, value => Assert.True(value > 0));
            if (options.Profile == Profile.Modern && configuration.InheritsFrom is null)
            {
                var preset = Preset.Of(options.Preset);
                var budget = ModernBudget.From(options, 2);
                var estimate = result.MemoryEstimates[name];
                Assert.False(
                    budget.IsTooLarge(estimate, configuration.PatchSize.Length),
                    $"{name}: E {estimate} of preset {preset.Label}");
            }
            else if (configuration.InheritsFrom is null)
            {
                Assert.True(
                    configuration.Patch.Voxels <= new ClassicPatch((options.MemoryGigabytes ?? 12) / 12, new ClassicPooling())
                        .PatchLimit(configuration.PatchSize.Length));
            }
        }

        // What was planned can be written, read and used.
        var text = PlansJson.ToJson(result.Plans);
        Assert.Equal(text, PlansJson.ToJson(PlansJson.Parse(text, $"{fingerprint.CaseCount} cases")));
    }

    private static Fingerprint RandomFingerprint(Random random, int trial)
    {
        var cases = random.Next(1, 12);
        var isotropic = trial % 5 == 0;
        double LogUniform(double low, double high) => low * Math.Pow(high / low, random.NextDouble());
        int Size() => trial % 3 == 0 ? random.Next(1, 40) : (int)LogUniform(1, 1001);
        var spacing = isotropic
            ? Enumerable.Repeat(LogUniform(.1, 10), 3).ToArray()
            : [LogUniform(.1, 10), LogUniform(.1, 10), LogUniform(.1, 10)];
        int[] shape = [Size(), Size(), Size()];
        var jitter = trial % 2 == 0;
        return new Fingerprint
        {
            Spacings =
                [.. Enumerable.Range(0, cases).Select(
                    _ => Spacing.FromArray([.. spacing.Select(s => Math.Clamp(jitter ? s * LogUniform(.7, 1.4) : s, .1, 10))]))],
            ShapesAfterCrop =
                [.. Enumerable.Range(0, cases)
                    .Select(
                        _ => Extent.FromArray(
                            [.. shape.Select(n => Math.Clamp(jitter ? (int)(n * LogUniform(.7, 1.4)) : n, 1, 1000))]))],
            MedianRelativeSizeAfterCropping = random.NextDouble(),
        };
    }
}
