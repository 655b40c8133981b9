using System.Diagnostics;
using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Xml.Linq;
using SharpSeg.Tests;
using Xunit;

namespace SharpSeg.EndToEnd.Tests;

/// <summary>
/// The packages, as a stranger meets them: packed into an empty feed, a ten-line project built from them alone, and the command
/// line installed as a tool.
/// </summary>
[Collection(TrainedWorkspaceTests.Readers)]
public sealed class StrangerTests(TrainedWorkspace trained)
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(5);

    private static readonly string[] Libraries =
        ["SharpSeg", "SharpSeg.AutoPlanner", "SharpSeg.Engine", "SharpSeg.Kernels.Cpu", "SharpSeg.Kernels.Gpu"];

    [Fact]
    public void A_project_of_ten_lines_and_the_tool_work_from_the_packages_alone()
    {
        using var folder = new TemporaryFolder();
        var feed = Directory.CreateDirectory(folder.At("feed")).FullName;
        Dotnet(Checkout.Root, "pack", "Engine.sln", "--no-build", "-c", Configuration, "-o", feed, "-v", "q", "--nologo");
        Assert.Equal(Libraries.Length + 1, Directory.GetFiles(feed, "*.nupkg").Length);

        Assert.All(Libraries, name => AssertComplete(feed, name, hasDocumentation: true));
        AssertComplete(feed, "SharpSeg.Tool", hasDocumentation: false);

        var project10 = Directory.CreateDirectory(folder.At("stranger")).FullName;
        foreach (var file in Directory.GetFiles(Path.Combine(Checkout.Root, "tests", "stranger")))
        {
            File.Copy(file, Path.Combine(project10, Path.GetFileName(file)));
        }

        Assert.True(File.ReadAllLines(Path.Combine(project10, "Program.cs")).Length <= 10);
        WriteNuGetConfig(folder, feed);
        var (model, scan) = (folder.At("model.zip"), TinyDataset.Image(trained.Dataset, "case_0"));
        SharpSegProcess.Succeed("export", trained.Work, "-o", model);
        var expected = folder.At("expected.nii.gz");
        SharpSegProcess.Succeed("predict", model, "-i", scan, "-o", expected);

        Dotnet(project10, "build", "-c", "Release", "-o", folder.At("built"), "-v", "q", "--nologo");
        var (mine, tools) = (folder.At("mine.nii.gz"), folder.At("tools"));
        var printed = Dotnet(project10, folder.At("built", "Stranger.dll"), model, scan, mine);
        Assert.Contains(" voxels", printed, StringComparison.Ordinal);
        Assert.Equal(File.ReadAllBytes(expected), File.ReadAllBytes(mine));

        Dotnet(project10, "tool", "install", "SharpSeg.Tool", "--tool-path", tools);
        var tool = folder.At("by-tool.nii.gz");
        Run(Path.Combine(tools, OperatingSystem.IsWindows() ? "sharpseg.exe" : "sharpseg"), project10,
            "predict", model, "-i", scan, "-o", tool);
        Assert.Equal(File.ReadAllBytes(expected), File.ReadAllBytes(tool));
    }

    /// <summary>
    /// The command line with .NET in one folder, for machines that have neither; built apart from the checkout's own output, from
    /// an empty feed and what the build restored. Only for the platform at hand: one that is not can be built, but not run.
    /// </summary>
    [Fact]
    public void A_self_contained_folder_predicts_what_the_build_predicts()
    {
        using var folder = new TemporaryFolder();
        WriteNuGetConfig(folder, Directory.CreateDirectory(folder.At("feed")).FullName);
        var platform = RuntimeInformation.RuntimeIdentifier;
        Dotnet(
            Checkout.Root, "publish", "cli", "-c", "Release", "-r", platform, "--self-contained", "--artifacts-path",
            folder.At("artifacts"), $"-p:RestoreConfigFile={folder.At("NuGet.config")}", "-o", folder.At("published"),
            "-p:RunAnalyzers=false", "-v", "q", "--nologo"); // the build of these tests has analysed the same sources
        var program = folder.At("published", OperatingSystem.IsWindows() ? "sharpseg.exe" : "sharpseg");
        var (scan, expected, mine) =
            (TinyDataset.Image(trained.Dataset, "case_0"), folder.At("expected.nii.gz"), folder.At("mine.nii.gz"));
        SharpSegProcess.Succeed("predict", trained.Work, "-i", scan, "-o", expected);

        // No other .NET is looked for.
        Assert.True(File.Exists(folder.At("published", OperatingSystem.IsWindows() ? "coreclr.dll"
            : OperatingSystem.IsMacOS() ? "libcoreclr.dylib" : "libcoreclr.so")));
        Run(program, folder.Path, "predict", trained.Work, "-i", scan, "-o", mine);
        Assert.Equal(File.ReadAllBytes(expected), File.ReadAllBytes(mine));
    }

    // The tests' own build is packed.
    private static string Configuration =>
        AppContext.BaseDirectory.Split(Path.DirectorySeparatorChar).Contains("Debug") ? "Debug" : "Release";

    /// <summary>The feed, beside those of the machine; packages go to a folder of their own, because versions repeat.</summary>
    private static void WriteNuGetConfig(TemporaryFolder folder, string feed) => new XElement(
        "configuration",
        new XElement("config", new XElement(
            "add", new XAttribute("key", "globalPackagesFolder"), new XAttribute("value", folder.At("packages")))),
        new XElement("fallbackPackageFolders", new XElement(
            "add", new XAttribute("key", "machine"), new XAttribute("value", MachinePackages))),
        new XElement("packageSources", new XElement(
            "add", new XAttribute("key", "sharpseg"), new XAttribute("value", feed)))).Save(folder.At("NuGet.config"));

    // What the build itself restored need not be fetched again.
    private static string MachinePackages => Environment.GetEnvironmentVariable("NUGET_PACKAGES") ?? Path.Combine(
        Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");

    /// <summary>Licence, page, version, description; an assembly with its documentation, and symbols beside it.</summary>
    private static void AssertComplete(string feed, string name, bool hasDocumentation)
    {
        var path = Assert.Single(Directory.GetFiles(feed, $"{name}.*.nupkg"), file => IsPackage(file, name));
        using var package = ZipFile.OpenRead(path);
        var files = package.Entries.Select(entry => entry.FullName).ToArray();
        Assert.Contains("README.md", files);
        Assert.Equal(hasDocumentation, files.Any(file => file.StartsWith("lib/net10.0/", StringComparison.Ordinal)
            && file.EndsWith(".xml", StringComparison.Ordinal)));
        using var stream = package.GetEntry($"{name}.nuspec")!.Open();
        var text = XDocument.Load(stream).ToString();
        Assert.Contains(">Apache-2.0<", text, StringComparison.Ordinal);
        var version = Path.GetFileName(path)[(name.Length + 1)..^".nupkg".Length];
        Assert.Contains($"<version>{version}<", text, StringComparison.Ordinal);
        Assert.DoesNotContain("Package Description", text, StringComparison.Ordinal);
        using var symbols = ZipFile.OpenRead(Path.ChangeExtension(path, ".snupkg"));
        Assert.Contains(symbols.Entries, entry => entry.Name.EndsWith(".pdb", StringComparison.Ordinal));
    }

    // NAME.1.2.3.nupkg, not NAME.Other.1.2.3.nupkg
    private static bool IsPackage(string file, string name) => char.IsAsciiDigit(Path.GetFileName(file)[name.Length + 1]);

    private static string Dotnet(string where, params string[] arguments) =>
        Run(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet", where, arguments);

    private static string Run(string program, string where, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = where, RedirectStandardOutput = true, RedirectStandardError = true,
        };
        start.Environment["DOTNET_CLI_TELEMETRY_OPTOUT"] = start.Environment["DOTNET_NOLOGO"] = "1";
        start.Environment["MSBUILDDISABLENODEREUSE"] = "1"; // nothing stays behind in the temporary folder
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        Assert.True(process.WaitForExit(Limit), $"{program} {string.Join(' ', arguments)}: not done within {Limit}");
        Assert.True(
            process.ExitCode == 0,
            $"{program} {string.Join(' ', arguments)} ended with {process.ExitCode}:\n{output}{errors.Result}");
        return output;
    }
}
