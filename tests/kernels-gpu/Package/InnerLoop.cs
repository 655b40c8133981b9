using System.Globalization;
using System.Text.RegularExpressions;

namespace SharpSeg.Kernels.Gpu.Tests;

/// <summary>
/// What the inner loop of a tensor-core kernel consists of: the stretch of its PTX between two labels with the most mma.sync.
/// Counted are its instructions without moves, most of which the assembler removes.
/// </summary>
/// <param name="Instructions">All of them.</param>
/// <param name="Multiplications">mma.sync.</param>
/// <param name="Accesses">Loads and stores by memory and bytes per thread, "216 ldmatrix 16", "108 ld.global 16", ….</param>
/// <param name="Branches">Jumps that another instruction follows: where the stretch ends there may be one, or two.</param>
/// <param name="Generic">Accesses in the whole kernel that do not say which memory they mean.</param>
/// <param name="Local">Accesses of local memory in the whole kernel.</param>
/// <param name="SharedBytes">Shared memory of a group, bytes.</param>
internal sealed partial record InnerLoop(
    int Instructions, int Multiplications, string Accesses, int Branches, int Generic, int Local, int SharedBytes)
{
    /// <summary>mma.sync per instruction.</summary>
    public double Share => (double)Multiplications / Instructions;

    /// <summary>Counts the PTX of a kernel.</summary>
    public static InnerLoop Of(string assembly)
    {
        var busiest = Label().Split(assembly)
            .Select(stretch => stretch.Split('\n').Select(line => line.Trim()).Where(IsCounted).ToList())
            .MaxBy(lines => lines.Count(IsMultiplication))!;
        var accesses = busiest.Select(AccessOf).OfType<string>().CountBy(access => access)
            .OrderByDescending(access => access.Value).ThenBy(access => access.Key, StringComparer.Ordinal)
            .Select(access => string.Create(CultureInfo.InvariantCulture, $"{access.Value} {access.Key}"));
        return new InnerLoop(
            busiest.Count, busiest.Count(IsMultiplication), string.Join(", ", accesses),
            busiest.Take(busiest.FindLastIndex(line => !Jump().IsMatch(line)) + 1).Count(line => Jump().IsMatch(line)),
            Generics().Count(assembly), Locals().Count(assembly),
            Shared().Matches(assembly).Sum(m => int.Parse(m.Groups[1].Value, CultureInfo.InvariantCulture)));
    }

    private static bool IsCounted(string line) =>
        line.EndsWith(';') && !line.StartsWith('.') && !line.StartsWith("mov", StringComparison.Ordinal)
        && !line.StartsWith("//", StringComparison.Ordinal);

    private static bool IsMultiplication(string line) => line.Contains("mma.sync", StringComparison.Ordinal);

    private static string? AccessOf(string line)
    {
        if (line.StartsWith("ldmatrix", StringComparison.Ordinal))
        {
            return "ldmatrix 16";
        }

        var access = Access().Match(line);
        return access.Success
            ? $"{access.Groups[1].Value}{access.Groups[2].Value} {Width(access.Groups[4].Value, access.Groups[5].Value)}"
            : null;
    }

    private static int Width(string vector, string bits) =>
        (vector.Length == 0 ? 1 : vector[^1] - '0') * int.Parse(bits, CultureInfo.InvariantCulture) / 8;

    [GeneratedRegex(@"^\s*[\w$]+:\s*$", RegexOptions.Multiline)]
    private static partial Regex Label();

    [GeneratedRegex(@"^(?:@!?%p\d+ )?(ld|st)(\.shared|\.global|\.local|)(\.nc)?(\.v\d)?\.[bfus](\d+)\s")]
    private static partial Regex Access();

    [GeneratedRegex(@"\b(ld|st)(\.v\d)?\.[bfus]\d+\s")]
    private static partial Regex Generics();

    [GeneratedRegex(@"\b(ld|st)\.local")]
    private static partial Regex Locals();

    [GeneratedRegex(@"^(?:@!?%p\d+ )?bra\b")]
    private static partial Regex Jump();

    [GeneratedRegex(@"\.shared \.align \d+ \.b8 \w+\[(\d+)\]")]
    private static partial Regex Shared();
}
