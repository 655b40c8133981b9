using System.Runtime.CompilerServices;
using ILGPU;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Gpu.Convolution;

namespace SharpSeg.Kernels.Gpu.Device;

/// <summary>
/// Numbers of 16 bits in device memory: two to a word, the one with the lower index in the lower half. Kernels see words, read
/// and write whole ones only, and compute in float32. Their format is one of <see cref="TileWords"/>' constants.
/// </summary>
internal static class Elements
{
    private const uint HalfMagnitude = 0x7FFF, HalfInfinity = 0x7C00, HalfNormal = 0x400;
    private const uint Rebias = (127 - 15) << 23;         // between the exponents of float16 and float32
    private const float SmallestNormalHalf = 1f / 16384f;

    /// <summary>The format of a tensor's elements.</summary>
    public static int FormatOf(Tensor tensor) => tensor.Element switch
    {
        ElementType.Bf16 => TileWords.Bf16,
        ElementType.Fp16 => TileWords.Fp16,
        _ => TileWords.Float32,
    };

    /// <summary>Place of a kernel among three: float32, bfloat16, float16.</summary>
    public static int IndexOf(Tensor tensor) => (int)tensor.Element;

    /// <summary>The number with the lower index.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Lower(float word, int format)
    {
        var bits = Interop.FloatAsInt(word);
        return format == TileWords.Bf16 ? Interop.IntAsFloat(bits << 16) : FromFp16(bits & 0xFFFF);
    }

    /// <summary>The number with the higher index.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Upper(float word, int format)
    {
        var bits = Interop.FloatAsInt(word);
        return format == TileWords.Bf16 ? Interop.IntAsFloat(bits & 0xFFFF0000) : FromFp16(bits >> 16);
    }

    /// <summary>Two numbers, rounded to the nearest, as a word.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Word(float lower, float upper, int format) => Interop.IntAsFloat(TileWords.Pair(lower, upper, format));

    /// <summary>Four numbers from two words.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 Four(Float2 words, int format)
    {
        var four = default(Float4);
        four.X = Lower(words.X, format);
        four.Y = Upper(words.X, format);
        four.Z = Lower(words.Y, format);
        four.W = Upper(words.Y, format);
        return four;
    }

    /// <summary>Four numbers as two words.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float2 Words(Float4 four, int format)
    {
        var words = default(Float2);
        words.X = Word(four.X, four.Y, format);
        words.Y = Word(four.Z, four.W, format);
        return words;
    }

    /// <summary>Element number <paramref name="index"/>, not negative, of memory that nobody writes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float One(ArrayView<float> words, long index, int format)
    {
        var word = ReadOnlyMemory.Read(words, index >> 1);
        return (index & 1) == 0 ? Lower(word, format) : Upper(word, format);
    }

    /// <summary>Elements 4·quad … 4·quad + 3 of memory that nobody writes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 Four(ArrayView<float> words, long quad, int format) =>
        Four(ReadOnlyMemory.Read(words.Cast<Float2>(), quad), format);

    // Exponents are moved by addition; what has none (below 2^-14) is made with one, which is subtracted again: exact.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float FromFp16(uint half)
    {
        var magnitude = half & HalfMagnitude;
        var bits = (magnitude << 13) + Rebias;
        var small = Interop.IntAsFloat(bits + (1u << 23)) - SmallestNormalHalf;
        bits = magnitude >= HalfInfinity ? bits + Rebias : magnitude < HalfNormal ? Interop.FloatAsInt(small) : bits;
        return Interop.IntAsFloat(bits | ((half & 0x8000) << 16));
    }
}
