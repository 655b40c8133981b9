using System.Runtime.CompilerServices;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Cpu.Simd;
using SharpSeg.Kernels.Cpu.Threading;

namespace SharpSeg.Kernels.Cpu.Convolution;

/// <summary>
/// Packs weights for the tiles: for each block of 2·lanes output channels, for each tap in window order, for each reduction
/// channel, the block's 2·lanes values (zeros behind the last channel). A chunk is one block × one tap.
/// <para>Tap d of the window is kernel element KernelFirst + d·KernelStep. Plain: reduction channel r = row r of the weight
/// matrix, output channels = columns. Transposed (backward data): reduction = columns, outputs = rows RowFirst….</para>
/// </summary>
internal unsafe struct PackWeightsWork<TLanes, TVector> : IChunkedWork
    where TLanes : struct, ILanes<TVector>
    where TVector : unmanaged
{
    /// <summary>Weights (kz, ky, kx, Rows, Columns).</summary>
    public float* W;

    /// <summary>Kernel size.</summary>
    public Extent Kernel;

    /// <summary>Rows of each weight matrix (input channels of the forward pass).</summary>
    public int Rows;

    /// <summary>Columns of each weight matrix (output channels of the forward pass).</summary>
    public int Columns;

    /// <summary>Reduce over columns instead of rows.</summary>
    public bool Transposed;

    /// <summary>Transposed: first row that is an output channel.</summary>
    public int RowFirst;

    /// <summary>Number of output channels.</summary>
    public int Outputs;

    /// <summary>Taps per axis.</summary>
    public Extent Window;

    /// <summary>Kernel element of tap 0.</summary>
    public Extent KernelFirst;

    /// <summary>Kernel elements from one tap to the next (negative in backward data).</summary>
    public Extent KernelStep;

    /// <summary>Where the packed weights go.</summary>
    public float* Packed;

    /// <summary>Output channels per block.</summary>
    public static int Block => 2 * TLanes.Count;

    /// <summary>Number of blocks for some output channels.</summary>
    public static int Blocks(int outputs) => (outputs + Block - 1) / Block;

    /// <summary>Chunks of this work.</summary>
    public readonly int Chunks => Blocks(Outputs) * (int)Window.Voxels;

    /// <summary>Floats of the packed weights.</summary>
    public readonly long PackedLength => Chunks * MatrixLength;

    /// <summary>Floats of one block's weights for one tap.</summary>
    public readonly long MatrixLength => (long)(Transposed ? Columns : Rows) * Block;

    /// <inheritdoc/>
    public readonly void Run(int chunk, int worker) => Pack(chunk, Packed + (chunk * MatrixLength));

    /// <summary>Packs the weights of one chunk, number block × taps + tap, to memory of the caller's.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Pack(int chunk, float* target)
    {
        int taps = (int)Window.Voxels, tap = chunk % taps, block = chunk / taps;
        int dx = tap % Window.X, dy = tap / Window.X % Window.Y, dz = tap / Window.X / Window.Y;
        int kz = KernelFirst.Z + (dz * KernelStep.Z), ky = KernelFirst.Y + (dy * KernelStep.Y),
        kx = KernelFirst.X + (dx * KernelStep.X);
        var matrix = W + ((((((long)kz * Kernel.Y) + ky) * Kernel.X) + kx) * Rows * Columns);
        var first = block * Block;
        var count = Math.Min(Block, Outputs - first);
        if (Transposed)
        {
            Transposition.Run(matrix + ((long)(RowFirst + first) * Columns), Columns, count, Columns, target, Block);
            for (var r = 0; r < Columns && count < Block; r++)
            {
                new Span<float>(target + (r * Block) + count, Block - count).Clear();
            }
        }
        else
        {
            var source = matrix + first;
            for (var r = 0; r < Rows; r++, target += Block, source += Columns)
            {
                if (count == Block)
                {
                    TLanes.Store(target, TLanes.Load(source));
                    TLanes.Store(target + TLanes.Count, TLanes.Load(source + TLanes.Count));
                    continue;
                }

                new ReadOnlySpan<float>(source, count).CopyTo(new Span<float>(target, Block));
                new Span<float>(target + count, Block - count).Clear();
            }
        }
    }
}
