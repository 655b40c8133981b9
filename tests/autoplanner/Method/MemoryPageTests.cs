using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Evaluation;
using SharpSeg.AutoPlanner.Inference;
using SharpSeg.AutoPlanner.Planning.Fingerprinting;
using SharpSeg.AutoPlanner.Steps;
using SharpSeg.Engine.Tensors;
using SharpSeg.Tests;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Method;

/// <summary>The numbers of docs/method/memory.md, and the sizes that users write.</summary>
public sealed class MemoryPageTests
{
    private static readonly MethodPage Page = MethodPage.Open("docs/method/memory.md");
    private static readonly Extent Scan = new(600, 512, 512);

    [Fact]
    public void Windows_are_the_pages() => Assert.All(Page.Table("output-windows"), row =>
    {
        var heads = int.Parse(row["heads"], System.Globalization.CultureInfo.InvariantCulture);
        Assert.Equal(row.Numbers("all at once")[0].Value, OutputWindow.Bytes(Scan, Scan.Z, heads, folds: 1) / 1e9, 4);
        Assert.Equal(row.Numbers("window of 33 planes")[0].Value, OutputWindow.Bytes(Scan, 33, heads, folds: 1) / 1e9, 4);
    });

    [Fact]
    public void Measuring_is_the_pages()
    {
        var numbers = Page.Numbers("measuring").Select(number => number.Value).ToArray();
        Assert.Equal(CaseMeasurement.Bytes(Scan.Voxels, 1) / 1e9, numbers[^2], 4);
        Assert.Equal(CaseMeasurement.Bytes(Scan.Voxels, 4) / 1e9, numbers[^1], 4);
    }

    [Fact]
    public void Bytes_per_voxel_are_the_pages()
    {
        const int Many = 1 << 28;
        var grid = new Extent(1 << 10, 1 << 9, 1 << 9);
        var labels = new LabelScheme([new("background", [0]), new("a", [1])]);
        long[] bytes =
        [
            CaseVerifier.Bytes(Many), Evaluator.Bytes(Many, surface: false), Evaluator.Bytes(Many, surface: true),
            EnsembleMembers.Bytes(grid, labels, members: 2), LabelDecision.Bytes(grid, grid.Z), RelocatedMaps.Bytes(Many),
            PostprocessingRun.Bytes(Many), PostprocessingDecision.Bytes(Many),
        ];
        Assert.Equal(
            bytes.Select(number => Math.Round((double)number / Many, 4)),
            Page.Table("per-voxel").Select(row => row.Numbers("bytes")[0].Value));
    }

    [Theory]
    [InlineData("2G", 2_000_000_000L)]
    [InlineData("512M", 512_000_000L)]
    [InlineData("1.5GiB", 1_610_612_736L)]
    [InlineData("123456", 123_456L)]
    public void Sizes_are_read_as_users_write_them(string text, long bytes) =>
        Assert.Equal(bytes, MemoryBudget.Parse(text)?.Bytes);

    [Theory]
    [InlineData("")]
    [InlineData("G")]
    [InlineData("-2G")]
    [InlineData("2X")]
    [InlineData("2GG")]
    [InlineData("0")]
    [InlineData("1e9")]
    public void What_is_no_size_is_refused(string text) => Assert.Null(MemoryBudget.Parse(text));

    [Fact]
    public void What_does_not_fit_is_refused_with_numbers()
    {
        var budget = new MemoryBudget(2_000_000_000, IsGiven: true);
        budget.Require(2_000_000_000, "scan.nii.gz", "less");
        var error = Assert.Throws<SharpSegException>(() => budget.Require(2_345_000_000, "scan.nii.gz", "less"));
        Assert.Equal("`scan.nii.gz`: 2.35 GB of memory are needed, --max-memory allows 2.00 GB", error.Message);
        Assert.Equal("--max-memory 2.35G, or less", error.Hint);
        Assert.True(MemoryBudget.OfMachine().Bytes > 0);
    }
}
