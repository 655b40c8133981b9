namespace SharpSeg.Kernels.Gpu.Fast;

/// <summary>
/// Sizes of the tiles of the matrix-product kernels. 64 threads with 8×8 sums each: small groups, because many fit on a multiprocessor
/// beside each other and hide each other's loads, and because the emulator's cost grows with the threads of a group.
/// </summary>
internal static class GemmTile
{
    /// <summary>Threads of a group, one-dimensional.</summary>
    public const int Threads = 64;

    /// <summary>Products summed between two barriers.</summary>
    public const int Depth = 16;

    /// <summary>
    /// Floats by which a row of a tile in shared memory is longer than its content. With 64 + 8 floats a row, the 32 threads of a warp that
    /// read a tensor-core fragment (4 depths × 8 rows) touch 32 different banks.
    /// </summary>
    public const int Pad = 8;
}
