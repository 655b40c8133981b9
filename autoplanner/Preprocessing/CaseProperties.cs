using System.Text.Json;
using System.Text.Json.Nodes;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Preprocessing;

/// <summary>
/// What preprocessing did to a case (docs/method/preprocessing.md §6). All extents are in transposed axis order, the spacing in
/// the file's.
/// </summary>
public sealed record CaseProperties
{
    /// <summary>Name of the case.</summary>
    public required string CaseId { get; init; }

    /// <summary>How the stored image was turned before everything else; spacing and extents here are those of the turned one.</summary>
    public Orientation Orientation { get; init; } = Orientation.AsStored;

    /// <summary>mm of the original image (z, y, x), not transposed.</summary>
    public required Spacing Spacing { get; init; }

    /// <summary>Voxels of the transposed image.</summary>
    public required Extent ShapeBeforeCropping { get; init; }

    /// <summary>First voxel of the non-zero box in the transposed image.</summary>
    public required Extent BboxOrigin { get; init; }

    /// <summary>Voxels of the non-zero box: the grid to which logits are resampled on export.</summary>
    public required Extent ShapeAfterCropping { get; init; }

    /// <summary>Voxels after resampling.</summary>
    public required Extent Shape { get; init; }

    /// <summary>Image channels.</summary>
    public required int Channels { get; init; }

    /// <summary>Image files the case was read from.</summary>
    public required IReadOnlyList<string> SourceFiles { get; init; }

    /// <summary>Label file the case was read from; null for prediction.</summary>
    public string? LabelFile { get; init; }

    /// <summary>Sampled foreground voxels per class: where they lie in the locations file.</summary>
    public IReadOnlyList<LocationTable> Locations { get; init; } = [];

    /// <summary>Fingerprint of everything that determined the data; stored data with another one is stale.</summary>
    public required string RecipeHash { get; init; }

    /// <summary>The properties as JSON, with nnU-Net's key names where it has them.</summary>
    public string ToJson()
    {
        var bbox = new JsonArray();
        for (var axis = 0; axis < 3; axis++)
        {
            bbox.Add(new JsonArray(BboxOrigin[axis], BboxOrigin[axis] + ShapeAfterCropping[axis]));
        }

        var locations = new JsonArray();
        foreach (var table in Locations)
        {
            locations.Add(new JsonObject
            {
                ["key"] = table.Key, ["voxels"] = table.Voxels, ["offset"] = table.Offset, ["count"] = table.Count,
            });
        }

        var root = new JsonObject
        {
            ["case"] = CaseId,
            ["orientation"] = Orientation.IsAsStored ? null : new JsonArray([.. Orientation.ToSigned().Select(axis => (JsonNode)axis)]),
            ["spacing"] = new JsonArray(Spacing.Z, Spacing.Y, Spacing.X),
            ["shape_before_cropping"] = ToJson(ShapeBeforeCropping),
            ["bbox_used_for_cropping"] = bbox,
            ["shape_after_cropping_and_before_resampling"] = ToJson(ShapeAfterCropping),
            ["shape"] = ToJson(Shape),
            ["channels"] = Channels,
            ["source_files"] = new JsonArray([.. SourceFiles.Select(file => (JsonNode)file)]),
            ["label_file"] = LabelFile,
            ["class_locations"] = locations,
            ["recipe_hash"] = RecipeHash,
        };
        return root.ToJsonString(new JsonSerializerOptions { WriteIndented = true });
    }

    /// <summary>Reads what <see cref="ToJson()"/> wrote.</summary>
    /// <param name="json">The text.</param>
    /// <param name="path">Where it came from, for messages.</param>
    /// <exception cref="SharpSegException">The text is not a properties file.</exception>
    public static CaseProperties FromJson(string json, string path)
    {
        try
        {
            var root = JsonNode.Parse(json)!.AsObject();
            var bbox = root["bbox_used_for_cropping"]!.AsArray();
            return new CaseProperties
            {
                CaseId = (string)root["case"]!,
                Orientation = root["orientation"] is JsonArray turned
                    ? Orientation.FromSigned([.. turned.Select(axis => (int)axis!)])
                    : Orientation.AsStored,
                Spacing = Spacing.FromArray([.. root["spacing"]!.AsArray().Select(value => (double)value!)]),
                ShapeBeforeCropping = ToExtent(root["shape_before_cropping"]!),
                BboxOrigin = new Extent((int)bbox[0]![0]!, (int)bbox[1]![0]!, (int)bbox[2]![0]!),
                ShapeAfterCropping = ToExtent(root["shape_after_cropping_and_before_resampling"]!),
                Shape = ToExtent(root["shape"]!),
                Channels = (int)root["channels"]!,
                SourceFiles = [.. root["source_files"]!.AsArray().Select(file => (string)file!)],
                LabelFile = (string?)root["label_file"],
                Locations =
                [
                    .. root["class_locations"]!.AsArray().Select(table => new LocationTable(
                        (string)table!["key"]!, (long)table["voxels"]!, (long)table["offset"]!, (int)table["count"]!)),
                ],
                RecipeHash = (string)root["recipe_hash"]!,
            };
        }
        catch (Exception error) when (error is JsonException or NullReferenceException or InvalidOperationException or FormatException
            or ArgumentException)
        {
            throw new SharpSegException(
                $"`{path}`: not the properties of a preprocessed case ({error.Message})", "run `sharpseg preprocess` again", error);
        }
    }

    private static JsonArray ToJson(Extent extent) => new(extent.Z, extent.Y, extent.X);

    private static Extent ToExtent(JsonNode node) => Extent.FromArray([.. node.AsArray().Select(value => (int)value!)]);
}
