using Xunit;

namespace SharpSeg.EndToEnd.Tests;

/// <summary>
/// A dataset that is planned, preprocessed and trained for a few iterations, made once for a group of tests that only need some
/// model.
/// </summary>
public sealed class TrainedWorkspace : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public TrainedWorkspace()
    {
        Dataset = TinyDataset.Write(folder.At("dataset"));
        Planned = folder.At("planned");
        SharpSegProcess.Succeed("plan", Dataset, "-o", Planned);
        SharpSegProcess.Succeed("preprocess", Planned, "-c", "3d_fullres");
        Work = folder.Copy(Planned, "work");
        Training = SharpSegProcess.Succeed(
            "train", Work, "--epochs", "2", "--iterations", "2", "--batch", "2", "--seed", "7", "--json");
    }

    /// <summary>Six cases, one channel.</summary>
    public string Dataset { get; }

    /// <summary>Workspace with plans and preprocessed 3d_fullres, but nothing trained.</summary>
    public string Planned { get; }

    /// <summary>Workspace with fold 0 of 3d_fullres trained.</summary>
    public string Work { get; }

    /// <summary>Its only run.</summary>
    public string Run => Path.Combine(Work, "runs", "3d_fullres", "fold_0");

    /// <summary>What its training printed.</summary>
    internal Outcome Training { get; }

    public void Dispose() => folder.Dispose();
}

/// <summary>
/// Tests that share a trained workspace run one after the other. There are four such groups, each with a workspace of its own, so
/// that they run beside each other: making one takes seconds, the tests of a group a minute and more.
/// </summary>
internal static class TrainedWorkspaceTests
{
    public const string Interruptions = "interruptions", Refusals = "refusals", Runs = "runs", Readers = "readers";
}

[CollectionDefinition(TrainedWorkspaceTests.Interruptions)]
public sealed class InterruptionsOfTheTrainedWorkspace : ICollectionFixture<TrainedWorkspace>;

[CollectionDefinition(TrainedWorkspaceTests.Refusals)]
public sealed class RefusalsOfTheTrainedWorkspace : ICollectionFixture<TrainedWorkspace>;

[CollectionDefinition(TrainedWorkspaceTests.Runs)]
public sealed class RunsOfTheTrainedWorkspace : ICollectionFixture<TrainedWorkspace>;

[CollectionDefinition(TrainedWorkspaceTests.Readers)]
public sealed class ReadersOfTheTrainedWorkspace : ICollectionFixture<TrainedWorkspace>;
