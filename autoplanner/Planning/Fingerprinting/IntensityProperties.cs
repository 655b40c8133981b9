namespace SharpSeg.AutoPlanner.Planning.Fingerprinting;

/// <summary>
/// Intensities of one channel at the foreground voxels (label above 0, ignore excluded) of all training cases, in the image's own
/// units. How cases are weighted depends on the profile (docs/method/planning.md §1).
/// </summary>
/// <param name="Mean">Mean.</param>
/// <param name="Median">Median.</param>
/// <param name="Std">Standard deviation (biased).</param>
/// <param name="Min">Smallest value of all voxels.</param>
/// <param name="Max">Largest value of all voxels.</param>
/// <param name="Percentile005">0.5th percentile (`percentile_00_5`).</param>
/// <param name="Percentile995">99.5th percentile (`percentile_99_5`).</param>
public sealed record IntensityProperties(
    double Mean, double Median, double Std, double Min, double Max, double Percentile005, double Percentile995);
