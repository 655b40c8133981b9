using SharpSeg.Engine.Backends;

namespace SharpSeg.Kernels.Gpu.Optimizer;

/// <summary><see cref="AdamStep"/> with everything that does not depend on the parameter precomputed.</summary>
internal readonly struct AdamFactors
{
    public readonly float StepSize, InverseRootCorrection2, WeightDecay, GradientScale;
    public readonly float Beta1, OneMinusBeta1, Beta2, OneMinusBeta2, Epsilon;
    public readonly int AmsGrad;

    public AdamFactors(in AdamStep o)
    {
        StepSize = (float)(o.LearningRate / (1.0 - Math.Pow(o.Beta1, o.Step)));
        InverseRootCorrection2 = (float)(1.0 / Math.Sqrt(1.0 - Math.Pow(o.Beta2, o.Step)));
        (WeightDecay, GradientScale, Epsilon) = (o.WeightDecay, o.GradientScale, (float)o.Epsilon);
        (Beta1, OneMinusBeta1) = ((float)o.Beta1, (float)(1.0 - o.Beta1));
        (Beta2, OneMinusBeta2) = ((float)o.Beta2, (float)(1.0 - o.Beta2));
        AmsGrad = o.AmsGrad ? 1 : 0;
    }
}
