using System.Diagnostics;
using ILGPU;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Gpu.Convolution;
using SharpSeg.Kernels.Gpu.Device;

namespace SharpSeg.Kernels.Gpu.Variants;

/// <summary>
/// Chooses variants. Every operation has a plain kernel and faster ones; a faster one is trusted only after it has agreed with
/// the plain one on this device (<see cref="VariantSelfCheck"/>), and where several are trusted they are timed once on the real
/// problem, where its result belongs: choosing takes no memory beside the plan. From the second time on a choice is one lookup in
/// a table.
/// </summary>
/// <param name="gpu">The device.</param>
/// <param name="choice">Which variants may be used.</param>
/// <param name="cache">What was found in earlier runs.</param>
/// <param name="warn">Receives a line for every variant that is not used.</param>
internal sealed class VariantChooser(GpuBackend gpu, KernelChoice choice, VariantCache cache, Action<string> warn)
{
    private const string Agreed = "agrees", Disagreed = "disagrees";
    private readonly Dictionary<VariantKey, Variant> decisions = [];
    private readonly Dictionary<(Operation Operation, Variant Variant), bool> agreements = [];

    /// <summary>What was chosen so far.</summary>
    public IReadOnlyDictionary<VariantKey, Variant> Decisions => decisions;

    /// <summary>The variant of an operation that is not timed: fast where that agrees.</summary>
    public Variant For(Operation operation) => choice switch
    {
        KernelChoice.Plain => Variant.Plain,
        KernelChoice.Fast or KernelChoice.Bricks => Variant.Fast,
        _ => Agrees(operation, Variant.Fast) ? Variant.Fast : Variant.Plain,
    };

    /// <summary>Whether a norm may use the statistics that bricks leave.</summary>
    public bool TrustsBrickStatistics =>
        choice == KernelChoice.Bricks
        || (choice == KernelChoice.Checked && For(Operation.InstanceNorm) == Variant.Fast
            && Agrees(Operation.InstanceNorm, Variant.Bricks));

    /// <summary>The variant of a convolution's pass.</summary>
    /// <param name="key">The pass and its sizes.</param>
    /// <param name="pass">The pass, to be timed.</param>
    /// <param name="result">Its result.</param>
    public Variant For<TPass>(in VariantKey key, in TPass pass, Tensor result)
        where TPass : struct, IConvolutionPass
    {
        if (choice == KernelChoice.Checked)
        {
            return decisions.TryGetValue(key, out var known) ? known : Decide(key, pass, result);
        }

        return choice == KernelChoice.Plain ? Variant.Plain
            : gpu.Precision == GpuPrecision.Fp32 ? Variant.Fast
            : choice == KernelChoice.Bricks && pass.Has(Variant.Bricks, gpu.Precision, result) ? Variant.Bricks
            : Variant.TensorCores;
    }

    private Variant Decide<TPass>(in VariantKey key, in TPass pass, Tensor result)
        where TPass : struct, IConvolutionPass
    {
        // In the order of expected speed.
        List<Variant> trusted = gpu.Precision == GpuPrecision.Fp32
            ? [Variant.Fast]
            : [Variant.Bricks, Variant.TensorCores, Variant.Fast];
        var operation = key.Operation;
        if (!pass.Has(Variant.Bricks, gpu.Precision, result))
        {
            trusted.Remove(Variant.Bricks);
        }

        trusted.RemoveAll(variant => !Agrees(operation, variant));
        trusted.Add(Variant.Plain);

        // Copies in float32 of what has 16 bits take four times the memory that these bits were chosen to save.
        var without = trusted.FindAll(WorksInPlace(pass, result));
        trusted = without.Count > 0 ? without : trusted;
        var (name, sizes) = (operation.Name(), key.Sizes);
        var known = cache.Find(name, sizes);
        var best = trusted.FindIndex(variant => variant.Name() == known);
        if (best < 0 && pass.Adds)
        {
            best = 0;                                     // what it adds to would be lost
        }
        else if (best < 0)
        {
            best = trusted.Count == 1 ? 0 : Fastest(trusted, pass, result);
            cache.Add(name, sizes, trusted[best].Name());
        }

        return decisions[key] = trusted[best];
    }

    private static Predicate<Variant> WorksInPlace<TPass>(TPass pass, Tensor result)
        where TPass : struct, IConvolutionPass =>
        variant => !pass.NeedsCopies(variant, result);

    /// <summary>Times the candidates on the real inputs; the result is computed again by the one that is chosen.</summary>
    private int Fastest<TPass>(List<Variant> candidates, in TPass pass, Tensor result)
        where TPass : struct, IConvolutionPass
    {
        var (best, shortest) = (0, TimeSpan.MaxValue);
        for (var i = 0; i < candidates.Count; i++)
        {
            pass.Run(gpu, candidates[i], result);         // compiles the kernel, warms the caches
            gpu.Synchronize();
            var start = Stopwatch.GetTimestamp();
            pass.Run(gpu, candidates[i], result);
            gpu.Synchronize();
            var elapsed = Stopwatch.GetElapsedTime(start);
            (best, shortest) = elapsed < shortest ? (i, elapsed) : (best, shortest);
        }

        return best;
    }

    /// <summary>Whether a variant may be trusted on this device: checked once, and remembered like a choice.</summary>
    private bool Agrees(Operation operation, Variant variant)
    {
        if (!agreements.TryGetValue((operation, variant), out var agrees))
        {
            agreements[(operation, variant)] = agrees = Check(operation, variant);
        }

        return agrees;
    }

    private bool Check(Operation operation, Variant variant)
    {
        var name = $"self-check of {operation.Name()}";
        bool? agrees = cache.Find(name, variant.Name()) switch
        {
            Agreed => true,
            Disagreed => false,
            _ => null,
        };
        if (agrees is null)
        {
            agrees = VariantSelfCheck.Compare(gpu, operation, variant);
            // a refusal may be temporary, e.g. for lack of memory: tried again next time
            if (agrees is { } found)
            {
                cache.Add(name, variant.Name(), found ? Agreed : Disagreed);
            }
        }

        if (agrees != true)
        {
            warn(agrees is null
                ? $"{operation.Name()}, variant {variant.Name()}: {gpu.Description} refuses to run it; it is not used"
                : $"{operation.Name()}, variant {variant.Name()}: does not agree with the plain kernel on {gpu.Description}; it "
                    + "is not used");
        }

        return agrees ?? false;
    }
}
