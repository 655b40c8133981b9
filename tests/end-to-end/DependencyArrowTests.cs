using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Security;
using SharpSeg.Tests;
using Xunit;

namespace SharpSeg.EndToEnd.Tests;

/// <summary>
/// The design's one picture, as a test on the built assemblies: cli → library → autoplanner → engine ← kernels. An
/// arrow that turns would compile; here it fails.
/// </summary>
[Trait("Tier", "quick")]
public sealed class DependencyArrowTests
{
    /// <summary>What each assembly of the product may refer to, apart from .NET itself.</summary>
    [Theory]
    [InlineData("SharpSeg.Engine")]
    [InlineData("SharpSeg.AutoPlanner", "SharpSeg.Engine", "BitMiracle.LibTiff.NET", "BitMiracle.LibJpeg.NET")]
    [InlineData("SharpSeg.Kernels.Cpu", "SharpSeg.Engine")]
    [InlineData("SharpSeg.Kernels.Gpu", "SharpSeg.Engine", "ILGPU", "ILGPU.Algorithms")]
    [InlineData(
        "SharpSeg.Library", "SharpSeg.AutoPlanner", "SharpSeg.Engine", "SharpSeg.Kernels.Cpu", "SharpSeg.Kernels.Gpu")]
    [InlineData(
        "sharpseg", "SharpSeg.Library", "SharpSeg.AutoPlanner", "SharpSeg.Engine", "SharpSeg.Kernels.Cpu",
        "SharpSeg.Kernels.Gpu", "CommandLine")]
    public void An_assembly_refers_only_to_what_the_design_allows(string name, params string[] allowed)
    {
        var turned = Load(name).GetReferencedAssemblies().Select(a => a.Name!).Where(a => !IsDotNet(a) && !allowed.Contains(a));
        Assert.Empty(turned);
    }

    /// <summary>The compiler marks a module that contains unsafe code.</summary>
    [Fact]
    public void Unsafe_code_lives_under_kernels_only()
    {
        foreach (var name in new[] { "SharpSeg.Engine", "SharpSeg.AutoPlanner", "SharpSeg.Library", "sharpseg" })
        {
            Assert.Null(Load(name).ManifestModule.GetCustomAttribute<UnverifiableCodeAttribute>());
        }

        Assert.NotNull(Load("SharpSeg.Kernels.Cpu").ManifestModule.GetCustomAttribute<UnverifiableCodeAttribute>());
    }

    /// <summary>An assembly names every type that it uses; the intrinsics lie in a namespace of their own.</summary>
    [Fact]
    public void Intrinsics_live_under_kernels_only()
    {
        foreach (var name in new[] { "SharpSeg.Engine", "SharpSeg.AutoPlanner", "SharpSeg.Library", "sharpseg" })
        {
            Assert.DoesNotContain(NamespacesUsedBy(name), IsIntrinsics);
        }

        Assert.Contains(NamespacesUsedBy("SharpSeg.Kernels.Cpu"), IsIntrinsics);

        static bool IsIntrinsics(string used) => used.StartsWith("System.Runtime.Intrinsics", StringComparison.Ordinal);
    }

    /// <summary>
    /// ONNX Runtime is a peer of the benchmarks: 160 MB of native code in a program that only `bench inference --onnxruntime`
    /// builds.
    /// </summary>
    [Fact]
    public void Only_its_own_program_refers_to_the_package_of_ONNX_Runtime()
    {
        var projects = Directory.GetFiles(Checkout.Root, "*.csproj", SearchOption.AllDirectories)
            .Append(Path.Combine(Checkout.Root, "Engine.sln"))
            .Where(path => File.ReadAllText(path).Contains("OnnxRuntime", StringComparison.Ordinal))
            .Select(path => Path.GetRelativePath(Checkout.Root, path).Replace('\\', '/'));
        Assert.Equal(["perf/onnxruntime/SharpSeg.Perf.OnnxRuntime.csproj"], projects);
    }

    /// <summary>
    /// On Linux .NET's cryptography is OpenSSL's, and a process that finds none ends without a word of ours: SHA-256 is our own.
    /// </summary>
    [Fact]
    public void Nothing_needs_OpenSSL()
    {
        foreach (var name in new[] { "SharpSeg.Engine", "SharpSeg.AutoPlanner", "SharpSeg.Library", "sharpseg" })
        {
            Assert.DoesNotContain("System.Security.Cryptography", NamespacesUsedBy(name));
        }
    }

    private static List<string> NamespacesUsedBy(string name)
    {
        using var file = new PEReader(File.OpenRead(Load(name).Location));
        var metadata = file.GetMetadataReader();
        return [
            .. metadata.TypeReferences.Select(type => metadata.GetString(metadata.GetTypeReference(type).Namespace)).Distinct()];
    }

    private static Assembly Load(string name) => Assembly.Load(new AssemblyName(name));

    private static bool IsDotNet(string name) =>
        name is "mscorlib" or "netstandard" || name.StartsWith("System.", StringComparison.Ordinal) || name == "System"
        || name.StartsWith("Microsoft.Win32.", StringComparison.Ordinal);
}
