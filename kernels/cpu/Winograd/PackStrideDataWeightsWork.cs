using System.Runtime.CompilerServices;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Cpu.Convolution;
using SharpSeg.Kernels.Cpu.Simd;
using SharpSeg.Kernels.Cpu.Threading;

namespace SharpSeg.Kernels.Cpu.Winograd;

/// <summary>
/// Packs weights for <see cref="WinogradStrideDataWork{TLanes, TVector}"/>: for each block of the gradient's channels, for each
/// residue of z, for each of the 4 × 4 weights along y and x, the taps along z × reduction channels × the block's values. A chunk
/// is one block × one tap along z.
/// </summary>
internal unsafe struct PackStrideDataWeightsWork<TLanes, TVector> : IChunkedWork
    where TLanes : struct, ILanes<TVector>
    where TVector : unmanaged
{
    private const int Points = WinogradStrideDataWork<TLanes, TVector>.Points;

    /// <summary>Transposed weights (kz, 3, 3, rows, columns) with one tap along z, whose place is set for each chunk.</summary>
    public PackWeightsWork<TLanes, TVector> Source;

    /// <summary>Stride along z.</summary>
    public int Stride;

    /// <summary>Where the packed weights go.</summary>
    public float* Packed;

    /// <summary>Scratch: <see cref="ScratchPerWorker"/> floats per worker.</summary>
    public float* Scratch;

    /// <summary>Chunks of this work.</summary>
    public readonly int Chunks => PackWeightsWork<TLanes, TVector>.Blocks(Source.Outputs) * Source.Kernel.Z;

    /// <summary>Floats of the packed weights.</summary>
    public readonly long PackedLength => Points * Points * Chunks * Source.MatrixLength;

    /// <summary>Floats of the nine matrices of a plane of taps.</summary>
    public readonly long ScratchPerWorker => 9 * Source.MatrixLength;

    // The taps along an axis whose sum each weight is; none: −1.
    private static ReadOnlySpan<int> Tap => [2, 1, 0, 0];

    private static ReadOnlySpan<int> Added => [-1, -1, 2, -1];

    /// <summary>
    /// How many taps input planes z ≡ residue (mod stride) have; the highest, whose next is a stride lower; and, for the first of
    /// these planes, the gradient's plane that it reads (the next tap reads the next plane).
    /// </summary>
    public static int TapsOf(int residue, int kernel, int stride, int padding, out int highest, out int first)
    {
        var shifted = residue + padding;
        highest = kernel - 1 - ((((kernel - 1 - shifted) % stride) + stride) % stride);
        first = (shifted - highest) / stride;
        return (highest / stride) + 1;
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Run(int chunk, int worker)
    {
        int block = chunk / Source.Kernel.Z, rest = chunk % Source.Kernel.Z, residue = 0, padding = (Source.Kernel.Z - 1) / 2;
        var length = (nint)Source.MatrixLength;
        var target = Packed + ((long)block * Source.Kernel.Z * Points * Points * length);
        int taps, highest;
        while ((taps = TapsOf(residue, Source.Kernel.Z, Stride, padding, out highest, out _)) <= rest)
        {
            rest -= taps;
            residue++;
            target += (nint)taps * Points * Points * length;
        }

        target += rest * length;
        var plane = Source with
        {
            Window = new Extent(1, 3, 3),
            KernelFirst = new Extent(highest - (rest * Stride), 0, 0),
            KernelStep = Extent.One,
        };
        var matrices = Scratch + (worker * ScratchPerWorker);
        for (var tap = 0; tap < 9; tap++)
        {
            plane.Pack((block * 9) + tap, matrices + (tap * length));
        }

        for (var y = 0; y < Points; y++)
        {
            for (var x = 0; x < Points; x++, target += taps * length)
            {
                Sum(matrices, Tap[y], Tap[x], target, add: false);
                Sum(matrices, Added[y], Tap[x], target, add: true);
                Sum(matrices, Tap[y], Added[x], target, add: true);
                Sum(matrices, Added[y], Added[x], target, add: true);
            }
        }
    }

    /// <summary>Copies or adds one tap's matrix; whole vectors, as its rows are.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void Sum(float* matrices, int tapY, int tapX, float* target, bool add)
    {
        if (tapY < 0 || tapX < 0)
        {
            return;
        }

        var length = (nint)Source.MatrixLength;
        var source = matrices + (((tapY * 3) + tapX) * length);
        for (nint i = 0; i < length; i += TLanes.Count)
        {
            var value = TLanes.Load(source + i);
            TLanes.Store(target + i, add ? TLanes.Add(value, TLanes.Load(target + i)) : value);
        }
    }
}
