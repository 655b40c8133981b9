namespace ILGPU.IR.Intrinsics;

/// <summary>Marks a method for which a compiler may know instructions of its own; on the emulator, as on a processor, its body runs.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class IntrinsicImplementationAttribute : Attribute;
