using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.Conformance;

public sealed partial class ReferenceBackend
{
    /// <inheritdoc/>
    protected override void InstanceNormStatisticsCore(in InstanceNormProblem p, Tensor x, Tensor mean, Tensor rstd)
    {
        var (input, means, rstds) = (View(x), View(mean), View(rstd));
        var voxels = (int)p.Spatial.Voxels;
        for (var n = 0; n < p.N; n++)
        {
            for (var c = 0; c < p.C; c++)
            {
                var sum = 0.0;
                for (var v = 0; v < voxels; v++)
                {
                    sum += input[(((n * voxels) + v) * p.C) + c];
                }

                var average = sum / voxels;
                var squares = 0.0;
                for (var v = 0; v < voxels; v++)
                {
                    var difference = input[(((n * voxels) + v) * p.C) + c] - average;
                    squares += difference * difference;
                }

                means[(n * p.C) + c] = average;
                rstds[(n * p.C) + c] = 1.0 / Math.Sqrt((squares / voxels) + p.Epsilon);
            }
        }
    }

    /// <inheritdoc/>
    protected override void InstanceNormApplyCore(
        in InstanceNormProblem p, Tensor x, Tensor mean, Tensor rstd, Tensor gamma, Tensor beta, Tensor y)
    {
        var (input, means, rstds, gammas, betas, output) = (View(x), View(mean), View(rstd), View(gamma), View(beta), View(y));
        var voxels = (int)p.Spatial.Voxels;
        for (var n = 0; n < p.N; n++)
        {
            for (var v = 0; v < voxels; v++)
            {
                for (var c = 0; c < p.C; c++)
                {
                    var i = (((n * voxels) + v) * p.C) + c;
                    var normalised = (input[i] - means[(n * p.C) + c]) * rstds[(n * p.C) + c];
                    output[i] = Leaky((gammas[c] * normalised) + betas[c], p.Slope);
                }
            }
        }
    }

    /// <inheritdoc/>
    protected override void InstanceNormBackwardCore(
        in InstanceNormProblem p, Tensor dy, Tensor x, Tensor mean, Tensor rstd, Tensor gamma, Tensor beta,
        Tensor dx, Tensor dgamma, Tensor dbeta, bool accumulateParameters)
    {
        var (upstream, input, means, rstds, gammas, betas) = (View(dy), View(x), View(mean), View(rstd), View(gamma), View(beta));
        var (result, gammaGradient, betaGradient) = (View(dx), View(dgamma), View(dbeta));
        SetToZeroUnless(accumulateParameters, dgamma);
        SetToZeroUnless(accumulateParameters, dbeta);
        var voxels = (int)p.Spatial.Voxels;
        for (var n = 0; n < p.N; n++)
        {
            for (var c = 0; c < p.C; c++)
            {
                var (average, inverse, g, b) = (means[(n * p.C) + c], rstds[(n * p.C) + c], gammas[c], betas[c]);
                var (sum, sumNormalised) = (0.0, 0.0);                                  // A and B of the formula
                for (var v = 0; v < voxels; v++)
                {
                    var i = (((n * voxels) + v) * p.C) + c;
                    var normalised = (input[i] - average) * inverse;
                    var d = upstream[i] * LeakySlope((g * normalised) + b, p.Slope);
                    sum += d;
                    sumNormalised += d * normalised;
                }

                for (var v = 0; v < voxels; v++)
                {
                    var i = (((n * voxels) + v) * p.C) + c;
                    var normalised = (input[i] - average) * inverse;
                    var d = upstream[i] * LeakySlope((g * normalised) + b, p.Slope);
                    result[i] = voxels == 1 ? 0.0 : g * inverse / voxels * ((voxels * d) - sum - (normalised * sumNormalised));
                }

                gammaGradient[c] += sumNormalised;
                betaGradient[c] += sum;
            }
        }
    }

    /// <summary>z if positive, else slope·z (docs/method/networks.md §2.5).</summary>
    private static double Leaky(double z, double slope) => z * LeakySlope(z, slope);

    /// <summary>The derivative of the leaky ReLU; the slope at exactly 0.</summary>
    private static double LeakySlope(double z, double slope) => z > 0 ? 1.0 : slope;
}
