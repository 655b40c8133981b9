using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Workspaces;

namespace SharpSeg.AutoPlanner.Steps;

/// <summary>What a repaired copy is like.</summary>
/// <param name="Folder">The copy.</param>
/// <param name="Repairs">What was repaired, one line each.</param>
/// <param name="LeftOut">What the dataset's folders hold beside the dataset and its cases, which is not copied.</param>
/// <param name="Findings">What `verify` finds in the copy, and what could not be repaired.</param>
public sealed record RepairResult(
    string Folder, IReadOnlyList<string> Repairs, IReadOnlyList<string> LeftOut, IReadOnlyList<Finding> Findings);

/// <summary>
/// Writes a repaired copy of a dataset (docs/method/datasets.md §9). It grows under another name, OUT.unfinished, from which the
/// same command continues, and gets its own when it is whole.
/// </summary>
public static class RepairRun
{
    /// <summary>What was repaired, in the copy's folder.</summary>
    public const string RecordFile = "repairs.json";

    private const string Unfinished = ".unfinished";

    /// <summary>Writes the copy and verifies it.</summary>
    /// <param name="folder">The dataset; it is only read.</param>
    /// <param name="output">The copy, which must not exist, or be an empty folder.</param>
    /// <param name="reporter">Receives progress.</param>
    /// <param name="cancel">Ends before the next case; the same call continues.</param>
    /// <param name="groupBy">As in <see cref="VerificationRun"/>.</param>
    /// <param name="budget">Memory that may be taken; null for what the machine has.</param>
    /// <exception cref="SharpSegException">Nothing can be made of the dataset, or the copy may not be written there.</exception>
    /// <exception cref="OperationCanceledException">Stopped.</exception>
    public static RepairResult Execute(
        string folder, string output, IReporter reporter, CancellationToken cancel, string? groupBy = null,
        MemoryBudget? budget = null)
    {
        var target = Path.TrimEndingDirectorySeparator(Path.GetFullPath(output));
        if (Directory.Exists(target) && Directory.EnumerateFileSystemEntries(target).Any())
        {
            throw new SharpSegException($"`{output}` is not empty", "choose a folder that does not exist yet");
        }

        folder = VerificationRun.DatasetOfWorkspace(folder) ?? folder;
        OutputFolder.Check(output, [folder]);
        if (OutputFolder.IsWithin(output, folder))
        {
            throw new SharpSegException($"`{output}` lies in the dataset, which is never written to", "choose another folder");
        }

        reporter.Stage($"repair {folder}");
        var repair = DatasetRepair.Of(
            folder, (done, of) => reporter.Progress(0.5 * done / of, $"read case {done}/{of}"), budget, reporter.Info, cancel);
        var growing = target + Unfinished;
        OutputFolder.RequireOutsideDatasets(Path.GetDirectoryName(growing)!);
        using (RunLock.Take(growing, "written"))
        {
            Begin(repair, growing);
            repair.Write(
                growing, (done, of) => reporter.Progress(0.5 + (0.5 * done / of), $"write case {done}/{of}"), cancel);
        }

        Directory.CreateDirectory(Path.GetDirectoryName(target)!);
        if (Directory.Exists(target))
        {
            Directory.Delete(target); // empty
        }

        Directory.Move(growing, target);
        reporter.WritesTo(target);
        var findings = VerificationRun.Execute(output, reporter, cancel, groupBy, budget);
        return new RepairResult(output, repair.Lines, repair.LeftOut, [.. repair.Problems, .. findings]);
    }

    /// <summary>Notes what the copy is of, so that another dataset's is never continued.</summary>
    private static void Begin(DatasetRepair repair, string growing)
    {
        var record = Path.Combine(growing, RecordFile);
        var hash = HashOf(repair);
        if (File.Exists(record))
        {
            var begun = JsonFile.Read(record);
            if (begun.Text("source") != repair.Folder || begun.Text("source_files") != hash)
            {
                throw new SharpSegException(
                    $"`{growing}` is the unfinished copy of `{begun.Text("source")}` as it was before", "delete it");
            }
        }

        AtomicFile.WriteText(record, JsonFile.ToText(new JsonObject
        {
            ["source"] = repair.Folder, ["source_files"] = hash,
            ["repairs"] = new JsonArray([.. repair.Lines.Select(line => (JsonNode)line)]),
            ["not_repaired"] = new JsonArray([.. repair.Problems.Select(finding => (JsonNode)finding.Line)]),
        }));
    }

    /// <summary>SHA-256 over names, sizes and times of all files.</summary>
    private static string HashOf(DatasetRepair repair)
    {
        var text = new StringBuilder();
        foreach (var file in repair.Files.Select(path => new FileInfo(path)))
        {
            text.Append(
                CultureInfo.InvariantCulture,
                $"{file.FullName}\t{(file.Exists ? file.Length : -1)}\t{file.LastWriteTimeUtc.Ticks}\n");
        }

        return Sha256.Of(text.ToString());
    }
}
