namespace SharpSeg.Kernels.Gpu.Variants;

/// <summary>
/// Which variants agree with the plain kernels, and which was found best for which problem: kept in a file per device, driver,
/// precision and build of the kernels, so that each is checked and measured once. One line per decision: operation, sizes,
/// decision, separated by tabs. A file that cannot be read or written is ignored.
/// </summary>
internal sealed class VariantCache
{
    private readonly Dictionary<(string Operation, string Sizes), string> decisions = [];
    private readonly string? file;

    /// <summary>Reads what is known about a device.</summary>
    /// <param name="folder">Folder of the files; null keeps decisions in memory only.</param>
    /// <param name="device">Name, driver and precision.</param>
    public VariantCache(string? folder, string device)
    {
        if (folder is null)
        {
            return;
        }

        var name = string.Concat(device.Select(c => char.IsAsciiLetterOrDigit(c) || c == '.' ? char.ToLowerInvariant(c) : '-'));
        file = Path.Combine(folder, $"{name}.{Build}.tsv");
        try
        {
            foreach (var line in File.Exists(file) ? File.ReadAllLines(file) : [])
            {
                if (line.Split('\t') is [var operation, var sizes, var decision])
                {
                    decisions[(operation, sizes)] = decision;
                }
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            file = null;
        }
    }

    /// <summary>Differs whenever the kernels' code does, so that measurements of other kernels are not used.</summary>
    private static string Build => typeof(VariantCache).Module.ModuleVersionId.ToString("N")[..8];

    /// <summary>What was decided; null if nothing was.</summary>
    public string? Find(string operation, string sizes) => decisions.GetValueOrDefault((operation, sizes));

    /// <summary>Remembers a decision, in the file too.</summary>
    public void Add(string operation, string sizes, string decision)
    {
        decisions[(operation, sizes)] = decision;
        if (file is null)
        {
            return;
        }

        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            var temporary = $"{file}.{Environment.ProcessId}-{Environment.CurrentManagedThreadId}";
            File.WriteAllLines(temporary, decisions.Select(d => $"{d.Key.Operation}\t{d.Key.Sizes}\t{d.Value}"));
            File.Move(temporary, file, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A decision that is not written down is made again next time; nothing else is lost.
        }
    }
}
