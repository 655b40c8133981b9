using SharpSeg.AutoPlanner;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Steps;
using SharpSeg.AutoPlanner.Training;
using SharpSeg.AutoPlanner.Workspaces;
using SharpSeg.Engine.Backends;
using SharpSeg.Kernels.Cpu;
using SharpSeg.Kernels.Gpu;

namespace SharpSeg;

/// <summary>
/// From a dataset to a scored model: verify, measure, plan, preprocess, train, predict and score, all in a workspace in which
/// every step is found again. It is what <c>sharpseg auto</c> does.
/// </summary>
public sealed class SegmentationTrainer : IDisposable
{
    private readonly string dataset, workspace;
    private readonly SegmentationTrainerOptions options;
    private readonly NetworkChoice network;
    private readonly Backend backend;

    /// <summary>Opens the device; nothing is written yet.</summary>
    /// <param name="dataset">Folder in Medical Segmentation Decathlon or nnU-Net raw format; it is never written to.</param>
    /// <param name="workspace">Folder for everything that is made; it is made.</param>
    /// <param name="options">Time, folds, configurations, network, device.</param>
    /// <exception cref="SharpSegException">There is no such device or network.</exception>
    public SegmentationTrainer(string dataset, string workspace, SegmentationTrainerOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(dataset);
        ArgumentException.ThrowIfNullOrEmpty(workspace);
        (this.dataset, this.workspace, this.options) = (dataset, workspace, options ?? new());
        network = NetworkChoice.All.FirstOrDefault(choice => choice.Name == this.options.Network)
            ?? throw new SharpSegException(
                $"network `{this.options.Network}`: unknown",
                $"one of {string.Join(", ", NetworkChoice.All.Select(choice => choice.Name))}");
        backend = ComputeDevice.Open(
            this.options.Device, this.options.Precision, this.options.Threads, this.options.OnWarning);
    }

    /// <summary>Does everything that is not done yet.</summary>
    /// <param name="progress">Receives progress.</param>
    /// <param name="cancellationToken">
    /// Stops with the state saved; with <see cref="SegmentationTrainerOptions.Resume"/> another trainer continues.
    /// </param>
    /// <returns>Scores of the validation cases, which were not trained on.</returns>
    /// <exception cref="SharpSegException">The dataset has errors, or a step cannot be done.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public TrainingScores Train(
        IProgress<SegmentationProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        var request = new AutoRequest(
            dataset, workspace, options.Configurations, options.Folds, network.Options(), options.MaxTime, options.Seed,
            options.Resume, Surface: options.SurfaceMetrics);
        var result = AutoRun.Execute(
            request, backend, Cpu.Open, new ProgressReporter(progress, options.OnWarning), cancellationToken);
        var summary = result.Summary;
        return new TrainingScores(
            summary.ForegroundDice,
            summary.Classes.Zip(summary.ClassDice).ToDictionary(pair => pair.First.Name, pair => pair.Second),
            summary.Cases.Count, workspace);
    }

    /// <summary>Writes the trained model to one file, which <see cref="SegmentationModel.Load"/> reads on any machine.</summary>
    /// <param name="path">The file, e.g. model.zip.</param>
    /// <param name="cancellationToken">Stops; no file is left.</param>
    /// <exception cref="SharpSegException">Nothing is trained, or the file cannot be written.</exception>
    public void Export(string path, CancellationToken cancellationToken = default) => ModelArchive.Write(
        new Workspace(workspace), path, null, [], new ProgressReporter(null, options.OnWarning), cancellationToken);

    /// <summary>Frees the device.</summary>
    public void Dispose() => backend.Dispose();
}

/// <summary>What is trained and how long; what is left out is as <c>sharpseg auto</c> has it.</summary>
public sealed record SegmentationTrainerOptions
{
    /// <summary>In <see cref="Folds"/> or <see cref="Configurations"/>: all there are.</summary>
    public const string All = AutoRequest.All;

    /// <summary>Time for everything, to which the schedule is fitted; null trains the published schedule.</summary>
    public TimeSpan? MaxTime { get; init; }

    /// <summary>Folds, "0", "1", …, or <see cref="All"/>; several end in a choice among the configurations.</summary>
    public IReadOnlyList<string> Folds { get; init; } = ["0"];

    /// <summary>Configurations, or <see cref="All"/>; none takes 3d_fullres where it is planned, else 2d.</summary>
    public IReadOnlyList<string> Configurations { get; init; } = [];

    /// <summary>unet, resenc, resenc_m, resenc_l, resenc_xl, unetpp, stunet_s, stunet_b, stunet_l, stunet_h or classic.</summary>
    public string Network { get; init; } = NetworkChoice.UNet.Name;

    /// <summary>Continue what an earlier trainer began in the workspace.</summary>
    public bool Resume { get; init; }

    /// <summary>Seed of weights and sampling. Same seed, device and threads: same bytes.</summary>
    public ulong Seed { get; init; } = TrainingJob.DefaultSeed;

    /// <summary>Also measure HD95 and NSD, which takes longer than Dice.</summary>
    public bool SurfaceMetrics { get; init; } = true;

    /// <summary>auto, cpu, cuda:0, …: one of <see cref="ComputeDevice.Names"/>.</summary>
    public string Device { get; init; } = ComputeDevice.Auto;

    /// <summary>In which numbers a GPU's convolutions multiply; null leaves it to the device.</summary>
    public GpuPrecision? Precision { get; init; }

    /// <summary>Threads of the processor; 0 = all cores.</summary>
    public int Threads { get; init; }

    /// <summary>Receives what should be known but stops nothing, a line each.</summary>
    public Action<string>? OnWarning { get; init; }
}

/// <summary>How well a model segments the cases that it was not trained on.</summary>
/// <param name="MeanForegroundDice">Mean of the classes' Dice; NaN if no case has any foreground.</param>
/// <param name="Dice">Mean Dice of each class by its name; NaN where no case has it.</param>
/// <param name="Cases">Number of cases.</param>
/// <param name="Workspace">Where the model is: <see cref="SegmentationModel.Load"/> takes it.</param>
public sealed record TrainingScores(
    double MeanForegroundDice, IReadOnlyDictionary<string, double> Dice, int Cases, string Workspace);
