using System.Text.Json;
using SharpSeg.AutoPlanner.Planning;
using Xunit;
using static SharpSeg.AutoPlanner.Tests.Planning.PlanningFixtures;

namespace SharpSeg.AutoPlanner.Tests.Planning;

/// <summary>Pooling of random 2D and 3D sizes and spacings, as nnU-Net v2's own function answered.</summary>
public sealed class PoolingGoldenTests
{
    [Fact]
    public void Pooling_equals_the_reference()
    {
        foreach (var entry in GoldenJson.Rows("pool_and_conv_props.json", 60, 60))
        {
            var pooling = PoolingRule.Apply(
                [.. entry.GetProperty("spacing").EnumerateArray().Select(value => value.GetDouble())],
                [.. entry.GetProperty("patch_in").EnumerateArray().Select(value => value.GetDouble())]);
            var expected = entry.GetProperty("v2");
            Assert.Equal(Ints(expected.GetProperty("num_pool")), pooling.Pools);
            Assert.Equal(Ints(expected.GetProperty("patch")), pooling.Patch);
            Assert.Equal(Ints(expected.GetProperty("divisible")), pooling.Divisor);
            Assert.Equal(Rows(expected.GetProperty("strides_or_pool_kernels")), Stages(pooling.Strides));
            Assert.Equal(Rows(expected.GetProperty("conv_kernels")), Stages(pooling.Kernels));
        }
    }

    private static int[] Ints(JsonElement list) => [.. list.EnumerateArray().Select(value => value.GetInt32())];

    private static string Rows(JsonElement rows) => Stages(rows.EnumerateArray().Select(Ints));
}
