using System.Globalization;
using SharpSeg.AutoPlanner.Training;
using SharpSeg.AutoPlanner.Workspaces;

namespace SharpSeg.AutoPlanner.Steps.Jobs;

/// <summary>How long a training will take, by the epochs that any fold of its configuration has trained already.</summary>
internal static class MeasuredTime
{
    private const double Margin = 1.3; // slower nodes, validation at the end
    private const int RecentEpochs = 20;
    private static readonly TimeSpan Longest = TimeSpan.FromDays(365); // no queue grants more

    /// <summary>The time of a whole training; null if nothing was measured.</summary>
    /// <param name="work">Its workspace.</param>
    /// <param name="configuration">The configuration.</param>
    /// <param name="epochs">Epochs to train.</param>
    public static TimeSpan? Of(Workspace work, string configuration, int epochs)
    {
        var folder = work.ConfigurationFolder(configuration);
        var logs = Directory.Exists(folder)
            ? Directory.EnumerateDirectories(folder, "fold_*").Select(Workspace.LogFile).Where(File.Exists)
            : [];
        double[] seconds = [.. logs.Select(SecondsPerEpoch).OfType<double>()];
        return seconds.Length == 0
            ? null
            : TimeSpan.FromSeconds(Math.Min(seconds.Max() * epochs * Margin, Longest.TotalSeconds));
    }

    /// <summary>A time as Slurm writes it, in whole ten minutes.</summary>
    public static string Text(TimeSpan time)
    {
        const int Step = 10;
        var minutes = (long)Math.Ceiling(Math.Clamp(time.TotalMinutes, Step, Longest.TotalMinutes) / Step) * Step;
        return string.Create(CultureInfo.InvariantCulture, $"{minutes / 60:00}:{minutes % 60:00}:00");
    }

    private static double? SecondsPerEpoch(string log)
    {
        try
        {
            var epochs = TrainingLog.Read(log).Epochs;
            return epochs.Count == 0 ? null : epochs.TakeLast(RecentEpochs).Average(epoch => epoch.Seconds);
        }
        catch (SharpSegException)
        {
            return null; // a log that cannot be read measures nothing
        }
    }
}
