using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Planning.Fingerprinting;
using SharpSeg.AutoPlanner.Volumes;

namespace SharpSeg.AutoPlanner.Preprocessing;

/// <summary>
/// Intensity normalisation of one channel in place (docs/method/preprocessing.md §3), in memory or plane by plane. Statistics are
/// summed in double; results are float32.
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
    /// <param name="channel">Intensities, changed in place.</param>
    /// <param name="labels">One label per voxel; the mask is where it is not negative. Empty where no mask is used.</param>
    /// <param name="intensities">Statistics of the dataset's foreground, for CT.</param>
    /// <param name="caseId">Named in messages.</param>
    /// <param name="planes">How many planes of a channel on disk are in memory at a time.</param>
    /// <exception cref="SharpSegException">CT without statistics, or RGB values outside 0..255.</exception>
    public static void Apply(
        NormalizationScheme scheme, bool useMask, Profile profile, VoxelStore<float> channel, short[] labels,
        IntensityProperties? intensities, string caseId, int planes = 1)
    {
        switch (scheme)
        {
            case NormalizationScheme.CT:
                channel.ChangePlanes(planes, (voxels, _) => ClipAndScale(voxels, intensities, caseId));
                break;
            case NormalizationScheme.ZScore when useMask:
                ZScoreInMask(channel, labels, planes, profile);
                break;
            case NormalizationScheme.ZScore:
                ZScore(channel, planes, profile);
                break;
            case NormalizationScheme.RescaleTo01:
                Rescale(channel, planes);
                break;
            case NormalizationScheme.RgbTo01:
                channel.ChangePlanes(planes, (voxels, _) => DivideBy255(voxels, caseId));
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

    private static void ZScore(VoxelStore<float> channel, int planes, Profile profile)
    {
        double sum = 0, squares = 0, count = channel.Size.Voxels;
        channel.LookAtPlanes(planes, (voxels, _) => sum = Sum(voxels, sum));
        var mean = sum / count;
        channel.LookAtPlanes(planes, (voxels, _) => squares = Squares(voxels, mean, squares));
        var scale = 1 / Divisor(Math.Sqrt(squares / count), profile);
        channel.ChangePlanes(planes, (voxels, _) => Scale(voxels, mean, scale));
    }

    private static double Sum(ReadOnlySpan<float> voxels, double sum)
    {
        foreach (var value in voxels)
        {
            sum += value;
        }

        return sum;
    }

    private static double Squares(ReadOnlySpan<float> voxels, double mean, double squares)
    {
        foreach (var value in voxels)
        {
            squares += (value - mean) * (value - mean);
        }

        return squares;
    }

    private static void Scale(Span<float> voxels, double mean, double scale)
    {
        for (var i = 0; i < voxels.Length; i++)
        {
            voxels[i] = (float)((voxels[i] - mean) * scale);
        }
    }

    private static void ZScoreInMask(VoxelStore<float> channel, short[] labels, int planes, Profile profile)
    {
        double sum = 0, squares = 0;
        long count = 0;
        channel.LookAtPlanes(planes, (voxels, first) => sum = SumInMask(voxels, labels.AsSpan(first), sum, ref count));
        var mean = count > 0 ? sum / count : 0;
        channel.LookAtPlanes(
            planes, (voxels, first) => squares = SquaresInMask(voxels, labels.AsSpan(first), mean, squares));
        var scale = 1 / Divisor(count > 0 ? Math.Sqrt(squares / count) : 0, profile);
        channel.ChangePlanes(planes, (voxels, first) => ScaleInMask(voxels, labels.AsSpan(first), mean, scale, profile));
    }

    private static double SumInMask(ReadOnlySpan<float> voxels, ReadOnlySpan<short> labels, double sum, ref long count)
    {
        for (var i = 0; i < voxels.Length; i++)
        {
            if (labels[i] >= 0)
            {
                sum += voxels[i];
                count++;
            }
        }

        return sum;
    }

    private static double SquaresInMask(ReadOnlySpan<float> voxels, ReadOnlySpan<short> labels, double mean, double squares)
    {
        for (var i = 0; i < voxels.Length; i++)
        {
            if (labels[i] >= 0)
            {
                squares += (voxels[i] - mean) * (voxels[i] - mean);
            }
        }

        return squares;
    }

    private static void ScaleInMask(
        Span<float> voxels, ReadOnlySpan<short> labels, double mean, double scale, Profile profile)
    {
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

    private static void Rescale(VoxelStore<float> channel, int planes)
    {
        var (low, high) = (float.PositiveInfinity, float.NegativeInfinity);
        channel.LookAtPlanes(planes, (voxels, _) => (low, high) = Range(voxels, (low, high)));
        var range = (float)Math.Max(high - low, Epsilon);
        channel.ChangePlanes(planes, (voxels, _) => Shift(voxels, low, range));
    }

    private static (float Low, float High) Range(ReadOnlySpan<float> voxels, (float Low, float High) range)
    {
        foreach (var value in voxels)
        {
            range = (Math.Min(range.Low, value), Math.Max(range.High, value));
        }

        return range;
    }

    private static void Shift(Span<float> voxels, float low, float range)
    {
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
