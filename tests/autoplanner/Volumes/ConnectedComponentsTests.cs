using SharpSeg.AutoPlanner.Volumes;
using SharpSeg.Engine.Tensors;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Volumes;

/// <summary>Vectors of docs/method/evaluation.md §6.</summary>
public sealed class ConnectedComponentsTests
{
    private static readonly short[] Rows =
    [
        1, 1, 1, 0, 0, 0, 2, 2,
        1, 1, 1, 0, 0, 0, 0, 0,
        2, 2, 2, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 2, 0, 1,
    ];

    [Fact]
    public void Connectivity_decides_over_diagonal_contact()
    {
        short[] mask = [1, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1];
        var extent = new Extent(1, 4, 6);
        Assert.Equal([3, 2], ConnectedComponents.Find(mask, extent, [1], Connectivity.Full).Sizes);
        Assert.Equal([2, 1, 2], ConnectedComponents.Find(mask, extent, [1], Connectivity.Face).Sizes);

        short[] full = [.. mask], face = [.. mask];
        Assert.Equal(2, ConnectedComponents.KeepLargest(full, extent, [1], Connectivity.Full));
        Assert.Equal([1, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], full);
        Assert.Equal(1, ConnectedComponents.KeepLargest(face, extent, [1], Connectivity.Face));
        Assert.Equal([1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1], face);
    }

    [Fact]
    public void Only_labels_of_the_set_are_touched()
    {
        short[] both = [1, 1, 1, 0, 0, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 2, 2, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        Assert.Equal(both, Kept([1, 2]));
        Assert.Equal([1, 1, 1, 0, 0, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 2, 2, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], Kept([2]));
        Assert.Equal([1, 1, 1, 0, 0, 0, 2, 2, 1, 1, 1, 0, 0, 0, 0, 0, 2, 2, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0], Kept([1]));
        Assert.Equal(both, Kept([1, 2], [2]));
        Assert.Equal(Rows, Kept([9]));
    }

    [Fact]
    public void Components_equal_a_flood_fill_on_random_volumes() => Seeded.Run(random =>
    {
        foreach (var extent in new Extent[] { new(1, 1, 1), new(1, 1, 40), new(6, 7, 9), new(9, 1, 11), new(3, 13, 2),
            new(2, 3, 130) })
        {
            for (var round = 0; round < 20; round++)
            {
                var mask = new bool[extent.Voxels];
                for (var i = 0; i < mask.Length; i++)
                {
                    mask[i] = random.NextDouble() < round / 20.0;
                }

                var bits = new BitVolume(extent);
                bits.SetWhere(Array.ConvertAll(mask, set => (short)(set ? 1 : 0)), 1);
                foreach (var connectivity in new[] { Connectivity.Face, Connectivity.Full })
                {
                    var expected = FloodFill(mask, extent, connectivity);
                    Assert.Equal(expected, ConnectedComponents.Find(mask, extent, connectivity).ToVolume());
                    Assert.Equal(expected, ConnectedComponents.Find(bits, connectivity).ToVolume());
                }
            }
        }
    });

    [Fact]
    public void Golden_masks_are_equal()
    {
        var compared = 0;
        foreach (var item in GoldenJson.Rows("largest_component.json", 14, 2))
        {
            var segmentation = item.GetProperty("segmentation");
            if (!segmentation.TryGetProperty("shape", out _))
            {
                continue;
            }

            var extent = GoldenJson.ExtentOf(segmentation);
            (string Key, int[] Set, Connectivity Connectivity)[] checks =
            [
                ("v2_from_seg_[1,2,3]", [1, 2, 3], Connectivity.Full), ("v2_from_seg_1", [1], Connectivity.Full),
                ("v2_from_seg_[(1,2)]", [1, 2], Connectivity.Full), ("v1_[(1,2,3)]", [1, 2, 3], Connectivity.Face),
            ];
            foreach (var (key, set, connectivity) in checks)
            {
                if (!item.TryGetProperty(key, out var expected) || expected.ValueKind != System.Text.Json.JsonValueKind.Object)
                {
                    continue;
                }

                var labels = GoldenJson.Labels(segmentation);
                ConnectedComponents.KeepLargest(labels, extent, set, connectivity);
                Assert.Equal(GoldenJson.Labels(expected), labels);
                compared++;
            }
        }

        Assert.Equal(SharedFolder.Rows(49, 5), compared);
    }

    private static short[] Kept(params int[][] sets)
    {
        short[] labels = [.. Rows];
        foreach (var set in sets)
        {
            ConnectedComponents.KeepLargest(labels, new Extent(1, 4, 8), set, Connectivity.Full);
        }

        return labels;
    }

    private static int[] FloodFill(bool[] mask, Extent extent, Connectivity connectivity)
    {
        var volume = new int[mask.Length];
        var count = 0;
        for (var start = 0; start < mask.Length; start++)
        {
            if (!mask[start] || volume[start] != 0)
            {
                continue;
            }

            volume[start] = ++count;
            var queue = new Queue<int>([start]);
            while (queue.TryDequeue(out var voxel))
            {
                int x = voxel % extent.X, y = voxel / extent.X % extent.Y, z = voxel / extent.X / extent.Y;
                for (var n = 0; n < 27; n++)
                {
                    int dz = n / 9 - 1, dy = n / 3 % 3 - 1, dx = n % 3 - 1;
                    int nz = z + dz, ny = y + dy, nx = x + dx;
                    var inside = nz >= 0 && ny >= 0 && nx >= 0 && nz < extent.Z && ny < extent.Y && nx < extent.X;
                    if (!inside || (connectivity == Connectivity.Face && Math.Abs(dz) + Math.Abs(dy) + Math.Abs(dx) != 1))
                    {
                        continue;
                    }

                    var next = (nz * extent.Y + ny) * extent.X + nx;
                    if (mask[next] && volume[next] == 0)
                    {
                        volume[next] = count;
                        queue.Enqueue(next);
                    }
                }
            }
        }

        return volume;
    }
}
