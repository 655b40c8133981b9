using System.IO.Compression;
using System.Text.RegularExpressions;
using SharpSeg.AutoPlanner.Training;
using SharpSeg.AutoPlanner.Workspaces;
using SharpSeg.Engine.ModelFiles;

namespace SharpSeg.AutoPlanner.Steps;

/// <summary>
/// A model file (<see cref="ModelArchive"/>) unpacked into a temporary folder, from which it predicts like a workspace; disposing
/// removes the folder. The file is untrusted: names are checked against the few that a model has, sizes before anything is
/// written, contents against their check values.
/// </summary>
public sealed partial class UnpackedModel : IDisposable
{
    private const string Again = "`sharpseg export WORK -o model.zip` writes one";
    private const long MostJsonBytes = 4L << 20;    // plans of a dozen configurations take less than a hundredth
    private const long MostHeaderBytes = 4L << 20;  // of a checkpoint: names and places of its tensors, and its training's record
    private const int MostEntries = 10_000;
    private const long LargestExpansion = 1032; // times; deflate cannot do more (RFC 1951), a higher ratio cannot be true

    private readonly string folder, path;
    private readonly ScratchFolder scratch;
    private readonly List<ModelPart> parts = [];

    private UnpackedModel(ScratchFolder scratch, string path)
    {
        (this.scratch, this.path, folder) = (scratch, path, scratch.Path);
        Work = new Workspace(folder);
    }

    /// <summary>The model as a workspace: plans, labels, best.json and checkpoints.</summary>
    public Workspace Work { get; }

    /// <summary>
    /// The models of which it consists, in the order in which they write their labels; none for an ordinary model.
    /// </summary>
    public IReadOnlyList<ModelPart> Parts => parts;

    /// <summary>Unpacks a model.</summary>
    /// <param name="path">The zip file.</param>
    /// <param name="cancel">Stops; nothing is left.</param>
    /// <exception cref="SharpSegException">It is no model, is damaged, or does not fit on the disk.</exception>
    public static UnpackedModel Open(string path, CancellationToken cancel) => Open(path, ScratchFolder.Make("model"), cancel);

    /// <summary>Unpacks a model into an empty folder, which is removed with what it holds.</summary>
    internal static UnpackedModel Open(string path, ScratchFolder folder, CancellationToken cancel)
    {
        var model = new UnpackedModel(folder, path);
        try
        {
            if (new FileInfo(path) is not { Exists: true, Length: > 0 })
            {
                throw new SharpSegException(
                    File.Exists(path)
                        ? $"`{path}`: the file is empty, or it is a pipe or a device"
                        : $"`{path}`: no such file", Again);
            }

            using var zip = ZipFile.OpenRead(path);
            model.Unpack(zip, cancel);
            return model;
        }
        catch (Exception error)
        {
            model.Dispose();
            throw error switch
            {
                OperationCanceledException or UnauthorizedAccessException => error,
                SharpSegException known => model.InWordsOfTheFile(known),
                InvalidDataException or EndOfStreamException =>
                    new SharpSegException($"`{path}`: not a model, or damaged: {error.Message}", Again, error),
                IOException => error,
                _ => new SharpSegException($"`{path}`: cannot be unpacked: {error.Message}", Again, error),
            };
        }
    }

    /// <summary>An error about one of the unpacked files as one about the model file, which is what the user knows.</summary>
    public SharpSegException InWordsOfTheFile(SharpSegException error) =>
        !error.Message.Contains(folder, StringComparison.Ordinal)
            && error.Hint?.Contains(folder, StringComparison.Ordinal) != true
            ? error
            : new SharpSegException(Renamed(error.Message), HintFor(error.Hint), error);

    // Commands that would make what is missing need a workspace.
    private string? HintFor(string? hint) =>
        hint?.Contains(folder, StringComparison.Ordinal) == true && hint.Contains("`sharpseg ", StringComparison.Ordinal)
            ? $"`sharpseg inspect {path}` says what it holds; what it lacks is made in the workspace that it was exported from"
            : hint is null ? null : Renamed(hint);

    /// <inheritdoc/>
    public void Dispose() => scratch.Dispose();

    private string Renamed(string text) => text
        .Replace(folder + Path.DirectorySeparatorChar, $"{path}: ", StringComparison.Ordinal)
        .Replace(folder, path, StringComparison.Ordinal);

    /// <summary>Refuses a name that no model has: it might lie anywhere on the disk.</summary>
    /// <exception cref="SharpSegException">It is such a name.</exception>
    internal static void RequireKnownName(string name, string path)
    {
        if (!KnownName().IsMatch(name) || name.Split('/').Any(part => part is "." or ".."))
        {
            throw new SharpSegException($"`{path}`: `{name}` is no part of a model", Again);
        }
    }

    private void Unpack(ZipArchive zip, CancellationToken cancel)
    {
        var entries = zip.Entries.Where(entry => !entry.FullName.EndsWith('/')).ToArray(); // others are folders
        Check(entries, path);
        foreach (var entry in entries.Where(IsJson))
        {
            Extract(entry, Target(entry), path, cancel);
        }

        ReadManifest(Target(entries.First(entry => entry.FullName == ModelArchive.ManifestName)), path);
        CheckWeights(entries.Where(entry => !IsJson(entry)));
        foreach (var entry in entries.Where(entry => !IsJson(entry)))
        {
            Extract(entry, Target(entry), path, cancel);
        }
    }

    private static bool IsJson(ZipArchiveEntry entry) => entry.FullName.EndsWith(".json", StringComparison.Ordinal);

    private string Target(ZipArchiveEntry entry)
    {
        var target = Path.GetFullPath(Path.Combine(folder, entry.FullName));
        if (!target.StartsWith(folder + Path.DirectorySeparatorChar, StringComparison.Ordinal))
        {
            throw new SharpSegException($"`{path}`: `{entry.FullName}` would be written outside of the model's folder");
        }

        Directory.CreateDirectory(Path.GetDirectoryName(target)!);
        return target;
    }

    /// <summary>Refuses checkpoints that are larger than their network, before any is unpacked.</summary>
    private void CheckWeights(IEnumerable<ZipArchiveEntry> checkpoints)
    {
        // [parts/NAME/][plans/PLAN/]runs/CONFIGURATION/fold_K/checkpoint_final.safetensors
        foreach (var group in checkpoints.GroupBy(entry => string.Join('/', entry.FullName.Split('/').SkipLast(2))))
        {
            string[] around = [.. group.Key.Split('/').SkipLast(2)];
            var plan = around is [.., "plans", var name] ? name : null;
            var work = new Workspace(Path.Combine([folder, .. plan is null ? around : around[..^2]]), plan);
            var plans = work.ReadPlans();
            var configuration = plans.Resolve(group.Key.Split('/')[^1]);
            var most = PeakMemory.WeightBytes(plans.Profile, configuration, work.ReadDescription()) + MostHeaderBytes;
            if (group.FirstOrDefault(entry => entry.Length > most) is { } entry)
            {
                throw new SharpSegException(
                    $"`{path}`: `{entry.FullName}` has {entry.Length} bytes, the network of its plan at most {most}", Again);
            }
        }
    }

    private void Check(ZipArchiveEntry[] entries, string path)
    {
        if (entries.Length > MostEntries)
        {
            throw new SharpSegException($"`{path}`: {entries.Length} files; a model has fewer than {MostEntries}");
        }

        var names = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        foreach (var entry in entries)
        {
            RequireKnownName(entry.FullName, path);
            if (!names.Add(entry.FullName))
            {
                throw new SharpSegException($"`{path}`: it holds `{entry.FullName}` twice", Again);
            }
        }

        // A model of parts has those of each part instead of its own.
        var folders = names.Where(name => name.StartsWith($"{ModelArchive.PartsFolder}/", StringComparison.Ordinal))
            .Select(name => string.Join('/', name.Split('/').Take(2)) + "/").DefaultIfEmpty("");
        string[] needed =
            [ModelArchive.ManifestName, "dataset.json", .. folders.Distinct()
                .SelectMany(f => new[] { $"{f}dataset.json", $"{f}plans.json", $"{f}best.json" })];
        if (needed.FirstOrDefault(name => !names.Contains(name)) is { } missing)
        {
            throw new SharpSegException($"`{path}`: no `{missing}` in it: not a model", Again);
        }

        RequireSpace(entries, folder, path);
    }

    /// <summary>Refuses sizes that cannot be, and more than the disk has room for.</summary>
    /// <exception cref="SharpSegException">They are so.</exception>
    internal static void RequireSpace(IReadOnlyList<ZipArchiveEntry> entries, string folder, string path)
    {
        var total = 0L;
        foreach (var entry in entries)
        {
            if (entry.Length < 0 || (IsJson(entry) && entry.Length > MostJsonBytes)
                || entry.Length / LargestExpansion > entry.CompressedLength)
            {
                throw new SharpSegException(
                    $"`{path}`: `{entry.FullName}` claims to unpack from {entry.CompressedLength} to {entry.Length} bytes",
                    "the file is damaged");
            }

            total = checked(total + entry.Length);
        }

        if (new DriveInfo(folder).AvailableFreeSpace is var free && free < total)
        {
            throw new SharpSegException(
                $"`{path}` unpacks to {total / 1e9:0.0} GB, {Path.GetTempPath()} has room for {free / 1e9:0.0}",
                "free space there, or name another folder with TMPDIR");
        }
    }

    /// <summary>Writes one file, never more than it claims, and compares its check value.</summary>
    internal static void Extract(ZipArchiveEntry entry, string target, string path, CancellationToken cancel)
    {
        var piece = new byte[1 << 20];
        var length = 0L;
        var check = 0u;
        using (var source = entry.Open())
        using (var file = new FileStream(target, FileMode.CreateNew, FileAccess.Write))
        {
            for (int count; (count = source.Read(piece)) > 0;)
            {
                cancel.ThrowIfCancellationRequested();
                length += count;
                if (length > entry.Length)
                {
                    break;
                }

                check = Crc32.Append(check, piece.AsSpan(0, count));
                file.Write(piece, 0, count);
            }
        }

        if (length != entry.Length || check != entry.Crc32)
        {
            throw new SharpSegException(
                $"`{path}`: `{entry.FullName}` is damaged: its bytes are not those that were written", "copy or export it again");
        }
    }

    private void ReadManifest(string manifest, string path)
    {
        var file = JsonFile.Read(manifest);
        if (file.Text("format") != ModelArchive.Format
            || file.Number("version") != (file.Has(ModelArchive.PartsFolder) ? ModelArchive.PartsVersion : ModelArchive.Version))
        {
            throw new SharpSegException(
                $"`{path}`: a model of format `{file.Text("format")}`, version {file.Number("version")}; this program reads "
                    + $"`{ModelArchive.Format}`, versions {ModelArchive.Version} and {ModelArchive.PartsVersion}",
                "export it with this version of sharpseg");
        }

        if (file.Has(ModelArchive.PartsFolder))
        {
            foreach (var name in file.RequiredTexts(ModelArchive.PartsFolder))
            {
                RequireKnownName($"{ModelArchive.PartsFolder}/{name}/plans.json", path);
                parts.Add(new(name, new Workspace(Path.Combine(folder, ModelArchive.PartsFolder, name))));
            }
        }
    }

    [GeneratedRegex(
        @"^((parts/[\w.+ -]{1,100}/)?((model|dataset|plans|best)\.json|plans/[\w.+ -]{1,100}\.json|(plans/[\w.+ -]{1,100}/)?runs/[\w.+ -]{1,100}/fold_([0-9]{1,6}|all|every-case)/checkpoint_final\.safetensors))\z", RegexOptions.CultureInvariant)]
    private static partial Regex KnownName();
}
