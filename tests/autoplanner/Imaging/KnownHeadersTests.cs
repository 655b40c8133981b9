using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.Engine.Tensors;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Imaging;

public sealed class KnownHeadersTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly KnownHeaders headers = new();
    private int readings;

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_series_is_read_again_once_one_of_its_files_changes()
    {
        var slice = folder.File("series", "1.dcm");
        File.WriteAllText(slice, "one");
        var series = Path.GetDirectoryName(slice)!;
        Assert.Equal(1, Planes(series));
        Assert.Equal(1, Planes(series));
        Assert.Equal(1, Planes(Path.Combine(series, "..", "series")));

        File.SetLastWriteTimeUtc(slice, File.GetLastWriteTimeUtc(slice).AddSeconds(1));
        Assert.Equal(2, Planes(series));
        File.WriteAllText(folder.File("series", "2.dcm"), "two");
        Assert.Equal(3, Planes(series));
        File.Delete(slice);
        Assert.Equal(4, Planes(series));
        Assert.Equal(4, Planes(series));
    }

    [Fact]
    public void Images_do_not_share_a_header_and_what_cannot_be_read_is_never_known()
    {
        File.WriteAllText(folder.File("a.mgz"), "same");
        File.WriteAllText(folder.File("b.mgz"), "same");
        Assert.Equal(1, Planes(folder.File("a.mgz")));
        Assert.Equal(2, Planes(folder.File("b.mgz")));
        Assert.Equal(1, Planes(folder.File("a.mgz")));
        Assert.Equal(3, Planes(folder.File("none.mgz")));
        Assert.Equal(4, Planes(folder.File("none.mgz")));
        Assert.Throws<SharpSegException>(() => headers.Of(folder.File("c.mgz"), path => throw new SharpSegException(path)));
    }

    /// <summary>The number of the reading, as the planes of an image.</summary>
    private int Planes(string path) => headers.Of(
        path,
        _ => new ImageHeader(
            new ImageGeometry(new Extent(++readings, 1, 1), new Spacing(1, 1, 1), new double[12], "", []), 1)).Geometry.Extent.Z;
}
