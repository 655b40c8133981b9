using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Steps;
using SharpSeg.Engine.Tensors;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Steps;

/// <summary>Segmentations given in place of a cascade's first stage must mean what the model means: places and labels.</summary>
public sealed class GivenFirstStageTests : IDisposable
{
    private static readonly double[] Here = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 2, 0];
    private static readonly DatasetDescription Model = Description("""{"background": 0, "lower": 1, "upper": 2}""");

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData(0, 1)]
    [InlineData(0.05, 1)] // less than a tenth of a voxel: what headers lose in rounding
    public void One_that_lies_where_the_scan_lies_is_read(double shift, double sign)
    {
        Write(shift, sign);
        Assert.Equal([0, 1, 2, 0], Read().Voxels);
    }

    [Theory]
    [InlineData(500, 1, "500 mm")]
    [InlineData(0.5, 1, "0.5 mm")]
    [InlineData(0, -1, "axes LAS and RAS")]
    public void One_that_lies_elsewhere_is_refused(double shift, double sign, string says)
    {
        Write(shift, sign);
        var error = Assert.Throws<SharpSegException>(Read);
        Assert.Contains("case `p`", error.Message, StringComparison.Ordinal);
        Assert.Contains(says, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"background": 0, "upper": 1, "lower": 2}""", "label 1 is `upper`, and the model's is `lower`")]
    [InlineData("""{"background": 0, "lower": 1, "tumour": 2}""", "label 2 is `tumour`, and the model's is `upper`")]
    [InlineData("""{"background": 0, "Lower": 1, "upper": 2, "third": 3}""", null)]
    [InlineData("""{"background": 0, "lower": 1}""", null)]
    public void A_folder_that_names_the_models_labels_otherwise_is_refused(string labels, string? says)
    {
        File.WriteAllText(folder.File("dataset.json"), Description(labels).ToJson());
        var error = Record.Exception(() => GivenFirstStage.RequireSameLabels(folder.Path, Model.Labels));
        if (says is null)
        {
            Assert.Null(error);
        }
        else
        {
            Assert.Contains(says, Assert.IsType<SharpSegException>(error).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_folder_without_a_description_says_nothing_of_labels() =>
        GivenFirstStage.RequireSameLabels(folder.Path, Model.Labels);

    private LabelImage Read() => GivenFirstStage.Read(folder.Path, "p", Geometry(Here), Model);

    private void Write(double shift, double sign) => ImageFile.WriteLabels(
        folder.File("p.nii.gz"), [0, 1, 2, 0], Geometry([sign, .. Here[1..3], shift, .. Here[4..]]), 2);

    private static ImageGeometry Geometry(double[] affine) =>
        new(new Extent(1, 2, 2), new Spacing(2, 1, 1), affine, "", []);

    private static DatasetDescription Description(string labels) => DatasetDescription.FromJson(
        $$"""{"channel_names": {"0": "CT"}, "labels": {{labels}}, "numTraining": 1, "file_ending": ".nii.gz"}""");
}
