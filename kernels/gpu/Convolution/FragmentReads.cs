using System.Runtime.CompilerServices;
using ILGPU;
using ILGPU.IR.Intrinsics;
using SharpSeg.Kernels.Gpu.Device;

namespace SharpSeg.Kernels.Gpu.Convolution;

/// <summary>
/// A lane's place in shared memory, from which its warp reads whole operands of mma.sync: ldmatrix, which takes four matrices of
/// eight rows of sixteen bytes. Lane l names row l mod 8 of matrix l / 8 by its place, and gets word l mod 4 of row l / 4 of each
/// matrix: the registers of <see cref="TensorFragment"/> in order. The distance from the place is a constant in the instruction,
/// so that a read costs no arithmetic.
/// </summary>
internal struct SharedFragments
{
    private uint address;                                 // in the window of shared memory, bytes

    /// <summary>The place of a word, which begins sixteen bytes of a row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SharedFragments At(ArrayView<uint> words, int word)
    {
        var place = default(SharedFragments);
        place.address = AddressInShared(ref words[word]);
        return place;
    }

    /// <summary>
    /// The four matrices that lie <paramref name="words"/> (a constant, a multiple of four) behind the lanes' places. All threads
    /// of the warp must call this together.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TensorFragment Read(SharedFragments place, int words) => ReadMatrices(place.address, words);

    /// <summary>
    /// The same, each matrix transposed: a lane gets halves of a word from rows 2·(l mod 4) and the next, column l / 4. Elements
    /// of 16 bits only. All threads of the warp must call this together.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TensorFragment ReadTransposed(SharedFragments place, int words) =>
        ReadMatricesTransposed(place.address, words);

    /// <summary>The place a number of words behind another; it need not be a constant.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SharedFragments Behind(SharedFragments place, int words)
    {
        place.address += (uint)(words * sizeof(uint));
        return place;
    }

    /// <summary>The address of a word of shared memory; its PTX is <see cref="PtxGenerators"/>', as is the others'.</summary>
    [IntrinsicImplementation]
    internal static uint AddressInShared(ref uint word) => throw TensorInstructions.NotHere();

    /// <summary>ldmatrix.</summary>
    [IntrinsicImplementation]
    internal static TensorFragment ReadMatrices(uint address, int words) => throw TensorInstructions.NotHere();

    /// <summary>ldmatrix.trans.</summary>
    [IntrinsicImplementation]
    internal static TensorFragment ReadMatricesTransposed(uint address, int words) => throw TensorInstructions.NotHere();
}

/// <summary>
/// A lane's place in device memory that nobody writes while the kernel runs, at fragments in the order of the lanes
/// (<see cref="PackedWeights"/>).
/// </summary>
internal struct PackedFragments
{
    private ulong address;

    /// <summary>The place of a fragment.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static PackedFragments At(ArrayView<TensorFragment> packed, int index)
    {
        var place = default(PackedFragments);
        place.address = AddressInGlobal(ref packed[index]);
        return place;
    }

    /// <summary>The fragment that lies <paramref name="fragments"/> (a constant) behind the place.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TensorFragment Read(PackedFragments place, int fragments) => ReadFragment(place.address, fragments);

    /// <summary>The address of a fragment.</summary>
    [IntrinsicImplementation]
    internal static ulong AddressInGlobal(ref TensorFragment fragment) => throw TensorInstructions.NotHere();

    /// <summary>A read of sixteen bytes.</summary>
    [IntrinsicImplementation]
    internal static TensorFragment ReadFragment(ulong address, int fragments) => throw TensorInstructions.NotHere();
}
