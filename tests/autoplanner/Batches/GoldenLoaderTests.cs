using System.Text.Json;
using SharpSeg.AutoPlanner.Batches;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.Engine.Tensors;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Batches;

/// <summary>
/// The statistics of 20,000 boxes that nnU-Net v2 drew from a real case, for several patches, forced to foreground and not. The
/// random numbers differ; ranges are the same and moments agree within their standard errors.
/// </summary>
public sealed class GoldenLoaderTests
{
    private const int Draws = 20_000;

    [SharedFact]
    public void Boxes_of_a_real_case_are_distributed_as_in_the_reference()
    {
        var arrays = Npz.Read(SharedFolder.At("golden", "preprocess", "hippocampus", "hippocampus_001__3d_fullres.npz"));
        var shape = Extent.FromArray(arrays["seg"].Shape[1..]);
        var labels = arrays["seg"].Labels;
        var source = new MemoryCase("hippocampus_001", shape, arrays["data"].Floats, labels, [1, 2]);
        var golden = GoldenJson.Read("functions", "dataloader.json");
        Assert.Equal(golden.GetProperty("class_location_counts").GetProperty("1").GetInt32(), source.LocationCount(0));
        Assert.Equal(golden.GetProperty("class_location_counts").GetProperty("2").GetInt32(), source.LocationCount(1));
        var tables = new[] { new SummedVolume(labels, shape, l => l == 1), new SummedVolume(labels, shape, l => l == 2) };
        foreach (var box in golden.GetProperty("bbox").EnumerateArray())
        {
            Compare(box, source, tables);
        }
    }

    private static void Compare(JsonElement box, MemoryCase source, SummedVolume[] tables)
    {
        Extent initial = Extents(box, "patch_size"), final = Extents(box, "final_patch_size");
        var sampler = new PatchSampler(Profile.Modern, is2D: initial.Z == 1, initial, final);
        var random = new CounterRandom(11, initial.Z, initial.Y);
        var forced = box.GetProperty("force_fg").GetBoolean();
        int[] low = [999, 999, 999], high = [-999, -999, -999];
        double[] sum = new double[3], squares = new double[3];
        int[] withClass = new int[2];
        var withForeground = 0;
        for (var i = 0; i < Draws; i++)
        {
            var start = sampler.Draw(source, forced, random).Start;
            for (var axis = 0; axis < 3; axis++)
            {
                low[axis] = Math.Min(low[axis], start[axis]);
                high[axis] = Math.Max(high[axis], start[axis]);
                sum[axis] += start[axis];
                squares[axis] += start[axis] * start[axis];
            }

            var any = false;
            for (var c = 0; c < 2; c++)
            {
                var has = tables[c].Count(start, initial) > 0;
                withClass[c] += has ? 1 : 0;
                any |= has;
            }

            withForeground += any ? 1 : 0;
        }

        for (var axis = 0; axis < 3; axis++)
        {
            var deviation = Numbers(box, "lbs_std")[axis];
            Assert.Equal(Numbers(box, "lbs_min")[axis], low[axis]);
            Assert.Equal(Numbers(box, "lbs_max")[axis], high[axis]);

            // Two samples of 20,000 against each other: √2 standard errors each; four of them.
            var mean = sum[axis] / Draws;
            Assert.Equal(Numbers(box, "lbs_mean")[axis], mean, (4 * Math.Sqrt(2) * deviation / Math.Sqrt(Draws)) + 1e-9);
            Assert.Equal(deviation, Math.Sqrt(Math.Max(0, (squares[axis] / Draws) - (mean * mean))), (0.03 * deviation) + 1e-9);
        }

        AssertFrequency(box.GetProperty("fraction_patches_with_fg").GetDouble(), withForeground);
        AssertFrequency(box.GetProperty("fraction_with_class").GetProperty("1").GetDouble(), withClass[0]);
        AssertFrequency(box.GetProperty("fraction_with_class").GetProperty("2").GetDouble(), withClass[1]);
    }

    private static void AssertFrequency(double expected, int count) =>
        Assert.Equal(expected, count / (double)Draws, 4 * Math.Sqrt(2 * expected * (1 - expected) / Draws));

    private static Extent Extents(JsonElement box, string name) =>
        Extent.FromArray([.. box.GetProperty(name).EnumerateArray().Select(v => v.GetInt32())]);

    private static double[] Numbers(JsonElement box, string name) =>
        [.. box.GetProperty(name).EnumerateArray().Select(v => v.GetDouble())];

    /// <summary>Counts voxels of a class in any box with eight look-ups.</summary>
    private sealed class SummedVolume
    {
        private readonly int[,,] sums;
        private readonly Extent shape;

        public SummedVolume(short[] labels, Extent shape, Func<short, bool> isClass)
        {
            this.shape = shape;
            sums = new int[shape.Z + 1, shape.Y + 1, shape.X + 1];
            for (var z = 0; z < shape.Z; z++)
            {
                for (var y = 0; y < shape.Y; y++)
                {
                    for (var x = 0; x < shape.X; x++)
                    {
                        sums[z + 1, y + 1, x + 1] = (isClass(labels[(((z * shape.Y) + y) * shape.X) + x]) ? 1 : 0)
                            + sums[z, y + 1, x + 1] + sums[z + 1, y, x + 1] + sums[z + 1, y + 1, x]
                            - sums[z, y, x + 1] - sums[z, y + 1, x] - sums[z + 1, y, x] + sums[z, y, x];
                    }
                }
            }
        }

        public int Count(Extent start, Extent size)
        {
            int z0 = Math.Max(start.Z, 0), y0 = Math.Max(start.Y, 0), x0 = Math.Max(start.X, 0);
            int z1 = Math.Min(start.Z + size.Z, shape.Z), y1 = Math.Min(start.Y + size.Y, shape.Y),
            x1 = Math.Min(start.X + size.X, shape.X);
            return sums[z1, y1, x1] - sums[z0, y1, x1] - sums[z1, y0, x1] - sums[z1, y1, x0]
                + sums[z0, y0, x1] + sums[z0, y1, x0] + sums[z1, y0, x0] - sums[z0, y0, x0];
        }
    }
}
