namespace SharpSeg.AutoPlanner.Planning;

/// <summary>
/// Profile `classic`: every axis is halved until its edge is below 8, or below 4 by the second paper, at most 5 times in 3D and
/// 6 times in 2D (docs/method/planning.md §4.2); coarse axes, which are halved less often, wait until the end (4.4).
/// </summary>
/// <param name="secondPaper">The rule of 2019.</param>
internal sealed class ClassicPooling(bool secondPaper = false)
{
    private const int BelowFirst = 8, BelowSecond = 4; // voxels; 2018: "feature map size smaller than 8", 2019: 4
    private const int MostPools3D = 5;
    private const int MostPools2D = 6;

    /// <summary>Most poolings of one axis.</summary>
    private static int MostPools(int axes) => axes == 2 ? MostPools2D : MostPools3D;

    /// <summary>Edges are halved until they are below this, voxels.</summary>
    public int Below => secondPaper ? BelowSecond : BelowFirst;

    /// <summary>The least p with size / 2^p below 8 (4), at most the cap.</summary>
    public int Pools(int size, int axes)
    {
        var pools = 0;
        while (pools < MostPools(axes) && size >= (long)Below << pools)
        {
            pools++;
        }

        return pools;
    }

    /// <summary>
    /// The size rounded up to a multiple of 2^pools. It may then be pooled once more: 232 → 256 → 6 times in 2D.
    /// </summary>
    public int Pad(int size, int axes)
    {
        var divisor = 1 << Pools(size, axes);
        return checked((size + divisor - 1) / divisor * divisor);
    }

    /// <summary>
    /// Strides per stage for a patch: with P the most pools of any axis, step i pools an axis iff its pools + i ≥ P.
    /// </summary>
    public int[][] Strides(int[] patch)
    {
        var pools = patch.Select(size => Pools(size, patch.Length)).ToArray();
        var most = pools.Max();
        return
        [
            Enumerable.Repeat(1, patch.Length).ToArray(),
            .. Enumerable.Range(0, most).Select(step => pools.Select(count => count + step >= most ? 2 : 1).ToArray()),
        ];
    }
}
