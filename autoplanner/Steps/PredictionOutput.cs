using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Workspaces;

namespace SharpSeg.AutoPlanner.Steps;

/// <summary>Where segmentations may be written: never over an input, a dataset or a workspace's own files.</summary>
internal static class PredictionOutput
{
    /// <summary>Refuses outputs that would replace an input, a dataset's or a workspace's own files; takes all others.</summary>
    public static void Take(
        PredictionRequest request, IReadOnlyList<DatasetCase> cases, DatasetDescription description, IReporter reporter)
    {
        if (request.IsFile)
        {
            CheckFile(request, cases);
            return;
        }

        var files = cases.Select(item => (item.Id, Files: item.Files.ToArray())).ToArray();
        var folders = files.SelectMany(item => item.Files)
            .Select(file => Path.GetDirectoryName(file)!).Distinct().ToDictionary(
            folder => folder, folder => OutputFolder.IsSame(folder, request.Output));
        foreach (var (id, own) in files)
        {
            string[] names = [.. ImageFile.FilesWritten(id + description.FileEnding)];
            if (own.FirstOrDefault(
                file => folders[Path.GetDirectoryName(file)!] && names.Contains(Path.GetFileName(file))) is { } image)
            {
                throw new SharpSegException(
                    $"case `{id}`: its segmentation would replace the image's file `{image}`",
                    "choose a folder with -o that does not hold the inputs");
            }
        }

        OutputFolder.Check(
            request.Output,
            [.. request.Inputs.Where(Directory.Exists), .. request.PreviousStage is { } stage ? [stage] : Array.Empty<string>()]);
        reporter.WritesTo(request.Output);
    }

    /// <summary>Makes the folder; one for segmentations also says which labels they have.</summary>
    public static void Prepare(PredictionRequest request, DatasetDescription description)
    {
        Directory.CreateDirectory(request.Folder);
        if (!request.IsFile)
        {
            AtomicFile.Sweep(request.Output);
            AtomicFile.WriteText(Path.Combine(request.Output, "dataset.json"), description.ToJson());
        }
    }

    private static void CheckFile(PredictionRequest request, IReadOnlyList<DatasetCase> cases)
    {
        var path = request.Output;
        var wrong =
            cases.Count != 1 ? $"`{path}` is one file, but {cases.Count} cases are given"
            : request.SavesProbabilities ? $"`{path}` is one file; --save-probabilities writes several"
            : ImageFile.FilesWritten(path).FirstOrDefault(
                written => cases[0].Files.Any(file => OutputFolder.IsSame(file, written))) is { } own
            ? $"`{path}` would replace the image's file `{own}`"
            : request.PreviousStage is { } stage && OutputFolder.IsSame(stage, request.Folder) ? $"`{path}` lies in an input"
            : null;
        if (wrong is not null)
        {
            throw new SharpSegException(wrong, "name a folder, or another file, with -o");
        }

        if (!ImageFile.KeepsValues(path)
            || (!ImageFile.HoldsVolumes(path) && ImageFile.ReadGeometry(cases[0].ImageFiles[0]).Extent.Z > 1))
        {
            throw new SharpSegException(
                $"`{path}`: this format cannot hold the labels of `{cases[0].ImageFiles[0]}`", "write .nii.gz instead");
        }

        OutputFolder.RequireOutsideDatasets(request.Folder);
        OutputFolder.RequireOutsideOwnFolders(request.Folder);
    }
}
