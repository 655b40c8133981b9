using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.Conformance;

public sealed partial class ReferenceBackend
{
    /// <inheritdoc/>
    protected override void SegmentationLossForwardCore(in LossProblem p, Tensor logits, Tensor target, Tensor sums)
    {
        SetToZeroUnless(accumulate: false, sums);
        var result = View(sums);
        var (crossEntropy, validVoxels) = (3 * p.N * p.C, (3 * p.N * p.C) + 1);
        var voxels = (int)p.Spatial.Voxels;
        for (var n = 0; n < p.N; n++)
        {
            for (var v = 0; v < voxels; v++)
            {
                var voxel = ReadVoxel(p, logits, target, (n * voxels) + v);
                if (!voxel.Valid)
                {
                    continue;
                }

                for (var c = 0; c < p.C; c++)
                {
                    var triple = 3 * ((n * p.C) + c);
                    result[triple] += voxel.Probability[c] * voxel.OneHot[c];
                    result[triple + 1] += voxel.Probability[c];
                    result[triple + 2] += voxel.OneHot[c];
                }

                result[crossEntropy] += voxel.CrossEntropy;
                result[validVoxels] += 1.0;
            }
        }
    }

    /// <inheritdoc/>
    protected override void SegmentationLossBackwardCore(
        in LossProblem p, Tensor logits, Tensor target, Tensor sums, float weight, Tensor dlogits)
    {
        var (valid, result) = (View(sums)[(3 * p.N * p.C) + 1], View(dlogits));
        var voxels = (int)p.Spatial.Voxels;
        var divisor = p.Regions && p.IgnoreLabel < 0 ? (double)p.N * p.C * voxels : valid;
        for (var n = 0; n < p.N; n++)
        {
            var (ofOneHot, constant) = DiceSlopes(p, sums, n);
            for (var v = 0; v < voxels; v++)
            {
                var index = (n * voxels) + v;
                var voxel = ReadVoxel(p, logits, target, index);
                var g = new double[p.C];                            // gradient of the Dice term with respect to p
                var mean = 0.0;                                     // Σ p·g, for the softmax
                for (var c = 0; c < p.C; c++)
                {
                    g[c] = (ofOneHot[c] * voxel.OneHot[c]) + constant[c];
                    mean += voxel.Probability[c] * g[c];
                }

                for (var c = 0; c < p.C; c++)
                {
                    var (probability, y) = (voxel.Probability[c], voxel.OneHot[c]);
                    var dice = p.Regions ? g[c] * probability * (1 - probability) : probability * (g[c] - mean);
                    var crossEntropy = p.CrossEntropyWeight * (probability - y) / divisor;
                    result[(index * p.C) + c] = voxel.Valid ? weight * (dice + crossEntropy) : 0.0;
                }
            }
        }
    }

    /// <inheritdoc/>
    protected override void MergeUnlabelledCore(Tensor logits, Tensor unlabelled, bool regions, Tensor merged)
    {
        var (z, marks, result) = (View(logits), View(unlabelled), View(merged));
        var (classes, voxels) = (logits.Shape.C, (int)logits.Shape.Spatial.Voxels);
        for (var v = 0; v < logits.Shape.N * voxels; v++)
        {
            var sample = v / voxels;
            var background = regions ? 0.0 : LogOfMerged(z, marks, sample, v, classes);
            for (var c = 0; c < classes; c++)
            {
                var at = (v * classes) + c;
                result[at] = !regions && c == 0 ? background
                    : marks[(sample * classes) + c] != 0 ? Impossible
                    : z[at];
            }
        }
    }

    /// <inheritdoc/>
    protected override void MergeUnlabelledBackwardCore(
        Tensor logits, Tensor unlabelled, bool regions, Tensor dmerged, Tensor dlogits)
    {
        var (z, marks, d, result) = (View(logits), View(unlabelled), View(dmerged), View(dlogits));
        var (classes, voxels) = (logits.Shape.C, (int)logits.Shape.Spatial.Voxels);
        for (var v = 0; v < logits.Shape.N * voxels; v++)
        {
            var sample = v / voxels;
            var background = regions ? 0.0 : LogOfMerged(z, marks, sample, v, classes);
            var slope = d[v * classes];
            for (var c = 0; c < classes; c++)
            {
                var at = (v * classes) + c;
                var isMerged = (!regions && c == 0) || marks[(sample * classes) + c] != 0;
                result[at] = !isMerged ? d[at] : regions ? 0.0 : slope * Math.Exp(z[at] - background);
            }
        }
    }

    /// <summary>log(exp z_0 + Σ exp z_k) over the classes that are not labelled.</summary>
    private static double LogOfMerged(Values logits, Values marks, int sample, int voxel, int classes)
    {
        var members = Enumerable.Range(0, classes).Where(c => c == 0 || marks[(sample * classes) + c] != 0)
            .Select(c => logits[(voxel * classes) + c]).ToArray();
        var highest = members.Max();
        return highest + Math.Log(members.Sum(value => Math.Exp(value - highest)));
    }

    /// <summary>
    /// g_c = slope·y_c + constant for the voxels of sample n: the derivative of −mean(d), d = (2I + s)/D, D = max(P + G + s,
    /// 1e-8). Where the maximum is 1e-8, D does not depend on p and the constant vanishes.
    /// </summary>
    private static (double[] OfOneHot, double[] Constant) DiceSlopes(in LossProblem p, Tensor sums, int n)
    {
        const double SmallestDenominator = 1e-8;
        var values = View(sums);
        var (slopes, constants) = (new double[p.C], new double[p.C]);
        for (var c = p.FirstDiceClass; c < p.C; c++)
        {
            var (intersection, predicted, labelled) = (0.0, 0.0, 0.0);
            for (var sample = p.BatchDice ? 0 : n; sample < (p.BatchDice ? p.N : n + 1); sample++)
            {
                var triple = 3 * ((sample * p.C) + c);
                intersection += values[triple];
                predicted += values[triple + 1];
                labelled += values[triple + 2];
            }

            var denominator = Math.Max(predicted + labelled + p.Smooth, SmallestDenominator);
            slopes[c] = -2.0 / (p.DiceTerms * denominator);
            constants[c] = denominator > SmallestDenominator
                ? ((2 * intersection) + p.Smooth) / (p.DiceTerms * denominator * denominator)
                : 0.0;
        }

        return (slopes, constants);
    }

    private static VoxelLoss ReadVoxel(in LossProblem p, Tensor logits, Tensor target, int index) => p.Regions
        ? ReadRegions(p, View(logits), View(target), index)
        : ReadLabel(p, View(logits), View(target), index);

    /// <summary>Softmax of the logits of one voxel against its label.</summary>
    private static VoxelLoss ReadLabel(in LossProblem p, Values logits, Values target, int index)
    {
        var label = (int)target[index];
        var valid = p.IgnoreLabel < 0 || label != p.IgnoreLabel;
        var highest = double.NegativeInfinity;
        for (var c = 0; c < p.C; c++)
        {
            highest = Math.Max(highest, logits[(index * p.C) + c]);
        }

        var sum = 0.0;
        for (var c = 0; c < p.C; c++)
        {
            sum += Math.Exp(logits[(index * p.C) + c] - highest);
        }

        var (probability, oneHot) = (new double[p.C], new double[p.C]);
        for (var c = 0; c < p.C; c++)
        {
            probability[c] = Math.Exp(logits[(index * p.C) + c] - highest) / sum;
            oneHot[c] = valid && c == label ? 1.0 : 0.0;
        }

        var crossEntropy = valid ? Math.Log(sum) - (logits[(index * p.C) + label] - highest) : 0.0;
        return new VoxelLoss(valid, probability, oneHot, crossEntropy);
    }

    /// <summary>
    /// Sigmoid of every logit of one voxel against the region maps; the ignore mask, if any, is the last target channel.
    /// </summary>
    private static VoxelLoss ReadRegions(in LossProblem p, Values logits, Values target, int index)
    {
        var targetChannels = p.TargetShape.C;
        var valid = p.IgnoreLabel < 0 || target[(index * targetChannels) + p.C] == 0;
        var (probability, oneHot, crossEntropy) = (new double[p.C], new double[p.C], 0.0);
        for (var c = 0; c < p.C; c++)
        {
            var z = logits[(index * p.C) + c];
            var y = target[(index * targetChannels) + c];
            probability[c] = Sigmoid(z);
            oneHot[c] = y;
            crossEntropy += Math.Max(z, 0) - (z * y) + Math.Log(1 + Math.Exp(-Math.Abs(z)));
        }

        return new VoxelLoss(valid, probability, oneHot, crossEntropy);
    }

    /// <summary>1/(1 + exp(−z)), written so that the exponential never overflows.</summary>
    private static double Sigmoid(double z) => z >= 0 ? 1 / (1 + Math.Exp(-z)) : Math.Exp(z) / (1 + Math.Exp(z));

    /// <summary>
    /// One voxel's contribution: whether it counts, p and y per map, and its cross-entropy (summed over maps for regions).
    /// </summary>
    private readonly record struct VoxelLoss(bool Valid, double[] Probability, double[] OneHot, double CrossEntropy);
}
