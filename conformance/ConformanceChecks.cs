using System.Reflection;
using System.Runtime.ExceptionServices;

namespace SharpSeg.Conformance;

/// <summary>Lists and runs the checks of the suites.</summary>
public static class ConformanceChecks
{
    /// <summary>Every suite.</summary>
    public static IReadOnlyList<Type> Suites { get; } =
    [
        typeof(MemoryConformance), typeof(PointwiseConformance), typeof(ConvolutionConformance),
        typeof(TransposedConvolutionConformance),
        typeof(InstanceNormConformance), typeof(LossConformance), typeof(OptimizerConformance), typeof(InferenceConformance),
        typeof(VolumeConformance), typeof(SamplingConformance),
    ];

    /// <summary>Names of a suite's checks, sentences with underscores.</summary>
    public static IReadOnlyList<string> Of(Type suite) =>
        [.. suite.GetMethods().Where(m => m.IsDefined(typeof(CheckAttribute))).Select(m => m.Name)];

    /// <summary>Runs one check.</summary>
    /// <exception cref="ConformanceException">The backend is wrong.</exception>
    public static void Run(Type suite, string check, ConformanceTarget target)
    {
        try
        {
            var instance = Activator.CreateInstance(suite, target);
            suite.GetMethod(check)!.Invoke(instance, null);
        }
        catch (TargetInvocationException e) when (e.InnerException is { } inner)
        {
            ExceptionDispatchInfo.Throw(inner);
        }
    }
}
