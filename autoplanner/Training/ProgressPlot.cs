using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Imaging.Pictures;

namespace SharpSeg.AutoPlanner.Training;

/// <summary><c>progress.png</c>: the curves of one run, drawn anew after every epoch.</summary>
internal static class ProgressPlot
{
    private const int Width = 900, Header = 30, PanelHeight = 300;

    /// <summary>Draws and writes it.</summary>
    public static void Write(string path, TrainingJob job, IReadOnlyList<EpochRecord> records)
    {
        var canvas = new Canvas(Width, Header + (2 * PanelHeight));
        var pen = new CanvasPen(canvas);
        pen.Word(52, Header / 2, TextAnchor.Start, $"{job.Plans.DatasetName}, {job.Configuration.Name}, fold {job.FoldName}", isTitle: true);
        var top = Header;
        foreach (var chart in TrainingCurves.Of(records))
        {
            chart.Draw(pen, 0, top, Width, PanelHeight);
            top += PanelHeight;
        }

        canvas.SavePng(path);
    }
}
