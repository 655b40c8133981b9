using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Inference;

/// <summary>
/// How much each voxel of a tile counts when tiles overlap (docs/method/inference.md §4): most in the middle, where the network
/// sees surroundings on all sides. w(i) = 10·Π exp(−½·((i − c)/σ)²) with σ = tile/8 and c = tile/2 rounded down.
/// </summary>
internal static class GaussianWeights
{
    private const double Peak = 10; // cancels in the division; kept so that numbers compare with the reference's map
    private const double SigmaScale = 1.0 / 8;

    /// <summary>Weights of a tile (z, y, x), row-major.</summary>
    public static float[] Create(Extent tile)
    {
        double[] wz = Axis(tile.Z), wy = Axis(tile.Y), wx = Axis(tile.X);
        var weights = new float[tile.Voxels];
        var i = 0;
        foreach (var a in wz)
        {
            foreach (var b in wy)
            {
                foreach (var c in wx)
                {
                    weights[i++] = (float)(Peak * a * b * c);
                }
            }
        }

        return weights;
    }

    /// <summary>Equal weights, for <c>--no-gaussian</c>.</summary>
    public static float[] Uniform(Extent tile)
    {
        var weights = new float[tile.Voxels];
        Array.Fill(weights, 1f);
        return weights;
    }

    private static double[] Axis(int n)
    {
        var w = new double[n];
        for (var i = 0; i < n; i++)
        {
            var d = (i - (n / 2)) / (n * SigmaScale);
            // A single slice (2D tiles) has i = c: weight 1.
            w[i] = Math.Exp(-0.5 * d * d);
        }

        return w;
    }
}
