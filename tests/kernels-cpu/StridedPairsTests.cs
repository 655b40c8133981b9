using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Cpu.Convolution;
using Xunit;

namespace SharpSeg.Kernels.Cpu.Tests;

/// <summary>
/// Stride 2 by pairs of outputs, where the conformance suite's shapes do not reach: rows of several chunks, two inputs, planes of
/// several parts, on as many threads.
/// </summary>
public sealed class StridedPairsTests
{
    /// <summary>Sums of 10³ products in another order differ by about 10⁻⁶ of their size.</summary>
    private const double Rounding = 1e-5;

    [Theory]
    [InlineData(1, 3, 6, 301, 3, 2, 5, 1, 1)]
    [InlineData(2, 5, 41, 258, 8, 0, 33, 3, 2)]
    [InlineData(1, 4, 3, 3, 37, 0, 70, 3, 1)]
    public void Give_what_direct_sums_give(int n, int z, int y, int x, int cin, int cin2, int cout, int kernelZ, int strideZ)
    {
        var p = new ConvProblem(n, new Extent(z, y, x), cin, cin2, cout, new Extent(kernelZ, 3, 3), new Extent(strideZ, 2, 2));
        using var backend = Cpu.Open(2);
        var random = new Random(1);
        Tensor image = Filled(p.InputShape), second = Filled(cin2 > 0 ? p.Input2Shape : Shape.Vector(1)),
        weights = Filled(p.WeightShape), bias = Filled(Shape.Vector(cout));
        float[] direct = Forward(ConvolutionVariant.Direct), pairs = Forward(ConvolutionVariant.WinogradStride);
        var largest = direct.Max(Math.Abs);
        Assert.Equal(ConvolutionVariant.WinogradStride, ((IVariantChoice)backend).ChoiceFor(p, weightGradient: false));
        Assert.InRange(direct.Zip(pairs).Max(both => Math.Abs(both.First - both.Second)), 0, Rounding * largest);

        Tensor gradient = Filled(p.OutputShape);
        direct = BackwardData(ConvolutionVariant.Direct);
        pairs = BackwardData(ConvolutionVariant.WinogradStride);
        largest = direct.Max(Math.Abs);
        Assert.InRange(direct.Zip(pairs).Max(both => Math.Abs(both.First - both.Second)), 0, Rounding * largest);

        float[] BackwardData(ConvolutionVariant variant)
        {
            Tensor first = Filled(p.InputShape), other = Filled(cin2 > 0 ? p.Input2Shape : Shape.Vector(1));
            ((IVariantChoice)backend).Variant = variant;
            backend.ConvBackwardData(p, gradient, weights, first, false, cin2 > 0 ? other : null, accumulate2: false);
            return [.. Values(first), .. cin2 > 0 ? Values(other) : []];
        }

        Tensor Filled(Shape shape)
        {
            var tensor = new Tensor(backend.Allocate(shape.Length), 0, shape);
            var values = new float[shape.Length];
            for (var i = 0; i < values.Length; i++)
            {
                values[i] = random.NextSingle() - 0.5f;
            }

            backend.Upload(values, tensor);
            return tensor;
        }

        float[] Forward(ConvolutionVariant variant)
        {
            var output = Filled(p.OutputShape); // every voxel must be written
            ((IVariantChoice)backend).Variant = variant;
            backend.ConvForward(p, image, cin2 > 0 ? second : null, weights, bias, output);
            return Values(output);
        }

        float[] Values(Tensor tensor)
        {
            var values = new float[tensor.Shape.Length];
            backend.Download(tensor, values);
            return values;
        }
    }
}
