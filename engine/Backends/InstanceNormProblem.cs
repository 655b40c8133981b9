using SharpSeg.Engine.Tensors;

namespace SharpSeg.Engine.Backends;

/// <summary>
/// Sizes and constants of instance normalisation fused with leaky ReLU (docs/method/networks.md §2.5, §2.6; Ulyanov et al. 2016,
/// arXiv:1607.08022).
/// <para>Shapes: x, y (n, z, y, x, c); gamma, beta (c); mean, rstd (n, c).</para>
/// <para>Formula per sample and channel over V voxels: mean = Σx/V; var = Σ(x − mean)²/V (biased, never E[x²] − E[x]² in
/// float32); rstd = 1/√(var + eps); z = gamma·(x − mean)·rstd + beta; y = z &gt; 0 ? z : slope·z. V = 1 gives z = beta.</para>
/// </summary>
/// <param name="N">Batch size.</param>
/// <param name="Spatial">Spatial size, voxels.</param>
/// <param name="C">Channels.</param>
/// <param name="Slope">Slope of the leaky ReLU for z ≤ 0; 1 leaves the activation out.</param>
/// <param name="Epsilon">Added to the variance.</param>
public readonly record struct InstanceNormProblem(int N, Extent Spatial, int C, float Slope, float Epsilon = 1e-5f)
{
    /// <summary>Shape of x, y and their gradients.</summary>
    public Shape ActivationShape => Shape.Activation(N, Spatial, C);

    /// <summary>Shape of gamma, beta and their gradients.</summary>
    public Shape ParameterShape => Shape.Vector(C);

    /// <summary>Shape of mean and rstd.</summary>
    public Shape StatisticsShape => Shape.PerChannel(N, C);

    /// <summary>Forward: x read twice (statistics, then apply), y written once.</summary>
    public Work MinimumWork => new(9L * ActivationShape.Length, 3L * sizeof(float) * ActivationShape.Length);
}
