using System.Runtime.CompilerServices;
using SharpSeg.Kernels.Cpu.Convolution;
using SharpSeg.Kernels.Cpu.Simd;
using SharpSeg.Kernels.Cpu.Threading;

namespace SharpSeg.Kernels.Cpu.Winograd;

/// <summary>
/// Packs weights for <see cref="WinogradStrideWork{TLanes, TVector}"/>: for each block of output channels, for each of the nine
/// parts, planes × rows × columns of taps × channels × the block's values. A chunk is a block.
/// </summary>
internal unsafe struct PackStrideWeightsWork<TLanes, TVector> : IChunkedWork
    where TLanes : struct, ILanes<TVector>
    where TVector : unmanaged
{
    /// <summary>Weights (kz, 3, 3, rows, columns), as of a forward pass.</summary>
    public PackWeightsWork<TLanes, TVector> Source;

    /// <summary>Where the packed weights go.</summary>
    public float* Packed;

    /// <summary>Chunks of this work.</summary>
    public readonly int Chunks => PackWeightsWork<TLanes, TVector>.Blocks(Source.Outputs);

    /// <summary>Floats of the packed weights.</summary>
    public readonly long PackedLength => Chunks * BlockLength;

    // The weight for each of the five values along an axis, and what is added to it in B; none: −1.
    private static ReadOnlySpan<int> Weight => [0, 1, 0, 1, 2];

    private static ReadOnlySpan<int> Added => [-1, -1, 2, -1, -1];

    private static ReadOnlySpan<int> Boundary => WinogradStrideWork<TLanes, TVector>.Boundary;

    private readonly long BlockLength => (long)WinogradStrideWork<TLanes, TVector>.Points
        * WinogradStrideWork<TLanes, TVector>.Points * Source.Kernel.Z * Source.MatrixLength;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Run(int chunk, int worker)
    {
        var target = Packed + (chunk * BlockLength);
        for (var partY = 0; partY < 3; partY++)
        {
            for (var partX = 0; partX < 3; partX++)
            {
                for (var kz = 0; kz < Source.Kernel.Z; kz++)
                {
                    for (var y = Boundary[partY]; y < Boundary[partY + 1]; y++)
                    {
                        for (var x = Boundary[partX]; x < Boundary[partX + 1]; x++, target += Source.MatrixLength)
                        {
                            Put(chunk, kz, Weight[y], Weight[x], target, add: false);
                            Add(chunk, kz, Added[y], Weight[x], target);
                            Add(chunk, kz, Weight[y], Added[x], target);
                            Add(chunk, kz, Added[y], Added[x], target);
                        }
                    }
                }
            }
        }
    }

    private readonly void Add(int block, int kz, int ky, int kx, float* target)
    {
        if (ky >= 0 && kx >= 0)
        {
            Put(block, kz, ky, kx, target, add: true);
        }
    }

    /// <summary>Copies the block's columns of one tap's matrix, or adds them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void Put(int block, int kz, int ky, int kx, float* target, bool add)
    {
        int width = PackWeightsWork<TLanes, TVector>.Block, lanes = TLanes.Count, first = block * width;
        var count = Math.Min(width, Source.Columns - first);
        var from = Source.W + ((((((long)kz * 3) + ky) * 3) + kx) * Source.Rows * Source.Columns) + first;
        for (var row = 0; row < Source.Rows; row++, from += Source.Columns, target += width)
        {
            if (count == width)
            {
                TVector a = TLanes.Load(from), b = TLanes.Load(from + lanes);
                TLanes.Store(target, add ? TLanes.Add(a, TLanes.Load(target)) : a);
                TLanes.Store(target + lanes, add ? TLanes.Add(b, TLanes.Load(target + lanes)) : b);
                continue;
            }

            for (var i = 0; i < width; i++)
            {
                target[i] = (i < count ? from[i] : 0) + (add ? target[i] : 0);
            }
        }
    }
}
