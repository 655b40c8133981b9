using System.Globalization;
using System.Text.Json.Nodes;
using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Workspaces;
using SharpSeg.AutoPlanner.Volumes;

namespace SharpSeg.AutoPlanner.Evaluation;

/// <summary>A candidate and what it reached in cross-validation.</summary>
/// <param name="Candidate">One configuration, or two that are averaged.</param>
/// <param name="Dice">Foreground mean Dice before postprocessing; NaN if no case has any foreground.</param>
/// <param name="Competes">False for what is only reported: the low-resolution stage alone in profile classic.</param>
public sealed record ScoredCandidate(Candidate Candidate, double Dice, bool Competes = true);

/// <summary>
/// The content of best.json: what predicts, which of its folds, what is done to its segmentations, and why
/// (docs/method/evaluation.md §4).
/// </summary>
public sealed record BestModel
{
    private const string FormatKey = "format", Format = "sharpseg-best", VersionKey = "version";
    private const int Version = 1;

    /// <summary>One configuration, or two whose probabilities are averaged.</summary>
    public required Candidate Winner { get; init; }

    /// <summary>Folds that were compared, and that predict.</summary>
    public required IReadOnlyList<string> Folds { get; init; }

    /// <summary>Applied to every segmentation.</summary>
    public required PostprocessingSteps Postprocessing { get; init; }

    /// <summary>The winner's cross-validated foreground mean Dice without postprocessing.</summary>
    public required double DiceBefore { get; init; }

    /// <summary>The same with it.</summary>
    public required double DiceAfter { get; init; }

    /// <summary>All that were compared, in the order in which ties are decided.</summary>
    public required IReadOnlyList<ScoredCandidate> Scores { get; init; }

    /// <summary>The text of best.json.</summary>
    public string ToJson() => JsonFile.ToText(new JsonObject
    {
        [FormatKey] = Format,
        [VersionKey] = Version,
        ["configurations"] = Texts(Winner.Configurations),
        ["folds"] = Texts(Folds),
        ["postprocessing"] = new JsonObject
        {
            ["keep_largest_component"] = new JsonArray(
                [.. Postprocessing.LabelSets.Select(set => new JsonArray([.. set.Select(label => (JsonNode)label)]))]),
            ["connectivity"] = Postprocessing.Connectivity == Connectivity.Face ? "face" : "full",
        },
        ["mean_foreground_dice"] = new JsonObject
        {
            ["before_postprocessing"] = Number(DiceBefore), ["after_postprocessing"] = Number(DiceAfter),
        },
        ["scores"] = new JsonArray([.. Scores.Select(score => new JsonObject
        {
            ["configurations"] = Texts(score.Candidate.Configurations),
            ["mean_foreground_dice"] = Number(score.Dice),
            ["competes"] = score.Competes,
        })]),
    });

    /// <summary>Reads a best.json.</summary>
    /// <exception cref="SharpSegException">Missing or bad; the message names the file and the key.</exception>
    public static BestModel Read(string path)
    {
        var file = JsonFile.Read(path);
        if (file.Text(FormatKey) != Format || file.Number(VersionKey) != Version)
        {
            throw new SharpSegException($"{path}: not a best.json of this version", "`sharpseg find-best WORK` writes one");
        }

        var dice = file.RequiredObject("mean_foreground_dice");
        var postprocessing = file.RequiredObject("postprocessing");
        return new BestModel
        {
            Winner = ReadCandidate(file),
            Folds =
                [.. NotEmpty(file, "folds", 1000)
                    .Select(fold => Splits.IsFold(fold) ? fold : throw file.Error("folds", $"`{fold}` is no fold"))],
            Postprocessing = new PostprocessingSteps(
                postprocessing.RequiredIntRows("keep_largest_component"),
                postprocessing.RequiredText("connectivity") switch
                {
                    "face" => Connectivity.Face,
                    "full" => Connectivity.Full,
                    var other => throw postprocessing.Error("connectivity", $"`{other}` is neither `face` nor `full`"),
                }),
            DiceBefore = dice.Number("before_postprocessing") ?? double.NaN,
            DiceAfter = dice.Number("after_postprocessing") ?? double.NaN,
            Scores = ReadScores(file),
        };
    }

    /// <summary>Refuses steps on labels that a dataset does not have.</summary>
    /// <param name="labels">The dataset's.</param>
    /// <param name="path">Where the steps come from, for the message.</param>
    /// <exception cref="SharpSegException">A step names such a label.</exception>
    public void RequireLabelsOf(LabelScheme labels, string path)
    {
        foreach (var label in Postprocessing.LabelSets.SelectMany(set => set)
            .Where(label => !labels.ForegroundLabels.Contains(label)))
        {
            throw new SharpSegException(
                $"{path}: postprocessing names label {label}, the dataset's are {string.Join(", ", labels.ForegroundLabels)}",
                "it belongs to another dataset");
        }
    }

    private static ScoredCandidate[] ReadScores(JsonFile file)
    {
        if (file.Node["scores"] is not JsonArray list)
        {
            throw file.Error("scores", "missing, or not a list");
        }

        var scores = new ScoredCandidate[list.Count];
        for (var i = 0; i < scores.Length; i++)
        {
            var entry = new JsonFile(
                file.Source, string.Create(CultureInfo.InvariantCulture, $"scores[{i}]"),
                list[i] as JsonObject ?? throw file.Error("scores", $"entry {i} is not an object"));
            scores[i] = new ScoredCandidate(
                ReadCandidate(entry), entry.Number("mean_foreground_dice") ?? double.NaN, entry.Flag("competes") ?? true);
        }

        return scores;
    }

    private static Candidate ReadCandidate(JsonFile file) => new(
        [.. NotEmpty(file, "configurations", 2).Select(name => SafeName.Require(name, "the configuration", file.Source))]);

    private static string[] NotEmpty(JsonFile file, string key, int most)
    {
        var texts = file.RequiredTexts(key);
        return texts.Length >= 1 && texts.Length <= most
            ? texts
            : throw file.Error(key, $"{texts.Length} entries; 1 to {most} are expected");
    }

    private static JsonArray Texts(IReadOnlyList<string> texts) => new([.. texts.Select(text => (JsonNode)text)]);

    private static JsonValue? Number(double value) => double.IsFinite(value) ? JsonValue.Create(value) : null;
}

/// <summary>A configuration, or two whose probabilities are averaged.</summary>
/// <param name="Configurations">One or two names.</param>
public sealed record Candidate(IReadOnlyList<string> Configurations)
{
    /// <summary>Whether it averages two configurations.</summary>
    public bool IsEnsemble => Configurations.Count > 1;

    /// <inheritdoc/>
    public override string ToString() => string.Join("+", Configurations);
}
