using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Planning.Fingerprinting;

namespace SharpSeg.AutoPlanner.Preprocessing;

/// <summary>
/// Intensity normalisation of one channel in place (docs/method/preprocessing.md §3). Statistics are summed in double; results
/// are float32.
/// </summary>
internal static class Normalization
{
    /// <summary>Keeps constant images from dividing by zero; nnU-Net's value.</summary>
    private const double Epsilon = 1e-8;

    /// <summary>Normalises a channel.</summary>
    /// <param name="scheme">Which formula.</param>
    /// <param name="useMask">Z-score only: statistics and change inside the mask alone.</param>
    /// <param name="profile">
    /// Classic adds the epsilon to the deviation instead of taking the greater, and sets voxels outside the mask to 0 where
    /// modern leaves them.
    /// </param>
    /// <param name="voxels">Intensities, changed in place.</param>
    /// <param name="labels">One label per voxel; the mask is where the label is not negative.</param>
    /// <param name="intensities">Statistics of the dataset's foreground, for CT.</param>
    /// <param name="caseId">Named in messages.</param>
    /// <exception cref="SharpSegException">CT without statistics, or RGB values outside 0..255.</exception>
    public static void Apply(
        NormalizationScheme scheme,
        bool useMask,
        Profile profile,
        Span<float> voxels,
        ReadOnlySpan<short> labels,
        IntensityProperties? intensities,
        string caseId)
    {
        switch (scheme)
        {
            case NormalizationScheme.CT:
                ClipAndScale(voxels, intensities, caseId);
                break;
            case NormalizationScheme.ZScore when useMask:
                ZScoreInMask(voxels, labels, profile);
                break;
            case NormalizationScheme.ZScore:
                ZScore(voxels, profile);
                break;
            case NormalizationScheme.RescaleTo01:
                Rescale(voxels);
                break;
            case NormalizationScheme.RgbTo01:
                DivideBy255(voxels, caseId);
                break;
            case NormalizationScheme.NoNormalization:
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(scheme), scheme, "unknown normalisation scheme");
        }
    }

    private static void ClipAndScale(Span<float> voxels, IntensityProperties? intensities, string caseId)
    {
        if (intensities is null)
        {
            throw new SharpSegException(
                $"case `{caseId}`: CT normalisation needs the dataset's foreground intensities, and the plans have none",
                "plan again; if no training case has any foreground, name the channel `zscore` in dataset.json");
        }

        float low = (float)intensities.Percentile005, high = (float)intensities.Percentile995;
        float mean = (float)intensities.Mean, deviation = (float)Math.Max(intensities.Std, Epsilon);
        for (var i = 0; i < voxels.Length; i++)
        {
            voxels[i] = (Math.Clamp(voxels[i], low, high) - mean) / deviation;
        }
    }

    private static void ZScore(Span<float> voxels, Profile profile)
    {
        var sum = 0.0;
        foreach (var value in voxels)
        {
            sum += value;
        }

        var mean = sum / voxels.Length;
        var squares = 0.0;
        foreach (var value in voxels)
        {
            squares += (value - mean) * (value - mean);
        }

        var scale = 1 / Divisor(Math.Sqrt(squares / voxels.Length), profile);
        for (var i = 0; i < voxels.Length; i++)
        {
            voxels[i] = (float)((voxels[i] - mean) * scale);
        }
    }

    private static void ZScoreInMask(Span<float> voxels, ReadOnlySpan<short> labels, Profile profile)
    {
        double sum = 0, squares = 0;
        long count = 0;
        for (var i = 0; i < voxels.Length; i++)
        {
            if (labels[i] >= 0)
            {
                sum += voxels[i];
                count++;
            }
        }

        var mean = count > 0 ? sum / count : 0;
        for (var i = 0; i < voxels.Length; i++)
        {
            if (labels[i] >= 0)
            {
                squares += (voxels[i] - mean) * (voxels[i] - mean);
            }
        }

        var scale = 1 / Divisor(count > 0 ? Math.Sqrt(squares / count) : 0, profile);
        for (var i = 0; i < voxels.Length; i++)
        {
            if (labels[i] >= 0)
            {
                voxels[i] = (float)((voxels[i] - mean) * scale);
            }
            else if (profile == Profile.Classic)
            {
                voxels[i] = 0;
            }
        }
    }

    private static double Divisor(double deviation, Profile profile) =>
        profile == Profile.Classic ? deviation + Epsilon : Math.Max(deviation, Epsilon);

    private static void Rescale(Span<float> voxels)
    {
        float low = float.PositiveInfinity, high = float.NegativeInfinity;
        foreach (var value in voxels)
        {
            low = Math.Min(low, value);
            high = Math.Max(high, value);
        }

        var range = (float)Math.Max(high - low, Epsilon);
        for (var i = 0; i < voxels.Length; i++)
        {
            voxels[i] = (voxels[i] - low) / range;
        }
    }

    private static void DivideBy255(Span<float> voxels, string caseId)
    {
        foreach (var value in voxels)
        {
            if (value is not (>= 0 and <= 255))
            {
                throw new SharpSegException(
                    $"case `{caseId}`: intensity {value} in a channel with RGB normalisation, which takes 0 to 255",
                    "name the channel otherwise in dataset.json, e.g. `rescale_to_0_1`");
            }
        }

        for (var i = 0; i < voxels.Length; i++)
        {
            voxels[i] /= 255f;
        }
    }
}
