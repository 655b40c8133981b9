using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Evaluation;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Workspaces;

namespace SharpSeg.AutoPlanner.Steps.Import;

/// <summary>What to import and how.</summary>
/// <param name="Models">Folders or zips, each one model of nnU-Net v2; several become the parts of one model.</param>
/// <param name="Output">A new workspace, or a name ending in .zip.</param>
/// <param name="Configurations">Configurations asked for; none takes all trained ones.</param>
/// <param name="Folds">Folds asked for; none takes all trained ones.</param>
/// <param name="Checkpoint">final, best or latest.</param>
/// <param name="ReorientToRas">Turn scans to RAS before prediction, whatever the plans say; false leaves it to the plans.</param>
/// <param name="LabelTable">For parts: a JSON file with the number of each structure in the merged map; null numbers them in
/// order.</param>
public sealed record ImportRequest(
    IReadOnlyList<string> Models, string Output, IReadOnlyList<string> Configurations, IReadOnlyList<string> Folds,
    string Checkpoint = "final",
    bool ReorientToRas = false, string? LabelTable = null);

/// <summary>The result of an import.</summary>
/// <param name="Read">What was taken over, one line each.</param>
/// <param name="Left">What was not, and why.</param>
/// <param name="Description">What the model does.</param>
public sealed record ImportReport(IReadOnlyList<string> Read, IReadOnlyList<string> Left, string Description);

/// <summary>
/// Makes a model of ours from one that nnU-Net v2 trained (docs/method/import.md): plans, labels, postprocessing, and the weights
/// of all folds and configurations. Nothing of the model is executed, and nothing is guessed: what the plans ask for is done or
/// refused.
/// </summary>
public static class ImportRun
{
    private static readonly string[] ByPreference = ["3d_fullres", "3d_cascade_fullres", "3d_lowres", "2d"];

    /// <summary>Imports.</summary>
    /// <exception cref="SharpSegException">There is no model, something in it is not supported, or the output may not be
    /// written.</exception>
    public static ImportReport Execute(ImportRequest request, IReporter reporter, CancellationToken cancel)
    {
        var isArchive = request.Output.EndsWith(".zip", StringComparison.OrdinalIgnoreCase);
        CheckOutput(request, isArchive);
        if (isArchive)
        {
            reporter.WritesTo(request.Output, isFile: true);
        }

        var (read, left) = (new List<string>(), new List<string>());
        if (request.Models.Count > 1)
        {
            return ImportParts(request, read, left, reporter, cancel);
        }

        if (!isArchive)
        {
            try
            {
                var description =
                    Import(request.Models[0], request, new Workspace(request.Output), read, left, reporter, cancel);
                reporter.WritesTo(request.Output); // a failed import leaves nothing
                return new(read, left, description);
            }
            catch when (Directory.Exists(request.Output))
            {
                // It was not there before, or empty. The folder itself may be a mount and stays.
                foreach (var folder in Directory.GetDirectories(request.Output))
                {
                    Directory.Delete(folder, recursive: true);
                }

                Array.ForEach(Directory.GetFiles(request.Output), File.Delete);
                throw;
            }
        }

        using var scratch = ScratchFolder.Make("import");
        var imported = new Workspace(Path.Combine(scratch.Path, "work"));
        Import(request.Models[0], request, imported, read, left, reporter, cancel);
        return new(read, left, ModelArchive.WriteAll(imported, request.Output, reporter, cancel));
    }

    private static ImportReport ImportParts(
        ImportRequest request, List<string> read, List<string> left, IReporter reporter, CancellationToken cancel)
    {
        using var scratch = ScratchFolder.Make("import");
        var parts = new List<ModelPart>();
        foreach (var model in request.Models)
        {
            var name = NameOfPart(model, parts);
            var work = new Workspace(Path.Combine(scratch.Path, $"{parts.Count}"));
            Import(model, request, work, read, left, reporter, cancel);
            parts.Add(new(name, work));
        }

        var merged = LabelMerge.Description(parts, request.LabelTable);
        return new(read, left, ModelArchive.WriteParts(parts, merged, request.Output, reporter, cancel));
    }

    /// <summary>A folder's name in the file, which no other part has, however a system writes it.</summary>
    private static string NameOfPart(string model, List<ModelPart> parts)
    {
        const int longest = 60; // characters; the file allows 100
        var name = Path.GetFileNameWithoutExtension(Path.TrimEndingDirectorySeparator(Path.GetFullPath(model)));
        name = string.Concat(name.Select(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-' or '.' ? c : '_')).TrimStart('.');
        name = name.Length == 0 ? "part" : name[..Math.Min(name.Length, longest)];
        bool IsTaken(string candidate) =>
            parts.Any(part => part.Name.Equals(candidate, StringComparison.OrdinalIgnoreCase));
        return Enumerable.Range(1, parts.Count + 1).Select(number => number == 1 ? name : $"{name}_{number}")
            .First(candidate => !IsTaken(candidate));
    }

    /// <summary>One model into one workspace.</summary>
    private static string Import(
        string model, ImportRequest request, Workspace work, List<string> read, List<string> left, IReporter reporter,
        CancellationToken cancel)
    {
        if (!File.Exists(model))
        {
            return Directory.Exists(model)
                ? Import(
                    Path.TrimEndingDirectorySeparator(Path.GetFullPath(model)), model, request, work, read, left,
                    reporter, cancel)
                : throw new SharpSegException(
                    $"`{model}`: no such folder or file", "give the folder of a trained nnU-Net model, or a zip of it");
        }

        using var zip = NnUNetZip.Open(model, cancel);
        try
        {
            return Import(zip.Folder, model, request, work, read, left, reporter, cancel);
        }
        catch (SharpSegException error) when (error.Message.Contains(zip.Folder, StringComparison.Ordinal))
        {
            // The user knows the zip, not where it was unpacked.
            throw new SharpSegException(
                error.Message.Replace(zip.Folder + Path.DirectorySeparatorChar, $"{model}: ", StringComparison.Ordinal),
                error.Hint, error);
        }
    }

    private static string Import(
        string folder, string model, ImportRequest request, Workspace work, List<string> read, List<string> left,
        IReporter reporter,
        CancellationToken cancel)
    {
        var (found, choice) = NnUNetResults.Find(folder, model, request.Checkpoint, request.Folds, left);
        var all = found.Select(results => (Results: results, Configuration: ConfigurationOf(results))).ToList();
        var wanted = Choose(all, request, model, left);
        choice = choice?.IsFollowed(all, request, left) == true ? choice : null;
        AddFirstStages(wanted, all, left);

        string[] names = [.. wanted.Select(item => item.Configuration)];
        var plansFile = wanted[0].Results.PlansFile;
        var plans = PlansJson.Parse(JsonFile.ReadText(plansFile), plansFile, names);
        foreach (var name in names)
        {
            plans.Resolve(name);
        }

        plans = plans with { ReorientToRas = plans.ReorientToRas || request.ReorientToRas };
        var description = ReadDescription(wanted[0].Results, plans, model);
        RequireChannels(plans, description, plansFile);
        work.WriteDataset(description, null);
        work.WritePlans(plans);
        foreach (var (results, name) in wanted)
        {
            ConvertFolds(results, plans, plans.Resolve(name), description, work, read, reporter, cancel);
        }

        var best = choice?.ToBest(request.Folds, description.Labels, read)
            ?? FirstByPreference(wanted, description.Labels, read, left);
        AtomicFile.WriteText(work.BestFile, best.ToJson());
        if (plans.ReorientToRas)
        {
            read.Add("orientation: scans are turned to RAS before prediction, results back");
        }

        left.Add("of every checkpoint: the optimiser's state and the training log");
        return ModelChoice.Of(work, description.Labels, null, [], "final").Describe(description.Labels);
    }

    /// <summary>What predicts where nnU-Net has chosen nothing.</summary>
    private static BestModel FirstByPreference(
        List<(NnUNetResults Results, string Configuration)> wanted, LabelScheme labels, List<string> read, List<string> left)
    {
        var primary = wanted.OrderBy(
            item => Array.IndexOf(ByPreference, item.Configuration) is >= 0 and var rank ? rank : ByPreference.Length).First();
        return new BestModel
        {
            Winner = new Candidate([primary.Configuration]),
            Folds = primary.Results.Folds,
            Postprocessing = NnUNetPostprocessing.Of(primary.Results, labels, read, left),
            DiceBefore = double.NaN,
            DiceAfter = double.NaN,
            Scores = [],
        };
    }

    private static List<(NnUNetResults Results, string Configuration)> Choose(
        List<(NnUNetResults Results, string Configuration)> all, ImportRequest request, string model, List<string> left)
    {
        var missing = request.Configurations.FirstOrDefault(name => all.All(item => item.Configuration != name));
        if (missing is not null)
        {
            throw new SharpSegException(
                $"`{model}`: no trained configuration `{missing}`",
                $"there are: {string.Join(", ", all.Select(item => item.Configuration))}");
        }

        if (request.Configurations.Count == 0)
        {
            return [.. all];
        }

        left.AddRange(
            all.Where(item => !request.Configurations.Contains(item.Configuration))
                .Select(item => $"{item.Configuration}: not asked for"));
        return [.. all.Where(item => request.Configurations.Contains(item.Configuration))];
    }

    /// <summary>A cascade predicts with its first stage, so that comes along.</summary>
    private static void AddFirstStages(
        List<(NnUNetResults Results, string Configuration)> wanted, List<(NnUNetResults Results, string Configuration)> all,
        List<string> left)
    {
        foreach (var (results, name) in wanted.ToArray())
        {
            var text = JsonFile.ReadText(results.PlansFile);
            if (PlansJson.Parse(text, results.PlansFile, [name]).Resolve(name).PreviousStage is not { } first
                || wanted.Any(item => item.Configuration == first))
            {
                continue;
            }

            var found = all.FirstOrDefault(item => item.Configuration == first).Results ?? results.Sibling(first, left);
            wanted.Add((found ?? throw new SharpSegException(
                $"`{results.Folder}`: {name} needs the segmentations of {first}, which is not there",
                $"give the dataset's folder that holds both, or import {first} only"), first));
            left.Remove($"{first}: not asked for");
        }
    }

    private static string ConfigurationOf(NnUNetResults results)
    {
        using var checkpoint = NnUNetCheckpoint.Open(results.Checkpoint(results.Folds[0]));
        return checkpoint.Configuration;
    }

    private static DatasetDescription ReadDescription(NnUNetResults results, Plans plans, string model)
    {
        var path = new[] { results.Folder, Path.GetDirectoryName(results.Folder)! }
            .Select(folder => Path.Combine(folder, "dataset.json")).FirstOrDefault(File.Exists)
            ?? throw new SharpSegException(
                $"`{model}`: dataset.json is missing, which names channels and labels",
                "copy the one of the dataset beside plans.json");
        return DatasetDescription.FromJson(
            JsonFile.ReadText(path), path, plans.DatasetName.Length > 0 ? plans.DatasetName : Path.GetFileName(results.Folder));
    }

    private static void RequireChannels(Plans plans, DatasetDescription description, string plansFile)
    {
        foreach (var configuration in plans.Configurations.Values.Where(
            c => c.Normalization.Count != description.ChannelNames.Count))
        {
            throw new SharpSegException(
                $"{plansFile}: {configuration.Name} normalises {configuration.Normalization.Count} channels, dataset.json has "
                    + $"{description.ChannelNames.Count}",
                "plans.json and dataset.json must be those with which it was trained");
        }
    }

    private static void ConvertFolds(
        NnUNetResults results, Plans plans, ConfigurationPlan configuration, DatasetDescription description, Workspace work,
        List<string> read,
        IReporter reporter, CancellationToken cancel)
    {
        var network = configuration.NetworkFor(plans.Profile, description);
        IReadOnlyList<int>? mirrorAxes = null;
        var (values, trainer) = (0L, "");
        foreach (var fold in results.Folds)
        {
            cancel.ThrowIfCancellationRequested();
            reporter.Progress(0, $"{configuration.Name}, fold {fold}");
            using var checkpoint = NnUNetCheckpoint.Open(results.Checkpoint(fold));
            if (checkpoint.Configuration != configuration.Name)
            {
                throw new SharpSegException(
                    $"`{results.Checkpoint(fold)}` is a checkpoint of {checkpoint.Configuration}, that of fold "
                        + $"{results.Folds[0]} beside it of {configuration.Name}",
                    "it was moved: put it back");
            }

            mirrorAxes ??= checkpoint.MirrorAxes;                       // nnU-Net takes the first fold's for all
            trainer = checkpoint.Trainer;
            values = checkpoint.WriteTo(
                Workspace.FinalCheckpoint(work.RunFolder(configuration.Name, fold)), configuration, network, fold, mirrorAxes);
        }

        var axes = mirrorAxes is { Count: > 0 } ? $"mirroring axes {string.Join(", ", mirrorAxes)}" : "no mirroring";
        read.Add(FormattableString.Invariant(
            $"{configuration.Name}: {trainer}, {results.FileName} of {Counted.Noun(results.Folds.Count, "fold")} {string.Join(", ", results.Folds)}, {configuration.Architecture.Family} of {values:#,0} values, {axes}"));
    }

    private static void CheckOutput(ImportRequest request, bool isArchive)
    {
        if (request.Models.Count > 1 && !isArchive)
        {
            throw new SharpSegException("several models become one file of several parts", "write it like -o model.zip");
        }

        if (request.LabelTable is not null && request.Models.Count < 2)
        {
            throw new SharpSegException("--merge is for several models that become one", "give two or more");
        }

        // What is imported is an original: it is read and never written to.
        if (isArchive)
        {
            OutputFolder.CheckFile(request.Output, ".zip");
        }
        else
        {
            OutputFolder.Check(request.Output);
        }

        if (request.Models.FirstOrDefault(model => OutputFolder.IsWithin(request.Output, model)) is { } original)
        {
            throw new SharpSegException(
                $"`{request.Output}` is or lies in the model `{original}` that is read", "choose another place with -o");
        }

        if (!isArchive
            && (
                File.Exists(request.Output)
                    || (Directory.Exists(request.Output) && Directory.EnumerateFileSystemEntries(request.Output).Any())))
        {
            throw new SharpSegException(
                $"`{request.Output}` exists already and is not an empty folder",
                "an import makes a new workspace: choose another name with -o");
        }
    }
}
