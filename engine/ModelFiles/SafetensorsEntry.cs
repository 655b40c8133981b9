namespace SharpSeg.Engine.ModelFiles;

/// <summary>Fills a span with the values of one tensor, row-major.</summary>
public delegate void TensorSource(Span<float> target);

/// <summary>One tensor to be written.</summary>
/// <param name="Name">Its name in the file.</param>
/// <param name="Shape">Its extents; an empty list is a scalar.</param>
/// <param name="Fill">Provides its values when they are written, so that no two tensors need host memory at once.</param>
public sealed record SafetensorsEntry(string Name, IReadOnlyList<int> Shape, TensorSource Fill)
{
    /// <summary>Number of values.</summary>
    public long Length => Shape.Aggregate(1L, (product, extent) => checked(product * extent));
}
