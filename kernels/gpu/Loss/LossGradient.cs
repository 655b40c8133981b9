using ILGPU;
using ILGPU.Runtime;
using SharpSeg.Kernels.Gpu.Device;

namespace SharpSeg.Kernels.Gpu.Loss;

/// <summary>
/// Second pass of Dice + cross-entropy: the gradient with respect to the logits from the sums of the first pass
/// (docs/method/losses-and-optimisers.md §2.5, §3).
/// <para>Shapes: logits, dlogits (n, z, y, x, C); slopes (n, C, 2), scratch: the derivative of −mean Dice by p is slope·y +
/// constant.</para>
/// <para>Maths: Backend.SegmentationLossBackward. Where D is its lower bound 1e-8 it does not depend on p, and the constant is
/// 0.</para>
/// <para>Mapping: one thread per sample and class for the slopes, then one thread per voxel, three passes over its channels,
/// which the caches serve. Bound by memory for few classes.</para>
/// </summary>
internal sealed class LossGradient(KernelList list)
{
    private const float SmallestDenominator = 1e-8f; // docs/method/losses-and-optimisers.md §2.2

    private readonly GpuKernel<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, LossSizes>> slopes =
        new(
        list, Slopes,
        (ArrayView<float> sums, ArrayView<float> slopes) => KernelCost.Of([sums], [slopes]));

    private readonly GpuKernel<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, ArrayView<float>,
        ArrayView<float>, ArrayView<float>, LossSizes, float>> gradient = new(
        list, Gradient,
        (ArrayView<float> logits, ArrayView<float> target, ArrayView<float> dlogits) =>
            KernelCost.Of([logits, target], [dlogits]));

    /// <summary>dlogits ← weight·∂L/∂logits.</summary>
    public void Launch(
        AcceleratorStream stream, in LossSizes s, ArrayView<float> logits, ArrayView<float> target, ArrayView<float> sums,
        float weight,
        ArrayView<float> slopeScratch, ArrayView<float> dlogits)
    {
        slopes.Launch(stream, ElementIndex.Over((long)s.N * s.C), sums, slopeScratch, s);
        gradient.Launch(stream, RowIndex.Over(s.Voxels, 1, s.N), logits, target, sums, slopeScratch, dlogits, s, weight);
    }

    private static void Slopes(ArrayView<float> sums, ArrayView<float> slopes, LossSizes s)
    {
        var index = (int)ElementIndex.Current;
        if (index >= s.N * s.C)
        {
            return;
        }

        var c = index % s.C;
        var n = index / s.C;
        var intersection = 0f;
        var predicted = 0f;
        var labelled = 0f;
        var end = s.BatchDice != 0 ? s.N : n + 1;
        for (var sample = s.BatchDice != 0 ? 0 : n; sample < end; sample++)
        {
            var triple = 3 * ((sample * s.C) + c);
            intersection += sums[triple];
            predicted += sums[triple + 1];
            labelled += sums[triple + 2];
        }

        var denominator = predicted + labelled + s.Smooth;
        var bounded = !(denominator > SmallestDenominator);
        denominator = bounded ? SmallestDenominator : denominator;
        var inDice = c >= s.FirstDiceClass;
        var ratio = ((2f * intersection) + s.Smooth) / denominator; // divided twice by D, because D² may be too small for float32
        slopes[2 * index] = inDice ? -2f / (s.DiceTerms * denominator) : 0f;
        slopes[(2 * index) + 1] = inDice && !bounded ? ratio / (s.DiceTerms * denominator) : 0f;
    }

    private static void Gradient(
        ArrayView<float> logits, ArrayView<float> target, ArrayView<float> sums, ArrayView<float> slopes,
        ArrayView<float> dlogits,
        LossSizes s, float weight)
    {
        var sample = RowIndex.Plane;
        var v = RowIndex.Element;
        if (v >= s.Voxels || RowIndex.Row > 0)
        {
            return;
        }

        var voxel = ((long)sample * s.Voxels) + v;
        var first = voxel * s.C;
        if (!VoxelLoss.IsValid(target, voxel, s))
        {
            for (var c = 0; c < s.C; c++)
            {
                dlogits[first + c] = 0f;
            }

            return;
        }

        var slope = 2 * sample * s.C;
        var valid = sums[s.CrossEntropyIndex + 1];
        var divisor = s.Regions != 0 && s.IgnoreLabel < 0 ? (float)s.N * s.C * s.Voxels : valid;
        var highest = 0f;
        var inverse = 0f;
        var mean = 0f; // Σ p·g, for the softmax
        if (s.Regions == 0)
        {
            highest = Logits.Highest(logits, first, s.C);
            inverse = 1f / Logits.SumOfExponentials(logits, first, s.C, highest);
            for (var c = 0; c < s.C; c++)
            {
                var p = VoxelLoss.Probability(logits, voxel, c, highest, inverse, s);
                var y = VoxelLoss.Truth(target, voxel, c, s);
                mean += p * ((slopes[slope + (2 * c)] * y) + slopes[slope + (2 * c) + 1]);
            }
        }

        for (var c = 0; c < s.C; c++)
        {
            var p = VoxelLoss.Probability(logits, voxel, c, highest, inverse, s);
            var y = VoxelLoss.Truth(target, voxel, c, s);
            var g = (slopes[slope + (2 * c)] * y) + slopes[slope + (2 * c) + 1];
            var dice = s.Regions != 0 ? g * p * (1f - p) : p * (g - mean);
            dlogits[first + c] = weight * (dice + (s.CrossEntropyWeight * ((p - y) / divisor)));
        }
    }
}
