using System.Runtime.InteropServices;
using SharpSeg.Engine.Autograd;
using SharpSeg.Engine.Networks;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.Perf.Onnx;

/// <summary>
/// A plain U-Net with instance normalisation (docs/method/networks.md §5) and its weights as an ONNX model: channels first, two
/// spatial axes where the plan has no z, logits of full resolution. Field numbers are those of onnx.proto in
/// github.com/onnx/onnx.
/// </summary>
internal sealed class OnnxUNet
{
    private const int FileFormat = 8, OperatorSet = 17;           // of ONNX 1.12, 2022; every runtime since reads them
    private const int Float = 1;                                  // TensorProto.DataType
    private const int FloatAttribute = 1, IntAttribute = 2, IntsAttribute = 7; // AttributeProto.AttributeType

    private readonly Network network;
    private readonly ProtoMessage graph = new();
    private int values;

    private OnnxUNet(Network network) => this.network = network;

    private NetworkPlan Plan => network.Plan;

    /// <summary>The model, encoded.</summary>
    /// <param name="network">A plain U-Net.</param>
    /// <param name="batch">Images at once.</param>
    /// <param name="patch">Their spatial size, voxels.</param>
    public static ProtoMessage Write(Network network, int batch, Extent patch)
    {
        var writer = new OnnxUNet(network);
        var plan = network.Plan;
        var logits = writer.Forward();
        writer.graph.Add(2, "unet")
            .Add(11, Value("image", [batch, plan.InputChannels, .. writer.Axes(patch)]))
            .Add(12, Value(logits, [batch, plan.OutputChannels, .. writer.Axes(patch)]));
        return new ProtoMessage().Add(1, (long)FileFormat).Add(2, "SharpSeg").Add(7, writer.graph)
            .Add(8, new ProtoMessage().Add(1, "").Add(2, (long)OperatorSet));
    }

    /// <summary>Shape of the input as the model takes it.</summary>
    public static int[] InputShape(NetworkPlan plan, int batch, Extent patch) =>
        plan.Is2D ? [batch, plan.InputChannels, patch.Y, patch.X] : [batch, plan.InputChannels, patch.Z, patch.Y, patch.X];

    private string Forward()
    {
        var x = "image";
        var skips = new List<string>();
        for (var l = 0; l < Plan.Stages; l++)
        {
            x = Stack(x, $"encoder.stages.{l}.0", Plan.EncoderBlocks[l], Plan.Kernels[l], Plan.Strides[l]);
            skips.Add(x);
        }

        for (var s = 0; s < Plan.Stages - 1; s++)
        {
            var l = Plan.Stages - 2 - s;
            var stride = Plan.Strides[l + 1];
            var up = Node(
                "ConvTranspose", [x, .. Weights($"decoder.transpconvs.{s}")], Ints("strides", Axes(stride)),
                Ints("kernel_shape", Axes(stride)));
            var joined = Node("Concat", [up, skips[l]], Attribute("axis", IntAttribute).Add(3, 1L));
            x = Stack(joined, $"decoder.stages.{s}", Plan.DecoderBlocks[s], Plan.Kernels[l], Extent.One);
        }

        return Convolution(x, $"decoder.seg_layers.{Plan.Stages - 2}", Extent.One, Extent.One);
    }

    /// <summary>Blocks of convolution, normalisation and leaky ReLU; the first one has the stride.</summary>
    private string Stack(string x, string name, int blocks, Extent kernel, Extent stride)
    {
        for (var j = 0; j < blocks; j++)
        {
            x = Convolution(x, $"{name}.convs.{j}.conv", kernel, j == 0 ? stride : Extent.One);
            x = Node(
                "InstanceNormalization", [x, .. Weights($"{name}.convs.{j}.norm")],
                Attribute("epsilon", FloatAttribute).Add(2, Plan.NormEpsilon));
            x = Node("LeakyRelu", [x], Attribute("alpha", FloatAttribute).Add(2, Plan.LeakySlope));
        }

        return x;
    }

    private string Convolution(string x, string name, Extent kernel, Extent stride)
    {
        var pads = Axes(kernel).Select(k => (k - 1) / 2).ToArray();
        return Node(
            "Conv", [x, .. Weights(name)], Ints("kernel_shape", Axes(kernel)), Ints("strides", Axes(stride)),
            Ints("pads", [.. pads, .. pads])); // before every axis, then behind
    }

    /// <summary>Adds the weight of a layer, and its bias if it has one, to the model: their names.</summary>
    private IEnumerable<string> Weights(string layer)
    {
        foreach (var name in new[] { $"{layer}.weight", $"{layer}.bias" }.Where(network.Parameters.Contains))
        {
            Parameter parameter = network.Parameters[name];
            var ours = new float[parameter.Shape.Length];
            var reference = new float[ours.Length];
            network.Backend.Download(parameter.Value, ours);
            WeightLayout.ToReference(parameter.Shape, parameter.Kind, ours, reference); // ONNX has PyTorch's order
            graph.Add(
                5,
                new ProtoMessage().Add(1, WeightLayout.ReferenceShape(parameter, Plan.Is2D)).Add(2, (long)Float).Add(8, name)
                    .Add(9, MemoryMarshal.AsBytes(reference.AsSpan())));
            yield return name;
        }
    }

    /// <summary>Adds an operation; the name of its output.</summary>
    private string Node(string operation, IEnumerable<string> inputs, params ReadOnlySpan<ProtoMessage> attributes)
    {
        var (node, output) = (new ProtoMessage(), $"v{values++}");
        foreach (var input in inputs)
        {
            node.Add(1, input);
        }

        node.Add(2, output).Add(4, operation);
        foreach (var attribute in attributes)
        {
            node.Add(5, attribute);
        }

        graph.Add(1, node);
        return output;
    }

    private int[] Axes(Extent extent) => Plan.Is2D ? [extent.Y, extent.X] : [extent.Z, extent.Y, extent.X];

    private static ProtoMessage Attribute(string name, int type) => new ProtoMessage().Add(1, name).Add(20, (long)type);

    private static ProtoMessage Ints(string name, IEnumerable<int> values) => Attribute(name, IntsAttribute).Add(8, values);

    private static ProtoMessage Value(string name, IEnumerable<int> shape)
    {
        var dimensions = new ProtoMessage();
        foreach (var extent in shape)
        {
            dimensions.Add(1, new ProtoMessage().Add(1, (long)extent));
        }

        var tensor = new ProtoMessage().Add(1, (long)Float).Add(2, dimensions);
        return new ProtoMessage().Add(1, name).Add(2, new ProtoMessage().Add(1, tensor));
    }
}
