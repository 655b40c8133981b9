namespace SharpSeg.AutoPlanner.Tests;

/// <summary>Keeps what is told.</summary>
internal sealed class ToldReporter : IReporter
{
    /// <summary>Informations and warnings in their order.</summary>
    public List<string> Lines { get; } = [];

    public List<string> Warnings { get; } = [];

    /// <summary>Called with the name of each stage.</summary>
    public Action<string> AtStage { get; set; } = _ => { };

    public void Stage(string name) => AtStage(name);

    public void Progress(double fraction, string detail)
    {
    }

    public void Info(string line) => Lines.Add(line);

    public void Warning(string line)
    {
        Lines.Add(line);
        Warnings.Add(line);
    }
}
