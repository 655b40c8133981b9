using SharpSeg.AutoPlanner;
using SharpSeg.AutoPlanner.Inference;
using SharpSeg.AutoPlanner.Steps;
using SharpSeg.AutoPlanner.Workspaces;
using SharpSeg.Kernels.Gpu;

namespace SharpSeg;

/// <summary>How a model predicts; what is left out is as the command line has it.</summary>
public sealed record SegmentationModelOptions
{
    /// <summary>auto, cpu, cuda:0, …: one of <see cref="ComputeDevice.Names"/>.</summary>
    public string Device { get; init; } = ComputeDevice.Auto;

    /// <summary>In which numbers a GPU's convolutions multiply; null leaves it to the device.</summary>
    public GpuPrecision? Precision { get; init; }

    /// <summary>Threads of the processor; 0 = all cores.</summary>
    public int Threads { get; init; }

    /// <summary>
    /// Configuration, without postprocessing; null takes the model's own choice, else the one that is trained.
    /// </summary>
    public string? Configuration { get; init; }

    /// <summary>Folds to average; none takes the model's own choice, else all trained ones.</summary>
    public IReadOnlyList<string> Folds { get; init; } = [];

    /// <summary>Largest distance between neighbouring tiles, as a fraction of the patch; above 0, at most 1.</summary>
    public double Step { get; init; } = 0.5;

    /// <summary>Average over mirrored views: better, and up to eight times slower.</summary>
    public bool Mirroring { get; init; } = true;

    /// <summary>Apply the model's postprocessing: cross-validation's choice, or in profile classic the labels'.</summary>
    public bool Postprocessing { get; init; } = true;

    /// <summary>Memory that may be taken, bytes; null for what the machine or its container has.</summary>
    public long? MaxMemoryBytes { get; init; }

    /// <summary>Receives what should be known but stops nothing, a line each.</summary>
    public Action<string>? OnWarning { get; init; }

    internal PredictionRequest Request(Workspace work, IReadOnlyList<ModelPart>? parts)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(Step);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Step, 1);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(MaxMemoryBytes ?? 1);
        return new PredictionRequest(
            work, Configuration, Folds, "final", [], "", new InferenceOptions(Step, Mirroring: Mirroring),
            Postprocess: Postprocessing, ModelParts: parts,
            MaxMemory: MaxMemoryBytes is { } bytes ? new MemoryBudget(bytes, IsGiven: true) : null,
            Scratch: Path.GetTempPath());
    }
}
