using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Evaluation;

namespace SharpSeg.AutoPlanner.Steps.Import;

/// <summary>
/// What nnU-Net's find_best_configuration chose by cross-validation and wrote beside the results of a dataset, as
/// <c>inference_information.json</c>: one configuration, or two whose probabilities are averaged (docs/method/import.md §2).
/// </summary>
internal sealed record NnUNetChoice
{
    private const string FileName = "inference_information.json", Best = "best_model_or_ensemble";

    private readonly JsonFile file;
    private readonly double before, after;

    private NnUNetChoice(JsonFile file, string folder)
    {
        this.file = file;
        Folder = folder;
        Folds = [.. file.RequiredInts("folds").Select(
            fold => fold >= 0 ? FormattableString.Invariant($"{fold}") : throw file.Error("folds", $"{fold} is no fold"))];
        var best = file.RequiredObject(Best);
        Members = [.. best.RequiredObjects("selected_model_or_models").Select(model => new Member(
            $"{Name(model, "trainer")}__{Name(model, "plans_identifier")}", Name(model, "configuration")))];
        if (Members.Count is not (1 or 2) || Folds.Count == 0)
        {
            throw file.Error(
                Best, $"{Members.Count} models of {Folds.Count} folds; one or two are expected, of one fold or more");
        }

        before = best.Number("result_on_crossval_pre_pp") ?? double.NaN;
        after = best.Number("result_on_crossval_post_pp") ?? double.NaN;
    }

    /// <summary>The dataset's folder.</summary>
    public string Folder { get; }

    /// <summary>One configuration, or two that are averaged.</summary>
    public IReadOnlyList<Member> Members { get; }

    /// <summary>Folds that were compared, and that predict.</summary>
    public IReadOnlyList<string> Folds { get; }

    /// <summary>Names of the configurations.</summary>
    public Candidate Winner => new([.. Members.Select(member => member.Configuration)]);

    /// <summary>The choice for a dataset; null where nnU-Net made none.</summary>
    /// <exception cref="SharpSegException">The file is damaged.</exception>
    public static NnUNetChoice? In(string datasetFolder)
    {
        var path = Path.Combine(datasetFolder, FileName);
        return File.Exists(path) ? new NnUNetChoice(PythonJson.Read(path), datasetFolder) : null;
    }

    /// <summary>Whether an import may follow it: everything it names is there, and nothing else is asked for.</summary>
    /// <param name="all">What is there.</param>
    /// <param name="request">What is asked for.</param>
    /// <param name="left">Gets a line if it is not followed.</param>
    /// <exception cref="SharpSegException">Nothing else is asked for, and something is missing.</exception>
    public bool IsFollowed(
        IReadOnlyList<(NnUNetResults Results, string Configuration)> all, ImportRequest request, List<string> left)
    {
        if (request.Configurations.Count > 0 && Winner.Configurations.Except(request.Configurations).Any())
        {
            left.Add($"{FileName}: nnU-Net chose {Winner}, other configurations are asked for");
            return false;
        }

        foreach (var member in Members)
        {
            var found = all.FirstOrDefault(
                item => item.Configuration == member.Configuration && item.Results.Series == member.Series).Results;
            if (found is null)
            {
                throw new SharpSegException(
                    $"{file.Source}: nnU-Net chose {Winner}, and {member.Series}__{member.Configuration} is not there",
                    $"add it, or name others with -c: {string.Join(", ", all.Select(item => item.Configuration))}");
            }

            string[] missing = request.Folds.Count > 0 ? [] : [.. Folds.Except(found.Folds)];
            if (missing.Length > 0)
            {
                throw new SharpSegException(
                    $"{file.Source}: nnU-Net chose folds {string.Join(", ", Folds)}, and {string.Join(", ", missing)} of "
                        + $"{member.Configuration} is not there",
                    $"add it, or name the folds that predict with -f: {string.Join(", ", found.Folds)}");
            }
        }

        return true;
    }

    /// <summary>The choice as best.json.</summary>
    /// <param name="folds">Folds asked for; none takes those that nnU-Net compared.</param>
    /// <param name="labels">The dataset's.</param>
    /// <param name="read">Gets a line for what is taken over.</param>
    /// <exception cref="SharpSegException">Postprocessing is part of the choice, and not there or not known.</exception>
    public BestModel ToBest(IReadOnlyList<string> folds, LabelScheme labels, List<string> read)
    {
        var steps = NnUNetPostprocessing.Read(PostprocessingFolder, labels, read, left: []);
        if (steps is null && after != before && !(double.IsNaN(before) && double.IsNaN(after)))
        {
            throw new SharpSegException(
                $"{file.Source}: nnU-Net postprocesses what {Winner} predicts, and `{PostprocessingFolder}` has no "
                    + "postprocessing.json that says how",
                "copy it from where nnU-Net ran, or import the folder of one configuration alone");
        }

        var chosen = folds.Count > 0 ? folds : Folds;
        read.Add(FormattableString.Invariant(
            $"{FileName}: {Winner} of {Counted.Noun(chosen.Count, "fold")} {string.Join(", ", chosen)} predicts, foreground Dice {before:0.####}, with postprocessing {after:0.####} in nnU-Net's cross-validation"));
        return new BestModel
        {
            Winner = Winner,
            Folds = chosen,
            Postprocessing = steps ?? PostprocessingSteps.None,
            DiceBefore = before,
            DiceAfter = after,
            Scores = [.. Scores()],
        };
    }

    // The file has absolute paths of another machine; nnU-Net builds them like this.
    private string PostprocessingFolder
    {
        get
        {
            var folds = string.Join('_', Folds);
            string[] names = [.. Members.Select(member => $"{member.Series}__{member.Configuration}")];
            return names.Length == 1
                ? Path.Combine(Folder, names[0], $"crossval_results_folds_{folds}")
                : Path.Combine(Folder, "ensembles", $"ensemble___{string.Join("___", names)}___{folds}");
        }
    }

    // Names become parts of paths.
    private static string Name(JsonFile model, string key) => SafeName.Require(model.RequiredText(key), $"`{key}`", model.Source);

    /// <summary>All that were compared, of the chosen trainer and plans: others have no name here.</summary>
    private IEnumerable<ScoredCandidate> Scores()
    {
        var results = file.RequiredObject("all_results");
        var prefix = Members[0].Series + "__";
        foreach (var (key, _) in results.Node)
        {
            string[] names = key.StartsWith("ensemble___", StringComparison.Ordinal)
                ? [.. key.Split("___")[1..^1]]
                : [key];
            if (names.Length is 1 or 2 && names.All(
                name => name.StartsWith(prefix, StringComparison.Ordinal) && SafeName.Problem(name[prefix.Length..]) is null))
            {
                yield return new ScoredCandidate(
                    new Candidate([.. names.Select(name => name[prefix.Length..])]), results.Number(key) ?? double.NaN);
            }
        }
    }

    /// <summary>One of the models that predict.</summary>
    /// <param name="Series">Trainer and plans, as in the name of its folder.</param>
    /// <param name="Configuration">Its configuration.</param>
    internal sealed record Member(string Series, string Configuration);
}
