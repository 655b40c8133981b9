using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Cpu.Loss;

namespace SharpSeg.Kernels.Cpu;

internal sealed unsafe partial class CpuBackend<TLanes, TVector>
{
    /// <inheritdoc/>
    protected override void SegmentationLossForwardCore(in LossProblem p, Tensor logits, Tensor target, Tensor sums)
    {
        int perSample = LossSumsWork<TLanes, TVector>.PerSample(p), width = (3 * p.C) + 2, chunks = p.N * perSample;
        var partial = (double*)shared.Reserve(2L * chunks * width);
        var scratch = LossBlock<TLanes, TVector>.ScratchLength(p.C);
        team.Run(
            chunks,
            new LossSumsWork<TLanes, TVector>(
                p, At(logits), At(target), partial, perWorker.Reserve(scratch * team.Count), scratch));
        var result = At(sums);
        double entropy = 0, valid = 0;
        for (var n = 0; n < p.N; n++)
        {
            for (var i = 0; i < width; i++)
            {
                double sum = 0;
                for (var chunk = n * perSample; chunk < (n + 1) * perSample; chunk++)
                {
                    sum += partial[((long)chunk * width) + i];
                }

                if (i < 3 * p.C)
                {
                    result[(3 * n * p.C) + i] = (float)sum;
                }
                else if (i == 3 * p.C)
                {
                    entropy += sum;
                }
                else
                {
                    valid += sum;
                }
            }
        }

        result[3 * p.N * p.C] = (float)entropy;
        result[(3 * p.N * p.C) + 1] = (float)valid;
    }

    /// <inheritdoc/>
    protected override void MergeUnlabelledCore(Tensor logits, Tensor unlabelled, bool regions, Tensor merged) =>
        MergeUnlabelled(logits, unlabelled, regions, null, At(merged));

    /// <inheritdoc/>
    protected override void MergeUnlabelledBackwardCore(
        Tensor logits, Tensor unlabelled, bool regions, Tensor dmerged, Tensor dlogits) =>
        MergeUnlabelled(logits, unlabelled, regions, At(dmerged), At(dlogits));

    private void MergeUnlabelled(Tensor logits, Tensor unlabelled, bool regions, float* dmerged, float* result)
    {
        var (classes, voxels) = (logits.Shape.C, logits.Shape.Spatial.Voxels);
        var scratch = MergeUnlabelledWork<TLanes, TVector>.ScratchLength(classes);
        team.Run(
            logits.Shape.N * MergeUnlabelledWork<TLanes, TVector>.PerSample(voxels),
            new MergeUnlabelledWork<TLanes, TVector>(
                At(logits), At(unlabelled), regions, classes, voxels, dmerged, result,
                perWorker.Reserve(scratch * team.Count), scratch));
    }

    /// <inheritdoc/>
    protected override void SegmentationLossBackwardCore(
        in LossProblem p, Tensor logits, Tensor target, Tensor sums, float weight, Tensor dlogits)
    {
        var s = At(sums);
        var coefficients = shared.Reserve(2L * p.N * p.C);
        for (var n = 0; n < p.N; n++)
        {
            for (var c = 0; c < p.C; c++)
            {
                double intersection = 0, both = 0;
                for (var k = p.BatchDice ? 0 : n; k < (p.BatchDice ? p.N : n + 1); k++)
                {
                    var triple = s + (3 * ((k * p.C) + c));
                    intersection += triple[0];
                    both += (double)triple[1] + triple[2];
                }

                var denominator = Math.Max(both + p.Smooth, 1e-8);
                var inDice = c >= p.FirstDiceClass;
                var ab = coefficients + (2 * ((n * p.C) + c));
                ab[0] = inDice ? (float)(-2.0 * weight / (p.DiceTerms * denominator)) : 0f;
                ab[1] = inDice
                    ? (float)(weight * ((2.0 * intersection) + p.Smooth) / (p.DiceTerms * denominator * denominator))
                    : 0f;
            }
        }

        double valid = s[(3 * p.N * p.C) + 1];
        var divisor = p.Regions && p.IgnoreLabel < 0 ? (double)p.LogitsShape.Length : valid;
        var entropyScale = valid > 0 ? (float)(weight * p.CrossEntropyWeight / divisor) : 0f;
        var scratch = LossBlock<TLanes, TVector>.ScratchLength(p.C);
        team.Run(
            p.N * LossSumsWork<TLanes, TVector>.PerSample(p),
            new LossGradientWork<TLanes, TVector>(
                p, At(logits), At(target), coefficients, entropyScale, At(dlogits),
                perWorker.Reserve(scratch * team.Count), scratch));
    }
}
