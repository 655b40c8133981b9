using SharpSeg.Conformance;
using SharpSeg.Engine.Backends;
using SharpSeg.Kernels.Cpu.Convolution;
using Xunit;

namespace SharpSeg.Kernels.Cpu.Tests;

/// <summary>Every convolution by every variant that can compute it, whatever the cost model would choose.</summary>
public sealed class CpuConvolutionVariants(BackendFixture fixture) : IClassFixture<BackendFixture>
{
    public static TheoryData<string, string> Checks
    {
        get
        {
            var data = new TheoryData<string, string>();
            foreach (var variant in Enum.GetValues<ConvolutionVariant>().Where(v => v != ConvolutionVariant.Automatic))
            {
                // Strides by pairs do not make weight gradients: those checks would compute direct sums once more.
                foreach (var check in ConformanceChecks.Of(typeof(ConvolutionConformance)).Where(check =>
                    variant != ConvolutionVariant.WinogradStride || !check.Contains("weights", StringComparison.Ordinal)))
                {
                    data.Add(variant.ToString(), check);
                }
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Checks))]
    public void Conform_to(string variant, string check)
    {
        var backend = fixture.GetOrOpen(() => Cpu.Open());
        ((IVariantChoice)backend).Variant = Enum.Parse<ConvolutionVariant>(variant);
        ConformanceChecks.Run(typeof(ConvolutionConformance), check, new ConformanceTarget(backend));
    }
}
