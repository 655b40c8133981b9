namespace SharpSeg.Conformance;

/// <summary>Marks a method of a suite as a check.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class CheckAttribute : Attribute;
