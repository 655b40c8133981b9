namespace SharpSeg.Conformance;

/// <summary>The backend under test is wrong; the message says where and by how much.</summary>
public sealed class ConformanceException(string message) : Exception(message);
