namespace SharpSeg.AutoPlanner.Training;

/// <summary>The second stage of a cascade, as the first one must know it to hand its segmentations over.</summary>
/// <param name="Name">Its configuration.</param>
/// <param name="Folder">Where the segmentations go.</param>
/// <param name="DataFolder">Its preprocessed cases, which give their grids.</param>
public sealed record NextStage(string Name, string Folder, string DataFolder);
