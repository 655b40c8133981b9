using System.Runtime.Intrinsics;

namespace SharpSeg.Kernels.Cpu.Simd;

/// <summary>
/// One instruction set, seen as operations on a vector of float32 lanes. Kernels are written once against it; the runtime
/// compiles them separately for each implementation (all are structs), so that every call becomes one instruction.
/// </summary>
/// <typeparam name="TVector">The vector type, e.g. Vector512&lt;float&gt;.</typeparam>
internal unsafe interface ILanes<TVector>
    where TVector : unmanaged
{
    /// <summary>Name for people.</summary>
    static abstract string Name { get; }

    /// <summary>Lanes per vector.</summary>
    static abstract int Count { get; }

    /// <summary>32 vector registers (12 × 2 accumulators fit) instead of 16 (6 × 2 fit).</summary>
    static abstract bool ManyRegisters { get; }

    /// <summary>All lanes 0.</summary>
    static abstract TVector Zero { get; }

    /// <summary>Reads Count values.</summary>
    static abstract TVector Load(float* p);

    /// <summary>Writes Count values.</summary>
    static abstract void Store(float* p, TVector v);

    /// <summary>Writes the first <paramref name="count"/> lanes (0..Count) and touches nothing behind them.</summary>
    static abstract void StoreFirst(float* p, TVector v, int count);

    /// <summary>The same value in all lanes.</summary>
    static abstract TVector Broadcast(float value);

    /// <summary>a + b.</summary>
    static abstract TVector Add(TVector a, TVector b);

    /// <summary>a − b.</summary>
    static abstract TVector Subtract(TVector a, TVector b);

    /// <summary>a · b.</summary>
    static abstract TVector Multiply(TVector a, TVector b);

    /// <summary>a / b.</summary>
    static abstract TVector Divide(TVector a, TVector b);

    /// <summary>a · b + c, rounded once where the hardware can.</summary>
    static abstract TVector MultiplyAdd(TVector a, TVector b, TVector c);

    /// <summary>Larger of both.</summary>
    static abstract TVector Max(TVector a, TVector b);

    /// <summary>Smaller of both.</summary>
    static abstract TVector Min(TVector a, TVector b);

    /// <summary>√a.</summary>
    static abstract TVector Sqrt(TVector a);

    /// <summary>Lane by lane: test &gt; 0 ? a : b.</summary>
    static abstract TVector SelectPositive(TVector test, TVector a, TVector b);

    /// <summary>Nearest whole number.</summary>
    static abstract TVector Round(TVector a);

    /// <summary>2ⁿ for whole n in −126..127.</summary>
    static abstract TVector PowerOfTwo(TVector n);

    /// <summary>For positive normal x: e = floor(log2 x), and x / 2^e in 1..2.</summary>
    static abstract TVector SplitExponent(TVector x, out TVector mantissa);

    /// <summary>Lane i = v[indices[i]].</summary>
    static abstract TVector Permute(TVector v, int* indices);

    /// <summary>Sum of the lanes, in a fixed order.</summary>
    static abstract float Sum(TVector v);

    /// <summary>The sums of four vectors' lanes.</summary>
    static abstract Vector128<float> Sums(TVector a, TVector b, TVector c, TVector d);
}
