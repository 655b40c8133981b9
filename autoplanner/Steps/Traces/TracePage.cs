using SharpSeg.AutoPlanner.Batches.Augmentation;
using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Imaging.Pictures;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Steps.Traces;

/// <summary>
/// The trace as one page, station after station, in the order of the method. All stations show the same place of the patient, so
/// that one can be compared with the next; patches show their own.
/// </summary>
/// <param name="folder">Holds the volumes.</param>
/// <param name="caseId">Name of the case.</param>
/// <param name="model">What predicted, in words.</param>
/// <param name="description">Labels, for the legend.</param>
/// <param name="steps">The stations.</param>
internal sealed class TracePage(
    string folder, string caseId, string model, DatasetDescription description, IReadOnlyList<TraceStep> steps)
{
    private const int MostMaps = 8; // drawn of one station; all are written

    /// <summary>The text of the page.</summary>
    public string ToText()
    {
        var body = new HtmlText();
        body.Add($"<h1>{caseId}: from the scan to the segmentation</h1>\n<p class=\"soft\">{model}</p>\n");
        body.Add($"<p>What the method did to this one case, step by step. Every picture shows the same place of the patient, chosen where there is most to segment; every volume is a NIfTI file beside this page, and its header says where it lies, so that any viewer shows it over the scan. Where to read on stands at each step: the rule, exactly, and the code that follows it.</p>\n<nav>");
        for (var i = 0; i < steps.Count; i++)
        {
            body.Add($"<a href=\"#step-{i + 1}\">{i + 1}. {Title(steps[i])}</a>");
        }

        body.Add($"</nav>\n");
        Legend(body);
        var point = Focus();
        for (var i = 0; i < steps.Count; i++)
        {
            Step(body, steps[i], i + 1, point);
        }

        return HtmlPage.Of($"{caseId} – trace", body);
    }

    private static string Title(TraceStep step) =>
        TraceText.Of(step.Kind).Title + (step.Configuration.Length > 0 ? $" ({step.Configuration})" : "");

    private static void Step(HtmlText body, string heading, string text) =>
        body.Add($"<p><b>{heading}</b> {HtmlText.Prose(text)}</p>\n");

    private void Step(HtmlText body, TraceStep step, int number, double[] point)
    {
        var text = TraceText.Of(step.Kind);
        body.Add($"<h2 id=\"step-{number}\">{number}. {Title(step)}</h2>\n");
        Step(body, "What happens.", text.What);
        Step(body, "Why.", text.Why);
        body.Add($"<ul>\n");
        foreach (var fact in step.Facts)
        {
            body.Add($"<li>{HtmlText.Prose(fact)}</li>\n");
        }

        body.Add($"</ul>\n");
        var drawn = step.Volumes.Take(MostMaps).ToArray();
        for (var v = 0; v < drawn.Length; v++)
        {
            Volume(body, drawn[v], $"step-{number}-{v}", point);
        }

        if (step.Volumes.Count > drawn.Length)
        {
            body.Add($"<p class=\"soft\">{step.Volumes.Count - drawn.Length} more are not drawn, only written: {step.Volumes[drawn.Length].File} to {step.Volumes[^1].File}.</p>\n");
        }

        body.Add($"<p class=\"caption\"><b>Look at.</b> {HtmlText.Prose(text.LookAt)}</p>\n");
        body.Add($"<p class=\"caption\"><b>Read on.</b> The rule: {Link(text.Method, text.Method.Split(' ')[0], $"#{text.Anchor}")}. The code: ");
        for (var i = 0; i < text.Code.Count; i++)
        {
            body.Add($"{(i == 0 ? "" : ", ")}{Link(text.Code[i], text.Code[i])}");
        }

        body.Add($".</p>\n");
    }

    private void Volume(HtmlText body, TraceVolume volume, string id, double[] point)
    {
        var path = Path.Combine(folder, volume.File);
        var geometry = ImageFile.ReadGeometry(path);
        var labels = volume.Labels is { } file
            ? SegmentationFile.Read(Path.Combine(folder, file), description.Labels).Voxels
            : null;
        var hung = geometry with { Affine = volume.ShownAs ?? geometry.Affine };
        var planes = volume.ShownAs is null ? SlicePlane.At(hung, TraceGrid.VoxelAt(hung, point))
            : labels is null ? SlicePlane.At(hung, Middle(geometry.Extent))
            : SlicePlane.Through(hung, i => labels[i] > 0 ? 1 : 0, i => labels[i] > 0 ? 1 : 0);
        var image = ShownImage.Read(path, geometry.Extent, planes);
        var window = volume.Range ?? image.Window();
        body.Add($"<figure class=\"case\"><figcaption><b>{volume.Name}</b> ({volume.File}{(volume.Labels is null ? "" : $", {volume.Labels}")})");
        foreach (var note in volume.Notes ?? [])
        {
            body.Add($"<br>{note}");
        }

        body.Add($"</figcaption><div class=\"tiles\">");
        for (var p = 0; p < planes.Count; p++)
        {
            body.Add(CaseFigure.Tile(
                planes[p], planes[p].Name, image, window, labels, $"{id}-{p}", withSides: volume.ShownAs is null));
        }

        body.Add($"</div></figure>\n");
    }

    private void Legend(HtmlText body)
    {
        body.Add($"<ul class=\"legend\">");
        foreach (var label in description.Labels.ForegroundLabels)
        {
            var name = description.Labels.Entries.FirstOrDefault(entry => entry.Values is [var value] && value == label)?.Name;
            body.Add($"<li><i style=\"--c:{LabelPalette.Css(label)}\"></i>{name ?? $"label {label}"}</li>");
        }

        body.Add($"</ul>\n");
    }

    /// <summary>The point that all stations show: where most is drawn, or found; else the middle of the scan.</summary>
    private double[] Focus()
    {
        var labels = steps.SelectMany(step => step.Volumes).Where(volume => volume.Labels is not null && volume.ShownAs is null)
            .Select(volume => SegmentationFile.Read(Path.Combine(folder, volume.Labels!), description.Labels))
            .FirstOrDefault(image => image.Voxels.Any(label => label > 0));
        if (labels is null)
        {
            var scan = ImageFile.ReadGeometry(Path.Combine(folder, steps[0].Volumes[0].File));
            return Point(scan, Middle(scan.Extent));
        }

        var voxel = Middle(labels.Extent);
        foreach (var plane in SlicePlane.Through(
            labels.Geometry, i => labels.Voxels[i] > 0 ? 1 : 0, i => labels.Voxels[i] > 0 ? 1 : 0))
        {
            voxel = voxel.With(plane.Axis, plane.Position);
        }

        return Point(labels.Geometry, voxel);
    }

    private static double[] Point(ImageGeometry geometry, Extent voxel) =>
        TraceGrid.PointAt(geometry, new Vector3D(voxel.Z, voxel.Y, voxel.X));

    private static Extent Middle(Extent extent) => new(extent.Z / 2, extent.Y / 2, extent.X / 2);

    /// <summary>A link into the checkout that the program runs from; the bare name where it runs from elsewhere.</summary>
    private static HtmlText Link(string words, string file, string anchor = "")
    {
        for (var around = new DirectoryInfo(AppContext.BaseDirectory); around is not null; around = around.Parent)
        {
            var path = Path.Combine(around.FullName, file);
            if (File.Exists(Path.Combine(around.FullName, "Engine.sln")) && File.Exists(path))
            {
                return HtmlText.Of($"<a href=\"{new Uri(path).AbsoluteUri + anchor}\">{words}</a>");
            }
        }

        return HtmlText.Of($"<code>{words}</code>");
    }
}
