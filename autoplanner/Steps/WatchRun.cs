using System.Diagnostics;
using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Workspaces;

namespace SharpSeg.AutoPlanner.Steps;

/// <summary>
/// Segments every scan that appears in a folder, until it is stopped; the networks are loaded once. A scan is taken when its
/// files have not changed from one look to the next, those of a DICOM series for ten seconds, and its segmentation does not
/// exist. One that failed is left alone until its files change; one that changes after it was segmented here is segmented again;
/// of one segmented earlier the old segmentation stays, with a warning.
/// </summary>
public static class WatchRun
{
    /// <summary>Watches.</summary>
    /// <param name="request">What to predict with; its one input is the folder, its output another folder.</param>
    /// <param name="networks">Where the networks run.</param>
    /// <param name="interval">From one look to the next.</param>
    /// <param name="reporter">Receives a line for every scan.</param>
    /// <param name="cancel">Stops; in the middle of a scan that is an exception, else the end.</param>
    /// <returns>What was written, and what failed.</returns>
    /// <exception cref="SharpSegException">There is no such folder, no model, or the device failed.</exception>
    /// <exception cref="OperationCanceledException">Stopped while a scan was predicted.</exception>
    public static (IReadOnlyList<string> Written, IReadOnlyList<FailedCase> Failed) Execute(
        PredictionRequest request, LoadedNetworks networks, TimeSpan interval, IReporter reporter, CancellationToken cancel)
    {
        if (request.Inputs is not [var folder] || !Directory.Exists(folder))
        {
            throw new SharpSegException(
                $"`{string.Join(' ', request.Inputs)}`: --watch takes one folder", "give the folder in which scans will appear");
        }

        if (request.IsFile)
        {
            throw new SharpSegException($"`{request.Output}` is a file; --watch writes many", "name a folder with -o");
        }

        OutputFolder.Check(request.Output, [folder]); // else segmentations would be taken for scans
        ScanPrediction.Load(request, networks, reporter);
        var description = request.Work.ReadDescription();
        var once = new OnceReporter(reporter);
        var written = new List<string>();
        var failed = new Dictionary<string, FailedCase>(StringComparer.Ordinal);
        var scans = new WatchedScans();
        var lines = new RestingLines(once);
        var clock = Stopwatch.StartNew();
        reporter.Info($"watching `{folder}`; Ctrl-C ends it");
        while (!cancel.IsCancellationRequested)
        {
            var cases = CasesIn(folder, description, lines, clock.Elapsed);
            foreach (var item in cases.Where(IsSegmented).Where(item => scans.IsOutdated(item, PathOf(item))))
            {
                once.Warning(
                    $"case `{item.Id}` is newer than its segmentation, which stays; "
                        + $"without `{PathOf(item)}` it is segmented again");
            }

            var ready = scans.Look(cases, IsSegmented, clock.Elapsed);
            foreach (var (item, state, again) in ready)
            {
                if (again)
                {
                    reporter.Warning($"case `{item.Id}` has changed since it was segmented, and is segmented again");
                }

                try
                {
                    written.AddRange(
                        PredictionRun.Execute(request with { Cases = [item], SkipExisting = false }, networks, once, cancel)
                            .Except(written).ToArray());
                    once.IsFirst = false;
                    scans.Took(item, state, failed: false);
                    failed.Remove(item.Id);
                    reporter.Info($"`{item.Id}` is segmented");
                }
                catch (SharpSegException error) when (error.InnerException is not Engine.Backends.DeviceException)
                {
                    scans.Took(item, state, failed: true);
                    failed[item.Id] = new FailedCase(item.Id, error.Message, error.Hint);
                    reporter.Warning($"case `{item.Id}` failed, and waits for its files to change: {error.Message}");
                }
            }

            cancel.WaitHandle.WaitOne(ready.Count > 0 ? TimeSpan.Zero : interval);
        }

        return (written, [.. failed.Values.OrderBy(item => item.CaseId, StringComparer.Ordinal)]);

        string PathOf(DatasetCase item) => request.PathOf(item.Id, description);

        bool IsSegmented(DatasetCase item) => File.Exists(PathOf(item));
    }

    private static IReadOnlyList<DatasetCase> CasesIn(
        string folder, DatasetDescription description, RestingLines lines, TimeSpan now)
    {
        var said = new List<string>();
        IReadOnlyList<DatasetCase> cases = [];
        try
        {
            cases = PredictionInputs.Find([folder], description, said.Add);
        }
        catch (SharpSegException error)
        {
            // It may be empty, or hold the second channel of a scan whose first has not arrived.
            said.AddRange(Directory.Exists(folder) && !Directory.EnumerateFileSystemEntries(folder).Any() ? [] : [error.Message]);
        }

        lines.Look(said, now);
        return cases;
    }

    /// <summary>Warnings of what is there while it arrives are said once it has been so for a while.</summary>
    private sealed class RestingLines(IReporter reporter)
    {
        private Dictionary<string, TimeSpan> since = [];

        public void Look(IReadOnlyList<string> lines, TimeSpan now)
        {
            since = lines.Distinct().ToDictionary(line => line, line => since.GetValueOrDefault(line, now));
            foreach (var line in since.Where(item => now - item.Value >= WatchedScans.SeriesRest).Select(item => item.Key))
            {
                reporter.Warning(line);
            }
        }
    }

    /// <summary>
    /// What is said of the model and its memory is the same for every scan: it is said of the first, and no warning twice.
    /// </summary>
    private sealed class OnceReporter(IReporter inner) : IReporter
    {
        private readonly HashSet<string> warnings = [];

        public bool IsFirst { get; set; } = true;

        public void Stage(string name) => inner.Stage(name);

        public void Progress(double fraction, string detail) => inner.Progress(fraction, detail);

        public void Info(string line)
        {
            if (IsFirst)
            {
                inner.Info(line);
            }
        }

        public void Warning(string line)
        {
            if (warnings.Add(line))
            {
                inner.Warning(line);
            }
        }

        public void WritesTo(string path, bool isFile) => inner.WritesTo(path, isFile);
    }
}
