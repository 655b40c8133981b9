namespace SharpSeg.AutoPlanner.Volumes;

/// <summary>Which voxels count as neighbours.</summary>
public enum Connectivity
{
    /// <summary>Voxels that share a face: 6 in 3D, 4 in 2D (z = 1).</summary>
    Face,

    /// <summary>Voxels that share a face, an edge or a corner: 26 in 3D, 8 in 2D (z = 1).</summary>
    Full,
}
