namespace SharpSeg.Engine.Backends;

/// <summary>
/// The least work that an operation requires: the numerator of every "percent of peak" in the benchmarks.
/// </summary>
/// <param name="Flops">Floating-point operations; a multiply-add counts as two.</param>
/// <param name="Bytes">Bytes that must move: every input read once, every output written once.</param>
public readonly record struct Work(long Flops, long Bytes);
