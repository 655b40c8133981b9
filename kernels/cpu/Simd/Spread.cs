namespace SharpSeg.Kernels.Cpu.Simd;

/// <summary>
/// One value per voxel, spread over the voxel's channels, where these are fewer than the lanes: a vector of voxels becomes one
/// vector for each channel, whose lanes follow the values' order in memory.
/// </summary>
internal static unsafe class Spread<TLanes, TVector>
    where TLanes : struct, ILanes<TVector>
    where TVector : unmanaged
{
    /// <summary>Length of the largest table.</summary>
    public const int TableLength = 16 * 16;

    /// <summary>
    /// Fills the table of <see cref="ILanes{TVector}.Permute"/>: vector j of lanes voxels takes its voxels at table + j·lanes.
    /// </summary>
    public static void Fill(int* table, int channels)
    {
        for (var voxel = 0; voxel < TLanes.Count; voxel++)
        {
            for (var c = 0; c < channels; c++)
            {
                *table++ = voxel;
            }
        }
    }
}
