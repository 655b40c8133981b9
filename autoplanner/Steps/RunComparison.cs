using System.Globalization;
using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Evaluation;
using SharpSeg.AutoPlanner.Training;
using SharpSeg.AutoPlanner.Workspaces;

namespace SharpSeg.AutoPlanner.Steps;

/// <summary>A trained and validated run, as it is compared.</summary>
/// <param name="Name">How the user named it.</param>
/// <param name="Settings">What it was trained with, by name.</param>
/// <param name="Summary">Scores of its validation cases.</param>
/// <param name="Iterations">Training iterations.</param>
/// <param name="Seconds">Training time, validation patches included.</param>
public sealed record ComparedRun(
    string Name, IReadOnlyDictionary<string, string> Settings, EvaluationSummary Summary, int Iterations, double Seconds);

/// <summary>Two or more runs side by side; the first is what the others are compared with.</summary>
public sealed class RunComparison
{
    private const int MostNamed = 5; // cases, in a message

    private RunComparison(IReadOnlyList<ComparedRun> runs)
    {
        Runs = runs;
        Settings = [.. runs.SelectMany(run => run.Settings.Keys).Distinct()];
        Differing = [.. Settings.Where(name => runs.Select(run => run.Settings.GetValueOrDefault(name)).Distinct().Count() > 1)];
    }

    /// <summary>The runs, in the order given.</summary>
    public IReadOnlyList<ComparedRun> Runs { get; }

    /// <summary>Names of all settings.</summary>
    public IReadOnlyList<string> Settings { get; }

    /// <summary>Names of the settings in which they differ.</summary>
    public IReadOnlyList<string> Differing { get; }

    /// <summary>Reads runs and checks that they were scored on the same cases.</summary>
    /// <param name="folders">Run folders, <c>runs/CONFIGURATION/fold_K</c>; two or more.</param>
    /// <exception cref="SharpSegException">One is no validated run, or their cases, classes or references differ.</exception>
    public static RunComparison Of(IReadOnlyList<string> folders)
    {
        ComparedRun[] runs = [.. folders.Select(Read)];
        foreach (var run in runs.Skip(1))
        {
            RequireSameCases(runs[0], run);
        }

        return new RunComparison(runs);
    }

    /// <summary>Dice of every case: its mean over the classes that are defined in both runs.</summary>
    public IReadOnlyList<(string Case, double First, double Second)> ByCase(int run) =>
    [
        .. Runs[0].Summary.Cases.Zip(Runs[run].Summary.Cases, (a, b) =>
        {
            var pairs = a.Metrics.Zip(b.Metrics).Where(
                pair => !double.IsNaN(pair.First.Dice) && !double.IsNaN(pair.Second.Dice)).ToArray();
            return (
                a.CaseId, EvaluationSummary.MeanOfNumbers(pairs.Select(pair => pair.First.Dice)),
                EvaluationSummary.MeanOfNumbers(pairs.Select(pair => pair.Second.Dice)));
        }),
    ];

    /// <summary>How a run's foreground Dice differs from the first one's.</summary>
    public PairedDifference Foreground(int run)
    {
        var cases = ByCase(run);
        return PairedDifference.Of([.. cases.Select(item => item.First)], [.. cases.Select(item => item.Second)]);
    }

    /// <summary>The same for one class.</summary>
    public PairedDifference OfClass(int run, int classIndex) => PairedDifference.Of(
        [.. Runs[0].Summary.Cases.Select(item => item.Metrics[classIndex].Dice)],
        [.. Runs[run].Summary.Cases.Select(item => item.Metrics[classIndex].Dice)]);

    private static ComparedRun Read(string folder)
    {
        var log = Workspace.LogFile(folder);
        var scores = Workspace.SummaryFile(Workspace.ValidationFolder(folder));
        if (!File.Exists(log) || !File.Exists(scores))
        {
            throw new SharpSegException(
                Directory.Exists(folder)
                    ? $"`{folder}` has no {Path.GetRelativePath(folder, File.Exists(log) ? scores : log)}: it is no run that was "
                        + "trained and validated"
                    : $"`{folder}`: no such folder",
                "name the folder of a run, WORK/runs/CONFIGURATION/fold_K; `sharpseg train … --resume` finishes one");
        }

        var run = TrainingLog.Read(log);
        return new ComparedRun(
            folder, run.Settings, SummaryJson.Read(scores, EvaluatedClass.Of(Labels(folder))), run.Iterations, run.Seconds);
    }

    /// <summary>The labels of the workspace that a run lies in, three folders up, or five for a further plan's.</summary>
    private static LabelScheme Labels(string folder)
    {
        var plan = Path.GetFullPath(Path.Combine(folder, "..", "..", ".."));
        foreach (var work in new[] { plan, Path.GetFullPath(Path.Combine(plan, "..", "..")) })
        {
            if (File.Exists(new Workspace(work).DatasetFile))
            {
                return new Workspace(work).ReadDescription().Labels;
            }
        }

        throw new SharpSegException(
            $"`{folder}` lies in no workspace: there is no dataset.json above it", "name the run's folder inside its workspace");
    }

    private static void RequireSameCases(ComparedRun first, ComparedRun other)
    {
        string[] own = [.. first.Summary.Cases.Select(item => item.CaseId)];
        string[] others = [.. other.Summary.Cases.Select(item => item.CaseId)];
        if (!own.SequenceEqual(others))
        {
            string[] only = [.. own.Except(others)], extra = [.. others.Except(own)];
            throw new SharpSegException(
                $"`{first.Name}` and `{other.Name}` were validated on different cases: "
                    + string.Join(
                        "; ", new[] { Named(only, "only the first"), Named(extra, "only the second") }.OfType<string>()),
                "compare runs of the same fold and splits.json");
        }

        if (!first.Summary.Classes.Select(item => (item.Key, item.Name)).SequenceEqual(
            other.Summary.Classes.Select(item => (item.Key, item.Name))))
        {
            throw new SharpSegException(
                $"`{first.Name}` and `{other.Name}` have different classes", "compare runs of one dataset");
        }

        foreach (var (a, b) in first.Summary.Cases.Zip(other.Summary.Cases))
        {
            if (a.Metrics.Zip(b.Metrics).Any(pair => !Reference(pair.First).Equals(Reference(pair.Second))))
            {
                throw new SharpSegException(
                    $"case `{a.CaseId}` has other references in `{first.Name}` than in `{other.Name}`",
                    "the labels have changed in between: validate again with `sharpseg train … --resume`");
            }
        }

        // NaN, of what the reference does not show, equals itself
        static double Reference(ClassMetrics metrics) => metrics.TruePositives + metrics.FalseNegatives;

        static string? Named(string[] cases, string who) => cases.Length == 0
            ? null
            : $"{who} has {string.Join(", ", cases.Take(MostNamed).Select(item => $"`{item}`"))}"
                + (cases.Length > MostNamed ? string.Create(CultureInfo.InvariantCulture, $" and {cases.Length - MostNamed} more")
                    : "");
    }
}
