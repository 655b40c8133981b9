using SharpSeg.AutoPlanner.Preprocessing;
using SharpSeg.Engine.Tensors;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Batches;

public sealed class StoredCaseSourceTests
{
    [Fact]
    public void A_previous_stage_file_is_read_back_box_by_box()
    {
        using var folder = new TemporaryFolder();
        var shape = new Extent(3, 4, 5);
        PreviousStageFile.Write(folder.Path, "case", shape, [.. Enumerable.Range(0, 60).Select(i => (short)i)]);
        using var file = PreviousStageFile.Open(folder.Path, "case", "fold 0 of 3d_lowres");
        Assert.Equal(shape, file.Shape);
        var box = new short[4];
        file.Read(new(1, 2, 3), new(1, 2, 2), box);
        Assert.Equal([33, 34, 38, 39], box);
    }

    [Fact]
    public void A_missing_previous_stage_names_the_case_and_the_run_to_finish()
    {
        using var folder = new TemporaryFolder();
        var error = Assert.Throws<SharpSegException>(() => PreviousStageFile.Open(folder.Path, "liver_7", "fold 3 of 3d_lowres"));
        Assert.Contains("`liver_7`", error.Message, StringComparison.Ordinal);
        Assert.Contains("fold 3 of 3d_lowres", error.Hint, StringComparison.Ordinal);
    }
}
