namespace SharpSeg.Engine.Tensors;

/// <summary>Extents that do not fit together. The message names both.</summary>
public sealed class ShapeException(string message) : Exception(message)
{
    /// <summary>Throws unless a tensor has the expected shape.</summary>
    public static void Require(Tensor tensor, Shape expected, string name)
    {
        if (tensor.Shape != expected)
        {
            throw new ShapeException($"{name} has shape {tensor.Shape}, expected {expected}");
        }
    }
}
