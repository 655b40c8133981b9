namespace SharpSeg.KernelSanitizer;

/// <summary>
/// The PTX instructions of the tensor-core kernels, after the PTX ISA's tables ("Matrix Fragments for mma.m16n8k8 / m16n8k16")
/// and its section on cvt. Written apart from the kernels' fragment type on purpose: each checks the other.
/// </summary>
internal static class PtxInstructions
{
    /// <summary>
    /// The numbers that mma.sync multiplies: how deep it goes, and how it takes an element from the operands of a warp.
    /// </summary>
    internal sealed record Numbers(int Depth, Element A, Element B);

    /// <summary>An element (row or column, k) of an operand.</summary>
    internal delegate float Element(WarpOperands warp, int rowOrColumn, int k);

    /// <summary>m16n8k8 of tf32.</summary>
    internal static readonly Numbers Tf32 = new(8, WideA, WideB);

    /// <summary>m16n8k16 of float16.</summary>
    internal static readonly Numbers Fp16 = new(16, HalfA, HalfB);

    /// <summary>m16n8k16 of bfloat16.</summary>
    internal static readonly Numbers Bf16 = new(16, BFloatA, BFloatB);

    /// <summary>
    /// cvt.rna.tf32.f32: to nearest, ties away from zero, to 10 bits of mantissa; infinities and NaN keep their upper bits.
    /// </summary>
    internal static uint ToTf32(float a) => float.IsFinite(a)
        ? (BitConverter.SingleToUInt32Bits(a) + 0x1000u) & 0xFFFFE000u
        : BitConverter.SingleToUInt32Bits(a) & 0xFFFFE000u;

    /// <summary>cvt.rn.f16x2.f32: the first number becomes the upper half.</summary>
    internal static uint ToFp16(float a, float b) => ((uint)ToHalf(a) << 16) | ToHalf(b);

    /// <summary>cvt.rn.bf16x2.f32: the first number becomes the upper half.</summary>
    internal static uint ToBf16(float a, float b) => ((uint)ToBFloat(a) << 16) | ToBFloat(b);

    /// <summary>
    /// mma.sync without the sums that it adds to: for each thread of the warp its four elements of the 16×8 product.
    /// </summary>
    internal static void Multiply(Numbers numbers, WarpOperands warp, Span<float> products)
    {
        const int Rows = 16, Columns = 8, Deepest = 16;
        Span<float> a = stackalloc float[Rows * Deepest], b = stackalloc float[Columns * Deepest];
        for (var k = 0; k < numbers.Depth; k++)
        {
            for (var row = 0; row < Rows; row++)
            {
                a[(row * Deepest) + k] = numbers.A(warp, row, k);
            }

            for (var column = 0; column < Columns; column++)
            {
                b[(column * Deepest) + k] = numbers.B(warp, column, k);
            }
        }

        for (var lane = 0; lane < GroupRun.WarpSize; lane++)
        {
            var (group, inGroup) = (lane >> 2, lane & 3);
            for (var i = 0; i < WarpProducts.SumsPerLane; i++)
            {
                var ofRow = a.Slice((group + ((i >> 1) * 8)) * Deepest, Deepest);
                var ofColumn = b.Slice(((inGroup * 2) + (i & 1)) * Deepest, Deepest);
                var sum = 0f;
                for (var k = 0; k < numbers.Depth; k++)
                {
                    sum += ofRow[k] * ofColumn[k];
                }

                products[(lane * WarpProducts.SumsPerLane) + i] = sum;
            }
        }
    }

    // 32-bit elements: a0 (row g, k t), a1 (g + 8, t), a2 (g, t + 4), a3 (g + 8, t + 4); b0 (k t, column g), b1 (t + 4, g); the
    // unit
    // reads the upper 19 bits.
    private static float WideA(WarpOperands warp, int row, int k) =>
        Upper19(warp[((row & 7) * 4) + (k & 3), (row >> 3) + ((k >> 2) * 2)]);

    private static float WideB(WarpOperands warp, int column, int k) => Upper19(warp[(column * 4) + (k & 3), 4 + (k >> 2)]);

    private static float Upper19(uint bits) => BitConverter.UInt32BitsToSingle(bits & 0xFFFFE000u);

    // 16-bit elements, two to a register, the lower k in the lower half: register 0 (row g, k 2t), 1 (g + 8, 2t), 2 (g, 2t + 8),
    // 3 (g + 8, 2t + 8); b register 0 (k 2t, column g), 1 (2t + 8, g).
    private static ushort PackedA(WarpOperands warp, int row, int k) =>
        HalfOf(warp[((row & 7) * 4) + ((k & 7) >> 1), (row >> 3) + ((k >> 3) * 2)], k);

    private static ushort PackedB(WarpOperands warp, int column, int k) =>
        HalfOf(warp[(column * 4) + ((k & 7) >> 1), 4 + (k >> 3)], k);

    private static ushort HalfOf(uint pair, int k) => (ushort)(pair >> ((k & 1) * 16));

    private static float HalfA(WarpOperands warp, int row, int k) => (float)BitConverter.UInt16BitsToHalf(PackedA(warp, row, k));

    private static float HalfB(WarpOperands warp, int column, int k) =>
        (float)BitConverter.UInt16BitsToHalf(PackedB(warp, column, k));

    private static float BFloatA(WarpOperands warp, int row, int k) =>
        BitConverter.UInt32BitsToSingle((uint)PackedA(warp, row, k) << 16);

    private static float BFloatB(WarpOperands warp, int column, int k) =>
        BitConverter.UInt32BitsToSingle((uint)PackedB(warp, column, k) << 16);

    private static ushort ToHalf(float value) => BitConverter.HalfToUInt16Bits((Half)value);

    private static ushort ToBFloat(float value)
    {
        var bits = BitConverter.SingleToUInt32Bits(value);
        return float.IsNaN(value) ? (ushort)0x7FFF : (ushort)((bits + 0x7FFFu + ((bits >> 16) & 1u)) >> 16);
    }
}
