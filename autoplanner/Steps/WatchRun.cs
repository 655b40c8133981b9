using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Workspaces;

namespace SharpSeg.AutoPlanner.Steps;

/// <summary>
/// Segments every scan that appears in a folder, until it is stopped; the networks are loaded once. A scan is taken when its
/// files have not changed from one look to the next, and its segmentation does not exist. One that failed is left alone until its
/// files change.
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
        var failed = new Dictionary<string, (string Files, FailedCase Case)>(StringComparer.Ordinal);
        var before = new HashSet<string>();
        reporter.Info($"watching `{folder}`; Ctrl-C ends it");
        while (!cancel.IsCancellationRequested)
        {
            var cases = CasesIn(folder, description).Where(item => !File.Exists(request.PathOf(item.Id, description))).ToArray();
            var ready = cases.Where(item => item.ImageFiles.All(file => before.Contains(State(file)))
                && failed.GetValueOrDefault(item.Id).Files != StateOf(item)).ToArray();
            before = [.. cases.SelectMany(item => item.ImageFiles).Select(State)];
            foreach (var item in ready)
            {
                var state = StateOf(item);
                try
                {
                    written.AddRange(
                        PredictionRun.Execute(request with { Cases = [item] }, networks, once, cancel));
                    once.IsFirst = false;
                    failed.Remove(item.Id);
                    reporter.Info($"`{item.Id}` is segmented");
                }
                catch (SharpSegException error) when (error.InnerException is not Engine.Backends.DeviceException)
                {
                    failed[item.Id] = (state, new FailedCase(item.Id, error.Message, error.Hint));
                    reporter.Warning($"case `{item.Id}` failed, and waits for its files to change: {error.Message}");
                }
            }

            cancel.WaitHandle.WaitOne(ready.Length > 0 ? TimeSpan.Zero : interval);
        }

        return (written, [.. failed.Values.Select(item => item.Case).OrderBy(item => item.CaseId, StringComparer.Ordinal)]);
    }

    // A folder may be empty, or hold the second channel of a scan whose first has not arrived.
    private static IReadOnlyList<DatasetCase> CasesIn(string folder, DatasetDescription description)
    {
        try
        {
            return PredictionInputs.Find([folder], description);
        }
        catch (SharpSegException)
        {
            return [];
        }
    }

    private static string StateOf(DatasetCase item) => string.Join('\n', item.ImageFiles.Select(State));

    // A DICOM series is a folder: as many files, the last of them as old. Voxels may lie beside their header, and come later.
    private static string State(string path)
    {
        FileInfo[] files = Directory.Exists(path)
            ? new DirectoryInfo(path).GetFiles()
            : [.. ImageFile.FilesOf(path).Select(file => new FileInfo(file))];
        return files.All(file => file.Exists)
            ? $"{path} {files.Length} {files.Sum(file => file.Length)} {files.Max(file => file.LastWriteTimeUtc.Ticks)}"
            : $"{path} gone";
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
