using System.Text.Json.Serialization;

namespace SharpSeg.Perf.Measuring;

/// <summary>One measured operation. Null where something was not measured or means nothing.</summary>
/// <param name="Group">conv, pointwise, step, ….</param>
/// <param name="Op">Operation.</param>
/// <param name="Shape">Sizes.</param>
/// <param name="Variant">The variant.</param>
/// <param name="Time">Median and quartiles.</param>
/// <param name="Gflops">10⁹ operations a second, from the minimum work.</param>
/// <param name="GbytesPerS">10⁹ bytes a second, from the minimum work.</param>
/// <param name="PercentOfPeak">Of the multiply-add peak (compute) or of the copy bandwidth (memory), whichever binds.</param>
/// <param name="Peer">The median and quartiles of what it is compared with: PyTorch or ONNX Runtime.</param>
internal sealed record Row(
    string Group, string Op, string Shape, string? Variant,
    [property: JsonIgnore] Timing Time, double? Gflops, double? GbytesPerS,
    double? PercentOfPeak, [property: JsonIgnore] Timing? Peer)
{
    /// <summary>Median.</summary>
    public double Milliseconds => Time.Median;

    /// <summary>Distance of the quartiles of single runs in percent of the median.</summary>
    public double SpreadPercent => Time.SpreadPercent;

    /// <summary>The peer's median.</summary>
    public double? PeerMilliseconds => Peer?.Median;

    /// <summary>Distance of the quartiles of the peer's single runs in percent of their median.</summary>
    public double? PeerSpreadPercent => Peer?.SpreadPercent;

    /// <summary>The peer's time divided by ours; above 1, ours is faster.</summary>
    public double? Ratio => PeerMilliseconds / Milliseconds;

    /// <summary>Half the distance of the quartiles of the ratio, if both sides vary by chance, in percent of it.</summary>
    public double? RatioSpreadPercent => PeerSpreadPercent is { } theirs
        ? Math.Sqrt((theirs * theirs) + (SpreadPercent * SpreadPercent)) / 2
        : null;

    /// <summary>Load of the machine when the row was finished; null where the system does not say.</summary>
    public double? Load { get; } = Machine.Load();

    /// <summary>Largest difference to the float64 reference as a part of the largest value, over forward and backward.</summary>
    public double? Error { get; init; }

    /// <summary>Relative difference between the backward pass and what it is the derivative of.</summary>
    public double? GradientError { get; init; }

    /// <summary>Peak memory of the operation, bytes, and the peer's; only for whole steps.</summary>
    public long? PeakBytes { get; init; }

    /// <summary>The peer's peak memory, bytes.</summary>
    public long? PeerPeakBytes { get; init; }

    /// <summary>
    /// Largest difference to the peer's output as a part of the largest value; null where both have weights of their own.
    /// </summary>
    public double? PeerDifference { get; init; }
}
