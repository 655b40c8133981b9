using System.Runtime.CompilerServices;
using SharpSeg.Kernels.Cpu.Simd;
using SharpSeg.Kernels.Cpu.Threading;

namespace SharpSeg.Kernels.Cpu.Convolution;

/// <summary>
/// Adds the voxel parts of a weight gradient in order and writes it in the tensor's layout. A chunk is one tile: some entries of
/// one run of taps and input channels.
/// </summary>
internal unsafe struct SumGradientPartsWork<TLanes, TVector> : IChunkedWork
    where TLanes : struct, ILanes<TVector>
    where TVector : unmanaged
{
    /// <summary>Sums as laid out by <see cref="DirectGradientWork{TLanes, TVector}"/>.</summary>
    public float* Sums;

    /// <summary>Number of parts.</summary>
    public int Parts;

    /// <summary>Floats per part.</summary>
    public long PartLength;

    /// <summary>Entries of a run: taps times input channels.</summary>
    public int Run;

    /// <summary>Entries of a run in one tile.</summary>
    public int TileRows;

    /// <summary>Channels of the input.</summary>
    public int Cin;

    /// <summary>Channels of the gradient.</summary>
    public int Cout;

    /// <summary>Write (tap, Cout, Cin) instead of (tap, Cin, Cout).</summary>
    public bool Swap;

    /// <summary>Add to the target.</summary>
    public bool Accumulate;

    /// <summary>Target.</summary>
    public float* Dw;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    readonly void IChunkedWork.Run(int chunk, int worker)
    {
        int height = GradientTile<TLanes, TVector>.Height, width = PackWeightsWork<TLanes, TVector>.Block;
        int blocks = PackWeightsWork<TLanes, TVector>.Blocks(Cout), window = Run / Cin,
        runBlocks = (Run + TileRows - 1) / TileRows;
        int line = chunk / runBlocks, first = chunk % runBlocks * TileRows;
        var tiles = Sums + ((long)chunk * blocks * height * width);
        for (var i = 0; i < TileRows && first + i < Run; i++)
        {
            int tap = (line * window) + ((first + i) / Cin), c = (first + i) % Cin;
            for (var q = 0; q < Cout; q += TLanes.Count)
            {
                var source = tiles + ((((q / width) * height) + i) * width) + (q % width);
                var sum = TLanes.Load(source);
                for (var part = 1; part < Parts; part++)
                {
                    sum = TLanes.Add(sum, TLanes.Load(source + (part * PartLength)));
                }

                Write(sum, tap, c, q, Math.Min(TLanes.Count, Cout - q));
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly void Write(TVector sum, int tap, int c, int q, int count)
    {
        if (!Swap)
        {
            var target = Dw + ((((long)tap * Cin) + c) * Cout) + q;
            TLanes.StoreFirst(target, Accumulate ? TLanes.Add(sum, TLanes.Load(target)) : sum, count);
            return;
        }

        var values = stackalloc float[16];
        TLanes.Store(values, sum);
        for (var i = 0; i < count; i++)
        {
            var target = Dw + ((((long)tap * Cout) + q + i) * Cin) + c;
            *target = Accumulate ? *target + values[i] : values[i];
        }
    }
}
