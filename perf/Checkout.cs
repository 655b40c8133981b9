using SharpSeg.Cli;

namespace SharpSeg.Perf;

/// <summary>The folder of the sources, for what builds from them.</summary>
internal static class Checkout
{
    /// <summary>The nearest folder above this program that holds the solution.</summary>
    /// <param name="why">Why it is needed, for the message.</param>
    /// <param name="command">The command that needs it, without `bench`.</param>
    /// <exception cref="UsageException">There is none.</exception>
    public static string Root(string why, string command)
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Engine.sln")))
            {
                return folder.FullName;
            }
        }

        throw new UsageException($"{why}: run it in a checkout, ./sharpseg bench {command}");
    }
}
