namespace SharpSeg.KernelSanitizer;

/// <summary>
/// The PTX instructions of the tensor-core kernels, after the PTX ISA's tables ("Matrix Fragments for mma.m16n8k8 / m16n8k16") and its
/// section on cvt. Written apart from the kernels' fragment type on purpose: each checks the other.
/// </summary>
internal static class PtxInstructions
{
    private const string Fragments = "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};";

    /// <summary>cvt with one operand.</summary>
    internal static uint Convert(string asm, float a) => asm switch
    {
        // Round to nearest, ties away from zero, to 10 bits of mantissa; infinities and NaN keep their upper bits.
        "cvt.rna.tf32.f32 %0, %1;" => float.IsFinite(a)
            ? (BitConverter.SingleToUInt32Bits(a) + 0x1000u) & 0xFFFFE000u
            : BitConverter.SingleToUInt32Bits(a) & 0xFFFFE000u,
        _ => throw Unknown(asm),
    };

    /// <summary>cvt that packs two numbers: the first operand becomes the upper half.</summary>
    internal static uint Convert(string asm, float a, float b) => asm switch
    {
        "cvt.rn.f16x2.f32 %0, %1, %2;" => ((uint)ToHalf(a) << 16) | ToHalf(b),
        "cvt.rn.bf16x2.f32 %0, %1, %2;" => ((uint)ToBFloat(a) << 16) | ToBFloat(b),
        _ => throw Unknown(asm),
    };

    /// <summary>mma.sync: this thread's four sums c of the 16×8 tile, from the operands of the whole warp.</summary>
    internal static void Multiply(string asm, int lane, WarpWords warp, Span<float> c)
    {
        if (warp.Count != GroupRun.WarpSize)
        {
            throw KernelFaultException.Divergent($"mma.sync in a warp of {warp.Count} threads");
        }

        var name = asm.EndsWith(Fragments, StringComparison.Ordinal) ? asm[..^Fragments.Length].TrimEnd() : asm;
        var (depth, a, b) = name switch
        {
            "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32" => (8, (Element)WideA, (Element)WideB),
            "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32" => (16, HalfA, HalfB),
            "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32" => (16, BFloatA, BFloatB),
            _ => throw Unknown(asm),
        };
        var (group, inGroup) = (lane >> 2, lane & 3);
        for (var i = 0; i < 4; i++)
        {
            var row = group + ((i >> 1) * 8);
            var column = (inGroup * 2) + (i & 1);
            var sum = 0f;
            for (var k = 0; k < depth; k++)
            {
                sum += a(warp, row, k) * b(warp, column, k);
            }

            c[i] += sum;
        }
    }

    private delegate float Element(WarpWords warp, int rowOrColumn, int k);

    // 32-bit elements: a0 (row g, k t), a1 (g + 8, t), a2 (g, t + 4), a3 (g + 8, t + 4); b0 (k t, column g), b1 (t + 4, g); the unit
    // reads the upper 19 bits.
    private static float WideA(WarpWords warp, int row, int k) => Tf32(warp[((row & 7) * 4) + (k & 3)][(row >> 3) + ((k >> 2) * 2)]);

    private static float WideB(WarpWords warp, int column, int k) => Tf32(warp[(column * 4) + (k & 3)][4 + (k >> 2)]);

    private static float Tf32(uint bits) => BitConverter.UInt32BitsToSingle(bits & 0xFFFFE000u);

    // 16-bit elements, two to a register, the lower k in the lower half: register 0 (row g, k 2t), 1 (g + 8, 2t), 2 (g, 2t + 8),
    // 3 (g + 8, 2t + 8); b register 0 (k 2t, column g), 1 (2t + 8, g).
    private static ushort PackedA(WarpWords warp, int row, int k) =>
        HalfOf(warp[((row & 7) * 4) + ((k & 7) >> 1)][(row >> 3) + ((k >> 3) * 2)], k);

    private static ushort PackedB(WarpWords warp, int column, int k) => HalfOf(warp[(column * 4) + ((k & 7) >> 1)][4 + (k >> 3)], k);

    private static ushort HalfOf(uint pair, int k) => (ushort)(pair >> ((k & 1) * 16));

    private static float HalfA(WarpWords warp, int row, int k) => (float)BitConverter.UInt16BitsToHalf(PackedA(warp, row, k));

    private static float HalfB(WarpWords warp, int column, int k) => (float)BitConverter.UInt16BitsToHalf(PackedB(warp, column, k));

    private static float BFloatA(WarpWords warp, int row, int k) => BitConverter.UInt32BitsToSingle((uint)PackedA(warp, row, k) << 16);

    private static float BFloatB(WarpWords warp, int column, int k) => BitConverter.UInt32BitsToSingle((uint)PackedB(warp, column, k) << 16);

    private static ushort ToHalf(float value) => BitConverter.HalfToUInt16Bits((Half)value);

    private static ushort ToBFloat(float value)
    {
        var bits = BitConverter.SingleToUInt32Bits(value);
        return float.IsNaN(value) ? (ushort)0x7FFF : (ushort)((bits + 0x7FFFu + ((bits >> 16) & 1u)) >> 16);
    }

    private static NotSupportedException Unknown(string asm) => new($"the emulator does not know the PTX instruction `{asm}`");
}
