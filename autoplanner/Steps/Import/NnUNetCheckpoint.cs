using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Training;
using SharpSeg.Engine.Autograd;
using SharpSeg.Engine.ModelFiles;
using SharpSeg.Engine.Networks;
using SharpSeg.Engine.Training;

namespace SharpSeg.AutoPlanner.Steps.Import;

/// <summary>
/// A checkpoint of nnU-Net v2 (<c>checkpoint_final.pth</c>): the network's weights under the names of its modules, and a few
/// facts about the run. The optimiser's state, half of the file, is never read.
/// </summary>
internal sealed class NnUNetCheckpoint : IDisposable
{
    private const int MostNamed = 5;                                    // names in a message

    // PyTorch's wrappers put their names before the module's.
    private static readonly string[] Wrappers = ["module.", "_orig_mod."];

    private readonly string path;
    private readonly TorchFile file;
    private readonly Dictionary<string, TorchTensor> weights = new(StringComparer.Ordinal);

    private NnUNetCheckpoint(string path, TorchFile file)
    {
        this.path = path;
        this.file = file;
        var root = file.Root as OrderedDictionary<string, object?> ?? throw NotACheckpoint("it holds no dictionary");
        var stored = root.GetValueOrDefault("network_weights") as OrderedDictionary<string, object?>
            ?? throw NotACheckpoint("it has no `network_weights`");
        foreach (var (name, value) in stored)
        {
            if (CanonicalName(name) is { } canonical
                && !weights.TryAdd(canonical, value as TorchTensor ?? throw NotATensor(name, value)))
            {
                throw NotACheckpoint($"two tensors are called `{canonical}`");
            }
        }

        Configuration = (root.GetValueOrDefault("init_args") as OrderedDictionary<string, object?>)?.GetValueOrDefault(
            "configuration") as string
            ?? throw NotACheckpoint("it does not say of which configuration it is (`init_args`)");
        Trainer = root.GetValueOrDefault("trainer_name") as string ?? "an unnamed trainer";
        MirrorAxes = root.GetValueOrDefault("inference_allowed_mirroring_axes") switch
        {
            null => [],
            IReadOnlyList<object?> axes when axes.All(axis => axis is long and >= 0 and < 3) =>
                [.. axes.Select(axis => (int)(long)axis!)],
            _ => throw NotACheckpoint("`inference_allowed_mirroring_axes` is not a list of axes"),
        };
    }

    /// <summary>The configuration it was trained for.</summary>
    public string Configuration { get; }

    /// <summary>nnU-Net's class that trained it.</summary>
    public string Trainer { get; }

    /// <summary>Axes of the network, slowest first, that prediction may mirror.</summary>
    public IReadOnlyList<int> MirrorAxes { get; }

    /// <summary>Opens a checkpoint.</summary>
    /// <exception cref="SharpSegException">It is not a checkpoint of nnU-Net v2, or damaged.</exception>
    public static NnUNetCheckpoint Open(string path) => Guarded(() =>
    {
        var file = TorchFile.Open(path);
        try
        {
            return new NnUNetCheckpoint(path, file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    });

    /// <summary>
    /// Writes the weights as a checkpoint of ours, tensor by tensor. Names and shapes must be the network's exactly, both ways.
    /// </summary>
    /// <param name="target">The file.</param>
    /// <param name="configuration">The configuration in its plans.</param>
    /// <param name="plan">The network it asks for.</param>
    /// <param name="fold">The fold.</param>
    /// <param name="mirrorAxes">Axes of the network that prediction may mirror.</param>
    /// <returns>Number of trained values.</returns>
    /// <exception cref="SharpSegException">The weights are of another network, or damaged.</exception>
    public long WriteTo(
        string target, ConfigurationPlan configuration, NetworkPlan plan, string fold, IReadOnlyList<int> mirrorAxes) =>
            Guarded(() =>
    {
        var parameters = StepMemory.ParametersOf(plan);
        RequireFit(configuration, plan, parameters);
        var axes = configuration.PatchSize.Length;
        if (mirrorAxes.FirstOrDefault(axis => axis >= axes) is > 0 and var beyond)
        {
            throw new SharpSegException($"`{path}`: it mirrors axis {beyond}, the network has {axes}");
        }

        Checkpoint.SaveImported(
            target, configuration.Name, fold, [.. mirrorAxes.Select(axis => axis + (3 - axes))],
            $"nnU-Net v2, {Trainer}", plan.Norm, parameters,
            (parameter, values) => Fill(parameter, plan, values));
        return parameters.Sum(parameter => parameter.Shape.Length);
    });

    public void Dispose() => file.Dispose();

    /// <summary>
    /// The name in the network of the plans; null for tensors that are others under a second name: blocks list their layers once
    /// more in order, and the decoder keeps the encoder.
    /// </summary>
    private static string? CanonicalName(string name)
    {
        while (Wrappers.FirstOrDefault(wrapper => name.StartsWith(wrapper, StringComparison.Ordinal)) is { } wrapper)
        {
            name = name[wrapper.Length..];
        }

        return name.Contains(".all_modules.", StringComparison.Ordinal)
            || name.StartsWith("decoder.encoder.", StringComparison.Ordinal) ? null : name;
    }

    private void RequireFit(ConfigurationPlan configuration, NetworkPlan plan, IReadOnlyList<Parameter> parameters)
    {
        var expected = new Dictionary<string, int[]>(StringComparer.Ordinal);
        foreach (var parameter in parameters)
        {
            var shape = WeightLayout.ReferenceShape(parameter, configuration.Is2D);
            var isNorm = parameter.Kind is ParameterKind.NormScale or ParameterKind.NormShift;
            if (!isNorm || plan.NormAffine)
            {
                expected[parameter.Name] = shape;
            }

            if (parameter.Kind == ParameterKind.NormScale && plan.Norm == NormKind.Folded)
            {
                var norm = NormOf(parameter);
                (expected[$"{norm}.running_mean"], expected[$"{norm}.running_var"], expected[$"{norm}.num_batches_tracked"]) = (
                    shape, shape, []);
            }
        }

        string[] missing = [.. expected.Keys.Where(name => !weights.ContainsKey(name))];
        string[] left = [.. weights.Keys.Where(name => !expected.ContainsKey(name))];
        if (missing.Length > 0 || left.Length > 0)
        {
            var parts = new[] { Listed(missing, "missing"), Listed(left, "left over") }.Where(part => part.Length > 0);
            throw new SharpSegException(
                $"`{path}`: its weights are not those of {configuration.Name} in plans.json ({plan.Family}): "
                    + $"{string.Join("; ", parts)}",
                $"`{Trainer}` has trained another network than the plans describe; only the plans' network can be imported");
        }

        foreach (var (name, shape) in expected.Where(pair => !weights[pair.Key].Shape.SequenceEqual(pair.Value)))
        {
            throw new SharpSegException(
                $"`{path}`: tensor `{name}` is [{string.Join(", ", weights[name].Shape)}], the network of {configuration.Name} "
                    + $"in plans.json has [{string.Join(", ", shape)}]",
                "plans.json and dataset.json must be those with which it was trained");
        }
    }

    private static string Listed(string[] names, string what) => names.Length == 0
        ? ""
        : $"{names.Length} {what} ({Counted.First(names, MostNamed)})";

    private static string NormOf(Parameter parameter) => parameter.Name[..parameter.Name.LastIndexOf('.')];

    private void Fill(Parameter parameter, NetworkPlan plan, Span<float> ours)
    {
        if (parameter.Kind is ParameterKind.NormScale or ParameterKind.NormShift
            && (plan.Norm == NormKind.Folded || !plan.NormAffine))
        {
            FillNorm(parameter, plan, ours);
            return;
        }

        if (parameter.Kind is not (ParameterKind.ConvolutionWeight or ParameterKind.TransposedConvolutionWeight))
        {
            Read(parameter.Name, ours);
            return;
        }

        var values = new float[ours.Length];
        Read(parameter.Name, values);
        WeightLayout.FromReference(parameter.Shape, parameter.Kind, values, ours);
    }

    /// <summary>
    /// Batch normalisation with its running statistics, γ·(x − μ)/√(σ² + ε) + β, as one factor and one summand per channel;
    /// without γ and β these are 1 and 0.
    /// </summary>
    private void FillNorm(Parameter parameter, NetworkPlan plan, Span<float> ours)
    {
        float[] gamma = new float[ours.Length], beta = new float[ours.Length], mean = new float[ours.Length],
        variance = new float[ours.Length];
        Array.Fill(gamma, 1);
        var norm = NormOf(parameter);
        if (plan.NormAffine)
        {
            Read($"{norm}.weight", gamma);
            Read($"{norm}.bias", beta);
        }

        if (plan.Norm == NormKind.Folded)
        {
            Read($"{norm}.running_mean", mean);
            Read($"{norm}.running_var", variance);
        }

        for (var c = 0; c < ours.Length; c++)
        {
            var factor = plan.Norm == NormKind.Folded ? gamma[c] / Math.Sqrt((double)variance[c] + plan.NormEpsilon) : gamma[c];
            ours[c] = (float)(parameter.Kind == ParameterKind.NormScale ? factor : beta[c] - (mean[c] * factor));
        }
    }

    private void Read(string name, Span<float> values)
    {
        file.Read(name, weights[name], values);
        foreach (var value in values)
        {
            if (!float.IsFinite(value))
            {
                throw new SharpSegException(
                    $"`{path}`: tensor `{name}` has values that are not numbers",
                    "its training has failed, or the file is damaged");
            }
        }
    }

    private static T Guarded<T>(Func<T> action)
    {
        try
        {
            return action();
        }
        catch (ModelFileException e)
        {
            throw new SharpSegException(
                e.Message, "give a checkpoint as nnU-Net v2 wrote it; if it is one, download or copy it again", e);
        }
    }

    private SharpSegException NotATensor(string name, object? value) =>
        new(
            $"`{path}`: `{name}` is not a tensor but {(value as PickleOpaque)?.What ?? "something else"}",
            "give a checkpoint as nnU-Net v2 wrote it");

    private SharpSegException NotACheckpoint(string why) =>
        new($"`{path}`: not a checkpoint of nnU-Net v2: {why}", "give the folder of a trained model");
}
