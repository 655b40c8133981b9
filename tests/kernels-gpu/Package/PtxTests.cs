using SharpSeg.Kernels.Gpu.Convolution;
using SharpSeg.Kernels.Gpu.Device;
using SharpSeg.Kernels.Gpu.Normalization;
using SharpSeg.Kernels.Gpu.Pointwise;
using Xunit;

namespace SharpSeg.Kernels.Gpu.Tests;

/// <summary>Every kernel compiled by ILGPU for GPUs that are not here.</summary>
public sealed class PtxTests
{
    private static readonly string[] Formats = ["Tf32", "Bf16", "Fp16"];
    private static readonly Type[] RoundOnly = [typeof(PackedWeights), typeof(HalfKernels), typeof(VectorNormApply)];

    [Theory]
    [InlineData("sm_75")]
    [InlineData("sm_80")]
    [InlineData("sm_90")]
    public void Every_kernel_compiles_and_keeps_its_values_in_registers(string architecture)
    {
        var kernels = EmittedPtx.Of(architecture);
        var list = Gpu.ListKernels();
        var onTensorCores = architecture == "sm_75" ? [] : list.OnTensorCores;
        Assert.Equal(list.Portable.Count + onTensorCores.Count, kernels.Count);
        Assert.Equal(kernels.Count, kernels.Select(k => k.Name).Distinct().Count());
        Assert.All(kernels, kernel =>
        {
            Assert.Contains(".visible .entry", kernel.Assembly, StringComparison.Ordinal);
            // arrays or spilt structures, slow as device memory
            Assert.DoesNotContain(".local", kernel.Assembly, StringComparison.Ordinal);
        });
        Assert.All(onTensorCores, kernel =>
        {
            var format = Formats.Single(name => kernel.Method.Name.Contains(name, StringComparison.Ordinal));
            var numbers = format == "Fp16" ? "f16" : format.ToLowerInvariant();
            var assembly = kernels.Single(k => k.Name == KernelList.NameOf(kernel.Method)).Assembly;
            Assert.Contains(
                RoundOnly.Contains(kernel.Method.DeclaringType!)
                    ? numbers == "tf32" ? "cvt.rna.tf32" : $"cvt.rn.{numbers}x2"
                    : $".f32.{numbers}.{numbers}.f32",
                assembly, StringComparison.Ordinal); // cvt, or mma.sync
        });
    }

    [Theory]
    [InlineData("80")]
    [InlineData("sm_")]
    [InlineData("sm_80a")]
    public void Misspelt_architecture_is_refused(string architecture) =>
        Assert.Contains(
            "written like sm_80", Assert.Throws<GpuUnavailableException>(() => Gpu.Ptx(architecture)).Message,
            StringComparison.Ordinal);
}
