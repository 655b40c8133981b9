using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Planning.Fingerprinting;
using SharpSeg.AutoPlanner.Volumes;

namespace SharpSeg.AutoPlanner.Planning;

/// <summary>
/// The content of plans.json: what holds for the dataset, and its configurations. Reading and writing: <see cref="PlansJson"/>.
/// </summary>
public sealed record Plans
{
    /// <summary>Name of the dataset.</summary>
    public required string DatasetName { get; init; }

    /// <summary>Name of this set of plans, e.g. `modern` or `modern_ResEncM`.</summary>
    public required string PlansName { get; init; }

    /// <summary>Which generation of rules every later step follows.</summary>
    public required Profile Profile { get; init; }

    /// <summary>In profile `classic`: the second paper's variants are followed (docs/method/planning.md §4).</summary>
    public bool SecondPaper { get; init; }

    /// <summary>Name of the preset that planned it; `default` where the file names none.</summary>
    public required string Preset { get; init; }

    /// <summary>Axis order of all arrays after loading: entry i is the original axis (0 = z) that becomes axis i.</summary>
    public required int[] TransposeForward { get; init; }

    /// <summary>The inverse of <see cref="TransposeForward"/>.</summary>
    public required int[] TransposeBackward { get; init; }

    /// <summary>nnU-Net's class that reads the images, by name.</summary>
    public string ImageReader { get; init; } = "SimpleITKIO";

    /// <summary>
    /// Whether images are turned to RAS before anything else (x grows to the right, y to the front, z upwards) and results back.
    /// </summary>
    public bool ReorientToRas { get; init; }

    /// <summary>Transposed axes that are never mirrored, because labels tell left from right along them.</summary>
    public IReadOnlyList<int> UnmirroredAxes { get; init; } = [];

    /// <summary>The user asked for all axes to be mirrored (`--mirroring all`): then no recipe leaves mirroring out.</summary>
    public bool MirrorsAll { get; init; }

    /// <summary>Median spacing of the cases, mm, transposed; for information.</summary>
    public required double[] OriginalMedianSpacing { get; init; }

    /// <summary>Median size of the cropped cases in their own voxels, transposed, rounded; for information.</summary>
    public required int[] OriginalMedianShape { get; init; }

    /// <summary>
    /// Foreground intensities per channel; CT normalisation needs them. An entry is null without any foreground voxel.
    /// </summary>
    public required IReadOnlyList<IntensityProperties?> IntensityProperties { get; init; }

    /// <summary>All configurations by name, inheritance already resolved.</summary>
    public required IReadOnlyDictionary<string, ConfigurationPlan> Configurations { get; init; }

    /// <summary>What is doubtful about the spacing of a scan that is to be predicted; null for nothing.</summary>
    /// <param name="scan">The scan.</param>
    internal string? DoubtOf(ImageGeometry scan)
    {
        if (OriginalMedianSpacing.Length != 3)
        {
            return null; // plans of nnU-Net may lack it
        }

        var orientation = ReorientToRas ? Orientation.ToRas(scan) : Orientation.AsStored;
        return SpacingUnits.Doubt(
            AxisOrder.Apply(orientation.Apply(scan.Extent), TransposeForward),
            AxisOrder.Apply(orientation.Apply(scan.Spacing), TransposeForward), Spacing.FromArray(OriginalMedianSpacing),
            "the training cases");
    }

    /// <summary>One configuration.</summary>
    /// <exception cref="SharpSegException">There is none of that name; the message lists those there are.</exception>
    public ConfigurationPlan Resolve(string name) => Configurations.TryGetValue(name, out var configuration)
        ? configuration
        : throw new SharpSegException(
            $"the plans of {DatasetName} have no configuration `{name}`", $"there are: {string.Join(", ", Configurations.Keys)}");

    /// <summary>
    /// These plans, with those configurations of <paramref name="previous"/> that have other names than ours: planning again
    /// keeps what a user added (docs/method/planning.md §5), and drops what the rules planned before but no longer do.
    /// </summary>
    public Plans KeepingConfigurationsOf(Plans previous)
    {
        var configurations = new Dictionary<string, ConfigurationPlan>(Configurations, StringComparer.Ordinal);
        foreach (var (name, configuration) in previous.Configurations)
        {
            if (!PlannedNames.Contains(name))
            {
                configurations.TryAdd(name, configuration);
            }
        }

        return this with { Configurations = configurations };
    }

    private static readonly string[] PlannedNames = ["2d", "3d_fullres", "3d_lowres", "3d_cascade_fullres"];
}
