using System.IO.Compression;
using System.Text.RegularExpressions;

namespace SharpSeg.AutoPlanner.Steps.Import;

/// <summary>
/// The files of a zipped nnU-Net model that an import reads, unpacked into a temporary folder; disposing removes it. The zip is
/// untrusted: only names that a model has are unpacked, sizes are checked before anything is written, contents against their
/// check values.
/// </summary>
internal sealed partial class NnUNetZip : IDisposable
{
    // a zip may hold predictions of all training cases; they are not unpacked
    private const int MostEntries = 1_000_000;

    private readonly ScratchFolder scratch = ScratchFolder.Make("import");

    private NnUNetZip()
    {
    }

    /// <summary>The temporary folder that holds what was unpacked.</summary>
    public string Folder => scratch.Path;

    /// <summary>Unpacks what matters.</summary>
    /// <exception cref="SharpSegException">It is not a zip file, is damaged, or does not fit on the disk.</exception>
    public static NnUNetZip Open(string path, CancellationToken cancel)
    {
        var unpacked = new NnUNetZip();
        try
        {
            if (new FileInfo(path).Length == 0)
            {
                // opening a pipe would wait for a writer
                throw new SharpSegException(
                    $"`{path}`: the file is empty, or it is a pipe or a device", "give the folder of a model, or a zip of it");
            }

            using var zip = ZipFile.OpenRead(path);
            var wanted =
                zip.Entries.Where(entry => Wanted().IsMatch(entry.FullName)
                    && !entry.FullName.Split('/').Any(part => part is "." or "..")).ToArray();
            if (zip.Entries.Count > MostEntries
                || wanted.Select(entry => entry.FullName).Distinct(StringComparer.OrdinalIgnoreCase).Count() != wanted.Length)
            {
                throw new SharpSegException(
                    $"`{path}`: a file in it is there twice, or there are more than {MostEntries}", "download or copy it again");
            }

            UnpackedModel.RequireSpace(wanted, unpacked.Folder, path);
            foreach (var entry in wanted)
            {
                var target = Path.Combine(unpacked.Folder, entry.FullName);
                Directory.CreateDirectory(Path.GetDirectoryName(target)!);
                UnpackedModel.Extract(entry, target, path, cancel);
            }

            return unpacked;
        }
        catch (Exception error)
        {
            unpacked.Dispose();
            throw error is InvalidDataException or EndOfStreamException or NotSupportedException
                ? new SharpSegException(
                    $"`{path}`: not a zip file, or damaged: {error.Message}", "download or copy it again", error)
                : error;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => scratch.Dispose();

    [GeneratedRegex(
        @"^(?:[\w.+ -]{1,200}/){0,4}(?:(?:plans|dataset)\.json|plans\.pkl|fold_(?:[0-9]{1,6}|all)/checkpoint_(?:final|best|latest)\.pth|inference_information\.json|(?:crossval_results_folds_\w{1,100}|ensembles/ensemble___[\w.-]{1,400})/postprocessing\.(?:json|pkl))\z",
        RegexOptions.CultureInvariant)]
    private static partial Regex Wanted();
}
