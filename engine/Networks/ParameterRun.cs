namespace SharpSeg.Engine.Networks;

/// <summary>Neighbouring parameters seen as one vector.</summary>
/// <param name="First">Index of the first parameter.</param>
/// <param name="Last">Index of the last parameter.</param>
/// <param name="Offset">First element in the store's buffers.</param>
/// <param name="Length">Elements, padding included.</param>
public readonly record struct ParameterRun(int First, int Last, long Offset, long Length);
