using System.Globalization;
using System.Text.Json;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Preprocessing;
using SharpSeg.AutoPlanner.Workspaces;
using SharpSeg.Engine.Autograd;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.ModelFiles;
using SharpSeg.Engine.Networks;
using SharpSeg.Engine.Optimizers;

namespace SharpSeg.AutoPlanner.Training;

/// <summary>Fills a span with the values of a parameter, in our layout.</summary>
internal delegate void ParameterSource(Parameter parameter, Span<float> target);

/// <summary>
/// A network on disk, one safetensors file (docs/method/training.md §10): parameters by name; for going on, also the optimiser's
/// moments (<c>optimizer.NAME</c>) and, as metadata, how far the run is. Prediction reads the parameters only.
/// </summary>
internal sealed class Checkpoint
{
    private const string Format = "sharpseg-checkpoint", Version = "1";
    private const string Again = "the file is damaged: delete it, and train again or resume from another checkpoint";
    private const string PrecisionKey = "precision", OriginKey = "origin", CasesKey = "training_cases_sha256";

    /// <summary>Metadata of what the weights do not show (<see cref="NetworkPlan.StyleText"/>).</summary>
    internal const string StyleKey = "style";

    /// <summary>Metadata of how the cases were preprocessed that the network was trained on.</summary>
    internal const string PreprocessingKey = "preprocessing";

    /// <summary>Metadata of imported networks: how they normalise, and the value of those that only predict.</summary>
    internal const string NormKey = "norm", FoldedNorm = "folded";

    /// <summary>Begins the names of the optimiser's moments.</summary>
    internal const string MomentPrefix = "optimizer.";

    private Checkpoint(TrainingState state, TrainingSchedule schedule, string precision)
    {
        State = state;
        Schedule = schedule;
        Precision = precision;
    }

    /// <summary>How far the run was.</summary>
    public TrainingState State { get; }

    /// <summary>The schedule it followed.</summary>
    public TrainingSchedule Schedule { get; }

    /// <summary>In which numbers its convolutions multiplied (<see cref="Backend.ProductPrecision"/>).</summary>
    public string Precision { get; }

    /// <summary>Writes a checkpoint through a rename.</summary>
    /// <param name="path">The file.</param>
    /// <param name="job">Identity of the run, checked when it is loaded.</param>
    /// <param name="schedule">The schedule.</param>
    /// <param name="state">How far the run is.</param>
    /// <param name="network">Its parameters.</param>
    /// <param name="optimizer">Its moments; null for a file that only predicts.</param>
    public static void Save(
        string path, TrainingJob job, TrainingSchedule schedule, TrainingState state, Network network, Optimizer? optimizer)
    {
        var backend = network.Backend;
        var entries = new List<SafetensorsEntry>();
        foreach (var parameter in network.Parameters.Parameters)
        {
            entries.Add(new(parameter.Name, Dimensions(parameter), target => backend.Download(parameter.Value, target)));
        }

        foreach (var (name, parameter, value) in optimizer?.State ?? [])
        {
            entries.Add(new(MomentPrefix + name, Dimensions(parameter), target => backend.Download(value, target)));
        }

        var metadata = new Dictionary<string, string>
        {
            ["format"] = Format,
            ["version"] = Version,
            ["profile"] = job.Plans.Profile.ToString(),
            ["configuration"] = job.Configuration.Name,
            ["fold"] = job.Fold,
            [CasesKey] = HashOf(job.TrainingCases),
            [PrecisionKey] = backend.ProductPrecision,
            [StyleKey] = network.Plan.StyleText,
            [PreprocessingKey] = PreprocessingRecipe.From(job.Plans, job.Configuration).Text,
            ["seed"] = job.Seed.ToString(CultureInfo.InvariantCulture),
            ["mirror_axes"] = JsonSerializer.Serialize(
                [.. job.MirrorAxesWith(schedule.Recipe)], TrainingJson.Default.Int32Array),
            ["schedule"] = JsonSerializer.Serialize(schedule, TrainingJson.Default.TrainingSchedule),
            ["state"] = state.ToJson(),
        };
        if (optimizer is not null)
        {
            metadata["optimizer_steps"] = JsonSerializer.Serialize([.. optimizer.StepCounts], TrainingJson.Default.Int32Array);
        }

        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        AtomicFile.Write(path, stream => Safetensors.Write(stream, entries, metadata));
    }

    /// <summary>
    /// Writes the weights of a network that another program trained: a file that predicts, and cannot be trained on.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="configuration">Name of the configuration.</param>
    /// <param name="fold">Number of the fold, or "all".</param>
    /// <param name="mirrorAxes">Spatial axes (0 = z) that prediction may mirror.</param>
    /// <param name="origin">Who trained it.</param>
    /// <param name="norm">How it normalises; networks of folded norms only predict, and the file says so.</param>
    /// <param name="parameters">The network's parameters.</param>
    /// <param name="fill">Delivers the values of one, in our layout.</param>
    public static void SaveImported(
        string path, string configuration, string fold, IReadOnlyList<int> mirrorAxes, string origin, NormKind norm,
        IReadOnlyList<Parameter> parameters, ParameterSource fill)
    {
        var entries = parameters.Select(
            parameter => new SafetensorsEntry(parameter.Name, Dimensions(parameter), target => fill(parameter, target)));
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        AtomicFile.Write(path, stream => Safetensors.Write(stream, [.. entries], new Dictionary<string, string>
        {
            ["format"] = Format,
            ["version"] = Version,
            ["configuration"] = configuration,
            ["fold"] = fold,
            ["mirror_axes"] = JsonSerializer.Serialize([.. mirrorAxes], TrainingJson.Default.Int32Array),
            [OriginKey] = origin,
            [NormKey] = norm == NormKind.Folded ? FoldedNorm : "instance",
        }));
    }

    /// <summary>Reads how far a run is, without its tensors.</summary>
    /// <exception cref="SharpSegException">The file is damaged or belongs to another run.</exception>
    public static Checkpoint Peek(string path, TrainingJob job)
    {
        using var reader = Open(path);
        return Describe(reader, path, job);
    }

    /// <summary>Reads everything and compares the checksums.</summary>
    /// <exception cref="SharpSegException">The file is not the one that was written.</exception>
    public static void Verify(string path)
    {
        using var reader = Open(path);
        try
        {
            reader.Verify();
        }
        catch (ModelFileException e)
        {
            throw new SharpSegException(e.Message, Again, e);
        }
    }

    /// <summary>How far a network was trained, of whichever run; null if another program trained it.</summary>
    /// <exception cref="SharpSegException">The file is damaged.</exception>
    public static TrainingState? ProgressOf(string path)
    {
        using var reader = Open(path);
        try
        {
            return reader.Metadata.TryGetValue("state", out var state) ? TrainingState.FromJson(state) : null;
        }
        catch (JsonException e)
        {
            throw Damaged(path, "its state is unreadable", e);
        }
    }

    /// <summary>
    /// SHA-256 of what a checkpoint says of itself, among it checksums of all its tensors and how long its training took: another
    /// training gives another one.
    /// </summary>
    /// <exception cref="SharpSegException">The file is damaged.</exception>
    public static string FingerprintOf(string path)
    {
        using var reader = Open(path);
        return Sha256.Of(string.Join('\n', reader.Metadata.OrderBy(entry => entry.Key, StringComparer.Ordinal)
            .Select(entry => $"{entry.Key}={entry.Value}")));
    }

    /// <summary>The seed of the run that wrote a checkpoint, without which it cannot be resumed.</summary>
    /// <exception cref="SharpSegException">The file is damaged.</exception>
    public static ulong SeedOf(string path)
    {
        using var reader = Open(path);
        return ulong.TryParse(
            reader.Metadata.GetValueOrDefault("seed"), NumberStyles.None, CultureInfo.InvariantCulture, out var seed)
            ? seed
            : throw Damaged(path, "it is not a SharpSeg checkpoint", null);
    }

    /// <summary>Restores network and optimiser.</summary>
    /// <exception cref="SharpSegException">The file is damaged, belongs to another run, or holds another network.</exception>
    public static Checkpoint Load(string path, TrainingJob job, Network network, Optimizer optimizer)
    {
        using var reader = Open(path);
        var checkpoint = Describe(reader, path, job);
        ReadParameters(reader, path, network);
        foreach (var (name, parameter, value) in optimizer.State)
        {
            ReadTensor(reader, path, MomentPrefix + name, parameter, value, network.Backend);
        }

        try
        {
            optimizer.RestoreStepCounts(
                JsonSerializer.Deserialize(reader.Metadata["optimizer_steps"], TrainingJson.Default.Int32Array) ?? []);
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or ArgumentException)
        {
            throw Damaged(path, "its optimiser state is missing", e);
        }

        return checkpoint;
    }

    /// <summary>Gives a network the mean of the weights of several checkpoints of its run.</summary>
    /// <param name="paths">The files.</param>
    /// <param name="job">The run.</param>
    /// <param name="network">Receives the mean.</param>
    /// <exception cref="SharpSegException">One is missing, damaged, or of another run.</exception>
    public static void Average(IReadOnlyList<string> paths, TrainingJob job, Network network)
    {
        if (paths.FirstOrDefault(path => !File.Exists(path)) is { } missing)
        {
            throw new SharpSegException(
                $"`{missing}` is missing, which the run wrote on its way", $"delete `{job.Folder}` to train again");
        }

        var readers = new List<SafetensorsReader>();
        try
        {
            foreach (var path in paths)
            {
                readers.Add(Open(path));
                Describe(readers[^1], path, job);
            }

            foreach (var parameter in network.Parameters.Parameters)
            {
                var sums = new double[parameter.Shape.Length];
                foreach (var (reader, path) in readers.Zip(paths))
                {
                    var values = ReadValues(reader, path, parameter.Name, parameter);
                    for (var i = 0; i < sums.Length; i++)
                    {
                        sums[i] += values[i];
                    }
                }

                network.Backend.Upload(Array.ConvertAll(sums, sum => (float)(sum / paths.Count)), parameter.Value);
            }
        }
        finally
        {
            readers.ForEach(reader => reader.Dispose());
        }
    }

    /// <summary>Builds the network of a checkpoint for prediction.</summary>
    /// <param name="path">The file.</param>
    /// <param name="plan">The network's plan.</param>
    /// <param name="backend">Where to put it.</param>
    /// <param name="recipe">How what it is to see is preprocessed.</param>
    /// <param name="mirrorAxes">Axes that were mirrored in training.</param>
    /// <exception cref="SharpSegException">
    /// The file is damaged, holds another network, or one that was trained on data preprocessed otherwise.
    /// </exception>
    public static Network LoadNetwork(
        string path, NetworkPlan plan, Backend backend, PreprocessingRecipe recipe, out IReadOnlyList<int> mirrorAxes)
    {
        using var reader = Open(path);
        RequirePreprocessing(reader, path, recipe);
        if (!reader.Metadata.TryGetValue("mirror_axes", out var axes))
        {
            throw Damaged(path, "it is not a SharpSeg checkpoint", null);
        }

        try
        {
            mirrorAxes = JsonSerializer.Deserialize(axes, TrainingJson.Default.Int32Array) ?? [];
        }
        catch (JsonException e)
        {
            throw Damaged(path, "its mirror axes are unreadable", e);
        }

        var network = Network.Build(plan, backend, seed: 0);
        try
        {
            ReadParameters(reader, path, network);
            FoldBatchNorms(reader, path, network);
        }
        catch
        {
            network.Dispose();
            throw;
        }

        return network;
    }

    private static SafetensorsReader Open(string path)
    {
        try
        {
            return SafetensorsReader.Open(path);
        }
        catch (ModelFileException e)
        {
            throw new SharpSegException(e.Message, Again, e);
        }
    }

    private static Checkpoint Describe(SafetensorsReader reader, string path, TrainingJob job)
    {
        var m = reader.Metadata;
        if (m.GetValueOrDefault("format") != Format || m.GetValueOrDefault("version") != Version)
        {
            throw Damaged(path, "it is not a SharpSeg checkpoint of this version", null);
        }

        if (m.GetValueOrDefault("configuration") != job.Configuration.Name || m.GetValueOrDefault("fold") != job.Fold)
        {
            throw new SharpSegException(
                $"`{path}` belongs to {m.GetValueOrDefault("configuration")} fold "
                    + $"{Splits.NameOf(m.GetValueOrDefault("fold") ?? "")}, not to {job.Configuration.Name} fold {job.FoldName}",
                "it was moved or renamed: put it back");
        }

        if (m.GetValueOrDefault(CasesKey) is { } cases && cases != HashOf(job.TrainingCases))
        {
            throw new SharpSegException(
                $"`{path}` was trained on other cases than fold {job.FoldName} has now: the splits were changed, and it may know "
                    + "cases that it is to be scored on",
                $"put the splits back as they were, or delete `{job.Folder}` to train the fold again");
        }

        RequirePreprocessing(reader, path, PreprocessingRecipe.From(job.Plans, job.Configuration));
        var seed = job.Seed.ToString(CultureInfo.InvariantCulture);
        if (m.GetValueOrDefault("seed") != seed)
        {
            throw new SharpSegException(
                $"`{path}` was trained with seed {m.GetValueOrDefault("seed")}, not {seed}",
                $"resume with --seed {m.GetValueOrDefault("seed")}");
        }

        try
        {
            var schedule = JsonSerializer.Deserialize(m["schedule"], TrainingJson.Default.TrainingSchedule);
            return new Checkpoint(
                TrainingState.FromJson(m["state"]), schedule ?? throw new JsonException("an empty schedule"),
                m.GetValueOrDefault(PrecisionKey) ?? "fp32");
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException)
        {
            throw Damaged(path, "its state is unreadable", e);
        }
    }

    private static string HashOf(IEnumerable<string> cases) => Sha256.Of(string.Join('\n', cases.Order(StringComparer.Ordinal)));

    private static void RequirePreprocessing(SafetensorsReader reader, string path, PreprocessingRecipe recipe)
    {
        if (reader.Metadata.GetValueOrDefault(PreprocessingKey) is { } trained
            && recipe.DifferenceFrom(trained) is { } difference)
        {
            throw new SharpSegException(
                $"`{path}` was trained on cases that were preprocessed otherwise than the plan says: {difference}",
                "it was trained with other plans: use those, or train again");
        }
    }

    private static void ReadParameters(SafetensorsReader reader, string path, Network network)
    {
        if (reader.Metadata.GetValueOrDefault(StyleKey) is { } style && style != network.Plan.StyleText)
        {
            throw new SharpSegException(
                $"`{path}` was trained with {style}; the plan says {network.Plan.StyleText}",
                "it was trained with other plans: use those, or train again");
        }

        foreach (var parameter in network.Parameters.Parameters)
        {
            ReadTensor(reader, path, parameter.Name, parameter, parameter.Value, network.Backend);
        }
    }

    /// <summary>
    /// Folds running averages into γ and β: γ' = γ/√(var + ε), β' = β − γ'·mean. Imported networks come folded.
    /// </summary>
    private static void FoldBatchNorms(SafetensorsReader reader, string path, Network network)
    {
        if (network.Plan.Norm != NormKind.Folded || reader.Metadata.ContainsKey(OriginKey))
        {
            return;
        }

        foreach (var gamma in network.Parameters.Parameters.Where(parameter => parameter.Kind == ParameterKind.NormScale))
        {
            var norm = gamma.Name[..gamma.Name.LastIndexOf('.')];
            var beta = network.Parameters[$"{norm}.bias"];
            float[] factors = new float[gamma.Shape.C], offsets = new float[gamma.Shape.C];
            var (mean, variance) = (
                ReadValues(reader, path, $"{norm}.running_mean", gamma), ReadValues(reader, path, $"{norm}.running_var", gamma));
            network.Backend.Download(gamma.Value, factors);
            network.Backend.Download(beta.Value, offsets);
            for (var c = 0; c < factors.Length; c++)
            {
                var factor = factors[c] / Math.Sqrt((double)variance[c] + network.Plan.NormEpsilon);
                (factors[c], offsets[c]) = ((float)factor, (float)(offsets[c] - (factor * mean[c])));
            }

            network.Backend.Upload(factors, gamma.Value);
            network.Backend.Upload(offsets, beta.Value);
        }
    }

    private static void ReadTensor(
        SafetensorsReader reader, string path, string name, Parameter parameter, Engine.Tensors.Tensor target, Backend backend) =>
        backend.Upload(ReadValues(reader, path, name, parameter), target);

    /// <summary>A tensor of the shape of a parameter.</summary>
    private static float[] ReadValues(SafetensorsReader reader, string path, string name, Parameter parameter)
    {
        var expected = Dimensions(parameter);
        if (!reader.Contains(name) || !reader.Shape(name).SequenceEqual(expected))
        {
            var found = reader.Contains(name) ? $"[{string.Join(", ", reader.Shape(name))}]" : "nothing";
            throw new SharpSegException(
                $"`{path}` does not fit the plan: tensor `{name}` should be [{string.Join(", ", expected)}], the file has "
                    + $"{found}",
                "it was trained with other plans: use those, or train again");
        }

        var values = new float[parameter.Shape.Length];
        try
        {
            reader.Read(name, values);
        }
        catch (ModelFileException e)
        {
            throw new SharpSegException(e.Message, Again, e);
        }

        if (Array.FindIndex(values, value => !float.IsFinite(value)) is var odd and >= 0)
        {
            throw Damaged(path, $"tensor `{name}` holds {values[odd]}, which is no weight", null);
        }

        return values;
    }

    /// <summary>The extents under which a parameter is stored.</summary>
    internal static int[] Dimensions(Parameter parameter) =>
        parameter.Kind is ParameterKind.ConvolutionWeight or ParameterKind.TransposedConvolutionWeight
        ? [parameter.Shape.D0, parameter.Shape.D1, parameter.Shape.D2, parameter.Shape.D3, parameter.Shape.D4]
        : [parameter.Shape.C];

    private static SharpSegException Damaged(string path, string what, Exception? inner) =>
        new($"`{path}`: {what}", "delete it, and train again or resume from another checkpoint", inner);
}
