using SharpSeg.AutoPlanner;
using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Steps;
using SharpSeg.AutoPlanner.Training;
using SharpSeg.AutoPlanner.Workspaces;
using SharpSeg.Kernels.Cpu;

namespace SharpSeg.EndToEnd.Tests;

/// <summary>A planned and preprocessed tiny dataset, for trainings inside the test's own process.</summary>
internal sealed class TinyRun : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public TinyRun(int cases, string fold, NetworkChoice? network = null)
    {
        Dataset = Dataset.Open(TinyDataset.Write(folder.At("dataset"), cases));
        Work = new Workspace(folder.At("work"));
        var plans = PlanningRun.Execute(
            Dataset, Work, (network ?? NetworkChoice.UNet).Options(), SilentReporter.Instance, CancellationToken.None).Plans;
        PreprocessingRun.Execute(Dataset, Work, plans, "3d_fullres", Cpu.Open, SilentReporter.Instance, CancellationToken.None);
        First = TrainingJob.Open(Work, "3d_fullres", fold, seed: 5);
    }

    public Dataset Dataset { get; }

    public Workspace Work { get; }

    public TrainingJob First { get; }

    /// <summary>The same run in a folder of its own.</summary>
    public TrainingJob Another(string name) => First with { Folder = folder.At(name) };

    public void Dispose() => folder.Dispose();
}
