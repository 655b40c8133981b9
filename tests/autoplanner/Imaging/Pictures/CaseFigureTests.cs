using System.Globalization;
using System.Text.RegularExpressions;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Imaging.Pictures;
using SharpSeg.Engine.Tensors;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Imaging.Pictures;

/// <summary>
/// The slices of a case in a page (docs/method/memory.md §4): to the pixel, and of noise no more than a page holds.
/// </summary>
public sealed partial class CaseFigureTests
{
    private static readonly Extent Size = new(1, 400, 500);

    [Fact]
    public void Noise_is_outlined_coarsely_and_organs_to_the_pixel()
    {
        var random = new Random(1);
        var noise = Enumerable.Range(0, (int)Size.Voxels).Select(_ => (short)random.Next(5)).ToArray();
        var organs = Enumerable.Range(0, noise.Length).Select(i => (short)(i % 500 / 50 % 2 * (1 + (i / 500 / 40)))).ToArray();
        var geometry = new ImageGeometry(Size, new Spacing(1, 1, 1), [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0], "", []);
        var page = CaseFigure.Rows(new CaseVoxels(new LabelImage(geometry, organs), noise), "a").ToString();
        var scales = Scale().Matches(page)
            .Select(match => int.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture)).Distinct().Order();
        Assert.Equal([1, 4], scales);
        Assert.InRange(page.Length, 1, 600_000);          // 2.6 million if noise is outlined to the pixel
    }

    [GeneratedRegex(@"scale\((\d+) ")]
    private static partial Regex Scale();
}
