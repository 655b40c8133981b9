using System.Runtime.InteropServices;
using SharpSeg.AutoPlanner;
using SharpSeg.Engine.Networks;
using SharpSeg.Engine.Tensors;
using SharpSeg.Perf.Benches;
using SharpSeg.Perf.Measuring;

namespace SharpSeg.Perf.Onnx;

/// <summary>
/// One network with one input in files that ONNX Runtime reads, and the comparison of its output with ours. The files live as
/// long as this object.
/// </summary>
internal sealed class OnnxCase : IDisposable
{
    /// <summary>
    /// Largest difference of the logits as a part of the largest of them: rounding in some thirty layers. Another padding, order
    /// of weights or epsilon differs by hundreds of times that.
    /// </summary>
    private const double MostDifferent = 1e-4;

    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("sharpseg-onnx-");
    private readonly BenchPlan plan;

    /// <summary>Writes the model and the input.</summary>
    /// <param name="network">The plan's network.</param>
    /// <param name="plan">The plan.</param>
    /// <param name="image">Images (n, z, y, x, channels).</param>
    public OnnxCase(Network network, BenchPlan plan, Tensor image)
    {
        this.plan = plan;
        using (var model = File.Create(At("model.onnx")))
        {
            model.Write(OnnxUNet.Write(network, plan.BatchSize, plan.Patch).Bytes);
        }

        var values = new float[image.Shape.Length];
        network.Backend.Download(image, values);
        File.WriteAllBytes(
            At("input"), MemoryMarshal.AsBytes(ChannelsFirst(values, plan.Network.InputChannels).AsSpan()).ToArray());
    }

    /// <summary>What the peer is asked to prepare.</summary>
    public object Request => new
    {
        model = At("model.onnx"),
        input = At("input"),
        output = At("output"),
        shape = OnnxUNet.InputShape(plan.Network, plan.BatchSize, plan.Patch),
    };

    /// <summary>Largest difference to what the peer wrote when it prepared, as a part of the largest value.</summary>
    /// <param name="logits">Our logits (n, z, y, x, K).</param>
    /// <exception cref="SharpSegException">They are not the same network's.</exception>
    public double Difference(float[] logits)
    {
        var ours = ChannelsFirst(logits, plan.Network.OutputChannels);
        var theirs = MemoryMarshal.Cast<byte, float>(File.ReadAllBytes(At("output")));
        if (theirs.Length != ours.Length)
        {
            throw new SharpSegException($"ONNX Runtime gives {theirs.Length} logits, we {ours.Length}");
        }

        double difference = 0, largest = 0;
        for (var i = 0; i < ours.Length; i++)
        {
            difference = Math.Max(difference, Math.Abs(ours[i] - theirs[i]));
            largest = Math.Max(largest, Math.Abs(ours[i]));
        }

        return difference <= MostDifferent * largest ? difference / largest : throw new SharpSegException(
            FormattableString.Invariant(
                $"ONNX Runtime's logits differ from ours by {difference / largest:E1} of the largest: nothing is timed"));
    }

    /// <inheritdoc/>
    public void Dispose() => folder.Delete(recursive: true);

    private string At(string name) => Path.Combine(folder.FullName, name);

    private float[] ChannelsFirst(float[] values, int channels)
    {
        var voxels = (int)plan.Patch.Voxels;
        var result = new float[values.Length];
        for (var n = 0; n < plan.BatchSize; n++)
        {
            var image = n * voxels * channels;
            for (var i = 0; i < voxels; i++)
            {
                for (var c = 0; c < channels; c++)
                {
                    result[image + (c * voxels) + i] = values[image + (i * channels) + c];
                }
            }
        }

        return result;
    }
}
