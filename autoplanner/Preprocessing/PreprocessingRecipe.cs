using System.Globalization;
using System.Text;
using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Planning.Fingerprinting;
using SharpSeg.AutoPlanner.Volumes;
using SharpSeg.Engine.ModelFiles;

namespace SharpSeg.AutoPlanner.Preprocessing;

/// <summary>Everything in the plans that determines a preprocessed case, and nothing else.</summary>
internal sealed record PreprocessingRecipe
{
    // Raise it when the same plans would give other data, so that stored data are recomputed.
    private const int Version = 1;

    /// <summary>Decides the order of steps: modern normalises before resampling, classic after it.</summary>
    public required Profile Profile { get; init; }

    /// <summary>Axis order after loading.</summary>
    public required IReadOnlyList<int> TransposeForward { get; init; }

    /// <summary>
    /// Target spacing in mm, transposed: 3 axes, or 2 (y, x), where each case keeps its own spacing along axis 0.
    /// </summary>
    public required IReadOnlyList<double> Spacing { get; init; }

    /// <summary>Scheme per channel.</summary>
    public required IReadOnlyList<NormalizationScheme> Normalization { get; init; }

    /// <summary>Per channel: z-score inside the non-zero mask only.</summary>
    public required IReadOnlyList<bool> UseMaskForNorm { get; init; }

    /// <summary>Foreground statistics per channel; read for CT only.</summary>
    public required IReadOnlyList<IntensityProperties?> Intensities { get; init; }

    /// <summary>Interpolation of images and labels.</summary>
    public required ResamplingPlan Resampling { get; init; }

    /// <summary>Whether images are turned to RAS first.</summary>
    public bool ReorientToRas { get; init; }

    /// <summary>The recipe of one configuration.</summary>
    public static PreprocessingRecipe From(Plans plans, ConfigurationPlan configuration) => new()
    {
        Profile = plans.Profile,
        ReorientToRas = plans.ReorientToRas,
        TransposeForward = plans.TransposeForward,
        Spacing = configuration.Spacing,
        Normalization = configuration.Normalization,
        UseMaskForNorm = configuration.UseMaskForNorm,
        Intensities = plans.IntensityProperties,
        Resampling = configuration.Resampling,
    };

    /// <summary>Refuses an interpolation of label maps that does not exist; where there are none, it does not matter.</summary>
    /// <exception cref="SharpSegException">The plans ask for one.</exception>
    public void RequireLabelInterpolation()
    {
        var labels = Resampling.Segmentation;
        if (labels.Order > 1 || labels.OrderZ != 0)
        {
            throw new SharpSegException(
                $"label maps cannot be resampled with order {labels.Order} and {labels.OrderZ} along z",
                "order 0 or 1, and 0 along z, are offered: correct `resampling_fn_seg_kwargs` in plans.json");
        }

        if ((labels.Method == ResamplingMethod.None) != (Resampling.Data.Method == ResamplingMethod.None))
        {
            throw new SharpSegException(
                "label maps and images do not end on one grid: only one of them is resampled",
                "name the same `resampling_fn_data` and `resampling_fn_seg` in plans.json");
        }
    }

    /// <summary>Target spacing of a case with this transposed spacing.</summary>
    public Spacing TargetFor(Spacing transposed) => Spacing.Count == 2
        ? new Spacing(transposed.Z, Spacing[0], Spacing[1])
        : Imaging.Spacing.FromArray([.. Spacing]);

    /// <summary>
    /// A text that differs whenever the data would; the label scheme counts because it decides the stored locations.
    /// </summary>
    public string Fingerprint(LabelScheme scheme)
    {
        var text = new StringBuilder(Text);
        foreach (var (key, labels) in ForegroundLocations.Classes(scheme))
        {
            text.Append(CultureInfo.InvariantCulture, $"{key}={string.Join(',', labels)}; ");
        }

        return text.ToString();
    }

    /// <summary>The recipe of one stored case: also what its label map lacks, and name, size and time of its files.</summary>
    /// <exception cref="SharpSegException">A file is missing.</exception>
    public string CaseHash(DatasetCase item, LabelScheme scheme)
    {
        var text = new StringBuilder(Fingerprint(scheme));
        foreach (var index in scheme.Partial.Of(item.Id))
        {
            text.Append(CultureInfo.InvariantCulture, $"|without {scheme.EvaluatedClasses[index].Name}");
        }

        foreach (var file in item.Files)
        {
            var info = new FileInfo(file);
            if (!info.Exists)
            {
                throw new SharpSegException(
                    $"case `{item.Id}`: `{file}` is missing", "`sharpseg verify DATASET` lists every such case");
            }

            text.Append(CultureInfo.InvariantCulture, $"|{info.Name} {info.Length} {info.LastWriteTimeUtc.Ticks}");
        }

        return XxHash64.Of(Encoding.UTF8.GetBytes(text.ToString())).ToString("x16", CultureInfo.InvariantCulture);
    }

    /// <summary>What is done to the image of a scan, in parts that `; ` divides: a network fits no other.</summary>
    public string Text
    {
        get
        {
            var text = new StringBuilder();
            text.Append(
                CultureInfo.InvariantCulture, $"version {Version}; {Profile}; transpose {string.Join(',', TransposeForward)}; ");
            text.Append("spacing ").AppendJoin(',', Spacing.Select(Exact)).Append("; ");
            for (var c = 0; c < Normalization.Count; c++)
            {
                text.Append(CultureInfo.InvariantCulture, $"channel {c} {Normalization[c]} mask {UseMaskForNorm[c]} ");
                if (Normalization[c] == NormalizationScheme.CT && c < Intensities.Count && Intensities[c] is { } i)
                {
                    text.AppendJoin(',', new[] { i.Mean, i.Std, i.Percentile005, i.Percentile995 }.Select(Exact));
                }

                text.Append("; ");
            }

            foreach (var order in new[] { Resampling.Data, Resampling.Segmentation })
            {
                text.Append(
                    CultureInfo.InvariantCulture, $"order {order.Order} z {order.OrderZ} separate {order.ForceSeparateZ}; ");
                if (order.Method != ResamplingMethod.Spline || order.AnisotropyThreshold != Volumes.Resampling.UsualThreshold)
                {
                    text.Append(CultureInfo.InvariantCulture, $"{order.Method} threshold {Exact(order.AnisotropyThreshold)}; ");
                }
            }

            return text.Append(ReorientToRas ? "turned to RAS; " : "").ToString();
        }
    }

    /// <summary>How the text of another recipe, e.g. that of a trained network, differs; null if it does not.</summary>
    public string? DifferenceFrom(string other)
    {
        string[] own = Text.Split("; "), others = other.Split("; ");
        return Text == other ? null
            : $"{string.Join(", ", others.Except(own))} there, {string.Join(", ", own.Except(others))} in the plan";
    }

    private static string Exact(double value) => value.ToString("R", CultureInfo.InvariantCulture);
}
