using SharpSeg.KernelSanitizer;

namespace ILGPU.Runtime;

/// <summary>A view whose elements lie next to each other, so that it can be copied in one piece.</summary>
/// <typeparam name="T">Element type.</typeparam>
public interface IContiguousArrayView<T>
    where T : unmanaged
{
    /// <summary>Number of elements.</summary>
    long Length { get; }

    /// <summary>The memory behind the view.</summary>
    internal CheckedMemory? Memory { get; }

    /// <summary>First byte of the view in <see cref="Memory"/>.</summary>
    internal long OffsetInBytes { get; }
}
