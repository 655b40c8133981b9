using ILGPU;
using ILGPU.Algorithms;

namespace SharpSeg.Kernels.Gpu.Loss;

/// <summary>
/// The loss of one voxel (docs/method/losses-and-optimisers.md §2, §3). Voxels are counted over the batch.
/// </summary>
internal static class VoxelLoss
{
    /// <summary>Whether the voxel counts: no ignore label, or the voxel does not carry it.</summary>
    public static bool IsValid(ArrayView<float> target, long voxel, LossSizes s)
    {
        var mark = s.Regions != 0 ? target[(voxel * s.TargetC) + s.TargetC - 1] : target[voxel * s.TargetC];
        return s.IgnoreLabel < 0 || (s.Regions != 0 ? mark == 0f : (int)mark != s.IgnoreLabel);
    }

    /// <summary>y of one map at a valid voxel: 0 or 1.</summary>
    public static float Truth(ArrayView<float> target, long voxel, int c, LossSizes s) => s.Regions != 0
        ? target[(voxel * s.TargetC) + c]
        : (int)target[voxel * s.TargetC] == c ? 1f : 0f;

    /// <summary>
    /// Cross-entropy of a valid voxel. Softmax: log Σ exp(z − highest) − (z_t − highest); regions: Σ max(z, 0) − z·y + log(1 +
    /// exp(−|z|)).
    /// </summary>
    public static float CrossEntropy(
        ArrayView<float> logits, ArrayView<float> target, long voxel, float highest, float sum, LossSizes s)
    {
        var first = voxel * s.C;
        if (s.Regions == 0)
        {
            return XMath.Log(sum) - (logits[first + (int)target[voxel]] - highest);
        }

        var total = 0f;
        for (var c = 0; c < s.C; c++)
        {
            var z = logits[first + c];
            var positive = z > 0f ? z : 0f;
            total += positive - (z * target[(voxel * s.TargetC) + c]) + XMath.Log(1f + XMath.Exp(z > 0f ? -z : z));
        }

        return total;
    }

    /// <summary>p of one map, given the softmax' maximum and 1/Σ (not used for regions).</summary>
    public static float Probability(ArrayView<float> logits, long voxel, int c, float highest, float inverse, LossSizes s)
    {
        var z = logits[(voxel * s.C) + c];
        return s.Regions != 0 ? Logits.Sigmoid(z) : XMath.Exp(z - highest) * inverse;
    }
}
