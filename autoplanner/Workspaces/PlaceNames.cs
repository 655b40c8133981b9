namespace SharpSeg.AutoPlanner.Workspaces;

/// <summary>
/// Folders that machines of a site see under different paths: groups of names of one place. A path that does not exist here is
/// looked for under the other names of the place that it begins with, so that the same list serves every machine. Only what
/// exists under its own path is never looked for elsewhere.
/// </summary>
/// <param name="Groups">Each the absolute paths of one place, without a separator at the end.</param>
public sealed record PlaceNames(IReadOnlyList<IReadOnlyList<string>> Groups)
{
    /// <summary>The environment variable with the names: <c>/home=/mnt/home;/data=/net/data=/export/data</c>.</summary>
    public const string Variable = "SHARPSEG_PATHS";

    private const char BetweenNames = '=', BetweenGroups = ';';

    /// <summary>Out of the environment; none if it says nothing.</summary>
    /// <exception cref="SharpSegException">The variable is bad.</exception>
    public static PlaceNames OfThisMachine() => Parse(Environment.GetEnvironmentVariable(Variable) ?? "", Variable);

    /// <summary>Reads <see cref="Text"/>.</summary>
    /// <param name="text">Groups of names; empty for none.</param>
    /// <param name="source">Where it comes from, for messages.</param>
    /// <exception cref="SharpSegException">A group has fewer than two names, or a name is no absolute path.</exception>
    public static PlaceNames Parse(string text, string source) => Of(
        [.. text.Split(BetweenGroups, StringSplitOptions.RemoveEmptyEntries).Select(group => group.Split(BetweenNames))], source);

    /// <summary>Checks groups of names.</summary>
    /// <exception cref="SharpSegException">A group has fewer than two names, or a name is no absolute path.</exception>
    public static PlaceNames Of(IReadOnlyList<IReadOnlyList<string>> groups, string source)
    {
        const string Example = "like /home=/mnt/home;/data=/net/data";
        foreach (var group in groups)
        {
            if (group.Count < 2)
            {
                throw new SharpSegException(
                    $"{source}: `{string.Join(BetweenNames, group)}` is one name, not several of one place",
                    $"write it {Example}");
            }

            if (group.FirstOrDefault(name => !Path.IsPathFullyQualified(name) || name.Any(IsReserved)) is { } wrong)
            {
                throw new SharpSegException(
                    $"{source}: `{wrong}` is no absolute path without {BetweenNames} and {BetweenGroups}", $"write it {Example}");
            }
        }

        return new PlaceNames(
            [.. groups.Select(group => (IReadOnlyList<string>)[.. group.Select(Path.TrimEndingDirectorySeparator)])]);
    }

    /// <summary>For <see cref="Variable"/>.</summary>
    public string Text => string.Join(BetweenGroups, Groups.Select(group => string.Join(BetweenNames, group)));

    /// <summary>The path as it is, then under the other names of its place.</summary>
    public IEnumerable<string> Candidates(string path) => Groups
        .SelectMany(group => group.Where(name => IsBelow(path, name))
            .SelectMany(name => group.Where(other => other != name).Select(other => other + path[name.Length..])))
        .Prepend(path).Distinct();

    /// <summary>The path as this machine sees it; as it is where nothing is found.</summary>
    public string Here(string path) =>
        Candidates(path).FirstOrDefault(candidate => File.Exists(candidate) || Directory.Exists(candidate)) ?? path;

    private static bool IsReserved(char c) => c is BetweenNames or BetweenGroups || char.IsControl(c);

    private static bool IsBelow(string path, string name) =>
        path.StartsWith(name, StringComparison.Ordinal)
            && (path.Length == name.Length || path[name.Length] == Path.DirectorySeparatorChar);
}
