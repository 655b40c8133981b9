using SharpSeg.AutoPlanner;
using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Steps;
using SharpSeg.AutoPlanner.Training;
using SharpSeg.AutoPlanner.Workspaces;
using SharpSeg.Kernels.Cpu;

namespace SharpSeg.EndToEnd.Tests;

/// <summary>
/// A <see cref="ShapeDataset"/> planned and preprocessed, to be trained with a narrow network: the plan's stages, few features.
/// </summary>
internal sealed class ShapeRun : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public ShapeRun(ShapeDataset shapes, Profile profile, string configuration, int features, int[]? patch = null)
    {
        Shapes = shapes;
        Dataset = Dataset.Open(shapes.Write(folder.At("dataset")));
        var work = new Workspace(folder.At("work"));
        Plans = PlanningRun.Execute(
            Dataset, work, new PlannerOptions { Profile = profile }, SilentReporter.Instance, CancellationToken.None).Plans;
        PreprocessingRun.Execute(Dataset, work, Plans, configuration, Cpu.Open, SilentReporter.Instance, CancellationToken.None);
        var job = TrainingJob.Open(work, configuration, "0", seed: 5);
        var planned = job.Configuration.Architecture;
        Job = job with
        {
            Configuration = job.Configuration with
            {
                PatchSize = patch ?? job.Configuration.PatchSize,
                Architecture =
                    planned with
                    {
                        FeaturesPerStage = [
                        .. planned.FeaturesPerStage.Select((_, stage) => features * Math.Min(1 << stage, 4))]
                    },
            },
        };
    }

    public ShapeDataset Shapes { get; }

    public Dataset Dataset { get; }

    public Plans Plans { get; }

    public TrainingJob Job { get; }

    /// <summary>The same training in a folder of its own.</summary>
    public TrainingJob Another(string name) => Job with { Folder = folder.At(name) };

    /// <summary>
    /// The best mean Dice that any threshold on any one channel reaches on the validation cases, whichever class it is taken for.
    /// </summary>
    public double BestThreshold()
    {
        double best = 0;
        foreach (var id in Job.ValidationCases)
        {
            var item = Dataset.TrainingCases.Single(c => c.Id == id);
            var labels = ImageFile.ReadLabels(item.LabelFile!).Voxels;
            foreach (var channel in Dataset.LoadImage(item).Channels)
            {
                foreach (var threshold in channel.Order().Where((_, i) => i % 50 == 0))
                {
                    var (rim, core) = (
                        DiceOf(channel, threshold, labels, ShapeDataset.Rim),
                        DiceOf(channel, threshold, labels, ShapeDataset.Core));
                    var whole = DiceOf(channel, threshold, labels, ShapeDataset.Rim, ShapeDataset.Core);
                    best = Math.Max(best, Shapes.Regions ? (whole + core) / 2 : Math.Max(rim, core) / 2);
                }
            }
        }

        return best;
    }

    private static double DiceOf(float[] channel, float threshold, short[] labels, params short[] classes)
    {
        int both = 0, sizes = 0;
        for (var i = 0; i < labels.Length; i++)
        {
            if (labels[i] != ShapeDataset.Ignored)
            {
                var (inside, above) = (classes.Contains(labels[i]), channel[i] > threshold);
                both += inside && above ? 2 : 0;
                sizes += (inside ? 1 : 0) + (above ? 1 : 0);
            }
        }

        return both / (double)Math.Max(1, sizes);
    }

    public void Dispose() => folder.Dispose();
}
