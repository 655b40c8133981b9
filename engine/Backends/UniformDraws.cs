namespace SharpSeg.Engine.Backends;

/// <summary>
/// Consecutive draws of a counter-based random stream, which any device can make, in any order, bit by bit as the host would: draw i is
/// mix(Key + (First + i)·0x9E3779B97F4A7C15) modulo 2⁶⁴, mix being the finaliser of SplitMix64 (Steele, Lea, Flood 2014, "Fast splittable
/// pseudorandom number generators"); the uniform number in [−1, 1) is 2·h·2⁻²⁴ − 1, h being the draw's highest 24 bits.
/// </summary>
/// <param name="Key">Which stream.</param>
/// <param name="First">Number of the first draw.</param>
public readonly record struct UniformDraws(ulong Key, ulong First);
