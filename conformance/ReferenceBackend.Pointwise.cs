using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.Conformance;

public sealed partial class ReferenceBackend
{
    /// <inheritdoc/>
    protected override void AxpbyCore(float a, Tensor x, float b, Tensor y)
    {
        var (input, output) = (View(x), View(y));
        for (var i = 0; i < y.Length; i++)
        {
            // b = 0 overwrites: 0·NaN would still be NaN.
            output[i] = b == 0 ? a * input[i] : (a * input[i]) + (b * output[i]);
        }
    }

    /// <inheritdoc/>
    protected override void AddLeakyReluForwardCore(Tensor a, Tensor b, float slope, Tensor y)
    {
        var (first, second, output) = (View(a), View(b), View(y));
        for (var i = 0; i < y.Length; i++)
        {
            output[i] = Leaky(first[i] + second[i], slope);
        }
    }

    /// <inheritdoc/>
    protected override void AddLeakyReluBackwardCore(Tensor dy, Tensor y, float slope, Tensor d)
    {
        var (upstream, output, result) = (View(dy), View(y), View(d));
        for (var i = 0; i < y.Length; i++)
        {
            result[i] = upstream[i] * LeakySlope(output[i], slope);
        }
    }

    /// <inheritdoc/>
    protected override void BlockSumCore(Tensor x, Extent block, float scale, Tensor y, bool accumulate)
    {
        var (fine, coarse) = (View(x), View(y));
        SetToZeroUnless(accumulate, y);
        ForEachInBlocks(y.Shape, block, (coarseIndex, fineIndex) => coarse[coarseIndex] += scale * fine[fineIndex]);
    }

    /// <inheritdoc/>
    protected override void BlockRepeatCore(Tensor x, Extent block, float scale, Tensor y, bool accumulate)
    {
        var (coarse, fine) = (View(x), View(y));
        SetToZeroUnless(accumulate, y);
        ForEachInBlocks(x.Shape, block, (coarseIndex, fineIndex) => fine[fineIndex] += scale * coarse[coarseIndex]);
    }

    /// <inheritdoc/>
    protected override void FlipCore(Tensor x, bool alongZ, bool alongY, bool alongX, Tensor y)
    {
        var (input, output) = (View(x), View(y));
        var (size, channels) = (x.Shape.Spatial, x.Shape.C);
        for (var n = 0; n < x.Shape.N; n++)
        {
            foreach (var to in Positions(size))
            {
                var from = new Extent(
                    alongZ ? size.Z - 1 - to.Z : to.Z, alongY ? size.Y - 1 - to.Y : to.Y, alongX ? size.X - 1 - to.X : to.X);
                for (var c = 0; c < channels; c++)
                {
                    output[(Index(n, to, size) * channels) + c] = input[(Index(n, from, size) * channels) + c];
                }
            }
        }
    }

    /// <summary>
    /// Every element of the coarse tensor with each of the Πblock elements of the fine one that lie in its block.
    /// </summary>
    private static void ForEachInBlocks(Shape coarse, Extent block, Action<int, int> pair)
    {
        var (size, fineSize) = (coarse.Spatial, coarse.Spatial.Times(block));
        for (var n = 0; n < coarse.N; n++)
        {
            foreach (var i in Positions(size))
            {
                foreach (var r in Positions(block))
                {
                    var f = new Extent((i.Z * block.Z) + r.Z, (i.Y * block.Y) + r.Y, (i.X * block.X) + r.X);
                    for (var c = 0; c < coarse.C; c++)
                    {
                        pair((Index(n, i, size) * coarse.C) + c, (Index(n, f, fineSize) * coarse.C) + c);
                    }
                }
            }
        }
    }
}
