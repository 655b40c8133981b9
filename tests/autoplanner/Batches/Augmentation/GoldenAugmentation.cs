using System.Text.Json;

namespace SharpSeg.AutoPlanner.Tests.Batches.Augmentation;

/// <summary>
/// What the reference implementation of nnU-Net v2's augmentation (batchgeneratorsv2, torch 1.13, CPU, float32) answered: all of it where
/// the shared folder exists, else the committed excerpt.
/// </summary>
internal static class GoldenAugmentation
{
    public static JsonElement Read()
    {
        if (SharedFolder.Path is not null)
        {
            return GoldenJson.Read("functions", "augmentation.json");
        }

        using var document = JsonDocument.Parse(
            File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "golden", "augmentation", "augmentation_excerpt.json")));
        return document.RootElement.Clone();
    }
}
