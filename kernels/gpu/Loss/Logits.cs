using ILGPU;
using ILGPU.Algorithms;

namespace SharpSeg.Kernels.Gpu.Loss;

/// <summary>What kernels compute from the logits of a voxel. The exponentials never overflow.</summary>
internal static class Logits
{
    /// <summary>1/(1 + exp(−z)).</summary>
    public static float Sigmoid(float z)
    {
        var e = XMath.Exp(z > 0f ? -z : z); // exp(−|z|) ≤ 1
        return z > 0f ? 1f / (1f + e) : e / (1f + e);
    }

    /// <summary>Highest of the channels of a voxel.</summary>
    public static float Highest(ArrayView<float> logits, long first, int channels)
    {
        var highest = logits[first];
        for (var c = 1; c < channels; c++)
        {
            var value = logits[first + c];
            highest = value > highest ? value : highest;
        }

        return highest;
    }

    /// <summary>Σ exp(z − highest) over the channels of a voxel; between 1 and the number of channels.</summary>
    public static float SumOfExponentials(ArrayView<float> logits, long first, int channels, float highest)
    {
        var sum = 0f;
        for (var c = 0; c < channels; c++)
        {
            sum += XMath.Exp(logits[first + c] - highest);
        }

        return sum;
    }
}
