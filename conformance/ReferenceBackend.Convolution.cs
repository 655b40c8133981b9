using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.Conformance;

/// <content>
/// The geometry of a convolution is defined once, in <c>ForEachTap</c>; the three passes differ only in which of the three
/// factors x, w and y they sum into: y += x·w, dx += dy·w, dw += x·dy.
/// </content>
public sealed partial class ReferenceBackend
{
    /// <summary>
    /// One product of the convolution sum: input voxel, kernel position and output voxel, all as row-major indices.
    /// </summary>
    private delegate void Tap(int inputVoxel, int kernelPosition, int outputVoxel);

    /// <inheritdoc/>
    protected override void ConvForwardCore(in ConvProblem p, Tensor x, Tensor? x2, Tensor w, Tensor? b, Tensor y)
    {
        var (cin, cin2, cinTotal, cout) = (p.Cin, p.Cin2, p.CinTotal, p.Cout);
        var (first, second, weights, output) = (View(x), ViewOrNull(x2), View(w), View(y));
        SetToBias(b, cout, y);
        ForEachTap(p, (inputVoxel, kernelPosition, outputVoxel) =>
        {
            Add(first, cin, firstChannel: 0);
            if (second is { } values)
            {
                Add(values, cin2, firstChannel: cin);
            }

            void Add(Values input, int channels, int firstChannel)
            {
                for (var c = 0; c < channels; c++)
                {
                    var value = input[(inputVoxel * channels) + c];
                    var row = ((kernelPosition * cinTotal) + firstChannel + c) * cout;
                    for (var q = 0; q < cout; q++)
                    {
                        output[(outputVoxel * cout) + q] += value * weights[row + q];
                    }
                }
            }
        });
    }

    /// <inheritdoc/>
    protected override void ConvBackwardDataCore(
        in ConvProblem p, Tensor dy, Tensor w, Tensor? dx, bool accumulate, Tensor? dx2, bool accumulate2)
    {
        var (cin, cin2, cinTotal, cout) = (p.Cin, p.Cin2, p.CinTotal, p.Cout);
        var (first, second, weights, gradient) = (ViewOrNull(dx), ViewOrNull(dx2), View(w), View(dy));
        SetToZeroUnless(accumulate, dx);
        SetToZeroUnless(accumulate2, dx2);
        ForEachTap(p, (inputVoxel, kernelPosition, outputVoxel) =>
        {
            if (first is { } values)
            {
                Add(values, cin, firstChannel: 0);
            }

            if (second is { } values2)
            {
                Add(values2, cin2, firstChannel: cin);
            }

            void Add(Values input, int channels, int firstChannel)
            {
                for (var c = 0; c < channels; c++)
                {
                    var row = ((kernelPosition * cinTotal) + firstChannel + c) * cout;
                    var sum = 0.0;
                    for (var q = 0; q < cout; q++)
                    {
                        sum += gradient[(outputVoxel * cout) + q] * weights[row + q];
                    }

                    input[(inputVoxel * channels) + c] += sum;
                }
            }
        });
    }

    /// <inheritdoc/>
    protected override void ConvBackwardWeightsCore(
        in ConvProblem p, Tensor x, Tensor? x2, Tensor dy, Tensor dw, Tensor? db, bool accumulate)
    {
        var (cin, cin2, cinTotal, cout) = (p.Cin, p.Cin2, p.CinTotal, p.Cout);
        var (first, second, weights, gradient) = (View(x), ViewOrNull(x2), View(dw), View(dy));
        SetToZeroUnless(accumulate, dw);
        ForEachTap(p, (inputVoxel, kernelPosition, outputVoxel) =>
        {
            Add(first, cin, firstChannel: 0);
            if (second is { } values)
            {
                Add(values, cin2, firstChannel: cin);
            }

            void Add(Values input, int channels, int firstChannel)
            {
                for (var c = 0; c < channels; c++)
                {
                    var value = input[(inputVoxel * channels) + c];
                    var row = ((kernelPosition * cinTotal) + firstChannel + c) * cout;
                    for (var q = 0; q < cout; q++)
                    {
                        weights[row + q] += value * gradient[(outputVoxel * cout) + q];
                    }
                }
            }
        });
        SumOverVoxels(dy, cout, db, accumulate);
    }

    /// <inheritdoc/>
    protected override void TransposedConvForwardCore(in TransposedConvProblem p, Tensor x, Tensor w, Tensor? b, Tensor y)
    {
        var (cin, cout) = (p.Cin, p.Cout);
        var (input, weights, output) = (View(x), View(w), View(y));
        SetToBias(b, cout, y);
        ForEachTap(p, (inputVoxel, kernelPosition, outputVoxel) =>
        {
            for (var c = 0; c < cin; c++)
            {
                for (var q = 0; q < cout; q++)
                {
                    output[(outputVoxel * cout) + q] +=
                        input[(inputVoxel * cin) + c] * weights[(((kernelPosition * cin) + c) * cout) + q];
                }
            }
        });
    }

    /// <inheritdoc/>
    protected override void TransposedConvBackwardDataCore(
        in TransposedConvProblem p, Tensor dy, Tensor w, Tensor dx, bool accumulate)
    {
        var (cin, cout) = (p.Cin, p.Cout);
        var (gradient, weights, input) = (View(dy), View(w), View(dx));
        SetToZeroUnless(accumulate, dx);
        ForEachTap(p, (inputVoxel, kernelPosition, outputVoxel) =>
        {
            for (var c = 0; c < cin; c++)
            {
                for (var q = 0; q < cout; q++)
                {
                    input[(inputVoxel * cin) + c] +=
                        gradient[(outputVoxel * cout) + q] * weights[(((kernelPosition * cin) + c) * cout) + q];
                }
            }
        });
    }

    /// <inheritdoc/>
    protected override void TransposedConvBackwardWeightsCore(
        in TransposedConvProblem p, Tensor x, Tensor dy, Tensor dw, Tensor? db, bool accumulate)
    {
        var (cin, cout) = (p.Cin, p.Cout);
        var (input, gradient, weights) = (View(x), View(dy), View(dw));
        SetToZeroUnless(accumulate, dw);
        ForEachTap(p, (inputVoxel, kernelPosition, outputVoxel) =>
        {
            for (var c = 0; c < cin; c++)
            {
                for (var q = 0; q < cout; q++)
                {
                    weights[(((kernelPosition * cin) + c) * cout) + q] +=
                        input[(inputVoxel * cin) + c] * gradient[(outputVoxel * cout) + q];
                }
            }
        });
        SumOverVoxels(dy, cout, db, accumulate);
    }

    /// <summary>
    /// Every (input voxel, kernel position, output voxel) with input = output·stride + kernel − padding that lies inside the
    /// image; positions outside hold zero and add nothing. Voxel indices count through the batch.
    /// </summary>
    private static void ForEachTap(in ConvProblem p, Tap tap)
    {
        var (input, output, kernel, stride, padding) = (p.Input, p.Output, p.Kernel, p.Stride, p.Padding);
        for (var n = 0; n < p.N; n++)
        {
            foreach (var o in Positions(output))
            {
                foreach (var k in Positions(kernel))
                {
                    var i = new Extent(
                        (o.Z * stride.Z) + k.Z - padding.Z, (o.Y * stride.Y) + k.Y - padding.Y,
                        (o.X * stride.X) + k.X - padding.X);
                    if (i.Z >= 0 && i.Z < input.Z && i.Y >= 0 && i.Y < input.Y && i.X >= 0 && i.X < input.X)
                    {
                        tap(Index(n, i, input), Index(0, k, kernel), Index(n, o, output));
                    }
                }
            }
        }
    }

    /// <summary>
    /// Every (input voxel, kernel position, output voxel) with output = input·stride + kernel position; all lie inside.
    /// </summary>
    private static void ForEachTap(in TransposedConvProblem p, Tap tap)
    {
        var (input, output, stride) = (p.Input, p.Output, p.Stride);
        for (var n = 0; n < p.N; n++)
        {
            foreach (var i in Positions(input))
            {
                foreach (var r in Positions(stride))
                {
                    var o = new Extent((i.Z * stride.Z) + r.Z, (i.Y * stride.Y) + r.Y, (i.X * stride.X) + r.X);
                    tap(Index(n, i, input), Index(0, r, stride), Index(n, o, output));
                }
            }
        }
    }

    /// <summary>All positions of a box in row-major order.</summary>
    private static IEnumerable<Extent> Positions(Extent size)
    {
        for (var z = 0; z < size.Z; z++)
        {
            for (var y = 0; y < size.Y; y++)
            {
                for (var x = 0; x < size.X; x++)
                {
                    yield return new Extent(z, y, x);
                }
            }
        }
    }

    /// <summary>Row-major index of a voxel in a batch of boxes.</summary>
    private static int Index(int n, Extent position, Extent size) =>
        (((((n * size.Z) + position.Z) * size.Y) + position.Y) * size.X) + position.X;

    private static void SetToBias(Tensor? b, int channels, Tensor y)
    {
        var (bias, output) = (ViewOrNull(b), View(y));
        for (var i = 0; i < y.Length; i++)
        {
            output[i] = bias is { } values ? values[i % channels] : 0.0;
        }
    }

    private static void SetToZeroUnless(bool accumulate, Tensor? tensor)
    {
        if (tensor is null || accumulate)
        {
            return;
        }

        var values = View(tensor);
        for (var i = 0; i < tensor.Length; i++)
        {
            values[i] = 0.0;
        }
    }

    /// <summary>The gradient with respect to a bias: db[q] = Σ dy[·, q].</summary>
    private static void SumOverVoxels(Tensor dy, int channels, Tensor? db, bool accumulate)
    {
        if (db is null)
        {
            return;
        }

        SetToZeroUnless(accumulate, db);
        var (gradient, bias) = (View(dy), View(db));
        for (var i = 0; i < dy.Length; i++)
        {
            bias[i % channels] += gradient[i];
        }
    }
}
