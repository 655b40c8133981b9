using SharpSeg.Cli;
using SharpSeg.Conformance;
using SharpSeg.Engine.Backends;
using SharpSeg.Kernels.Cpu;
using SharpSeg.Kernels.Cpu.Convolution;
using SharpSeg.Kernels.Gpu;
using SharpSeg.Kernels.Gpu.Variants;

namespace SharpSeg.Perf;

/// <summary>
/// A device named on the command line: opened as users get it, and once more for every kind of kernels to check.
/// </summary>
/// <param name="Name">cpu, cuda:0, opencl:0, … or ilgpu-cpu, ILGPU's own processor device, for a trial without a GPU.</param>
/// <param name="Threads">Threads of the device cpu; 0 = all cores.</param>
/// <param name="Precision">Number format of the factors in convolutions; null: the device's default.</param>
internal sealed record BenchDevice(string Name, int Threads, GpuPrecision? Precision)
{
    private const string Processor = "cpu";
    private const long TinyWork = 300_000;                // multiply-adds; ILGPU's processor device does some 10⁸ a second
    private const double SlowestGpu = 100;                // GFLOP/s; the smallest GPUs in laptops have twice that

    // Factors are rounded to 11 bits (tf32, fp16) or 8 (bf16), and errors of many products mostly cancel.
    private const double RoundedTo11Bits = 3e-3, RoundedTo8Bits = 2e-2;

    /// <summary>The processor stands in for a GPU.</summary>
    public bool IsImitated => Name == Gpu.CheckDevice;

    /// <summary>Exact, but too slow for anything except tiny shapes.</summary>
    public bool IsSlow { get; private init; } = Name == Gpu.CheckDevice;

    /// <summary>Whether PyTorch has a device of this name.</summary>
    public bool IsKnownToPyTorch => Name == Processor || Name.StartsWith("cuda:", StringComparison.Ordinal);

    /// <summary>
    /// The same device, marked as slow if it is the processor or slower than any GPU: some drivers emulate a GPU.
    /// </summary>
    /// <param name="backend">The open device.</param>
    public BenchDevice Judged(Backend backend)
    {
        if (Name == Processor || IsSlow)
        {
            return this;
        }

        var peak = ((IMachineLimits)backend).MeasureMultiplyAddPeak();
        var slow = peak < SlowestGpu || Gpu.Devices().Any(d => d.Id == Name && d.IsProcessor);
        if (slow)
        {
            Console.WriteLine($"{Name} ({peak:F1} GFLOP/s) is not a GPU: tiny shapes only, to try out the program");
        }

        return this with { IsSlow = slow };
    }

    /// <summary>Reads a name.</summary>
    /// <exception cref="UsageException">No such device, or one that cannot do the precision.</exception>
    public static BenchDevice Find(string name, int threads, GpuPrecision? precision)
    {
        if (name == "auto")
        {
            name = Gpu.BestFirst().FirstOrDefault()?.Id ?? Processor;
        }

        if (name is not Processor && name != Gpu.CheckDevice && Gpu.Devices().All(d => d.Id != name))
        {
            throw new UsageException(
                $"--device {name}: no such device; {Processor}, "
                    + $"{Gpu.CheckDevice}{string.Concat(Gpu.Devices().Select(d => $", {d.Id}"))}; {Gpu.DescribeWhyMissing()}");
        }

        return name == Processor && precision is not (null or GpuPrecision.Fp32)
            ? throw new UsageException(
                $"--precision {precision?.Name()}: the device cpu computes in fp32 only")
            : new BenchDevice(name, threads, precision);
    }

    /// <summary>Opens the device as users get it: the fastest variants that agree with the plain ones.</summary>
    public Backend Open() => Name == Processor ? Cpu.Open(Threads)
        : IsImitated ? Gpu.OpenForChecks(Name, KernelChoice.Checked, Precision) : Gpu.Open(Name, Precision);

    private static IReadOnlyList<Type> Convolutions => [typeof(ConvolutionConformance), typeof(TransposedConvolutionConformance)];

    /// <summary>
    /// One target per kind of kernels that the device has, and the suites whose operations have a kernel of that kind; the caller
    /// disposes of the devices.
    /// </summary>
    public IEnumerable<(string Variant, IReadOnlyList<Type> Suites, ConformanceTarget Target)> Targets()
    {
        if (Name == Processor)
        {
            foreach (var variant in Enum.GetValues<ConvolutionVariant>())
            {
                var cpu = Cpu.Open(Threads);
                ((IVariantChoice)cpu).Variant = variant;
                yield return (
                    variant.ToString().ToLowerInvariant(),
                    variant == ConvolutionVariant.Automatic ? ConformanceChecks.Suites : [typeof(ConvolutionConformance)],
                    new ConformanceTarget(cpu));
            }

            yield break;
        }

        yield return (
            "plain", [.. Convolutions, typeof(InstanceNormConformance), typeof(LossConformance)],
            Target(KernelChoice.Plain, GpuPrecision.Fp32));
        yield return ("fast", ConformanceChecks.Suites, Target(KernelChoice.Fast, GpuPrecision.Fp32));
        foreach (var precision in TensorPrecisions())
        {
            yield return (
                $"tensor cores {precision.ToString().ToLowerInvariant()}", Convolutions, Target(KernelChoice.Fast, precision));
            yield return (
                $"bricks {precision.ToString().ToLowerInvariant()}", [typeof(ConvolutionConformance)],
                Target(KernelChoice.Bricks, precision));
            if (precision != GpuPrecision.Tf32)
            {
                var kept = precision == GpuPrecision.Bf16 ? GpuPrecision.Bf16Activations : GpuPrecision.Fp16Activations;
                yield return (
                    $"activations {precision.ToString().ToLowerInvariant()}",
                    [.. Convolutions, typeof(MemoryConformance), typeof(PointwiseConformance), typeof(InstanceNormConformance)],
                    Target(KernelChoice.Bricks, kept));
            }
        }
    }

    private IEnumerable<GpuPrecision> TensorPrecisions()
    {
        using var gpu = Gpu.OpenForChecks(Name, KernelChoice.Fast, null);
        return gpu.Precision != GpuPrecision.Fp32 ? [GpuPrecision.Tf32, GpuPrecision.Bf16, GpuPrecision.Fp16] : [];
    }

    private ConformanceTarget Target(KernelChoice choice, GpuPrecision precision) => new(
        Gpu.OpenForChecks(Name, choice, precision), TinyShapesOnly: IsSlow, IsSlow ? TinyWork : null, Rounding(precision));

    /// <summary>What rounded factors may change in a sum of products, as a part of its largest value.</summary>
    public static double Rounding(Backend backend) => backend is GpuBackend gpu ? Rounding(gpu.Precision) : 0;

    private static double Rounding(GpuPrecision precision) => precision switch
    {
        GpuPrecision.Fp32 => 0,
        GpuPrecision.Bf16 or GpuPrecision.Bf16Activations => RoundedTo8Bits,
        _ => RoundedTo11Bits,
    };
}
