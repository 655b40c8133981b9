namespace SharpSeg.Kernels.Cpu.Normalization;

/// <summary>
/// Cuts the voxels of each sample into chunks of at most 64 Ki values and 1024 voxels: small enough to stay in the second-level
/// cache between two sweeps and for float32 partial sums to be exact to a few ulp.
/// </summary>
internal readonly struct VoxelChunks(int samples, long voxels, int channels)
{
    /// <summary>Voxels per chunk.</summary>
    public int Size { get; } = (int)Math.Clamp((1 << 16) / channels, 16, 1024);

    /// <summary>Voxels per sample.</summary>
    public long Voxels { get; } = voxels;

    /// <summary>Channels.</summary>
    public int Channels { get; } = channels;

    /// <summary>Chunks per sample.</summary>
    public int PerSample => checked((int)((Voxels + Size - 1) / Size));

    /// <summary>Chunks in all.</summary>
    public int Count => checked(samples * PerSample);

    /// <summary>Sample of a chunk, its first element in the activation, and its number of voxels.</summary>
    public int Range(int chunk, out long first, out int count)
    {
        var sample = chunk / PerSample;
        var voxel = (long)(chunk % PerSample) * Size;
        count = (int)Math.Min(Size, Voxels - voxel);
        first = ((sample * Voxels) + voxel) * Channels;
        return sample;
    }
}
