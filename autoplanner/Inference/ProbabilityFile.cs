using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.Engine.ModelFiles;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Inference;

/// <summary>
/// Class probabilities of a case on disk, <c>CASE.probabilities.safetensors</c> beside its segmentation: one float32 tensor (z,
/// y, x) per head, named after its class and in the order of the heads, on the scan's own grid (docs/method/inference.md §8).
/// Where the grid lies in space is in the header of the segmentation.
/// </summary>
internal sealed class ProbabilityFile : IProbabilityMaps, IDisposable
{
    /// <summary>What follows the case's name.</summary>
    public const string Ending = ".probabilities.safetensors";

    private const string Format = "sharpseg-probabilities", Version = "1", ClassesKey = "classes",
    Again = "predict the case again with --save-probabilities";
    private const string TensorPrefix = "probability.";

    private readonly string path;
    private readonly SafetensorsReader reader;

    private ProbabilityFile(string path, SafetensorsReader reader, Extent extent)
    {
        this.path = path;
        this.reader = reader;
        Extent = extent;
    }

    /// <inheritdoc/>
    public Extent Extent { get; }

    /// <inheritdoc/>
    public int Heads => reader.Names.Count;

    /// <summary>Where the probabilities of a case lie in a folder of segmentations.</summary>
    public static string PathOf(string folder, string caseId) => Path.Combine(folder, caseId + Ending);

    /// <summary>Writes probabilities map by map, under a temporary name that is changed at the end.</summary>
    /// <param name="path">The file.</param>
    /// <param name="caseId">Kept in the file, for people.</param>
    /// <param name="maps">What to write.</param>
    /// <param name="labels">Names the heads.</param>
    public static void Write(string path, string caseId, IProbabilityMaps maps, LabelScheme labels)
    {
        int[] shape = [maps.Extent.Z, maps.Extent.Y, maps.Extent.X];
        var entries = Enumerable.Range(0, maps.Heads).Select(
            head => new SafetensorsEntry(TensorPrefix + labels.ClassName(head), shape, target => maps.Read(head, target)));
        AtomicFile.Write(path, stream => Safetensors.Write(stream, [.. entries], new Dictionary<string, string>
        {
            ["format"] = Format, ["version"] = Version, ["case"] = caseId, [ClassesKey] = Describe(labels),
        }));
    }

    /// <summary>Opens a file and checks that it holds the probabilities of a dataset's labels; values are read later.</summary>
    /// <exception cref="SharpSegException">Missing, damaged, or of other labels.</exception>
    public static ProbabilityFile Open(string path, LabelScheme labels)
    {
        if (!File.Exists(path))
        {
            throw new SharpSegException($"`{path}`: no such file", Again);
        }

        SafetensorsReader reader;
        try
        {
            reader = SafetensorsReader.Open(path);
        }
        catch (ModelFileException e)
        {
            throw new SharpSegException(e.Message, Again, e);
        }

        try
        {
            return new ProbabilityFile(path, reader, Check(path, reader, labels));
        }
        catch
        {
            reader.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    /// <exception cref="SharpSegException">The file has become shorter, or holds values that are no probabilities.</exception>
    public void Read(int head, Span<float> target)
    {
        try
        {
            reader.Read(reader.Names[head], target);
        }
        catch (ModelFileException e)
        {
            throw new SharpSegException(e.Message, Again, e);
        }

        foreach (var value in target)
        {
            if (!(value is >= 0 and <= 1.001f)) // NaN is refused as well; rounding may lift a sum above 1
            {
                throw new SharpSegException(
                    $"`{path}`: {reader.Names[head]} holds the value {value}, which is no probability", Again);
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => reader.Dispose();

    private static Extent Check(string path, SafetensorsReader reader, LabelScheme labels)
    {
        if (reader.Metadata.GetValueOrDefault("format") != Format || reader.Metadata.GetValueOrDefault("version") != Version)
        {
            throw new SharpSegException($"`{path}`: not a file of class probabilities of this version", Again);
        }

        var (found, expected) = (reader.Metadata.GetValueOrDefault(ClassesKey), Describe(labels));
        if (found != expected)
        {
            throw new SharpSegException(
                $"`{path}`: its classes are {found}, the dataset's are {expected}",
                "only predictions of one dataset can be averaged");
        }

        var names = Enumerable.Range(0, labels.HeadCount).Select(head => TensorPrefix + labels.ClassName(head));
        if (!reader.Names.SequenceEqual(names) || reader.Shape(reader.Names[0]) is not { Count: 3 } shape || shape.Any(n => n < 1)
            || reader.Names.Any(name => !reader.Shape(name).SequenceEqual(shape)))
        {
            throw new SharpSegException($"`{path}`: its maps are not one volume (z, y, x) per class {expected}", Again);
        }

        return new Extent(shape[0], shape[1], shape[2]);
    }

    /// <summary>E.g. <c>background 0, whole 1+2, core 2</c>.</summary>
    private static string Describe(LabelScheme labels) =>
        string.Join(", ", labels.Classes.Select(entry => $"{entry.Name} {string.Join('+', entry.Values)}"));
}
