using System.Text.RegularExpressions;
using SharpSeg.Tests;
using Xunit;

namespace SharpSeg.EndToEnd.Tests;

/// <summary>
/// The floors inside an assembly. Each folder is a room on a floor, its namespace is the folder's, and a file names only rooms on
/// floors below its own. Rooms side by side do not know each other. What lies in no room (the root) is below all of them.
/// </summary>
[Trait("Tier", "quick")]
public sealed class FloorTests
{
    /// <summary>The floors of docs/architecture.md, from top to bottom.</summary>
    [Theory]
    [InlineData(
        "autoplanner", "SharpSeg.AutoPlanner",
        "Demo", "Steps", "Evaluation Inference", "Training", "Batches", "Preprocessing", "Workspaces", "Planning", "Volumes",
        "Datasets", "Imaging")]
    [InlineData(
        "engine", "SharpSeg.Engine",
        "Training", "Optimizers", "Networks", "Losses", "Autograd", "Backends", "Tensors ModelFiles")]
    public void A_file_names_only_rooms_below_its_own(string assembly, string root, params string[] floors)
    {
        var rank = floors
            .SelectMany((rooms, floor) => rooms.Split(' ').Select(room => (room, floor)))
            .ToDictionary(entry => entry.room, entry => entry.floor);
        var names = string.Join('|', rank.Keys);

        // After the root's name, as in any kind of using; or alone before a type's, which the enclosing namespace resolves.
        var mention = new Regex($@"\b{Regex.Escape(root)}\.({names})\b|(?<![\w.])({names})\.[A-Z]");
        var wrong = new List<string>();
        foreach (var file in Sources(assembly))
        {
            var folders = file.Split('/')[..^1];
            var (room, text) = (folders.FirstOrDefault() ?? "", File.ReadAllText(Path.Combine(Repository, assembly, file)));
            if (room.Length > 0 && !rank.ContainsKey(room))
            {
                wrong.Add($"{file}: the room {room} is on no floor");
                continue;
            }

            var home = $"namespace {string.Join('.', [root, .. folders])};";
            if (file.EndsWith(".cs", StringComparison.Ordinal) && !text.Split('\n').Contains(home))
            {
                wrong.Add($"{file}: its namespace is not its folder's");
            }

            var own = rank.GetValueOrDefault(room, floors.Length);
            var named = mention.Matches(text).Select(match => match.Groups[1].Value + match.Groups[2].Value).Distinct();
            wrong.AddRange(named.Where(other => other != room && rank[other] <= own).Select(other => $"{file} -> {other}"));
        }

        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
    }

    // The project file is looked at, too: it can hold global usings.
    private static IEnumerable<string> Sources(string assembly) => Directory
        .EnumerateFiles(Path.Combine(Repository, assembly), "*.cs*", SearchOption.AllDirectories)
        .Select(path => Path.GetRelativePath(Path.Combine(Repository, assembly), path).Replace('\\', '/'))
        .Where(path => !path.StartsWith("obj/", StringComparison.Ordinal) && !path.StartsWith("bin/", StringComparison.Ordinal));

    private static string Repository { get; } = Checkout.Root;
}
