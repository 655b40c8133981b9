namespace SharpSeg.Engine.ModelFiles;

/// <summary>A model file that cannot be read. The message names the file and what is wrong with it.</summary>
public sealed class ModelFileException(string path, string problem, Exception? inner = null)
    : Exception($"{path}: {problem}", inner)
{
    /// <summary>The file.</summary>
    public string Path { get; } = path;
}
