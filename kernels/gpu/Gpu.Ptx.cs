using System.Globalization;
using ILGPU;
using ILGPU.Backends.EntryPoints;
using ILGPU.Backends.PTX;
using ILGPU.Runtime;
using ILGPU.Runtime.Cuda;
using SharpSeg.Kernels.Gpu.Device;

namespace SharpSeg.Kernels.Gpu;

public static partial class Gpu
{
    /// <summary>Writes the PTX of every kernel into a folder; needs no device.</summary>
    /// <param name="folder">Where to; made if it is not there.</param>
    /// <param name="architecture">"sm_80" and the like. Kernels with tensor-core instructions need sm_80.</param>
    /// <returns>The files written.</returns>
    /// <exception cref="GpuUnavailableException">The architecture is not of that form.</exception>
    internal static IReadOnlyList<string> EmitPtx(string folder, string architecture)
    {
        var kernels = Ptx(architecture);
        Directory.CreateDirectory(folder);
        foreach (var (name, assembly) in kernels)
        {
            File.WriteAllText(Path.Combine(folder, $"{name}.ptx"), assembly);
        }

        return [.. kernels.Select(k => Path.Combine(folder, $"{k.Name}.ptx"))];
    }

    /// <summary>Every kernel that the architecture can run, by name, and its PTX.</summary>
    /// <exception cref="GpuUnavailableException">The architecture is not written like sm_80.</exception>
    internal static IReadOnlyList<(string Name, string Assembly)> Ptx(string architecture)
    {
        if (!architecture.StartsWith("sm_", StringComparison.Ordinal)
            || !int.TryParse(architecture.AsSpan(3), NumberStyles.None, CultureInfo.InvariantCulture, out var number))
        {
            throw new GpuUnavailableException(architecture, "an architecture is written like sm_80");
        }

        var target = new CudaArchitecture(number / 10, number % 10);
        using var context = Context.Create(builder => builder.EnableAlgorithms().EnableOwnInstructions());
        using var backend = new PTXBackend(
            context, new CudaCapabilityContext(target), target, new CudaInstructionSet(7, 8), null);
        var kernels = new List<(string Name, string Assembly)>();
        var list = ListKernels();
        foreach (var kernel in list.Portable.Concat(target >= FirstWithTensorInstructions ? list.OnTensorCores : []))
        {
            var compiled = (PTXCompiledKernel)backend.Compile(
                EntryPointDescription.FromExplicitlyGroupedKernel(kernel.Method), KernelList.PromiseOf(kernel.Method));
            kernels.Add((KernelList.NameOf(kernel.Method), compiled.PTXAssembly));
        }

        return kernels;
    }

    /// <summary>Every kernel there is.</summary>
    internal static KernelList ListKernels()
    {
        var list = new KernelList(accelerator: null);
        _ = new GpuKernels(list);
        return list;
    }
}
