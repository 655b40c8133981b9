using SharpSeg.AutoPlanner;

namespace SharpSeg;

/// <summary>How far a piece of work is.</summary>
/// <param name="Stage">What is being done, e.g. "preprocess 3d_fullres".</param>
/// <param name="Fraction">How much of the stage is done, 0..1.</param>
/// <param name="Detail">A few words, e.g. "epoch 3/50, loss −0.71"; often empty.</param>
public readonly record struct SegmentationProgress(string Stage, double Fraction, string Detail);

/// <summary>Hands the autoplanner's reports on as .NET's IProgress.</summary>
/// <param name="progress">Receives progress; may be null.</param>
/// <param name="warn">Receives warnings; may be null.</param>
internal sealed class ProgressReporter(IProgress<SegmentationProgress>? progress, Action<string>? warn) : IReporter
{
    private string stage = "";

    public void Stage(string name)
    {
        stage = name;
        progress?.Report(new(name, 0, ""));
    }

    public void Progress(double fraction, string detail) =>
        progress?.Report(new(stage, Math.Clamp(fraction, 0, 1), detail));

    public void Info(string line)
    {
        // For a log; the caller has none.
    }

    public void Warning(string line) => warn?.Invoke(line);
}
