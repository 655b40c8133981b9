namespace SharpSeg.Engine.ModelFiles;

/// <summary>A flat array of a PyTorch file, of which tensors are windows.</summary>
/// <param name="Key">Name of its data in the file.</param>
/// <param name="TypeName">Element type as PyTorch names it, e.g. Float.</param>
/// <param name="Length">Elements.</param>
internal sealed record TorchStorage(string Key, string TypeName, long Length)
{
    /// <summary>
    /// The storage of a persistent id <c>('storage', torch.FloatStorage, key, location, elements)</c>; an opaque value where it
    /// is none.
    /// </summary>
    public static object FromPersistentId(object? id)
    {
        const string suffix = "Storage";
        return id is object?[] and ["storage", Pickle.Global("torch", var type), string key, _, long length, ..] && length >= 0
            && type.EndsWith(suffix, StringComparison.Ordinal)
            ? new TorchStorage(key, type[..^suffix.Length], length)
            : new PickleOpaque("an object outside the pickle");
    }
}

/// <summary>
/// A tensor as a PyTorch file describes it: element (i, j, …) lies at offset + i·stride₀ + j·stride₁ + … of its storage. Every
/// position has been checked to lie within the storage's claimed length.
/// </summary>
public sealed class TorchTensor
{
    private TorchTensor(TorchStorage storage, long offset, int[] shape, long[] stride, long end)
    {
        Storage = storage;
        Offset = offset;
        Shape = shape;
        Stride = stride;
        End = end;
    }

    /// <summary>Extents; none for a scalar.</summary>
    public IReadOnlyList<int> Shape { get; }

    /// <summary>Element type as PyTorch names it: Float, Half, BFloat16, Double, Long, ….</summary>
    public string TypeName => Storage.TypeName;

    /// <summary>Number of elements.</summary>
    public long Length => Shape.Aggregate(1L, (product, extent) => product * extent);

    internal TorchStorage Storage { get; }

    internal long Offset { get; }

    internal IReadOnlyList<long> Stride { get; }

    /// <summary>One past the highest position in the storage.</summary>
    internal long End { get; }

    /// <summary>Whether the elements follow one another, the last axis fastest.</summary>
    internal bool IsContiguous
    {
        get
        {
            var expected = 1L;
            for (var axis = Shape.Count - 1; axis >= 0; axis--)
            {
                if (Shape[axis] != 1 && Stride[axis] != expected)
                {
                    return false;
                }

                expected *= Shape[axis];
            }

            return true;
        }
    }

    /// <summary>
    /// The tensor of <c>_rebuild_tensor_v2(storage, offset, size, stride, …)</c>; an opaque value where the arguments are no such
    /// thing or reach beyond the storage.
    /// </summary>
    internal static object FromArguments(object?[] arguments)
    {
        if (arguments is not [TorchStorage storage, long offset, object?[] size, object?[] steps, ..]
            || size.Length != steps.Length || offset < 0)
        {
            return new PickleOpaque("a tensor without a sound description");
        }

        var (shape, stride) = (new int[size.Length], new long[size.Length]);
        Int128 last = offset;
        Int128 length = 1;
        for (var axis = 0; axis < shape.Length; axis++)
        {
            if (size[axis] is not (long extent and >= 0 and <= int.MaxValue) || steps[axis] is not (long step and >= 0))
            {
                return new PickleOpaque("a tensor without a sound description");
            }

            (shape[axis], stride[axis]) = ((int)extent, step);
            last += (Int128)(extent - 1) * step;
            length *= extent;
            if (length > long.MaxValue || last > long.MaxValue)
            {
                return new PickleOpaque("a tensor of an impossible size");
            }
        }

        var end = length == 0 ? 0 : (long)last + 1;
        return end <= storage.Length
            ? new TorchTensor(storage, offset, shape, stride, end)
            : new PickleOpaque($"a tensor that reaches to element {last} of a storage of {storage.Length}");
    }
}
