using System.Text.Json.Nodes;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Preprocessing;
using SharpSeg.Engine.ModelFiles;
using Xunit;

namespace SharpSeg.EndToEnd.Tests;

/// <summary>Reads whatever a workspace holds: a file that appeared must be whole.</summary>
internal static class WorkspaceFiles
{
    /// <summary>
    /// Opens every file by its kind; temporary ones, which a killed process leaves behind, are counted and passed over.
    /// </summary>
    /// <returns>Number of temporary files.</returns>
    public static int AssertAllWhole(string folder)
    {
        var temporary = 0;
        foreach (var file in Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories))
        {
            switch (Path.GetExtension(file))
            {
                case ".tmp":
                    temporary++;
                    break;
                case ".lock":
                    break; // of a killed process
                case ".jsonl":
                    Assert.All(File.ReadAllLines(file), line => Assert.IsType<JsonObject>(JsonNode.Parse(line)));
                    break;
                case ".json":
                    Assert.NotNull(JsonNode.Parse(File.ReadAllText(file)));
                    if (Path.GetRelativePath(folder, file).StartsWith("preprocessed", StringComparison.Ordinal))
                    {
                        StoredCase.Open(Path.GetDirectoryName(file)!, Path.GetFileNameWithoutExtension(file)).Dispose();
                    }

                    break;
                case ".safetensors":
                    ReadTensors(file);
                    break;
                case ".png":
                    Png.Read(file);
                    break;
                case ".gz":
                    ImageFile.Read(file);
                    break;
                case ".html":
                    Assert.EndsWith("</html>\n", File.ReadAllText(file), StringComparison.Ordinal);
                    break;
                case ".image" or ".labels" or ".locations":
                    break; // opened with the case's json
                default:
                    Assert.Fail($"{file}: what is this?");
                    break;
            }
        }

        return temporary;
    }

    /// <summary>All tensors of a checkpoint by name.</summary>
    public static SortedDictionary<string, float[]> ReadTensors(string path)
    {
        using var reader = SafetensorsReader.Open(path);
        var tensors = new SortedDictionary<string, float[]>(StringComparer.Ordinal);
        foreach (var name in reader.Names)
        {
            var values = new float[reader.Shape(name).Aggregate(1, (product, size) => product * size)];
            reader.Read(name, values);
            tensors[name] = values;
        }

        return tensors;
    }
}
