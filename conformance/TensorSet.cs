using SharpSeg.Engine.Tensors;

namespace SharpSeg.Conformance;

/// <summary>The operands of one call as tensors of one backend, by name.</summary>
public sealed class TensorSet(IReadOnlyDictionary<string, Tensor> tensors)
{
    /// <summary>The tensor of this name.</summary>
    public Tensor this[string name] => tensors[name];

    /// <summary>The tensor of this name, or null if the case does without.</summary>
    public Tensor? Find(string name) => tensors.GetValueOrDefault(name);
}
