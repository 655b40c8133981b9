using SharpSeg.Engine.Tensors;

namespace SharpSeg.Engine.Backends;

public abstract partial class Backend
{
    /// <summary>
    /// Adds one weighted tile (docs/method/inference.md §4): sum[origin + i, c] += w[i]·tile[sample, i, c] and weightSum[origin +
    /// i] += w[i]. What lies outside the volume is left out, so that a volume can be a window of a larger one.
    /// </summary>
    /// <param name="tile">(n, tz, ty, tx, c).</param>
    /// <param name="sample">Which of the n samples of the tile tensor.</param>
    /// <param name="weights">(1, tz, ty, tx, 1).</param>
    /// <param name="origin">Where the tile lies in the volume, voxels; some of the tile must lie inside.</param>
    /// <param name="sum">(1, z, y, x, c).</param>
    /// <param name="weightSum">(1, z, y, x, 1).</param>
    public void BlendAdd(Tensor tile, int sample, Tensor weights, Extent origin, Tensor sum, Tensor weightSum)
    {
        RequireFloat32(tile, nameof(tile));
        var t = tile.Shape;
        var v = sum.Shape;
        ShapeException.Require(weights, Shape.Activation(1, t.Spatial, 1), nameof(weights));
        ShapeException.Require(sum, Shape.Activation(1, v.Spatial, t.C), nameof(sum));
        ShapeException.Require(weightSum, Shape.Activation(1, v.Spatial, 1), nameof(weightSum));
        for (var axis = 0; axis < 3; axis++)
        {
            if (origin[axis] <= -t.Spatial[axis] || origin[axis] >= v.Spatial[axis])
            {
                throw new ShapeException($"a tile {t.Spatial} at {origin} lies outside the volume {v.Spatial}");
            }
        }

        if (sample < 0 || sample >= t.N)
        {
            throw new ShapeException($"sample {sample} of a tile tensor {t}");
        }

        BlendAddCore(tile, sample, weights, origin, sum, weightSum);
    }

    /// <summary>x[i, c] ← x[i, c] / divisor[i], e.g. Σ w·logits by Σ w. Shapes (n, z, y, x, c) and (n, z, y, x, 1).</summary>
    public void DivideByWeights(Tensor x, Tensor divisor)
    {
        RequireFloat32(x, nameof(x));
        ShapeException.Require(divisor, Shape.Activation(x.Shape.N, x.Shape.Spatial, 1), nameof(divisor));
        DivideByWeightsCore(x, divisor);
    }

    /// <summary>
    /// Index of the highest channel per voxel, as a whole float; the lowest index wins ties. (n, z, y, x, c) → (n, z, y, x, 1).
    /// </summary>
    public void ArgMax(Tensor x, Tensor y)
    {
        RequireFloat32(x, nameof(x));
        ShapeException.Require(y, Shape.Activation(x.Shape.N, x.Shape.Spatial, 1), nameof(y));
        ArgMaxCore(x, y);
    }

    /// <summary>Probabilities from logits over channels: softmax, or sigmoid per channel. y may be x itself.</summary>
    public void Probabilities(Tensor x, bool sigmoid, Tensor y)
    {
        RequireFloat32(x, nameof(x));
        ShapeException.Require(y, x.Shape, nameof(y));
        ProbabilitiesCore(x, sigmoid, y);
    }

    /// <inheritdoc cref="BlendAdd"/>
    protected abstract void BlendAddCore(Tensor tile, int sample, Tensor weights, Extent origin, Tensor sum, Tensor weightSum);

    /// <inheritdoc cref="DivideByWeights"/>
    protected abstract void DivideByWeightsCore(Tensor x, Tensor divisor);

    /// <inheritdoc cref="ArgMax"/>
    protected abstract void ArgMaxCore(Tensor x, Tensor y);

    /// <inheritdoc cref="Probabilities"/>
    protected abstract void ProbabilitiesCore(Tensor x, bool sigmoid, Tensor y);
}
