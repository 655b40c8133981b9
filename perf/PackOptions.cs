using SharpSeg.Cli;

namespace SharpSeg.Perf;

/// <summary>The words of <c>bench pack</c>.</summary>
/// <param name="Output">The archive to write, a .tar.xz.</param>
/// <param name="Runtime">The machine it is for, as .NET names it: linux-x64 or linux-arm64.</param>
internal sealed record PackOptions(string Output, string Runtime)
{
    private static readonly string[] Runtimes = ["linux-x64", "linux-arm64"];

    /// <summary>Reads the words after <c>pack</c>.</summary>
    /// <exception cref="UsageException">One is wrong or missing.</exception>
    public static PackOptions Parse(IReadOnlyList<string> words)
    {
        string? output = null;
        var runtime = Runtimes[0];
        for (var i = 0; i < words.Count; i++)
        {
            string Value() => ++i < words.Count ? words[i] : throw new UsageException($"pack {words[i - 1]} needs a value");
            switch (words[i])
            {
                case "-o" or "--output":
                    output = Value();
                    break;
                case "--runtime":
                    runtime = Value();
                    break;
                default:
                    throw new UsageException($"pack: unknown word {words[i]}; it takes -o FILE.tar.xz and --runtime");
            }
        }

        if (output is null)
        {
            throw new UsageException("pack needs a file to write: pack -o FILE.tar.xz");
        }

        if (!output.EndsWith(".tar.xz", StringComparison.Ordinal))
        {
            throw new UsageException($"pack -o {output}: the archive's name ends with .tar.xz");
        }

        return Runtimes.Contains(runtime)
            ? new PackOptions(output, runtime)
            : throw new UsageException($"pack --runtime {runtime}: unknown; one of {string.Join(", ", Runtimes)}");
    }
}
