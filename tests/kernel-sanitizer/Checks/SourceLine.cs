namespace SharpSeg.KernelSanitizer;

/// <summary>A line of kernel source.</summary>
/// <param name="File">Source file.</param>
/// <param name="Line">Line, from 1.</param>
internal readonly record struct SourceLine(string File, int Line)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Path.GetFileName(File)}:{Line}";
}
