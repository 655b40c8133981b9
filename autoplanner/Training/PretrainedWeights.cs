using SharpSeg.Engine.Autograd;
using SharpSeg.Engine.ModelFiles;
using SharpSeg.Engine.Networks;

namespace SharpSeg.AutoPlanner.Training;

/// <summary>From which network a run starts.</summary>
/// <param name="Checkpoint">Its file.</param>
/// <param name="Source">What the user named: the same file, or the model it is part of.</param>
/// <param name="BodyRate">Learning rate of everything but the heads, in parts of the heads' (STU-Net, arXiv:2304.06716:
/// 0.1).</param>
public sealed record PretrainedStart(string Checkpoint, string Source, double BodyRate);

/// <summary>What became of every parameter of a network that started from another one; part of the run's state.</summary>
/// <param name="Source">From what.</param>
/// <param name="BodyRate">Learning rate of what is not a head, in parts of the heads'.</param>
/// <param name="Loaded">Names of parameters with the other network's values.</param>
/// <param name="Adapted">Names of first-layer weights that were made to fit another number of channels.</param>
/// <param name="New">Names of parameters that start at random: new heads, and what the other network does not have.</param>
/// <param name="Unused">How many of the other network's parameters have no place.</param>
public sealed record PretrainedRecord(
    string Source, double BodyRate, IReadOnlyList<string> Loaded, IReadOnlyList<string> Adapted,
    IReadOnlyList<string> New, int Unused)
{
    /// <summary>The report in a line.</summary>
    public string Describe() => FormattableString.Invariant(
        $"pre-trained from {Source}: {Loaded.Count} parameters loaded, {Adapted.Count} adapted to other channels, {New.Count} new, {Unused} unused; ")
        + FormattableString.Invariant($"the body learns at {BodyRate:0.###} times the heads' rate");
}

/// <summary>
/// Start values from another network (docs/method/training.md §12): what has the same name and shape is loaded; weights that read
/// the images are adapted to another number of channels; heads of other classes stay new.
/// </summary>
internal static class PretrainedWeights
{
    private static readonly string[] Heads = ["decoder.seg_layers.", "seg_outputs.", "heads."];

    /// <summary>Loads what fits into a network that has its random start values.</summary>
    /// <exception cref="SharpSegException">The file is damaged, or nothing of it fits.</exception>
    public static PretrainedRecord Load(PretrainedStart start, Network network)
    {
        List<string> loaded = [], adapted = [], fresh = [];
        var looksAround = false;
        using var file = Open(start.Checkpoint);
        if (file.Metadata.GetValueOrDefault(Checkpoint.NormKey) == Checkpoint.FoldedNorm)
        {
            throw new SharpSegException(
                $"`{start.Source}`: it was trained with batch normalisation, whose statistics are part of its weights now: it "
                    + "predicts, and is no start for training",
                "start from a network with instance normalisation");
        }

        if (file.Metadata.GetValueOrDefault(Checkpoint.StyleKey) is { } style && style != network.Plan.StyleText)
        {
            throw new SharpSegException(
                $"`{start.Source}`: it was trained with {style}; the plan says {network.Plan.StyleText}",
                "plan with the same --activation and --norm");
        }

        foreach (var parameter in network.Parameters.Parameters)
        {
            var shape = Checkpoint.Dimensions(parameter);
            var found = file.Contains(parameter.Name) ? file.Shape(parameter.Name) : [];
            if (found.SequenceEqual(shape))
            {
                network.Backend.Upload(Read(file, start, parameter.Name, parameter.Shape.Length), parameter.Value);
                loaded.Add(parameter.Name);
                looksAround |= !IsHead(parameter.Name) && IsKernel(shape);
            }
            else if (ReadsImages(shape, found, network.Plan.InputChannels))
            {
                var length = found.Aggregate(1L, (product, extent) => product * extent);
                network.Backend.Upload(
                    Adapt(Read(file, start, parameter.Name, length), found[3], shape[3], shape[4]), parameter.Value);
                adapted.Add(parameter.Name);
            }
            else
            {
                fresh.Add(parameter.Name);
            }
        }

        // Biases, norms and 1×1×1 weights fit networks of another dimension, and say nothing without the kernels between them.
        if (!looksAround)
        {
            throw new SharpSegException(
                $"`{start.Source}`: none of its weights fits the network {network.Plan.Family} with {network.Plan.Stages} stages",
                "plan the network that was pre-trained: `sharpseg inspect` shows which one it is, `plan --network` plans it");
        }

        var own = file.Names.Count(name => !name.StartsWith(Checkpoint.MomentPrefix, StringComparison.Ordinal));
        return new(start.Source, start.BodyRate, loaded, adapted, fresh, own - loaded.Count - adapted.Count);
    }

    /// <summary>Gives the body its own learning rate; heads and new parameters keep the full one.</summary>
    public static void SetRates(PretrainedRecord record, Network network)
    {
        var body = record.Loaded.Concat(record.Adapted).Where(name => !IsHead(name)).ToHashSet(StringComparer.Ordinal);
        foreach (var parameter in network.Parameters.Parameters.Where(parameter => body.Contains(parameter.Name)))
        {
            parameter.LearningRateFactor *= (float)record.BodyRate; // 0 for what is not trained at all
        }
    }

    private static bool IsHead(string name) => Heads.Any(head => name.StartsWith(head, StringComparison.Ordinal));

    /// <summary>A convolution weight (kz, ky, kx, cin, cout) of more than one voxel.</summary>
    private static bool IsKernel(IReadOnlyList<int> shape) => shape.Count == 5 && shape[0] * shape[1] * shape[2] > 1;

    /// <summary>A convolution weight (kz, ky, kx, cin, cout) that differs in the number of image channels alone.</summary>
    private static bool ReadsImages(IReadOnlyList<int> shape, IReadOnlyList<int> found, int channels) =>
        shape.Count == 5 && found.Count == 5 && shape[3] == channels
            && Enumerable.Range(0, 5).All(axis => axis == 3 || shape[axis] == found[axis]);

    /// <summary>
    /// Every channel gets the mean of the old channels' weights, times old over new channels: the same image in all channels
    /// gives the same features as before.
    /// </summary>
    private static float[] Adapt(float[] weights, int from, int to, int outputs)
    {
        var kernel = weights.Length / (from * outputs);
        var adapted = new float[kernel * to * outputs];
        for (var k = 0; k < kernel; k++)
        {
            for (var o = 0; o < outputs; o++)
            {
                var sum = 0.0;
                for (var i = 0; i < from; i++)
                {
                    sum += weights[(((k * from) + i) * outputs) + o];
                }

                for (var i = 0; i < to; i++)
                {
                    adapted[(((k * to) + i) * outputs) + o] = (float)(sum / to);
                }
            }
        }

        return adapted;
    }

    private static SafetensorsReader Open(string path)
    {
        try
        {
            return SafetensorsReader.Open(path);
        }
        catch (ModelFileException error)
        {
            throw new SharpSegException(error.Message, "name a model.zip, or a checkpoint of ours", error);
        }
    }

    private static float[] Read(SafetensorsReader file, PretrainedStart start, string name, long length)
    {
        var values = new float[length];
        try
        {
            file.Read(name, values);
        }
        catch (ModelFileException error)
        {
            throw new SharpSegException(error.Message, "the file is damaged", error);
        }

        return Array.TrueForAll(values, float.IsFinite)
            ? values
            : throw new SharpSegException(
                $"`{start.Source}`: tensor `{name}` holds numbers that are no weights", "the file is damaged");
    }
}
