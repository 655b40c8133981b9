using System.Diagnostics;
using ILGPU;
using ILGPU.Runtime;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Gpu.Convolution;
using SharpSeg.Kernels.Gpu.Device;
using SharpSeg.Kernels.Gpu.Variants;

namespace SharpSeg.Kernels.Gpu;

/// <summary>
/// Choosing variants. Every family of operations has a plain kernel and faster ones; a faster one is trusted only after it has
/// agreed with the plain one on this device (<see cref="VariantSelfCheck"/>), and where several are trusted they are timed once
/// on the real shapes, into memory of their own.
/// </summary>
internal sealed partial class GpuBackend
{
    internal const string PlainVariant = "plain";
    internal const string FastVariant = "fast";
    internal const string TensorVariant = "tensor cores";
    private const string Agreed = "agrees", Disagreed = "disagrees";
    private readonly Lazy<TensorGatherGemm> tensorGather;
    private readonly Lazy<TensorWeightGemm> tensorWeights;
    private readonly VariantCache cache;
    private readonly Dictionary<(string Operation, string Variant), bool> agreements = [];
    private string? forced;

    /// <summary>Receives warnings about this device.</summary>
    internal Action<string> Warn { get; init; } = _ => { };

    /// <summary>In which numbers convolutions multiply.</summary>
    internal GpuPrecision Precision { get; }

    /// <summary>What was chosen so far.</summary>
    internal IReadOnlyDictionary<VariantKey, string> Decisions => cache.Decisions;

    /// <summary>Runs an action with one variant, whatever would be chosen: for self-checks.</summary>
    internal void WithVariant(string variant, Action action)
    {
        forced = variant;
        try
        {
            action();
        }
        finally
        {
            forced = null;
        }
    }

    /// <summary>Runs a pass that computes values per voxel.</summary>
    private void Run(
        VariantKey key, GatherSizes s, ArrayView<float> dest, ArrayView<float> source, ArrayView<float> source2, ArrayView<float> weights,
        ArrayView<float> bias, Action<ArrayView<float>> plain)
    {
        void With(string variant, ArrayView<float> to)
        {
            switch (variant)
            {
                case FastVariant:
                    gatherGemm.Value.Launch(stream, s, source, source2, weights, bias, to);
                    break;
                case TensorVariant:
                    tensorGather.Value.Launch(stream, TensorPrecision, s, source, source2, weights, bias, to);
                    break;
                default:
                    plain(to);
                    break;
            }
        }

        With(Choose(key, dest.Length, With), dest);
    }

    /// <summary>Runs a gradient by weights.</summary>
    private void Run(
        VariantKey key, WeightSizes s, ArrayView<float> dw, ArrayView<float> gathered, ArrayView<float> gathered2, ArrayView<float> dense,
        bool accumulate, Action<ArrayView<float>, bool> plain)
    {
        void With(string variant, ArrayView<float> to)
        {
            if (variant == PlainVariant)
            {
                plain(to, accumulate);
                return;
            }

            var splits = weightGemm.Value.Splits(s);
            var partials = Scratch(splits * to.Length);
            if (variant == FastVariant)
            {
                weightGemm.Value.Launch(stream, s, gathered, gathered2, dense, partials, splits);
            }
            else
            {
                tensorWeights.Value.Launch(stream, TensorPrecision, s, gathered, gathered2, dense, partials, splits);
            }

            splitSum.Value.Launch(stream, partials, splits, to, accumulate);
        }

        With(Choose(key, dw.Length, With), dw);
    }

    /// <summary>Whether a family of sums runs by groups.</summary>
    private bool UsesFast(string operation) => forced is not null
        ? forced != PlainVariant
        : choice switch
        {
            KernelChoice.Plain => false,
            KernelChoice.Fast => true,
            _ => Agrees(operation, FastVariant),
        };

    /// <summary>tf32 where a self-check asks for tensor cores on a backend of float32.</summary>
    private GpuPrecision TensorPrecision => Precision == GpuPrecision.Fp32 ? GpuPrecision.Tf32 : Precision;

    private string Choose(VariantKey key, long length, Action<string, ArrayView<float>> run)
    {
        var preferred = Precision == GpuPrecision.Fp32 ? FastVariant : TensorVariant;
        if (forced is not null || choice != KernelChoice.Checked)
        {
            return forced ?? (choice == KernelChoice.Plain ? PlainVariant : preferred);
        }

        string[] all = Precision == GpuPrecision.Fp32 ? [FastVariant, PlainVariant] : [TensorVariant, FastVariant, PlainVariant];
        string[] believed = [.. all.Where(v => v == PlainVariant || Agrees(key.Operation, v))];
        if (cache.Find(key, believed) is { } known)
        {
            return known;
        }

        var best = believed.Length == 1 ? PlainVariant : Fastest(believed, length, run);
        cache.Add(key, best);
        return best;
    }

    /// <summary>
    /// Times the candidates on the real inputs, into memory of its own, because an operation may add to its output. Without room
    /// for that memory, the first candidate: candidates are ordered by expected speed.
    /// </summary>
    private string Fastest(string[] candidates, long length, Action<string, ArrayView<float>> run)
    {
        DeviceBuffer output;
        try
        {
            output = Allocate(length);
        }
        catch (GpuOutOfMemoryException)
        {
            return candidates[0];
        }

        try
        {
            var to = ((GpuBuffer)output).View(0, length);
            pointwise.Value.LaunchFill(stream, to, 0f);
            var best = candidates[0];
            var shortest = TimeSpan.MaxValue;
            foreach (var candidate in candidates)
            {
                run(candidate, to);                       // compiles the kernel, warms the caches
                Synchronize();
                var start = Stopwatch.GetTimestamp();
                run(candidate, to);
                Synchronize();
                var elapsed = Stopwatch.GetElapsedTime(start);
                (best, shortest) = elapsed < shortest ? (candidate, elapsed) : (best, shortest);
            }

            return best;
        }
        finally
        {
            Free(output);
        }
    }

    /// <summary>Whether a variant may be trusted on this device: checked once, and remembered like a choice.</summary>
    private bool Agrees(string operation, string variant)
    {
        if (!agreements.TryGetValue((operation, variant), out var agrees))
        {
            agreements[(operation, variant)] = true;      // the check itself runs the operation
            var key = new VariantKey($"self-check of {operation}", variant);
            var known = cache.Find(key, [Agreed, Disagreed]);
            var compared = known is null ? VariantSelfCheck.Compare(this, operation, variant) : known == Agreed;
            agreements[(operation, variant)] = agrees = compared ?? false;
            if (known is null && compared is not null)    // a refusal may be temporary, e.g. for lack of memory: tried again next time
            {
                cache.Add(key, agrees ? Agreed : Disagreed);
            }

            if (!agrees)
            {
                Warn(compared is null
                    ? $"{operation}, variant {variant}: {Description} refuses to run it; it is not used"
                    : $"{operation}, variant {variant}: does not agree with the plain kernel on {Description}; it is not used");
            }
        }

        return agrees;
    }
}
