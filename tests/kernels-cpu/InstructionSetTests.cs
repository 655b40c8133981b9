using SharpSeg.Kernels.Cpu.Simd;
using Xunit;

namespace SharpSeg.Kernels.Cpu.Tests;

/// <summary>
/// Says which instruction sets the conformance classes of this project really ran on: one that the machine lacks is a skipped
/// test, not a silent gap.
/// </summary>
public sealed class InstructionSetTests
{
    [InstructionSetFact("AVX-512")]
    public void Avx512_is_what_this_machine_chooses() => AssertChosen(Avx512Lanes.Name);

    [InstructionSetFact("AVX2")]
    public void Avx2_conforms_here_in_a_class_of_its_own()
    {
        using var fixture = new Conformance.BackendFixture();
        Assert.Contains(Avx2Lanes.Name, new OpenedAvx2(fixture).Description, StringComparison.Ordinal);
    }

    [InstructionSetFact("NEON")]
    public void Neon_is_what_the_portable_class_runs_on() => Assert.Equal("NEON", PortableLanes.Name);

    private static void AssertChosen(string name)
    {
        using var backend = Cpu.Open();
        Assert.Contains(name, backend.Description, StringComparison.Ordinal);
    }

    /// <summary>What <see cref="Avx2Conformance"/> opens.</summary>
    private sealed class OpenedAvx2(Conformance.BackendFixture fixture) : Avx2Conformance(fixture)
    {
        private readonly Conformance.BackendFixture fixture = fixture;

        public string Description => fixture.GetOrOpen(OpenBackend).Description;
    }
}

/// <summary>A test of an instruction set; skipped where the machine lacks it, which leaves its kernels untested there.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class InstructionSetFactAttribute : FactAttribute
{
    public InstructionSetFactAttribute(string set)
    {
        var present = set switch
        {
            "AVX-512" => Avx512Lanes.IsSupported,
            "AVX2" => Avx2Lanes.IsSupported,
            _ => System.Runtime.Intrinsics.Arm.AdvSimd.IsSupported,
        };
        Skip = present ? null : $"this machine lacks {set}: its kernels are not tested here";
    }
}
