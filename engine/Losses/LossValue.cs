namespace SharpSeg.Engine.Losses;

/// <summary>A loss and its two parts, each weighted over the supervised outputs.</summary>
/// <param name="Total">Cross-entropy + Dice.</param>
/// <param name="CrossEntropy">Mean (binary) cross-entropy.</param>
/// <param name="Dice">−mean soft Dice, about −1 to 0.</param>
public readonly record struct LossValue(double Total, double CrossEntropy, double Dice);
