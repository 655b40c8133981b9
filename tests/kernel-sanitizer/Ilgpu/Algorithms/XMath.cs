namespace ILGPU.Algorithms;

/// <summary>Mathematical functions that every ILGPU device has.</summary>
public static class XMath
{
    /// <summary>e to the power of x.</summary>
    public static float Exp(float value) => MathF.Exp(value);

    /// <summary>Natural logarithm.</summary>
    public static float Log(float value) => MathF.Log(value);

    /// <summary>Square root.</summary>
    public static float Sqrt(float value) => MathF.Sqrt(value);

    /// <summary>Absolute value.</summary>
    public static float Abs(float value) => MathF.Abs(value);

    /// <summary>Larger of the two.</summary>
    public static float Max(float first, float second) => MathF.Max(first, second);

    /// <summary>Smaller of the two.</summary>
    public static int Min(int first, int second) => Math.Min(first, second);

    /// <summary>Larger of the two.</summary>
    public static int Max(int first, int second) => Math.Max(first, second);
}
