using System.Formats.Tar;
using SharpSeg.Cli;
using SharpSeg.Perf.Measuring;

namespace SharpSeg.Perf;

/// <summary>
/// <c>bench pack</c>: benchmark and command line with their own .NET in one archive for a bare GPU machine, which needs neither
/// .NET nor a network, and <c>run.sh</c>, which measures everything there.
/// </summary>
internal static class Pack
{
    /// <summary>Name of the only folder in the archive.</summary>
    private const string Folder = "sharpseg-gpu";

    private const long LargestBytes = 25L << 20; // what passes as an attachment of most systems

    // Files of the runtime that nothing loads: debuggers, tracing, the collectors that only a setting chooses, another language's
    // library. No assembly is trimmed: ILGPU finds its own members by reflection, and trimming takes them away.
    private static readonly string[] NeverLoaded =
    [
        "createdump", "libmscordaccore.so", "libmscordbi.so", "libcoreclrtraceptprovider.so", "libclrgc.so", "libclrgcexp.so",
        "Microsoft.VisualBasic.dll", "Microsoft.VisualBasic.Core.dll", "Microsoft.DiaSymReader.Native.amd64.dll",
    ];

    /// <summary>Builds the archive.</summary>
    /// <exception cref="UsageException">There is no checkout here, or no folder to write to.</exception>
    /// <exception cref="IOException">A build failed, a program is missing, or the archive is too large.</exception>
    public static int Run(PackOptions options)
    {
        var root = Checkout.Root("pack builds from the sources", "pack -o FILE.tar.xz");
        var output = Path.GetFullPath(options.Output);
        if (!Directory.Exists(Path.GetDirectoryName(output)))
        {
            throw new UsageException($"pack -o {options.Output}: there is no such folder");
        }

        Tool.Run("xz", "--version"); // before the minutes of building
        var stage = Directory.CreateTempSubdirectory("sharpseg-pack-");
        try
        {
            var folder = Directory.CreateDirectory(Path.Combine(stage.FullName, Folder)).FullName;
            var bin = Path.Combine(folder, "bin");
            foreach (var project in new[] { "cli", "perf" })
            {
                Console.Error.WriteLine($"publish {project} for {options.Runtime}…");
                Tool.Run(
                    "dotnet", "publish", Path.Combine(root, project), "-c", "Release", "-r", options.Runtime, "--self-contained",
                    "--artifacts-path", Path.Combine(stage.FullName, "build"), "-o", bin, "-p:DebugType=none",
                    "-p:GenerateDocumentationFile=false", "-v", "quiet", "--nologo");
            }

            foreach (var name in NeverLoaded)
            {
                File.Delete(Path.Combine(bin, name));
            }

            CopyScripts(folder);
            var tar = Path.Combine(stage.FullName, "archive.tar");
            TarFile.CreateFromDirectory(folder, tar, includeBaseDirectory: true);
            Console.Error.WriteLine($"compress {new FileInfo(tar).Length / 1e6:F0} MB…");
            Tool.Run("xz", "-9", "--extreme", tar);
            var bytes = new FileInfo(tar + ".xz").Length;
            if (bytes > LargestBytes)
            {
                throw new IOException(
                    $"the archive would be {Size(bytes)}, more than {Size(LargestBytes)}: look for what is new in {bin}");
            }

            File.Move(tar + ".xz", output, overwrite: true);
            Console.WriteLine($"{options.Output}: {Size(bytes)}, for {options.Runtime}, commit {Machine.Commit ?? "unknown"}");
            Console.WriteLine($"on the GPU machine: tar xf {Path.GetFileName(output)} && {Folder}/run.sh");
            return 0;
        }
        finally
        {
            stage.Delete(recursive: true);
        }
    }

    private static void CopyScripts(string folder)
    {
        foreach (var file in Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "pack")))
        {
            var copy = Path.Combine(folder, Path.GetFileName(file));
            File.Copy(file, copy);
            if (copy.EndsWith(".sh", StringComparison.Ordinal) && !OperatingSystem.IsWindows())
            {
                File.SetUnixFileMode(
                    copy,
                    UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupRead
                        | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute);
            }
        }

        File.WriteAllText(
            Path.Combine(folder, "VERSION"),
            $"{typeof(Pack).Assembly.GetName().Version?.ToString(3)}, commit {Machine.Commit ?? "unknown"}\n");
    }

    private static string Size(long bytes) => $"{bytes / (double)(1 << 20):F1} MiB";
}
