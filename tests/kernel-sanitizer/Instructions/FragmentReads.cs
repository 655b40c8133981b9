using System.Runtime.CompilerServices;
using ILGPU;
using SharpSeg.KernelSanitizer;

namespace SharpSeg.Kernels.Gpu.Convolution;

/// <summary>
/// In place of the kernels' own, which is PTX: ldmatrix.x4 after the PTX ISA ("Warp-level matrix load instruction"). Lanes 8m to
/// 8m + 7 name the rows of matrix m; lane l gets the l mod 4-th word of row l / 4 of each.
/// </summary>
internal readonly struct SharedFragments
{
    private readonly ArrayView<uint> memory;
    private readonly int place;

    private SharedFragments(ArrayView<uint> words, int word) => (memory, place) = (words, word);

    public static SharedFragments At(ArrayView<uint> words, int word) => new(words, word);

    public static SharedFragments Behind(SharedFragments place, int words) => new(place.memory, place.place + words);

    public static TensorFragment Read(
        SharedFragments place, int words, [CallerFilePath] string file = "", [CallerLineNumber] int line = 0)
    {
        var (inWarp, warp) = Rows(place, words, new SourceLine(file, line));
        uint Word(int matrix) => place.memory[(int)warp[(8 * matrix) + (inWarp >> 2)] + (inWarp & 3)];
        return new TensorFragment { R0 = Word(0), R1 = Word(1), R2 = Word(2), R3 = Word(3) };
    }

    // .trans: halves of 16 bits; a lane's lower half is row 2·(l mod 4), its upper half the next row, both of column l / 4.
    public static TensorFragment ReadTransposed(
        SharedFragments place, int words, [CallerFilePath] string file = "", [CallerLineNumber] int line = 0)
    {
        var (inWarp, warp) = Rows(place, words, new SourceLine(file, line));
        var column = inWarp >> 2;
        uint Half(int matrix, int row) =>
            (place.memory[(int)warp[(8 * matrix) + row] + (column / 2)] >> (16 * (column % 2))) & 0xFFFF;
        uint Word(int matrix) => Half(matrix, 2 * (inWarp & 3)) | (Half(matrix, (2 * (inWarp & 3)) + 1) << 16);
        return new TensorFragment { R0 = Word(0), R1 = Word(1), R2 = Word(2), R3 = Word(3) };
    }

    // The places of the rows of all lanes, this lane's number, and the check that ldmatrix makes of them.
    private static (int Lane, WarpWords Warp) Rows(SharedFragments place, int words, SourceLine site)
    {
        var lane = Lane.Here;
        var first = place.place + words;
        if (first % 4 != 0)
        {
            throw KernelFaultException.Misaligned(typeof(TensorFragment), 4L * first, null);
        }

        return (lane.Index % GroupRun.WarpSize, lane.Group.Collective(lane, site, (uint)first));
    }
}

/// <summary>In place of the kernels' own: a checked view reads values.</summary>
internal readonly struct PackedFragments
{
    private readonly ArrayView<TensorFragment> packed;
    private readonly int place;

    private PackedFragments(ArrayView<TensorFragment> packed, int index) => (this.packed, place) = (packed, index);

    public static PackedFragments At(ArrayView<TensorFragment> packed, int index) => new(packed, index);

    public static TensorFragment Read(PackedFragments place, int fragments) => place.packed[place.place + fragments];
}
