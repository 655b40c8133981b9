namespace SharpSeg.Engine.Training;

/// <summary>Ten steps in a row had gradients that are infinite or not numbers: continuing would be pointless.</summary>
public sealed class TrainingDivergedException(string message) : Exception(message);
