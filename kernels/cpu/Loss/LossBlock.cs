using System.Runtime.CompilerServices;
using SharpSeg.Engine.Backends;
using SharpSeg.Kernels.Cpu.Simd;

namespace SharpSeg.Kernels.Cpu.Loss;

/// <summary>
/// What both passes of the loss need for up to 64 voxels, as channel rows in a worker's scratch memory: probabilities p, targets
/// y (one-hot or regions), mask m (0 = ignored or behind the end).
/// </summary>
internal readonly unsafe struct LossBlock<TLanes, TVector>(LossProblem problem, float* logits, float* target, float* scratch)
    where TLanes : struct, ILanes<TVector>
    where TVector : unmanaged
{
    /// <summary>Probabilities, C rows.</summary>
    public float* P => scratch;

    /// <summary>Targets, C rows (and one for the ignore mask of regions).</summary>
    public float* Y => scratch + (problem.C * VoxelBlock.Size);

    /// <summary>Mask, one row.</summary>
    public float* Mask => scratch + (((2 * problem.C) + 1) * VoxelBlock.Size);

    private float* Extra => Mask + VoxelBlock.Size;

    /// <summary>Floats of scratch memory per worker.</summary>
    public static long ScratchLength(int classes) => ((3L * classes) + 4) * VoxelBlock.Size;

    /// <summary>Fills the rows for voxels first … first + count − 1; gives their masked cross-entropy if asked.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public double Load(long first, int count, bool crossEntropy)
    {
        var z = logits + (first * problem.C);
        VoxelBlock.Gather(z, problem.C, count, P);
        return problem.Regions ? LoadRegions(first, count, crossEntropy) : LoadLabels(z, target + first, count, crossEntropy);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private double LoadLabels(float* z, float* labels, int count, bool crossEntropy)
    {
        ChannelProbabilities<TLanes, TVector>.Softmax(P, problem.C, Extra);
        new Span<float>(Y, problem.C * VoxelBlock.Size).Clear();
        new Span<float>(Mask, VoxelBlock.Size).Clear();
        var sum = 0.0;
        for (var i = 0; i < count; i++)
        {
            var label = (int)labels[i];
            if (label == problem.IgnoreLabel || (uint)label >= (uint)problem.C)
            {
                continue;
            }

            Mask[i] = 1f;
            Y[(label * VoxelBlock.Size) + i] = 1f;
            if (crossEntropy)
            {
                sum += Extra[i] - z[(i * problem.C) + label];
            }
        }

        return sum;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private double LoadRegions(long first, int count, bool crossEntropy)
    {
        var maps = problem.TargetShape.C;
        VoxelBlock.Gather(target + (first * maps), maps, count, Y);
        for (var i = 0; i < VoxelBlock.Size; i++)
        {
            Mask[i] = i < count && (maps == problem.C || Y[(problem.C * VoxelBlock.Size) + i] == 0f) ? 1f : 0f;
        }

        var sum = 0.0;
        if (crossEntropy)
        {
            ChannelProbabilities<TLanes, TVector>.SoftPlusOfMinusAbs(P, problem.C, Extra);
            for (var c = 0; c < problem.C; c++)
            {
                for (var i = 0; i < count; i++)
                {
                    var at = (c * VoxelBlock.Size) + i;
                    sum += Mask[i] * (Math.Max(P[at], 0f) - (P[at] * Y[at]) + Extra[at]);
                }
            }
        }

        ChannelProbabilities<TLanes, TVector>.Sigmoid(P, problem.C);
        return sum;
    }
}
