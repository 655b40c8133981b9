using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Demo;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Demo;

public sealed class PhantomCaseTests
{
    [Fact]
    public void The_same_seed_gives_the_same_voxels_and_another_seed_others()
    {
        var (a, b, c) = (PhantomCase.Create(3), PhantomCase.Create(3), PhantomCase.Create(4));
        Assert.Equal(a.Extent, b.Extent);
        Assert.Equal(a.Spacing, b.Spacing);
        Assert.Equal(a.Image, b.Image);
        Assert.Equal(a.Labels, b.Labels);
        Assert.NotEqual(a.Image, c.Image);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(29)]
    public void Both_structures_are_there_and_touch_each_other(int seed)
    {
        var phantom = PhantomCase.Create(seed);
        Assert.All(phantom.Image, value => Assert.True(float.IsFinite(value) && value >= 0));
        Assert.True(phantom.Labels.Count(label => label == 1) > 500);
        Assert.True(phantom.Labels.Count(label => label == 2) > 500);
        Assert.All(phantom.Labels, label => Assert.InRange(label, 0, 2));

        var touching = 0; // pairs of neighbours along y of which one is head and one is tail
        for (var i = phantom.Extent.X; i < phantom.Labels.Length; i++)
        {
            touching += phantom.Labels[i] + phantom.Labels[i - phantom.Extent.X] == 3 ? 1 : 0;
        }

        Assert.True(touching > 20, $"{touching} pairs of neighbours");
    }

    [Fact]
    public void Brightness_alone_does_not_tell_the_structures_from_their_surroundings()
    {
        var phantom = PhantomCase.Create(0);
        var inside = phantom.Image.Where((_, i) => phantom.Labels[i] > 0).Order().ToArray();
        var threshold = inside[inside.Length / 10];
        var brighterOutside = phantom.Image.Where((value, i) => phantom.Labels[i] == 0 && value > threshold).Count();
        Assert.True(brighterOutside > inside.Length / 10, $"{brighterOutside} of {inside.Length}");
    }

    [Trait("Tier", "slow")]
    [Fact]
    public void A_written_dataset_has_no_errors_and_is_written_only_once()
    {
        using var folder = new TemporaryFolder();
        PhantomDataset.Write(folder.Path, PhantomDataset.MinimumCases, SilentReporter.Instance);
        Assert.DoesNotContain(DatasetVerifier.Verify(folder.Path), finding => finding.Severity == Severity.Error);
        var image = folder.File("imagesTr", "phantom_000_0000.nii.gz");
        var written = File.GetLastWriteTimeUtc(image);
        PhantomDataset.Write(folder.Path, PhantomDataset.MinimumCases, SilentReporter.Instance);
        Assert.Equal(written, File.GetLastWriteTimeUtc(image));
        Assert.Throws<SharpSegException>(() => PhantomDataset.Write(folder.Path, 5, SilentReporter.Instance));
    }
}
