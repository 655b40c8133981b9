using System.Runtime.InteropServices;
using System.Text;
using SharpSeg.Engine.Networks;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Cpu;
using SharpSeg.Perf.Onnx;
using Xunit;

namespace SharpSeg.EndToEnd.Tests;

/// <summary>
/// The model file that <c>bench inference --onnxruntime</c> writes, read by its encoding; that ONNX Runtime computes the same as
/// we do is compared there, before anything is timed.
/// </summary>
public sealed class OnnxUNetTests
{
    private const int Graph = 7, Node = 1, Initializer = 5, Input = 11; // fields of ModelProto and GraphProto

    [Theory]
    [InlineData(3)]
    [InlineData(1)]
    public void A_network_is_written_with_its_weights_and_every_node_finds_its_inputs(int kernelZ)
    {
        var cube = new Extent(kernelZ, 3, 3);
        var plan = new NetworkPlan
        {
            Family = NetworkFamily.PlainUNet,
            InputChannels = 2,
            OutputChannels = 3,
            Features = [4, 6, 8],
            Kernels = [cube, cube, cube],
            Strides = [Extent.One, new(1, 2, 2), new(kernelZ == 1 ? 1 : 2, 2, 2)],
            EncoderBlocks = [1, 2, 1],
            DecoderBlocks = [1, 1],
            DeepSupervision = true,
        };
        using var backend = Cpu.Open(1);
        using var network = Network.Build(plan, backend, seed: 1);
        var patch = new Extent(kernelZ == 1 ? 1 : 4, 8, 8);
        var graph = Fields(OnnxUNet.Write(network, 2, patch).Bytes.ToArray()).Single(field => field.Number == Graph);
        var fields = Fields(graph.Bytes);

        string[] block = ["Conv", "InstanceNormalization", "LeakyRelu"];
        string[] level = ["ConvTranspose", "Concat", .. block];
        var nodes = fields.Where(field => field.Number == Node).Select(field => Fields(field.Bytes)).ToArray();
        Assert.Equal(
            [.. Enumerable.Repeat(block, 4).SelectMany(b => b), .. level, .. level, "Conv"],
            nodes.Select(node => Texts(node, 4).Single()));
        Assert.All(
            nodes.Where(node => Texts(node, 4).Single() == "Conv").SelectMany(node => node).Where(field => field.Number == 5)
                .Select(field => Fields(field.Bytes)).Where(attribute => Texts(attribute, 1).Single() == "kernel_shape"),
            attribute => Assert.Equal(plan.Is2D ? 2 : 3, attribute.Count(field => field.Number == 8)));

        var weights = fields.Where(field => field.Number == Initializer).Select(field => Fields(field.Bytes)).ToArray();
        Assert.Equal(
            network.Parameters.Parameters.Select(parameter => parameter.Name).Where(
                name => !name.StartsWith("decoder.seg_layers.0", StringComparison.Ordinal)).Order(StringComparer.Ordinal),
            weights.Select(weight => Texts(weight, 8).Single()).Order(StringComparer.Ordinal));
        foreach (var weight in weights)
        {
            var parameter = network.Parameters[Texts(weight, 8).Single()];
            float[] ours = new float[parameter.Shape.Length], reference = new float[ours.Length];
            backend.Download(parameter.Value, ours);
            WeightLayout.ToReference(parameter.Shape, parameter.Kind, ours, reference);
            Assert.Equal(
                WeightLayout.ReferenceShape(parameter, plan.Is2D),
                weight.Where(field => field.Number == 1).Select(field => (int)field.Value));
            Assert.Equal(reference, MemoryMarshal.Cast<byte, float>(weight.Single(field => field.Number == 9).Bytes).ToArray());
        }

        var known = weights.Select(weight => Texts(weight, 8).Single())
            .Concat(fields.Where(field => field.Number == Input).Select(field => Texts(Fields(field.Bytes), 1).Single()))
            .ToHashSet(StringComparer.Ordinal);
        foreach (var node in nodes)
        {
            Assert.Subset(known, Texts(node, 1).ToHashSet(StringComparer.Ordinal));
            known.Add(Texts(node, 2).Single());
        }
    }

    private static IEnumerable<string> Texts(IEnumerable<Field> message, int number) =>
        message.Where(field => field.Number == number).Select(field => Encoding.UTF8.GetString(field.Bytes));

    /// <summary>The fields of a message; of each its value, or its bytes.</summary>
    private static List<Field> Fields(ReadOnlySpan<byte> bytes)
    {
        var fields = new List<Field>();
        while (!bytes.IsEmpty)
        {
            var key = Varint(ref bytes);
            var (number, kind) = ((int)(key >> 3), (int)(key & 7));
            var value = kind == 5 ? 0 : Varint(ref bytes);
            var length = kind switch { 0 => 0, 2 => (int)value, 5 => sizeof(float), _ => throw new InvalidDataException() };
            fields.Add(new Field(number, value, bytes[..length].ToArray()));
            bytes = bytes[length..];
        }

        return fields;
    }

    private static ulong Varint(ref ReadOnlySpan<byte> bytes)
    {
        ulong value = 0;
        for (var shift = 0; ; shift += 7)
        {
            var next = bytes[0];
            bytes = bytes[1..];
            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80)
            {
                return value;
            }
        }
    }

    private sealed record Field(int Number, ulong Value, byte[] Bytes);
}
