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
        using var document = JsonDocument.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "golden", "planning", "pooling_excerpt.json")));
        var count = 0;
        foreach (var entry in document.RootElement.EnumerateArray())
        {
            count++;
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

        Assert.Equal(60, count);
    }

    private static int[] Ints(JsonElement list) => [.. list.EnumerateArray().Select(value => value.GetInt32())];

    private static string Rows(JsonElement rows) => Stages(rows.EnumerateArray().Select(Ints));
}
