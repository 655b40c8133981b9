using System.Runtime.CompilerServices;
using SharpSeg.Kernels.Cpu.Convolution;
using SharpSeg.Kernels.Cpu.Simd;
using SharpSeg.Kernels.Cpu.Threading;

namespace SharpSeg.Kernels.Cpu.Winograd;

/// <summary>
/// Last step of the Winograd weight gradient: adds the sets of sums in order, turns the points into 27 (9) taps and writes them
/// in the weights' layout. A chunk is one block of input channels × one block of output channels.
/// </summary>
internal unsafe struct WinogradGradientSumWork<TLanes, TVector> : IChunkedWork
    where TLanes : struct, ILanes<TVector>
    where TVector : unmanaged
{
    /// <summary>Sums, see <see cref="WinogradGradientWork{TLanes, TVector}"/>.</summary>
    public float* Sums;

    /// <summary>Sets of sums.</summary>
    public int Parts;

    /// <summary>Floats per set.</summary>
    public long PartLength;

    /// <summary>3×3×3 instead of 1×3×3.</summary>
    public bool Deep;

    /// <summary>F(3, 4) along y and x.</summary>
    public bool Wide;

    /// <summary>Input channels.</summary>
    public int Cin;

    /// <summary>Output channels.</summary>
    public int Cout;

    /// <summary>Add to the target.</summary>
    public bool Accumulate;

    /// <summary>Target (taps, Cin, Cout).</summary>
    public float* Dw;

    /// <summary>Number of chunks.</summary>
    public readonly int Chunks => InputBlocks * PackWeightsWork<TLanes, TVector>.Blocks(Cout);

    private readonly int InputRows => GradientTile<TLanes, TVector>.RowsFor(Cin);

    private readonly int InputBlocks => (Cin + InputRows - 1) / InputRows;

    /// <inheritdoc/>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Run(int chunk, int worker)
    {
        int lanes = TLanes.Count, width = PackWeightsWork<TLanes, TVector>.Block, height = GradientTile<TLanes, TVector>.Height;
        int blocks = PackWeightsWork<TLanes, TVector>.Blocks(Cout), block = chunk % blocks,
        firstInput = chunk / blocks * InputRows;
        int perPlane = Wide ? 36 : 16, planes = Deep ? 4 : 1;
        var pitch = PartLength / (perPlane * planes);
        var raw = stackalloc float[(36 + 36 + 18 + 1) * 16];
        var buffer = (float*)(((nint)raw + 63) & ~(nint)63);
        for (var i = 0; i < InputRows && firstInput + i < Cin; i++)
        {
            for (var q = 0; q < width && (block * width) + q < Cout; q += lanes)
            {
                var source = Sums + ((long)chunk * height * width) + (i * width) + q;
                for (var z = 0; z < planes; z++)
                {
                    if (Wide)
                    {
                        WidePlane(source + (36 * z * pitch), pitch, buffer + (36 * lanes), buffer + (9 * z * lanes));
                    }
                    else
                    {
                        Plane(source + (16 * z * pitch), pitch, buffer + (9 * z * lanes));
                    }
                }

                var target = Dw + ((long)(firstInput + i) * Cout) + (block * width) + q;
                var count = Math.Min(lanes, Cout - (block * width) - q);
                for (var tap = 0; tap < 9; tap++)
                {
                    var b = buffer + (tap * lanes);
                    if (!Deep)
                    {
                        Put(target, tap, TLanes.Load(b), count);
                        continue;
                    }

                    WinogradTransforms<TLanes, TVector>.ThreeOutputs(
                        TLanes.Load(b), TLanes.Load(b + (9 * lanes)), TLanes.Load(b + (18 * lanes)),
                        TLanes.Load(b + (27 * lanes)),
                        out var w0, out var w1, out var w2);
                    Put(target, tap, w0, count);
                    Put(target, 9 + tap, w1, count);
                    Put(target, 18 + tap, w2, count);
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly void Put(float* target, int tap, TVector value, int count)
    {
        target += (long)tap * Cin * Cout;
        TLanes.StoreFirst(target, Accumulate ? TLanes.Add(value, TLanes.Load(target)) : value, count);
    }

    /// <summary>6×6 points → 3×3 taps.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly void WidePlane(float* s, long pitch, float* scratch, float* taps)
    {
        var lanes = TLanes.Count;
        var rows = scratch + (36 * lanes);
        for (var point = 0; point < 36; point++)
        {
            TLanes.Store(scratch + (point * lanes), Point(s + (point * pitch)));
        }

        for (var y = 0; y < 6; y++)
        {
            WinogradTransforms<TLanes, TVector>.WideThreeOutputs(scratch + (6 * y * lanes), lanes, rows + (3 * y * lanes), lanes);
        }

        for (var x = 0; x < 3; x++)
        {
            WinogradTransforms<TLanes, TVector>.WideThreeOutputs(rows + (x * lanes), 3 * lanes, taps + (x * lanes), 3 * lanes);
        }
    }

    /// <summary>4×4 points → 3×3 taps.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly void Plane(float* s, long pitch, float* taps)
    {
        var lanes = TLanes.Count;
        Row(s, pitch, out var a0, out var a1, out var a2);
        Row(s + (4 * pitch), pitch, out var b0, out var b1, out var b2);
        Row(s + (8 * pitch), pitch, out var c0, out var c1, out var c2);
        Row(s + (12 * pitch), pitch, out var d0, out var d1, out var d2);
        Column(a0, b0, c0, d0, taps);
        Column(a1, b1, c1, d1, taps + lanes);
        Column(a2, b2, c2, d2, taps + (2 * lanes));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly void Row(float* s, long pitch, out TVector w0, out TVector w1, out TVector w2) =>
        WinogradTransforms<TLanes, TVector>.ThreeOutputs(
            Point(s), Point(s + pitch), Point(s + (2 * pitch)), Point(s + (3 * pitch)), out w0, out w1, out w2);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Column(TVector a, TVector b, TVector c, TVector d, float* taps)
    {
        WinogradTransforms<TLanes, TVector>.ThreeOutputs(a, b, c, d, out var w0, out var w1, out var w2);
        TLanes.Store(taps, w0);
        TLanes.Store(taps + (3 * TLanes.Count), w1);
        TLanes.Store(taps + (6 * TLanes.Count), w2);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly TVector Point(float* s)
    {
        var sum = TLanes.Load(s);
        for (var part = 1; part < Parts; part++)
        {
            sum = TLanes.Add(sum, TLanes.Load(s + (part * PartLength)));
        }

        return sum;
    }
}
