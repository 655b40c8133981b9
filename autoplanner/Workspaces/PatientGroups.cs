using System.Text.RegularExpressions;
using SharpSeg.AutoPlanner.Datasets;

namespace SharpSeg.AutoPlanner.Workspaces;

/// <summary>
/// Which cases are of one patient, by a pattern over their names whose first group is the patient (docs/method/datasets.md §8).
/// Folds that spread a patient over training and validation give scores that are too good.
/// </summary>
public sealed class PatientGroups
{
    private const RegexOptions Options = RegexOptions.CultureInvariant | RegexOptions.NonBacktracking; // linear in the name

    private static readonly Regex NumberBehindNumber = new(@"^(.*[0-9].*?)[ _.-]+[A-Za-z]*[_-]?[0-9]+\z", Options);

    private readonly Dictionary<string, string> patients;

    private PatientGroups(string pattern, Dictionary<string, string> patients) => (Pattern, this.patients) = (pattern, patients);

    /// <summary>The pattern as it was given.</summary>
    public string Pattern { get; }

    /// <summary>Number of patients.</summary>
    public int Count => patients.Values.Distinct(StringComparer.Ordinal).Count();

    /// <summary>Groups cases.</summary>
    /// <param name="pattern">A regular expression, found anywhere in the name unless it is anchored.</param>
    /// <param name="caseIds">The cases.</param>
    /// <exception cref="SharpSegException">
    /// It is no pattern with a group, a case does not match it, or all are of one patient.
    /// </exception>
    public static PatientGroups Of(string pattern, IEnumerable<string> caseIds)
    {
        const string hint = "e.g. --group-by '^(.*)_' for PATIENT_VISIT: the first group in parentheses is the patient";
        Regex expression;
        try
        {
            expression = new Regex(pattern, Options);
        }
        catch (Exception error) when (error is ArgumentException or NotSupportedException)
        {
            throw new SharpSegException($"--group-by {pattern}: {error.Message}", hint, error);
        }

        if (expression.GetGroupNumbers().Length < 2)
        {
            throw new SharpSegException($"--group-by {pattern}: it has no group in parentheses", hint);
        }

        var patients = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var id in caseIds)
        {
            var group = expression.Match(id).Groups[1];
            patients[id] = group is { Success: true, Length: > 0 } ? group.Value : throw new SharpSegException(
                $"--group-by {pattern}: case `{id}` does not match, or its group is empty", hint);
        }

        var groups = new PatientGroups(pattern, patients);
        return groups.Count > 1 || patients.Count < 2 ? groups : throw new SharpSegException(
            $"--group-by {pattern}: all {patients.Count} cases are of one patient, `{patients.Values.First()}`", hint);
    }

    /// <summary>
    /// Guesses from names that end with a number behind another one: `p01_v1` and `p01_v2`, `sub-7_ses-2`. Null if nothing looks
    /// like several cases of one patient.
    /// </summary>
    public static PatientGroups? Guess(IEnumerable<string> caseIds)
    {
        var patients = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var id in caseIds)
        {
            patients[id] = NumberBehindNumber.Match(id) is { Success: true } match ? match.Groups[1].Value : id;
        }

        var groups = new PatientGroups("", patients);
        return groups.Count > 1 && groups.Count < patients.Count ? groups : null;
    }

    /// <summary>The patient of a case.</summary>
    public string PatientOf(string caseId) => patients[caseId];

    /// <summary>Two cases of one patient of which one trains and the other validates; null if there are none.</summary>
    public (string Train, string Val)? LeakOf(Split split)
    {
        var training = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var id in split.Train)
        {
            training.TryAdd(patients[id], id);
        }

        foreach (var id in split.Val)
        {
            if (training.TryGetValue(patients[id], out var other) && other != id)
            {
                return (other, id);
            }
        }

        return null;
    }

    /// <summary>
    /// Patients that the folds of a dataset spread over training and validation: an error where the pattern is given, a warning
    /// where patients are guessed. Without splits of its own the folds are those that would be made.
    /// </summary>
    /// <param name="dataset">The dataset.</param>
    /// <param name="pattern">The pattern; null guesses.</param>
    /// <param name="file">The folds; null for the dataset's own.</param>
    /// <exception cref="SharpSegException">The pattern or the splits are bad.</exception>
    public static IReadOnlyList<Finding> Leaks(Dataset dataset, string? pattern, string? file = null)
    {
        string[] ids = [.. dataset.TrainingCases.Select(item => item.Id)];
        if (ids.Length < 2 || (pattern is null ? Guess(ids) : Of(pattern, ids)) is not { } groups)
        {
            return [];
        }

        file ??= dataset.SplitsFile;
        var given = file is not null;
        var splits = file is not null ? Splits.Load(file, ids) : Splits.Create(ids, pattern is null ? null : groups);
        foreach (var (split, fold) in splits.Folds.Select((split, fold) => (split, fold)))
        {
            if (groups.LeakOf(split) is { } leak)
            {
                var who = $"fold {fold}{(given ? $" of {file}" : "")} trains on `{leak.Train}` and validates on `{leak.Val}`";
                return
                [
                    pattern is null
                        ? new(
                            Severity.Warning, null, $"{who}: by their names they may be of one patient",
                            "if so, `plan` and `auto` take e.g. --group-by '^(.*)_', the first group being the patient, and keep "
                                + "patients together")
                        : new(
                            Severity.Error, null,
                            $"{who}, both of patient `{groups.PatientOf(leak.Val)}`: its scores are too good",
                            given ? "correct the file, or delete it and plan with --group-by" : null),
                ];
            }
        }

        return [];
    }
}
