using System.Text.Json;
using System.Text.Json.Nodes;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Preprocessing;

/// <summary>
/// What preprocessing did to a case (docs/method/preprocessing.md §6). All extents are in transposed axis order, the spacing in
/// the file's.
/// </summary>
internal sealed record CaseProperties
{
    private const string Hint = "run `sharpseg preprocess` again";

    /// <summary>Name of the case.</summary>
    public required string CaseId { get; init; }

    /// <summary>
    /// How the stored image was turned before everything else; spacing and extents here are those of the turned one.
    /// </summary>
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
            ["orientation"] = Orientation.IsAsStored
                ? null
                : new JsonArray([.. Orientation.ToSigned().Select(axis => (JsonNode)axis)]),
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
        var root = JsonFile.Parse(json, path);
        var bbox = root.RequiredIntRows("bbox_used_for_cropping");
        if (bbox.Length != 3 || bbox.Any(range => range.Length != 2))
        {
            throw root.Error("bbox_used_for_cropping", "expected a first and a last voxel for each of three axes", Hint);
        }

        return new CaseProperties
        {
            CaseId = SafeName.Require(root.RequiredText("case"), "the case id", path),
            Orientation = root.Has("orientation")
                ? Orientation.FromSigned(root.RequiredInts("orientation"))
                : Orientation.AsStored,
            Spacing = ToSpacing(root),
            ShapeBeforeCropping = ToExtent(root, "shape_before_cropping"),
            BboxOrigin = new Extent(bbox[0][0], bbox[1][0], bbox[2][0]),
            ShapeAfterCropping = ToExtent(root, "shape_after_cropping_and_before_resampling"),
            Shape = ToExtent(root, "shape"),
            Channels = root.RequiredInt("channels"),
            SourceFiles = root.RequiredTexts("source_files"),
            LabelFile = root.Text("label_file"),
            Locations = [.. root.RequiredObjects("class_locations").Select(table => new LocationTable(
                table.RequiredText("key"), table.RequiredLong("voxels"), table.RequiredLong("offset"),
                table.RequiredInt("count")))],
            RecipeHash = root.RequiredText("recipe_hash"),
        };
    }

    private static JsonArray ToJson(Extent extent) => new(extent.Z, extent.Y, extent.X);

    private static Extent ToExtent(JsonFile root, string key) => Extent.FromArray(Three(root, key, root.RequiredInts(key)));

    private static Spacing ToSpacing(JsonFile root)
    {
        var values = Three(root, "spacing", root.RequiredNumbers("spacing"));
        return values.All(Spacing.IsPlausible)
            ? Spacing.FromArray(values)
            : throw root.Error("spacing", $"[{string.Join(", ", values)}] must be three positive numbers of mm", Hint);
    }

    private static T[] Three<T>(JsonFile root, string key, T[] values) =>
        values.Length == 3 ? values : throw root.Error(key, $"expected three numbers, found {values.Length}", Hint);
}

/// <summary>Where one class's sampled voxels lie in a case's locations file.</summary>
/// <param name="Key">See <see cref="ClassLocations.Key"/>.</param>
/// <param name="Voxels">Voxels of the class in the stored array.</param>
/// <param name="Offset">Index of the first sampled voxel in the file.</param>
/// <param name="Count">Number of sampled voxels.</param>
internal sealed record LocationTable(string Key, long Voxels, long Offset, int Count);
