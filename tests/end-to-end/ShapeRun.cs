using SharpSeg.AutoPlanner;
using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Steps;
using SharpSeg.AutoPlanner.Training;
using SharpSeg.AutoPlanner.Workspaces;

namespace SharpSeg.EndToEnd.Tests;

/// <summary>A <see cref="ShapeDataset"/> planned and preprocessed, to be trained with a narrow network: the plan's stages, few features.</summary>
internal sealed class ShapeRun : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public ShapeRun(ShapeDataset shapes, Profile profile, string configuration, int features, int[]? patch = null)
    {
        Shapes = shapes;
        Dataset = Dataset.Open(shapes.Write(folder.At("dataset")));
        var work = new Workspace(folder.At("work"));
        Plans = PlanningRun.Execute(Dataset, work, new PlannerOptions { Profile = profile }, SilentReporter.Instance, CancellationToken.None).Plans;
        PreprocessingRun.Execute(Dataset, work, Plans, configuration, SilentReporter.Instance, CancellationToken.None);
        var job = TrainingJob.Open(work, configuration, "0", seed: 5);
        var planned = job.Configuration.Architecture;
        Job = job with
        {
            Configuration = job.Configuration with
            {
                PatchSize = patch ?? job.Configuration.PatchSize,
                Architecture = planned with { FeaturesPerStage = [.. planned.FeaturesPerStage.Select((_, stage) => features * Math.Min(1 << stage, 4))] },
            },
        };
    }

    public ShapeDataset Shapes { get; }

    public Dataset Dataset { get; }

    public Plans Plans { get; }

    public TrainingJob Job { get; }

    /// <summary>The same training in a folder of its own.</summary>
    public TrainingJob Another(string name) => Job with { Folder = folder.At(name) };

    /// <summary>The best Dice of the whole structure that a threshold on any one channel of the validation cases reaches.</summary>
    public double BestThreshold()
    {
        var best = 0.0;
        foreach (var id in Job.ValidationCases)
        {
            var item = Dataset.TrainingCases.Single(c => c.Id == id);
            var labels = ImageFile.ReadLabels(item.LabelFile!).Voxels;
            foreach (var channel in Dataset.LoadImage(item).Channels)
            {
                foreach (var threshold in channel.Order().Where((_, i) => i % 50 == 0))
                {
                    int both = 0, either = 0;
                    for (var i = 0; i < labels.Length; i++)
                    {
                        var (inside, above) = (labels[i] is ShapeDataset.Rim or ShapeDataset.Core, channel[i] > threshold);
                        if (labels[i] != ShapeDataset.Ignored)
                        {
                            both += inside && above ? 2 : 0;
                            either += (inside ? 1 : 0) + (above ? 1 : 0);
                        }
                    }

                    best = Math.Max(best, both / (double)Math.Max(1, either));
                }
            }
        }

        return best;
    }

    public void Dispose() => folder.Dispose();
}
