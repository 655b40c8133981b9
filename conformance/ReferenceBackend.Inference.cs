using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.Conformance;

public sealed partial class ReferenceBackend
{
    /// <inheritdoc/>
    protected override void BlendAddCore(Tensor tile, int sample, Tensor weights, Extent origin, Tensor sum, Tensor weightSum)
    {
        var (values, factors, total, totalWeight) = (View(tile), View(weights), View(sum), View(weightSum));
        var (tileSize, volumeSize, channels) = (tile.Shape.Spatial, sum.Shape.Spatial, tile.Shape.C);
        foreach (var i in Positions(tileSize))
        {
            var at = new Extent(origin.Z + i.Z, origin.Y + i.Y, origin.X + i.X);
            if (at.Z < 0 || at.Y < 0 || at.X < 0 || at.Z >= volumeSize.Z || at.Y >= volumeSize.Y || at.X >= volumeSize.X)
            {
                continue;
            }

            var weight = factors[Index(0, i, tileSize)];
            var from = Index(sample, i, tileSize);
            var to = Index(0, at, volumeSize);
            totalWeight[to] += weight;
            for (var c = 0; c < channels; c++)
            {
                total[(to * channels) + c] += weight * values[(from * channels) + c];
            }
        }
    }

    /// <inheritdoc/>
    protected override void DivideByWeightsCore(Tensor x, Tensor divisor)
    {
        var (values, divisors, channels) = (View(x), View(divisor), x.Shape.C);
        for (var i = 0; i < x.Length; i++)
        {
            values[i] /= divisors[i / channels];
        }
    }

    /// <inheritdoc/>
    protected override void ArgMaxCore(Tensor x, Tensor y)
    {
        var (values, indices, channels) = (View(x), View(y), x.Shape.C);
        for (var voxel = 0; voxel < y.Length; voxel++)
        {
            var best = 0;
            for (var c = 1; c < channels; c++)
            {
                if (values[(voxel * channels) + c] > values[(voxel * channels) + best])
                {
                    best = c;
                }
            }

            indices[voxel] = best;
        }
    }

    /// <inheritdoc/>
    protected override void ProbabilitiesCore(Tensor x, bool sigmoid, Tensor y)
    {
        var (logits, probabilities, channels) = (View(x), View(y), x.Shape.C);
        var voxels = (int)(x.Length / channels);
        for (var voxel = 0; voxel < voxels; voxel++)
        {
            var highest = double.NegativeInfinity;
            for (var c = 0; c < channels; c++)
            {
                highest = Math.Max(highest, logits[(voxel * channels) + c]);
            }

            var sum = 0.0;
            for (var c = 0; c < channels; c++)
            {
                sum += Math.Exp(logits[(voxel * channels) + c] - highest);
            }

            for (var c = 0; c < channels; c++)
            {
                var i = (voxel * channels) + c;
                probabilities[i] = sigmoid ? Sigmoid(logits[i]) : Math.Exp(logits[i] - highest) / sum;
            }
        }
    }
}
