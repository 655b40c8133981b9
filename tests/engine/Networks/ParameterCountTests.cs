using SharpSeg.AutoPlanner.Tests;
using SharpSeg.Engine.Networks;
using SharpSeg.Engine.Tests.Training;
using SharpSeg.Engine.Training;
using Xunit;

namespace SharpSeg.Engine.Tests.Networks;

/// <summary>
/// Parameters of networks against the reference implementations. The counts of docs/method/networks.md §9 are asserted beside
/// that page.
/// </summary>
public class ParameterCountTests
{
    [Fact]
    public void Classic_without_a_cap_and_the_later_release_match()
    {
        var noCap = CountedPlans.Cubic(
            NetworkFamily.ClassicUNet, CountedPlans.Features(30, 960, 6), 1, 2) with
        { DeepSupervision = true };
        Assert.Equal(79_530_990, CountedPlans.Count(noCap));
        var v1 = CountedPlans.Cubic(NetworkFamily.ClassicUNet, CountedPlans.Modern3D, 1, 2) with { DeepSupervision = true };
        Assert.Equal(31_194_784, CountedPlans.Count(v1));
    }

    [Fact]
    public void Counts_of_planned_networks_match_the_reference()
    {
        foreach (var entry in GoldenJson.Rows("network_params.json", 164, 10))
        {
            var arch = entry.GetProperty("arch");
            var family = entry.GetProperty("class").GetString() == "PlainConvUNet"
                ? NetworkFamily.PlainUNet
                : NetworkFamily.ResidualEncoderUNet;
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
            Assert.Equal(entry.GetProperty("n_params").GetInt64(), CountedPlans.Count(plan));
        }
    }

    [Fact]
    public void Names_and_shapes_are_those_of_the_reference_state_dict()
    {
        var golden = GoldenJson.Read("functions", "state_dict_keys.json");
        Check("nnUNetPlans:2d", CountedPlans.Flat(NetworkFamily.PlainUNet, CountedPlans.Modern3D[..4], 1, 3));
        Check("nnUNetPlans:3d_fullres", CountedPlans.Cubic(NetworkFamily.PlainUNet, CountedPlans.Modern3D[..4], 1, 3));
        Check(
            "nnUNetResEncUNetMPlans:3d_fullres",
            CountedPlans.Residual(CountedPlans.Cubic(NetworkFamily.ResidualEncoderUNet, CountedPlans.Modern3D[..4], 1, 3)));

        void Check(string key, NetworkPlan plan)
        {
            // The reference lists every tensor up to three times: as conv/norm, as all_modules, and again below decoder.encoder.
            var expected = golden.GetProperty(key).EnumerateObject()
                .Where(
                    p => !p.Name.Contains("all_modules", StringComparison.Ordinal)
                        && !p.Name.StartsWith("decoder.encoder", StringComparison.Ordinal))
                .Select(p => $"{p.Name} [{string.Join(",", GoldenPlans.Integers(p.Value))}]");
            using var backend = new RehearsalBackend();
            using var network = Network.Create(plan, backend);
            var actual = network.Parameters.Parameters
                .Select(p => $"{p.Name} [{string.Join(",", WeightLayout.ReferenceShape(p, plan.Is2D))}]");
            Assert.Equal(expected, actual);
        }
    }
}
