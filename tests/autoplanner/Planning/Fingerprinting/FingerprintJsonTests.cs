using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Planning.Fingerprinting;
using SharpSeg.Engine.Tensors;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Planning.Fingerprinting;

public sealed class FingerprintJsonTests
{
    private const string Bare = """{"spacings": [[3, 1, 1], [3.0, 1, 1.5]], "shapes_after_crop": [[20, 64, 64], [21.0, 70, 66]], "median_relative_size_after_cropping": 0.5}""";

    [Fact]
    public void Bare_measurements_are_enough_to_plan()
    {
        var fingerprint = FingerprintJson.Parse(Bare, "bare.json");
        var description = DatasetDescription.FromJson("""{"channel_names": {"0": "MRI"}, "labels": {"background": 0, "a": 1}, "numTraining": 2, "file_ending": ".nii.gz"}""");

        var plans = Planner.Plan(fingerprint, description, new PlannerOptions()).Plans;

        Assert.Equal(new Spacing(3, 1, 1.5), fingerprint.Spacings[1]);
        Assert.Equal(new Extent(21, 70, 66), fingerprint.ShapesAfterCrop[1]);
        Assert.Contains("3d_fullres", plans.Configurations.Keys);
        Assert.All(plans.Configurations.Values, configuration => Assert.Equal([true], configuration.UseMaskForNorm));
    }

    [Fact]
    public void What_is_written_is_read_back()
    {
        var fingerprint = new Fingerprint
        {
            CaseIds = ["a", "b"],
            Spacings = [new(1.5, 0.7, 0.7), new(2, 1, 1)],
            ShapesAfterCrop = [new(10, 20, 30), new(11, 21, 31)],
            MedianRelativeSizeAfterCropping = 0.9,
            MeanRelativeSizeAfterCropping = 0.8,
            IntensityProperties = [new(1, 2, 3, 4, 5, 6, 7), null],
            Classes = [new("tumour", [1, 2], 5_000_000_000, 2, 7)],
            Profile = Profile.Classic,
            DataHash = "abc",
        };

        var text = FingerprintJson.ToJson(fingerprint);

        var again = FingerprintJson.Parse(text, "fingerprint.json");
        Assert.Equal(text, FingerprintJson.ToJson(again));
        Assert.Equal(fingerprint.IntensityProperties, again.IntensityProperties);
        Assert.Equal(5_000_000_000, again.Classes[0].Voxels);
        Assert.Equal(Profile.Classic, again.Profile);
    }

    [Theory]
    [InlineData("""{"shapes_after_crop": [], "median_relative_size_after_cropping": 1}""", "spacings")]
    [InlineData("""{"spacings": [[1,1,1]], "shapes_after_crop": [], "median_relative_size_after_cropping": 1}""", "1 spacings and 0 shapes_after_crop")]
    [InlineData("""{"spacings": [[1,1]], "shapes_after_crop": [[1,1,1]], "median_relative_size_after_cropping": 1}""", "entry 0")]
    [InlineData("""{"spacings": [[1,-1,1]], "shapes_after_crop": [[1,1,1]], "median_relative_size_after_cropping": 1}""", "positive")]
    [InlineData("""{"spacings": [[1,1e308,1]], "shapes_after_crop": [[1,1,1]], "median_relative_size_after_cropping": 1}""", "positive")]
    [InlineData("""{"spacings": [[1,1,1]], "shapes_after_crop": [[1,1.5,1]], "median_relative_size_after_cropping": 1}""", "1.5")]
    [InlineData("""{"spacings": "no", "shapes_after_crop": [[1,1,1]], "median_relative_size_after_cropping": 1}""", "a list")]
    [InlineData("""[1]""", "object")]
    [InlineData("""{"spacings": [""", "not valid JSON")]
    public void Bad_files_are_refused_in_one_line(string text, string expected)
    {
        var error = Assert.Throws<SharpSegException>(() => FingerprintJson.Parse(text, "f.json"));
        Assert.StartsWith("f.json: ", error.Message, StringComparison.Ordinal);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Fact]
    public void The_reference_fingerprint_is_read_as_it_is()
    {
        var fingerprint = FingerprintJson.Read(SharedFolder.At("golden", "hippocampus", "dataset_fingerprint.json"));
        Assert.Equal(260, fingerprint.CaseCount);
        Assert.Equal(486420.21875, fingerprint.IntensityProperties[0]!.Max);
    }
}
