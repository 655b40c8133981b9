namespace SharpSeg.AutoPlanner.Datasets;

/// <summary>One case: its images and, for training, its label map.</summary>
/// <param name="Id">Unique name within the dataset.</param>
/// <param name="ImageFiles">Full paths: one file with all channels, or one file a channel in their order.</param>
/// <param name="LabelFile">
/// Full path where the label map is expected (it may be missing; `verify` reports that); null for cases without one.
/// </param>
public sealed record DatasetCase(string Id, IReadOnlyList<string> ImageFiles, string? LabelFile);
