namespace SharpSeg.AutoPlanner;

/// <summary>
/// Where long-running work reports its progress. The command line shows a bar with the time left on a terminal and plain lines in
/// a log; tests may listen or stay silent. Called from the thread that runs the work.
/// </summary>
public interface IReporter
{
    /// <summary>A new stage begins, e.g. "preprocess 3d_fullres".</summary>
    void Stage(string name);

    /// <summary>How much of the current stage is done.</summary>
    /// <param name="fraction">0..1.</param>
    /// <param name="detail">A few words, e.g. "epoch 3/50, loss −0.71".</param>
    void Progress(double fraction, string detail);

    /// <summary>One line for the log.</summary>
    void Info(string line);

    /// <summary>Something the user should know but that does not stop the work.</summary>
    void Warning(string line);

    /// <summary>
    /// The output was found fit to be written to, and work on it begins: a record of the work belongs there. Said before anything
    /// that may take long or fail. Of work that consists of several, the whole says it first.
    /// </summary>
    /// <param name="path">The folder, or the file, of the results.</param>
    /// <param name="isFile">Whether it is one file, in a folder that may hold anything else.</param>
    void WritesTo(string path, bool isFile = false)
    {
    }
}

/// <summary>Ignores everything; for callers that do not watch.</summary>
public sealed class SilentReporter : IReporter
{
    /// <summary>The shared instance.</summary>
    public static SilentReporter Instance { get; } = new();

    /// <inheritdoc/>
    public void Stage(string name)
    {
    }

    /// <inheritdoc/>
    public void Progress(double fraction, string detail)
    {
    }

    /// <inheritdoc/>
    public void Info(string line)
    {
    }

    /// <inheritdoc/>
    public void Warning(string line)
    {
    }
}
