using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Gpu.Variants;
using Xunit;

namespace SharpSeg.Kernels.Gpu.Tests;

/// <summary>Self-check, timing and the cache of choices.</summary>
public sealed class VariantTests : IDisposable
{
    private readonly string folder = Path.Combine(Path.GetTempPath(), $"sharpseg-gpu-{Guid.NewGuid():N}");

    public void Dispose()
    {
        if (Directory.Exists(folder))
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void Check_of_a_device_finds_every_fast_variant_right()
    {
        using var backend = DeviceUnderTest.Open(KernelChoice.Fast);
        var results = VariantSelfCheck.All(backend);
        Assert.Equal(Enum.GetValues<Operation>().Length, results.Count);
        Assert.DoesNotContain(results, result => !result.Agrees);
    }

    [Fact]
    public void Choice_is_made_once_and_remembered_in_the_file()
    {
        var p = new ConvProblem(1, new(1, 3, 4), 2, 0, 3, new(1, 3, 3), Extent.One);
        Variant decided;
        using (var backend = DeviceUnderTest.Open(
            KernelChoice.Checked, GpuPrecision.Fp32, new VariantCache(folder, "a device, driver 1")))
        {
            var chosen = Forward(backend, p);
            Assert.Equal(Forward(backend, p), chosen);
            decided = Assert.Single(backend.Decisions).Value;
            Assert.Equal(new VariantKey(Operation.ConvForward, p, default), Assert.Single(backend.Decisions).Key);
        }

        Assert.Equal(decided.Name(), new VariantCache(folder, "a device, driver 1").Find("conv forward", p.ToString()));
        Assert.Null(new VariantCache(folder, "a device, driver 2").Find("conv forward", p.ToString()));
    }

    [Fact]
    public void Variant_that_disagreed_before_is_reported_and_not_used()
    {
        var cache = new VariantCache(folder, "device");
        cache.Add("self-check of conv forward", "fast", "disagrees");
        var p = new ConvProblem(1, new(1, 3, 4), 2, 0, 3, new(1, 3, 3), Extent.One);
        List<string> warnings = [];
        using var backend = DeviceUnderTest.Open(
            KernelChoice.Checked, GpuPrecision.Fp32, new VariantCache(folder, "device"), warnings.Add);
        Forward(backend, p);
        Assert.Contains("conv forward, variant fast: does not agree", Assert.Single(warnings), StringComparison.Ordinal);
        Assert.Equal(Variant.Plain, backend.Decisions[new VariantKey(Operation.ConvForward, p, default)]);
    }

    [Fact]
    public void Remembered_variant_that_is_no_longer_a_candidate_is_not_used()
    {
        var p = new ConvProblem(1, new(1, 3, 4), 2, 0, 3, new(1, 3, 3), Extent.One);
        var cache = new VariantCache(folder, "device");
        cache.Add("conv forward", p.ToString(), Variant.TensorCores.Name());
        using var backend = DeviceUnderTest.Open(KernelChoice.Checked, GpuPrecision.Fp32, cache);
        Forward(backend, p);
        Assert.NotEqual(Variant.TensorCores, backend.Decisions[new VariantKey(Operation.ConvForward, p, default)]);
    }

    [TensorCoreTheory]
    [InlineData(1, 8, true)]
    [InlineData(2, 8, true)]
    [InlineData(3, 8, false)]
    [InlineData(1, 6, false)]
    [InlineData(2, 6, false)]
    public void Bricks_are_chosen_where_they_were_fastest_and_only_for_sizes_they_have(int stride, int channels, bool bricks)
    {
        var p = new ConvProblem(1, new(1, 2, 3), channels, 0, 4, Extent.One, new(1, stride, stride));
        var cache = new VariantCache(folder: null, "device");
        cache.Add("self-check of conv forward", Variant.Bricks.Name(), "agrees");
        cache.Add("conv forward", p.ToString(), Variant.Bricks.Name());
        using var backend = DeviceUnderTest.Open(KernelChoice.Checked, GpuPrecision.Bf16, cache);
        Forward(backend, p);
        Assert.Equal(bricks, backend.Decisions[new VariantKey(Operation.ConvForward, p, default)] == Variant.Bricks);
    }

    [Fact]
    public void Unreadable_cache_is_done_without()
    {
        Directory.CreateDirectory(Path.GetDirectoryName(folder)!);
        File.WriteAllText(folder, "a file where a folder should be");
        try
        {
            var cache = new VariantCache(folder, "device");
            cache.Add("conv forward", "1", "fast");
            Assert.Equal("fast", cache.Find("conv forward", "1"));
        }
        finally
        {
            File.Delete(folder);
        }
    }

    [Fact]
    public void Running_out_of_memory_says_how_much_was_asked_for_and_what_helps()
    {
        using var backend = DeviceUnderTest.Open(KernelChoice.Plain);
        var e = Assert.Throws<GpuOutOfMemoryException>(() => backend.Allocate(1L << 40));
        Assert.Equal(4L << 40, e.RequestedBytes);
        Assert.Contains("smaller batch or patch", e.Message, StringComparison.Ordinal);
        Assert.Equal(0, backend.AllocatedBytes);
    }

    private static float[] Forward(GpuBackend backend, ConvProblem p)
    {
        using var tensors = new SelfCheckTensors(backend);
        backend.ConvForward(
            p, tensors.Input(p.InputShape), null, tensors.Input(p.WeightShape), null, tensors.Output(p.OutputShape));
        return tensors.ReadOutputs()[0];
    }
}
