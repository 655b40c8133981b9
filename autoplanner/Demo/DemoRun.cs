using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Evaluation;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Imaging.Pictures;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Steps;
using SharpSeg.AutoPlanner.Training;
using SharpSeg.AutoPlanner.Workspaces;
using SharpSeg.Engine.Backends;

namespace SharpSeg.AutoPlanner.Demo;

/// <summary>Everything on made-up data: write the phantom dataset, run <see cref="AutoRun"/> on it, draw overlays.</summary>
public static class DemoRun
{
    private const string Marker = "sharpseg-demo"; // so that a new demo deletes only what an old one made
    private const int MostOverlays = 6;

    /// <summary>Runs the demo.</summary>
    /// <param name="folder">Gets <c>dataset/</c>, <c>work/</c> and <c>overlays/</c>.</param>
    /// <param name="cases">Number of phantom cases.</param>
    /// <param name="maxTime">Time for everything.</param>
    /// <param name="seed">Seed of the training.</param>
    /// <param name="resume">Continue an interrupted demo; otherwise an old one is replaced.</param>
    /// <param name="backend">Trains and predicts.</param>
    /// <param name="openProcessor">Opens the processor, which preprocesses, with a number of threads.</param>
    /// <param name="reporter">Receives progress.</param>
    /// <param name="cancel">Stops with the state saved.</param>
    /// <param name="maxMemory">Memory that may be taken; null for what the machine has.</param>
    /// <returns>The result, and the pictures.</returns>
    /// <exception cref="SharpSegException">
    /// The folder holds something else, or a demo of another number of cases that is to be continued, or cannot be written.
    /// </exception>
    public static (AutoResult Result, IReadOnlyList<string> Overlays) Execute(
        string folder, int cases, TimeSpan maxTime, ulong seed, bool resume, Backend backend, Func<int, Backend> openProcessor,
        IReporter reporter, CancellationToken cancel, MemoryBudget? maxMemory = null)
    {
        PhantomDataset.RequireEnough(cases);
        OutputFolder.RequireOutsideDatasets(folder);
        OutputFolder.RequireOutsideWorkspaces(folder);
        var dataset = Path.Combine(folder, "dataset");
        if (resume)
        {
            PhantomDataset.RequireSame(dataset, cases);
        }

        Prepare(folder, resume);
        reporter.WritesTo(folder);
        reporter.Stage($"make {cases} phantom cases in {dataset}");
        PhantomDataset.Write(dataset, cases, reporter, cancel);
        var request = new AutoRequest(
            dataset, Path.Combine(folder, "work"), ["3d_fullres"], ["0"], NetworkChoice.UNet.Options(), maxTime, seed, resume,
            MaxMemory: maxMemory);
        var result = AutoRun.Execute(request, backend, openProcessor, reporter, cancel);
        return (result, DrawOverlays(folder, result.Runs[0].Job, Dataset.Open(dataset), result.Summary));
    }

    private static void Prepare(string folder, bool resume)
    {
        var marker = Path.Combine(folder, Marker);
        if (File.Exists(folder)
            || (Directory.Exists(folder) && Directory.EnumerateFileSystemEntries(folder).Any() && !File.Exists(marker)))
        {
            throw new SharpSegException(
                $"`{folder}` exists and was not made by `sharpseg demo`", "choose another folder with -o");
        }

        try
        {
            Directory.CreateDirectory(folder);
            if (!resume)
            {
                foreach (var part in new[] { "dataset", "work", "overlays" })
                {
                    var path = Path.Combine(folder, part);
                    if (Directory.Exists(path))
                    {
                        Directory.Delete(path, recursive: true);
                    }
                }
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new SharpSegException($"`{folder}`: cannot be prepared ({e.Message})", "choose another folder with -o", e);
        }

        AtomicFile.WriteText(marker, "Made by `sharpseg demo`; a new demo in this folder replaces dataset, work and overlays.\n");
    }

    private static List<string> DrawOverlays(
        string folder, TrainingJob job, Dataset dataset, EvaluationSummary summary)
    {
        var target = Directory.CreateDirectory(Path.Combine(folder, "overlays")).FullName;
        var pictures = new List<string>();
        foreach (var scores in summary.Cases.Take(MostOverlays)) // where the time was over, not all validation cases have one
        {
            var id = scores.CaseId;
            var item = dataset.TrainingCases.First(c => c.Id == id);
            var image = dataset.LoadImage(item);
            var truth = dataset.LoadLabels(item);
            var prediction = ImageFile.ReadLabels(
                Path.Combine(Workspace.ValidationFolder(job.Folder), id + job.Description.FileEnding));
            var path = Path.Combine(target, id + ".png");
            var voxels = new CaseVoxels(truth, prediction.Voxels);
            OverlayPicture.Write(
                path, id, voxels with { Image = ShownImage.Of(image.Channels[0], truth.Extent, voxels.Planes) },
                CaseLegend.Of(summary.Classes, scores));
            pictures.Add(path);
        }

        return pictures;
    }
}
