using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Cpu.Normalization;

namespace SharpSeg.Kernels.Cpu;

internal sealed unsafe partial class CpuBackend<TLanes, TVector>
{
    /// <inheritdoc/>
    protected override void InstanceNormStatisticsCore(in InstanceNormProblem p, Tensor x, Tensor mean, Tensor rstd)
    {
        var chunks = new VoxelChunks(p.N, p.Spatial.Voxels, p.C);
        var pitch = Pitch(p.C);
        var partial = shared.Reserve(2L * chunks.Count * pitch);
        team.Run(chunks.Count, new NormStatisticsWork<TLanes, TVector>(At(x), chunks, partial, pitch));
        float* means = At(mean), rstds = At(rstd);
        for (var n = 0; n < p.N; n++)
        {
            for (var c = 0; c < p.C; c++)
            {
                NormStatisticsWork<TLanes, TVector>.Merge(
                    partial, chunks, pitch, n, c, p.Epsilon, out means[(n * p.C) + c], out rstds[(n * p.C) + c]);
            }
        }
    }

    /// <inheritdoc/>
    protected override void InstanceNormApplyCore(
        in InstanceNormProblem p, Tensor x, Tensor mean, Tensor rstd, Tensor gamma, Tensor beta, Tensor y)
    {
        var chunks = new VoxelChunks(p.N, p.Spatial.Voxels, p.C);
        team.Run(
            chunks.Count,
            new NormApplyWork<TLanes, TVector>(At(x), At(mean), At(rstd), At(gamma), At(beta), p.Slope, At(y), chunks));
    }

    /// <inheritdoc/>
    protected override void InstanceNormBackwardCore(
        in InstanceNormProblem p, Tensor dy, Tensor x, Tensor mean, Tensor rstd, Tensor gamma, Tensor beta,
        Tensor dx, Tensor dgamma, Tensor dbeta, bool accumulateParameters)
    {
        var chunks = new VoxelChunks(p.N, p.Spatial.Voxels, p.C);
        var pitch = Pitch(p.C);
        var averagesPitch = (long)p.N * p.C;
        var partial = shared.Reserve((2L * chunks.Count * pitch) + (2 * averagesPitch) + 64);
        var averages = partial + (2L * chunks.Count * pitch);
        team.Run(
            chunks.Count,
            new NormGradientSumsWork<TLanes, TVector>(
                At(dy), At(x), At(mean), At(rstd), At(gamma), At(beta), p.Slope, partial, pitch, chunks));
        float* dg = At(dgamma), db = At(dbeta);
        for (var c = 0; c < p.C; c++)
        {
            double sumA = accumulateParameters ? db[c] : 0, sumB = accumulateParameters ? dg[c] : 0;
            for (var n = 0; n < p.N; n++)
            {
                double a = 0, b = 0;
                for (var chunk = n * chunks.PerSample; chunk < (n + 1) * chunks.PerSample; chunk++)
                {
                    a += partial[(2L * chunk * pitch) + c];
                    b += partial[(2L * chunk * pitch) + pitch + c];
                }

                averages[(n * p.C) + c] = (float)(a / chunks.Voxels);
                averages[averagesPitch + (n * p.C) + c] = (float)(b / chunks.Voxels);
                sumA += a;
                sumB += b;
            }

            db[c] = (float)sumA;
            dg[c] = (float)sumB;
        }

        team.Run(
            chunks.Count,
            new NormGradientWork<TLanes, TVector>(
                At(dy), At(x), At(mean), At(rstd), At(gamma), At(beta), p.Slope, averages, averagesPitch, At(dx), chunks));
    }

    /// <summary>Channels rounded up to two vectors.</summary>
    private static int Pitch(int channels) => (channels + (2 * TLanes.Count) - 1) / (2 * TLanes.Count) * 2 * TLanes.Count;
}
