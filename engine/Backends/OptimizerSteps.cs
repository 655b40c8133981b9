namespace SharpSeg.Engine.Backends;

/// <summary>
/// SGD with Nesterov momentum (docs/method/losses-and-optimisers.md §7): g ← scale·g + λθ; v ← μv + g; θ ← θ − η(g + μv). With v
/// = 0 at first this is the reference's "first step: v ← g".
/// </summary>
/// <param name="LearningRate">η.</param>
/// <param name="Momentum">μ.</param>
/// <param name="WeightDecay">λ, coupled L2.</param>
/// <param name="GradientScale">Factor on every gradient first: clipping and un-scaling.</param>
public readonly record struct SgdStep(float LearningRate, float Momentum, float WeightDecay, float GradientScale = 1f);

/// <summary>
/// Adam, optionally AMSGrad (docs/method/losses-and-optimisers.md §7; Kingma and Ba 2015, Reddi et al. 2018): g ← scale·g + λθ; m
/// ← β1·m + (1−β1)g; v ← β2·v + (1−β2)g²; v̂ ← AMSGrad ? max(v̂, v) : v; θ ← θ − η/(1−β1^t) · m / (√v̂/√(1−β2^t) + eps).
/// </summary>
/// <param name="LearningRate">η.</param>
/// <param name="Step">t, counted from 1.</param>
/// <param name="WeightDecay">λ, coupled L2.</param>
/// <param name="AmsGrad">Use the running maximum of v.</param>
/// <param name="GradientScale">Factor on every gradient first.</param>
/// <param name="Beta1">Decay of the first moment.</param>
/// <param name="Beta2">Decay of the second moment.</param>
/// <param name="Epsilon">Added after the square root.</param>
public readonly record struct AdamStep(
    float LearningRate, int Step, float WeightDecay, bool AmsGrad, float GradientScale = 1f,
    double Beta1 = 0.9, double Beta2 = 0.999, double Epsilon = 1e-8);
