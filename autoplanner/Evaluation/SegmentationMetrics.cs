using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Evaluation;

/// <summary>Compares one predicted label map with its reference (docs/method/evaluation.md §1, §3).</summary>
internal static class SegmentationMetrics
{
    /// <summary>Metrics of every foreground class (label or region) in declared order.</summary>
    /// <param name="reference">extent.Voxels labels (z, y, x); voxels with the ignore label are not counted.</param>
    /// <param name="prediction">extent.Voxels labels.</param>
    /// <param name="extent">Voxels (z, y, x).</param>
    /// <param name="spacing">mm, of the reference; used by surface metrics only.</param>
    /// <param name="scheme">The dataset's labels.</param>
    /// <param name="options">Whether and how to compute surface metrics; null for none.</param>
    /// <param name="unlabelled">Classes, by their place, that the reference does not show; they have no score.</param>
    /// <exception cref="ArgumentException">The maps do not have extent.Voxels labels.</exception>
    public static IReadOnlyList<ClassMetrics> Compute(
        ReadOnlySpan<short> reference, ReadOnlySpan<short> prediction, Extent extent, Spacing spacing, LabelScheme scheme,
        EvaluationOptions? options = null, IReadOnlyList<int>? unlabelled = null)
    {
        if (reference.Length != extent.Voxels || prediction.Length != extent.Voxels)
        {
            throw new ArgumentException(
                $"the maps have {reference.Length} and {prediction.Length} voxels, {extent} has {extent.Voxels}");
        }

        var pairs = CountPairs(reference, prediction);
        var results = new List<ClassMetrics>();
        var boxes = options is { Surface: true } ? new LabelBoxes(reference, prediction, extent, scheme.IgnoreLabel) : null;
        var left = extent.Voxels; // whose memory is to be given back: what reading left, then what was measured
        foreach (var item in EvaluatedClass.Of(scheme))
        {
            if (unlabelled?.Contains(results.Count) == true)
            {
                results.Add(ClassMetrics.Unknown(options is { Surface: true }));
                continue;
            }

            long truePositives = 0, falsePositives = 0, falseNegatives = 0, trueNegatives = 0;
            foreach (var ((expected, predicted), count) in pairs)
            {
                if (expected == scheme.IgnoreLabel)
                {
                    continue;
                }

                bool inReference = item.Labels.Contains(expected), inPrediction = item.Labels.Contains(predicted);
                truePositives += inReference && inPrediction ? count : 0;
                falsePositives += !inReference && inPrediction ? count : 0;
                falseNegatives += inReference && !inPrediction ? count : 0;
                trueNegatives += !inReference && !inPrediction ? count : 0;
            }

            var metrics = ClassMetrics.FromCounts(truePositives, falsePositives, falseNegatives, trueNegatives);
            if (options is { Surface: true })
            {
                var (joint, isExpected, isPredicted) = boxes!.Around(item.Labels);
                if (left > MemoryBudget.LargeVoxels)
                {
                    MemoryBudget.GiveBack();
                    left = 0;
                }

                left += joint?.Size.Voxels ?? 0;
                var distances = isExpected && isPredicted
                    ? SurfaceDistances.Between(
                        reference, prediction, extent, spacing, item.Labels, scheme.IgnoreLabel, joint!.Value)
                    : SurfaceDistances.None(isExpected || isPredicted);
                metrics = metrics with
                {
                    Hd95 = distances.Percentile95(),
                    Nsd = distances.WithinTolerance(options.ToleranceFor(item)),
                };
            }

            results.Add(metrics);
        }

        return results;
    }

    /// <summary>
    /// How often each pair (reference label, predicted label) occurs: one pass serves all classes. Label maps are made of long
    /// runs, so the dictionary is asked only where a pair ends.
    /// </summary>
    internal static Dictionary<(short Reference, short Prediction), long> CountPairs(
        ReadOnlySpan<short> reference, ReadOnlySpan<short> prediction)
    {
        var pairs = new Dictionary<(short, short), long>();
        var start = 0;
        for (var i = 1; i <= reference.Length; i++)
        {
            if (i < reference.Length && reference[i] == reference[start] && prediction[i] == prediction[start])
            {
                continue;
            }

            var pair = (reference[start], prediction[start]);
            pairs[pair] = pairs.GetValueOrDefault(pair) + i - start;
            start = i;
        }

        return pairs;
    }
}
