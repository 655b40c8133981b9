namespace SharpSeg.Kernels.Gpu.Variants;

/// <summary>What a variant is chosen for: an operation and its sizes.</summary>
/// <param name="Operation">Name of the pass.</param>
/// <param name="Sizes">All sizes, as text.</param>
internal readonly record struct VariantKey(string Operation, string Sizes);
