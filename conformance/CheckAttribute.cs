namespace SharpSeg.Conformance;

/// <summary>Marks a method of a suite as a check of its own.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class CheckAttribute : Attribute;
