namespace SharpSeg.AutoPlanner.Preprocessing;

/// <summary>Where one class's sampled voxels lie in a case's locations file.</summary>
/// <param name="Key">See <see cref="ClassLocations.Key"/>.</param>
/// <param name="Voxels">Voxels of the class in the stored array.</param>
/// <param name="Offset">Index of the first sampled voxel in the file.</param>
/// <param name="Count">Number of sampled voxels.</param>
public sealed record LocationTable(string Key, long Voxels, long Offset, int Count);
