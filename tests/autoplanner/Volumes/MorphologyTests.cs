using SharpSeg.AutoPlanner.Batches.Augmentation;
using SharpSeg.AutoPlanner.Volumes;
using SharpSeg.Engine.Tensors;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Volumes;

/// <summary>docs/method/augmentation.md §8.2 and §8.3.</summary>
public sealed class MorphologyTests
{
    [Theory]
    [InlineData(1, 7)]
    [InlineData(1.25, 7)]
    [InlineData(1.5, 8)]
    [InlineData(2, 33)]
    [InlineData(2.7, 56)]
    [InlineData(3, 123)]
    [InlineData(3.5, 160)]
    [InlineData(4.5, 360)]
    [InlineData(5, 515)]
    [InlineData(7.9, 1736)]
    [InlineData(8, 2109)]
    public void Elements_have_the_specified_number_of_voxels(double radius, int voxels) =>
        Assert.Equal(voxels, new StructuringElement(radius, planar: false).Voxels);

    [Theory]
    [InlineData(1, 7, 2, 4)]
    [InlineData(1.5, 8, 2, 3)]
    [InlineData(2.7, 56, 1, 4)]
    public void Dilating_a_voxel_gives_the_element(double radius, int voxels, int first, int last)
    {
        var (mask, morphology) = Masks(new(7, 7, 7));
        mask[3, 3, 3] = true;
        morphology.Dilate(mask, new StructuringElement(radius, planar: false));
        Assert.Equal(voxels, mask.Count());
        var inside = from z in Enumerable.Range(0, 7)
                     from y in Enumerable.Range(0, 7)
                     from x in Enumerable.Range(0, 7)
                     where mask[z, y, x]
                     select (z, y, x);
        Assert.All(
            inside, v => Assert.True(v.z >= first && v.z <= last && v.y >= first && v.y <= last && v.x >= first && v.x <= last));
        Assert.Contains(inside, v => v.z == first);
        Assert.Contains(inside, v => v.x == last);
    }

    [Fact]
    public void Erosion_takes_nothing_from_a_block_that_fills_the_patch()
    {
        var (mask, morphology) = Masks(new(5, 5, 5));
        mask.Invert();
        morphology.Erode(mask, new StructuringElement(3, planar: false));
        Assert.Equal(125, mask.Count());
    }

    [Fact]
    public void Opening_and_closing_of_the_specified_figure_match()
    {
        var (mask, morphology) = Masks(new(1, 5, 5));
        Fill(mask);
        morphology.Open(mask, new StructuringElement(1, planar: true));
        Assert.Equal("00000/00110/01111/00110/00000", Show(mask));
        Fill(mask);
        morphology.Close(mask, new StructuringElement(1, planar: true));
        Assert.Equal("00100/01110/11111/01110/00100", Show(mask));

        static void Fill(BitVolume mask)
        {
            for (var y = 0; y < 5; y++)
            {
                for (var x = 0; x < 5; x++)
                {
                    mask[0, y, x] = (y is >= 1 and <= 3 && x is >= 1 and <= 3) || (y == 2 && x == 4);
                }
            }
        }
    }

    // Rows of more than one word, shifts both ways, even and odd elements.
    [Theory]
    [InlineData(1.5)]
    [InlineData(2.3)]
    [InlineData(4)]
    [InlineData(7.6)]
    public void All_operations_match_their_definition(double radius)
    {
        var size = new Extent(4, 6, 70);
        var element = new StructuringElement(radius, planar: false);
        var offsets =
            (from run in element.Runs from x in Enumerable.Range(run.From, run.To - run.From + 1) select (run.Z, run.Y, X: x))
                .ToList();
        var (mask, morphology) = Masks(size);
        var random = new CounterRandom(3);
        var start = new bool[size.Voxels];
        for (var i = 0; i < 20; i++)
        {
            start[random.NextInt(0, start.Length - 1)] = true;
        }

        var dilated = Dilate(start);
        Check(dilated, m => morphology.Dilate(mask, m));
        Check(Erode(dilated), m => morphology.Close(mask, m));
        start = dilated;
        Check(Erode(start), m => morphology.Erode(mask, m));
        Check(Dilate(Erode(start)), m => morphology.Open(mask, m));

        void Check(bool[] expected, Action<StructuringElement> operation)
        {
            for (var i = 0; i < start.Length; i++)
            {
                mask[i / (6 * 70), i / 70 % 6, i % 70] = start[i];
            }

            operation(element);
            for (var i = 0; i < start.Length; i++)
            {
                Assert.Equal(expected[i], mask[i / (6 * 70), i / 70 % 6, i % 70]);
            }

            Assert.Equal(expected.Count(e => e), mask.Count());
        }

        bool[] Dilate(bool[] from) => Map((z, y, x) => offsets.Any(o => Get(from, z - o.Z, y - o.Y, x - o.X, false)));
        bool[] Erode(bool[] from) => Map((z, y, x) => offsets.All(o => Get(from, z + o.Z, y + o.Y, x + o.X, true)));
        bool[] Map(Func<int, int, int, bool> rule) =>
            [.. Enumerable.Range(0, (int)size.Voxels).Select(i => rule(i / (6 * 70), i / 70 % 6, i % 70))];
        bool Get(bool[] from, int z, int y, int x, bool outside) => z >= 0 && z < 4 && y >= 0 && y < 6 && x >= 0 && x < 70
            ? from[(((z * 6) + y) * 70) + x] : outside;
    }

    [Fact]
    public void One_small_component_is_removed_with_equal_chances()
    {
        // 1000 voxels: components of 2 (touching at a corner), 1 and 150 voxels; 150 is not below 15 %.
        var size = new Extent(10, 10, 10);
        var counts = new Dictionary<long, int>();
        for (var i = 0; i < 400; i++)
        {
            var mask = new BitVolume(size);
            mask[0, 0, 0] = mask[1, 1, 1] = mask[4, 0, 9] = true;
            for (var v = 0; v < 150; v++)
            {
                mask[8 - (v / 100), v / 10 % 10, v % 10] = true;
            }

            ComponentRemoval.Apply(mask, new CounterRandom(1, i));
            counts[mask.Count()] = counts.GetValueOrDefault(mask.Count()) + 1;
        }

        Assert.Equal([151, 152], counts.Keys.Order());
        Assert.All(counts.Values, c => Assert.InRange(c, 160, 240));
    }

    [Fact]
    public void A_large_component_stays()
    {
        var mask = new BitVolume(new(1, 10, 10));
        for (var x = 0; x < 15; x++)
        {
            mask[0, x / 10, x % 10] = true;
        }

        ComponentRemoval.Apply(mask, new CounterRandom(1));
        Assert.Equal(15, mask.Count());
        mask[0, 1, 4] = false;
        ComponentRemoval.Apply(mask, new CounterRandom(1));
        Assert.Equal(0, mask.Count());
    }

    private static (BitVolume Mask, Morphology Morphology) Masks(Extent size) => (new(size), new(new(size), new(size)));

    private static string Show(BitVolume mask) => string.Join('/', Enumerable.Range(0, mask.Size.Y).Select(
        y => string.Concat(Enumerable.Range(0, mask.Size.X).Select(x => mask[0, y, x] ? '1' : '0'))));
}
