using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Planning.Fingerprinting;
using SharpSeg.AutoPlanner.Volumes;

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
                Rescale(voxels, Range(voxels, (float.PositiveInfinity, float.NegativeInfinity)));
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

    /// <summary>Normalises a channel that is read and written plane by plane.</summary>
    /// <param name="scheme">Which formula.</param>
    /// <param name="useMask">As for the other.</param>
    /// <param name="profile">As for the other.</param>
    /// <param name="volume">Intensities, changed in place.</param>
    /// <param name="labels">As for the other; empty where no mask is used.</param>
    /// <param name="planes">How many planes are in memory at a time.</param>
    /// <param name="intensities">Statistics of the dataset's foreground, for CT.</param>
    /// <param name="caseId">Named in messages.</param>
    /// <exception cref="SharpSegException">As for the other.</exception>
    public static void Apply(
        NormalizationScheme scheme, bool useMask, Profile profile, VoxelStore<float> volume, short[] labels, int planes,
        IntensityProperties? intensities, string caseId)
    {
        var size = volume.Size;
        var values = new float[size.With(0, Math.Min(planes, size.Z)).Voxels];
        double sum = 0, squares = 0, mean, scale;
        switch (scheme)
        {
            case NormalizationScheme.ZScore when useMask:
                long count = 0;
                ForPlanes(isChanged: false, (piece, first) => sum = SumInMask(piece, labels.AsSpan(first), sum, ref count));
                mean = count > 0 ? sum / count : 0;
                ForPlanes(
                    isChanged: false, (piece, first) => squares = SquaresInMask(piece, labels.AsSpan(first), mean, squares));
                scale = 1 / Divisor(count > 0 ? Math.Sqrt(squares / count) : 0, profile);
                ForPlanes(isChanged: true, (piece, first) => ScaleInMask(piece, labels.AsSpan(first), mean, scale, profile));
                break;
            case NormalizationScheme.ZScore:
                ForPlanes(isChanged: false, (piece, _) => sum = Sum(piece, sum));
                mean = sum / size.Voxels;
                ForPlanes(isChanged: false, (piece, _) => squares = Squares(piece, mean, squares));
                scale = 1 / Divisor(Math.Sqrt(squares / size.Voxels), profile);
                ForPlanes(isChanged: true, (piece, _) => Scale(piece, mean, scale));
                break;
            case NormalizationScheme.RescaleTo01:
                var range = (Low: float.PositiveInfinity, High: float.NegativeInfinity);
                ForPlanes(isChanged: false, (piece, _) => range = Range(piece, range));
                ForPlanes(isChanged: true, (piece, _) => Rescale(piece, range));
                break;
            default:
                ForPlanes(
                    isChanged: true, (piece, _) => Apply(scheme, useMask: false, profile, piece, [], intensities, caseId));
                break;
        }

        void ForPlanes(bool isChanged, ChangePiece change)
        {
            for (var first = 0; first < size.Z; first += planes)
            {
                var box = Box.Planes(size, first, Math.Min(planes, size.Z - first));
                var piece = values.AsSpan(0, (int)box.Size.Voxels);
                volume.Read(box, piece);
                change(piece, first * size.Y * size.X);
                if (isChanged)
                {
                    volume.Write(box, piece);
                }
            }
        }
    }

    private delegate void ChangePiece(Span<float> piece, int first);

    private static void ZScore(Span<float> voxels, Profile profile)
    {
        var mean = Sum(voxels, 0) / voxels.Length;
        var squares = Squares(voxels, mean, 0);
        Scale(voxels, mean, 1 / Divisor(Math.Sqrt(squares / voxels.Length), profile));
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

    private static void ZScoreInMask(Span<float> voxels, ReadOnlySpan<short> labels, Profile profile)
    {
        long count = 0;
        var sum = SumInMask(voxels, labels, 0, ref count);
        var mean = count > 0 ? sum / count : 0;
        var squares = SquaresInMask(voxels, labels, mean, 0);
        ScaleInMask(voxels, labels, mean, 1 / Divisor(count > 0 ? Math.Sqrt(squares / count) : 0, profile), profile);
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

    private static (float Low, float High) Range(ReadOnlySpan<float> voxels, (float Low, float High) range)
    {
        foreach (var value in voxels)
        {
            range = (Math.Min(range.Low, value), Math.Max(range.High, value));
        }

        return range;
    }

    private static void Rescale(Span<float> voxels, (float Low, float High) between)
    {
        var range = (float)Math.Max(between.High - between.Low, Epsilon);
        for (var i = 0; i < voxels.Length; i++)
        {
            voxels[i] = (voxels[i] - between.Low) / range;
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
