namespace SharpSeg.Kernels.Cpu.Volumes;

/// <summary>Scratch memory that is kept between samples and grows to the largest request.</summary>
internal sealed class GrowingBuffer<T>
{
    private T[] array = [];

    /// <summary>The first elements, with arbitrary contents.</summary>
    public Span<T> Take(int length)
    {
        if (array.Length < length)
        {
            array = GC.AllocateUninitializedArray<T>(length);
        }

        return array.AsSpan(0, length);
    }
}
