namespace SharpSeg.AutoPlanner.Planning;

/// <summary>How the intensities of one channel are brought to a common scale (docs/method/preprocessing.md §3).</summary>
public enum NormalizationScheme
{
    /// <summary>
    /// Clip to the dataset's foreground percentiles 0.5 and 99.5, subtract its mean, divide by its standard deviation.
    /// </summary>
    CT,

    /// <summary>Zero mean and unit variance of the case itself, optionally inside its nonzero mask only.</summary>
    ZScore,

    /// <summary>Values stay as they are.</summary>
    NoNormalization,

    /// <summary>Linear map of the case's range to 0..1.</summary>
    RescaleTo01,

    /// <summary>Divide by 255; values outside 0..255 are refused.</summary>
    RgbTo01,
}

/// <summary>Names of the schemes: from channel names of dataset.json, and to and from the class names in plans.json.</summary>
internal static class NormalizationSchemes
{
    /// <summary>
    /// The scheme of a channel, by its whole name and without regard to case: `ct`, `nonorm`, `zscore`, `rescale_to_0_1`,
    /// `rgb_to_0_1`; any other name (`MRI`, `T1`, `CT_native`) is z-score (docs/method/preprocessing.md §3).
    /// </summary>
    public static NormalizationScheme FromChannelName(string channelName) => channelName.ToUpperInvariant() switch
    {
        "CT" => NormalizationScheme.CT,
        "NONORM" => NormalizationScheme.NoNormalization,
        "RESCALE_TO_0_1" => NormalizationScheme.RescaleTo01,
        "RGB_TO_0_1" => NormalizationScheme.RgbTo01,
        _ => NormalizationScheme.ZScore,
    };

    /// <summary>The name under `normalization_schemes` in plans.json, as nnU-Net v2 writes it.</summary>
    public static string ClassName(this NormalizationScheme scheme) => scheme switch
    {
        NormalizationScheme.CT => "CTNormalization",
        NormalizationScheme.ZScore => "ZScoreNormalization",
        NormalizationScheme.NoNormalization => "NoNormalization",
        NormalizationScheme.RescaleTo01 => "RescaleTo01Normalization",
        NormalizationScheme.RgbTo01 => "RGBTo01Normalization",
        _ => throw new ArgumentOutOfRangeException(nameof(scheme), scheme, "unknown normalisation scheme"),
    };

    /// <summary>The scheme of a name under `normalization_schemes`; null if there is none of that name.</summary>
    public static NormalizationScheme? FromClassName(string className)
    {
        foreach (var scheme in Enum.GetValues<NormalizationScheme>())
        {
            if (scheme.ClassName() == className)
            {
                return scheme;
            }
        }

        return null;
    }
}
