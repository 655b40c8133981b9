using System.Globalization;
using System.Runtime.InteropServices;
using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Inference;
using SharpSeg.AutoPlanner.Tests.Inference;
using SharpSeg.AutoPlanner.Workspaces;
using SharpSeg.Engine.Tensors;
using SharpSeg.Tests;
using Xunit;
using Folds = SharpSeg.AutoPlanner.Workspaces.Splits;

namespace SharpSeg.AutoPlanner.Tests.Method;

/// <summary>The numbers of docs/method/datasets.md.</summary>
public sealed class DatasetsPageTests
{
    private static readonly MethodPage Page = MethodPage.Open("docs/method/datasets.md");
    private static readonly string[] Voxels = ["voxel 1", "voxel 2", "voxel 3", "voxel 4"];

    [Fact]
    public void Regions_write_their_labels_in_order()
    {
        var scheme = new LabelScheme(
            [new("background", [0]), new("whole", [1, 2, 3]), new("core", [2, 3]), new("enhancing", [3])], [1, 2, 3]);
        var rows = Page.Table("regions");
        var maps = rows.Take(3).Select(row => Voxels.Select(voxel => (float)row.Number(voxel).Value).ToArray()).ToArray();
        var labels = LabelDecision.Of(new GivenMaps(new Extent(1, 1, 4), maps), scheme);
        Assert.Equal(Voxels.Select(voxel => rows[3].Whole(voxel)), labels.Select(label => (long)label));
    }

    [Fact]
    public void A_voxel_lies_in_its_file_where_the_page_says()
    {
        var numbers = Page.Numbers("voxel-offset").Select(number => (int)number.Whole).ToArray();
        int element = numbers[5], position = numbers[^1];
        var extent = new Extent(35, 51, 37);
        var voxels = new float[extent.Voxels];
        voxels[element] = 251.458f;
        Assert.Equal(element, (((15 * extent.Y) + 20) * extent.X) + 14);

        using var folder = new TemporaryFolder();
        var path = Path.Combine(folder.Path, "scan.nii");
        double[] affine = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0];
        ImageFile.WriteFloats(path, voxels, new ImageGeometry(extent, new Spacing(1, 1, 1), affine, "none", []));
        Assert.Equal(251.458f, MemoryMarshal.Read<float>(File.ReadAllBytes(path).AsSpan(position)));
    }

    [Fact]
    public void The_generator_of_the_folds_starts_as_the_page_says()
    {
        var generator = new MersenneTwister(12345);
        Assert.All(Page.Numbers("mersenne"), number => Assert.Equal(number.Whole, generator.Next()));
    }

    [Fact]
    public void Folds_are_the_pages()
    {
        foreach (var row in Page.Table("folds"))
        {
            var ids = Enumerable.Range(0, (int)row.Whole("cases"))
                .Select(i => i.ToString("00", CultureInfo.InvariantCulture)).ToArray();
            var splits = Folds.Create(ids);
            Assert.Equal(5, splits.Folds.Count);
            for (var fold = 0; fold < 5; fold++)
            {
                Assert.Equal(
                    row.Ints($"fold {fold}"), splits.Folds[fold].Val.Select(id => int.Parse(id, CultureInfo.InvariantCulture)));
            }
        }
    }
}
