using System.Text.Json;
using SharpSeg.Engine.Networks;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.Engine.Tests.Training;

/// <summary>Network plans from the architecture section of nnU-Net's plans.</summary>
internal static class GoldenPlans
{
    public static NetworkPlan FromArchitecture(JsonElement kwargs, NetworkFamily family, int inputs, int outputs) => new()
    {
        Family = family,
        InputChannels = inputs,
        OutputChannels = outputs,
        Features = Integers(kwargs.GetProperty("features_per_stage")),
        Kernels = Extents(kwargs.GetProperty("kernel_sizes")),
        Strides = Extents(kwargs.GetProperty("strides")),
        EncoderBlocks = Integers(
            kwargs.TryGetProperty("n_conv_per_stage", out var convs) ? convs : kwargs.GetProperty("n_blocks_per_stage")),
        DecoderBlocks = Integers(kwargs.GetProperty("n_conv_per_stage_decoder")),
        DeepSupervision = true,
    };

    /// <summary>Two or three entries; a missing z is 1.</summary>
    public static Extent ToExtent(JsonElement list)
    {
        int[] values = [1, .. Integers(list)];
        return new Extent(values[^3], values[^2], values[^1]);
    }

    public static Extent[] Extents(JsonElement list) => [.. list.EnumerateArray().Select(ToExtent)];

    public static int[] Integers(JsonElement list) => [.. list.EnumerateArray().Select(v => v.GetInt32())];
}
