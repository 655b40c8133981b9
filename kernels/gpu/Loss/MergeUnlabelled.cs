using ILGPU;
using ILGPU.Algorithms;
using ILGPU.Runtime;
using SharpSeg.Engine.Backends;
using SharpSeg.Kernels.Gpu.Device;

namespace SharpSeg.Kernels.Gpu.Loss;

/// <summary>
/// Logits of partly labelled samples as the loss sees them, and the way back for their gradient (Backend.MergeUnlabelled).
/// <para>Shapes: logits, merged and gradients (n, z, y, x, C); unlabelled (n, C).</para>
/// <para>Mapping: one thread per voxel, whose channels the caches serve. Input and output may be the same memory: a thread has
/// read what it needs of a channel before it writes it.</para>
/// </summary>
internal sealed class MergeUnlabelled(KernelList list)
{
    private readonly GpuKernel<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, ArrayView<float>,
        int, int, int>> forward = new(
        list, Forward,
        (ArrayView<float> logits, ArrayView<float> unlabelled, ArrayView<float> merged) =>
            KernelCost.Of([logits, unlabelled], [merged]));

    private readonly GpuKernel<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, ArrayView<float>,
        ArrayView<float>, int, int, int>> backward = new(
        list, Backward,
        (ArrayView<float> logits, ArrayView<float> unlabelled, ArrayView<float> dmerged, ArrayView<float> dlogits) =>
            KernelCost.Of([logits, unlabelled, dmerged], [dlogits]));

    /// <summary>merged from logits.</summary>
    public void LaunchForward(
        AcceleratorStream stream, int samples, int voxels, int classes, bool regions, ArrayView<float> logits,
        ArrayView<float> unlabelled, ArrayView<float> merged) =>
        forward.Launch(
            stream, RowIndex.Over(voxels, 1, samples), logits, unlabelled, merged, voxels, classes, regions ? 1 : 0);

    /// <summary>dlogits from dmerged.</summary>
    public void LaunchBackward(
        AcceleratorStream stream, int samples, int voxels, int classes, bool regions, ArrayView<float> logits,
        ArrayView<float> unlabelled, ArrayView<float> dmerged, ArrayView<float> dlogits) =>
        backward.Launch(
            stream, RowIndex.Over(voxels, 1, samples), logits, unlabelled, dmerged, dlogits, voxels, classes, regions ? 1 : 0);

    private static void Forward(
        ArrayView<float> logits, ArrayView<float> unlabelled, ArrayView<float> merged, int voxels, int classes, int regions)
    {
        var v = RowIndex.Element;
        if (v >= voxels || RowIndex.Row > 0)
        {
            return;
        }

        var first = (((long)RowIndex.Plane * voxels) + v) * classes;
        var marks = RowIndex.Plane * classes;
        var background = regions != 0 ? 0f : LogOfMerged(logits, unlabelled, first, marks, classes);
        for (var c = 0; c < classes; c++)
        {
            var isBackground = c == 0 && regions == 0;
            var z = logits[first + c];
            merged[first + c] = isBackground ? background : unlabelled[marks + c] != 0f ? Backend.Impossible : z;
        }
    }

    private static void Backward(
        ArrayView<float> logits, ArrayView<float> unlabelled, ArrayView<float> dmerged, ArrayView<float> dlogits, int voxels,
        int classes, int regions)
    {
        var v = RowIndex.Element;
        if (v >= voxels || RowIndex.Row > 0)
        {
            return;
        }

        var first = (((long)RowIndex.Plane * voxels) + v) * classes;
        var marks = RowIndex.Plane * classes;
        var background = regions != 0 ? 0f : LogOfMerged(logits, unlabelled, first, marks, classes);
        var slope = dmerged[first];
        for (var c = 0; c < classes; c++)
        {
            var d = dmerged[first + c];
            var isMerged = unlabelled[marks + c] != 0f || (c == 0 && regions == 0);
            var share = regions != 0 ? 0f : slope * XMath.Exp(logits[first + c] - background);
            dlogits[first + c] = isMerged ? share : d;
        }
    }

    /// <summary>log(exp z_0 + Σ exp z_k) over the classes that are not labelled.</summary>
    private static float LogOfMerged(
        ArrayView<float> logits, ArrayView<float> unlabelled, long first, int marks, int classes)
    {
        var highest = logits[first];
        for (var c = 1; c < classes; c++)
        {
            var z = logits[first + c];
            highest = unlabelled[marks + c] != 0f && z > highest ? z : highest;
        }

        var sum = XMath.Exp(logits[first] - highest);
        for (var c = 1; c < classes; c++)
        {
            sum += unlabelled[marks + c] != 0f ? XMath.Exp(logits[first + c] - highest) : 0f;
        }

        return highest + XMath.Log(sum);
    }
}
