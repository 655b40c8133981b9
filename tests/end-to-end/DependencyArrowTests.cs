using System.Reflection;
using System.Security;
using Xunit;

namespace SharpSeg.EndToEnd.Tests;

/// <summary>
/// The design's one picture, as a test on the built assemblies: cli → autoplanner → engine ← kernels. An arrow that turns would
/// compile; here it fails.
/// </summary>
[Trait("Tier", "quick")]
public sealed class DependencyArrowTests
{
    /// <summary>What each assembly of the product may refer to, apart from .NET itself.</summary>
    [Theory]
    [InlineData("SharpSeg.Engine")]
    [InlineData("SharpSeg.AutoPlanner", "SharpSeg.Engine")]
    [InlineData("SharpSeg.Kernels.Cpu", "SharpSeg.Engine")]
    [InlineData("SharpSeg.Kernels.Gpu", "SharpSeg.Engine", "SharpSeg.IlgpuEmulator", "ILGPU", "ILGPU.Algorithms")]
    [InlineData("SharpSeg.IlgpuEmulator")]
    [InlineData(
        "sharpseg", "SharpSeg.AutoPlanner", "SharpSeg.Engine", "SharpSeg.Kernels.Cpu", "SharpSeg.Kernels.Gpu", "CommandLine")]
    public void An_assembly_refers_only_to_what_the_design_allows(string name, params string[] allowed)
    {
        if (Load(name) is not { } assembly)
        {
            return;                                                // only the emulator may be absent; see the next test
        }

        var turned = assembly.GetReferencedAssemblies().Select(a => a.Name!).Where(a => !IsDotNet(a) && !allowed.Contains(a));
        Assert.Empty(turned);
    }

    [Fact]
    public void Every_assembly_of_the_product_is_looked_at()
    {
        string[] always = ["SharpSeg.Engine", "SharpSeg.AutoPlanner", "SharpSeg.Kernels.Cpu", "SharpSeg.Kernels.Gpu", "sharpseg"];
        Assert.All(always, name => Assert.NotNull(Load(name)));

        // A build with the ILGPU package needs no emulator, one without it has no package.
        Assert.True(Load("SharpSeg.IlgpuEmulator") is not null || Load("ILGPU") is not null, "neither the emulator nor ILGPU is there");
    }

    /// <summary>The compiler marks a module that contains unsafe code.</summary>
    [Fact]
    public void Unsafe_code_lives_under_kernels_only()
    {
        foreach (var name in new[] { "SharpSeg.Engine", "SharpSeg.AutoPlanner", "sharpseg" })
        {
            Assert.Null(Load(name)!.ManifestModule.GetCustomAttribute<UnverifiableCodeAttribute>());
        }

        Assert.NotNull(Load("SharpSeg.Kernels.Cpu")!.ManifestModule.GetCustomAttribute<UnverifiableCodeAttribute>());
    }

    private static Assembly? Load(string name) => File.Exists(Path.Combine(AppContext.BaseDirectory, name + ".dll"))
        ? Assembly.Load(new AssemblyName(name))
        : null;

    private static bool IsDotNet(string name) =>
        name is "mscorlib" or "netstandard" || name.StartsWith("System.", StringComparison.Ordinal) || name == "System"
        || name.StartsWith("Microsoft.Win32.", StringComparison.Ordinal);
}
