using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Cpu.Convolution;
using Xunit;
using Avx2Cost = SharpSeg.Kernels.Cpu.Convolution.ConvolutionCost<
    SharpSeg.Kernels.Cpu.Simd.Avx2Lanes, System.Runtime.Intrinsics.Vector256<float>>;
using Avx512Cost = SharpSeg.Kernels.Cpu.Convolution.ConvolutionCost<
    SharpSeg.Kernels.Cpu.Simd.Avx512Lanes, System.Runtime.Intrinsics.Vector512<float>>;

namespace SharpSeg.Kernels.Cpu.Tests;

/// <summary>
/// The cost model chooses what was fastest where all variants were measured (docs/performance.md): on a processor whose cores
/// share a fast cache (AMD EPYC) and on one whose cores do not (Intel Xeon).
/// </summary>
public sealed class VariantChoiceTests
{
    private static readonly Extent Cube = new(3, 3, 3);

    public static TheoryData<int, Extent, int, string, string> Measured => new()
    {
        // batch, voxels, channels, forward on the EPYC, forward on the Xeon
        { 2, new(40, 56, 40), 32, "WinogradWide", "WinogradWide" },
        { 2, new(20, 28, 20), 64, "WinogradWide", "Winograd" },
        { 2, new(10, 14, 10), 128, "WinogradWide", "Winograd" },
        { 1, new(16, 16, 16), 256, "WinogradWide", "Winograd" },
        { 2, new(5, 7, 5), 256, "WinogradLine", "WinogradLine" },
        { 1, new(8, 8, 8), 320, "WinogradLine", "WinogradLine" },
        { 1, new(5, 8, 7), 320, "WinogradLine", "WinogradLine" },
        { 2, new(4, 4, 4), 320, "WinogradLine", "WinogradLine" },
    };

    /// <summary>A plan edited by hand may ask for it; a command then ends with one line.</summary>
    [Fact]
    public void More_tiles_than_can_be_counted_are_no_shape_for_a_network()
    {
        var problem = Problem(1, new(4096, 4096, 4096), 32, 32, Cube);
        var refused = Assert.Throws<ShapeException>(() => Avx512Cost.Choose(problem, weightGradient: false, true));
        Assert.Contains("1 × 4096×4096×4096 voxels", refused.Message, StringComparison.Ordinal);
        Assert.Throws<ShapeException>(() => Avx2Cost.Choose(problem, weightGradient: true, true));
    }

    [Theory]
    [MemberData(nameof(Measured))]
    public void The_fastest_of_the_measured_variants_is_chosen(int batch, Extent voxels, int channels, string fast, string slow)
    {
        var problem = Problem(batch, voxels, channels, channels, Cube);
        Assert.Equal(fast, $"{Avx512Cost.Choose(problem, weightGradient: false, true)}");
        Assert.Equal(slow, $"{Avx512Cost.Choose(problem, weightGradient: false, false)}");
    }

    [Fact]
    public void Weight_gradients_of_few_voxels_transform_one_axis_and_heads_add_up_lanes()
    {
        var bottleneck = Problem(2, new(5, 7, 5), 256, 256, Cube);
        Assert.Equal(
            ConvolutionVariant.WinogradLine, Avx512Cost.Choose(bottleneck, weightGradient: true, true));
        var few = Problem(1, new(8, 8, 8), 320, 320, Cube);
        Assert.Equal(
            ConvolutionVariant.WinogradLine, Avx512Cost.Choose(few, weightGradient: true, true));
        var head = Problem(2, new(40, 56, 40), 32, 3, Extent.One);
        Assert.Equal(
            ConvolutionVariant.FewOutputs, Avx512Cost.Choose(head, weightGradient: false, true));
    }

    /// <summary>
    /// Measured on the Xeon with AVX2: one axis pays while a tile's voxels lie in the first-level cache.
    /// </summary>
    [Theory]
    [InlineData(1, 8, 8, 8, 320, 3, "WinogradLine")]
    [InlineData(2, 10, 14, 10, 128, 3, "Winograd")]
    [InlineData(2, 20, 8, 7, 320, 1, "Winograd")]
    public void Weight_gradients_with_8_lanes(int batch, int z, int y, int x, int channels, int planes, string chosen)
    {
        var problem = Problem(batch, new(z, y, x), channels, channels, new(planes, 3, 3));
        Assert.Equal(chosen, $"{Avx2Cost.Choose(problem, weightGradient: true, false)}");
    }

    /// <summary>Measured on the EPYC: half the channels, twice the voxels along each axis, go in.</summary>
    [Theory]
    [InlineData(2, 20, 28, 20, 64, "WinogradStride")]
    [InlineData(2, 10, 14, 10, 128, "WinogradStride")]
    [InlineData(2, 5, 7, 5, 256, "Gather")]
    public void Stride_2_takes_pairs_of_outputs_until_their_weights_are_too_many(
        int batch, int z, int y, int x, int outputs, string chosen)
    {
        var voxels = new Extent(z, y, x);
        var problem = Problem(batch, voxels, outputs / 2, outputs, Cube) with
        {
            Input = voxels.Times(new(2, 2, 2)),
            Step = new(2, 2, 2),
        };
        Assert.Equal(chosen, $"{Avx512Cost.Choose(problem, weightGradient: false, true)}");
    }

    private static TapProblem Problem(int batch, Extent voxels, int inputs, int outputs, Extent kernel) => new()
    {
        N = batch,
        C = inputs,
        Input = voxels,
        Grid = voxels,
        Step = Extent.One,
        First = new Extent(-(kernel.Z / 2), -(kernel.Y / 2), -(kernel.X / 2)),
        Window = kernel,
        Output = voxels,
        OutputStep = Extent.One,
        Cout = outputs,
    };
}
