using System.Runtime.CompilerServices;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Cpu.Simd;
using SharpSeg.Kernels.Cpu.Threading;
using static SharpSeg.Kernels.Cpu.Threading.WorkParts;

namespace SharpSeg.Kernels.Cpu.Convolution;

/// <summary>
/// Convolution of a <see cref="TapProblem"/> over gathered voxels, for few voxels and many channels: one tap after the other, the
/// input voxels that it reads are copied side by side, wherever they lie, multiplied by the tap's matrix, and accumulated in the
/// output. Voxels whose tap lies outside the input are left out (a third of all products at 5×7×5), short rows leave no part of a
/// tile empty, and one tap's matrix, packed just before, is used by all voxels while it is in the caches.
/// </summary>
internal unsafe struct GatherConvWork<TLanes, TVector> : IScratchWork
    where TLanes : struct, ILanes<TVector>
    where TVector : unmanaged
{
    /// <summary>
    /// Tiles gathered at a time: each block's matrix (32 KiB at 256 channels) then stays in the first-level cache while they go
    /// by, and the tiles, which are read at a third of its rate, come from the second.
    /// </summary>
    private const int TilesPerSlice = 16;

    private TapProblem p;
    private PackWeightsWork<TLanes, TVector> weights;
    private float* bias;
    private bool accumulate;
    private int lineParts;
    private int blockParts;
    private int blocksPerPart;
    private float* tiles;

    /// <summary>Number of chunks.</summary>
    public readonly int Chunks => lineParts * blockParts;

    /// <summary>Floats of scratch memory per worker.</summary>
    public readonly long ScratchPerWorker => (SliceVoxels * RowPitch) + (blocksPerPart * weights.MatrixLength) + 64;

    /// <summary>Voxels of a tile.</summary>
    private static int TileVoxels => 3 * ForwardTile<TLanes, TVector>.GroupSize;

    /// <summary>Rows of voxels, over all samples.</summary>
    private readonly int Lines => p.N * p.Grid.Z * p.Grid.Y;

    /// <summary>Voxels gathered at a time.</summary>
    private static int SliceVoxels => TilesPerSlice * TileVoxels;

    /// <summary>
    /// Floats from one gathered voxel to the next: one cache line more than its channels take, because voxels 1024 bytes apart
    /// would share cache sets.
    /// </summary>
    private readonly nint RowPitch => p.CTotal + 16;

    /// <summary>Chooses how the work is cut into chunks; depends only on sizes and the thread count.</summary>
    public static GatherConvWork<TLanes, TVector> Plan(
        in TapProblem problem, in PackWeightsWork<TLanes, TVector> weights, float* bias, bool accumulate, int threads)
    {
        var blocks = PackWeightsWork<TLanes, TVector>.Blocks(problem.Cout);
        var work = new GatherConvWork<TLanes, TVector>
        {
            p = problem,
            weights = weights,
            bias = bias,
            accumulate = accumulate,
        };

        // One part per thread: each copies the voxels again, and all take equally long.
        (work.blockParts, work.blocksPerPart) = Cut(blocks, threads);
        work.lineParts = Math.Clamp(Up(threads, work.blockParts), 1, Math.Max(1, work.Lines));
        return work;
    }

    /// <summary>Sets the scratch memory: <see cref="ScratchPerWorker"/> floats for each worker.</summary>
    public void UseScratch(float* memory) => tiles = memory;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    readonly void IChunkedWork.Run(int chunk, int worker)
    {
        int firstBlock = chunk % blockParts * blocksPerPart, part = chunk / blockParts;
        var lastBlock = Math.Min(firstBlock + blocksPerPart, PackWeightsWork<TLanes, TVector>.Blocks(p.Cout));
        int firstLine = (int)((long)Lines * part / lineParts), lastLine = (int)((long)Lines * (part + 1) / lineParts);
        var rows = tiles + (worker * ScratchPerWorker);
        Begin(firstLine, lastLine, firstBlock, lastBlock);
        var matrices = rows + (SliceVoxels * RowPitch);
        for (var tap = 0; tap < p.Window.Voxels; tap++)
        {
            for (var block = firstBlock; block < lastBlock; block++)
            {
                weights.Pack((block * (int)p.Window.Voxels) + tap, matrices + ((block - firstBlock) * weights.MatrixLength));
            }

            Tap(tap, firstLine, lastLine, firstBlock, lastBlock, rows, matrices);
        }
    }

    /// <summary>One tap for all voxels of some rows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void Tap(int tap, int firstLine, int lastLine, int firstBlock, int lastBlock, float* rows, float* matrices)
    {
        var targets = stackalloc float*[SliceVoxels];
        var found = 0;
        var at = p.TapAt(tap);
        var (x0, x1) = p.GridInside(2, at.X);
        for (var line = firstLine; line < lastLine; line++)
        {
            int y = line % p.Grid.Y, z = line / p.Grid.Y % p.Grid.Z, n = line / p.Grid.Y / p.Grid.Z;
            int iz = (z * p.Step.Z) + p.First.Z + at.Z, iy = (y * p.Step.Y) + p.First.Y + at.Y;
            if ((uint)iz >= (uint)p.Input.Z || (uint)iy >= (uint)p.Input.Y)
            {
                continue;
            }

            var inRow = p.InputVoxel(n, iz, iy, p.First.X + at.X);
            var outRow = OutputRow(n, z, y);
            for (var x = x0; x < x1; x++)
            {
                p.CopyVoxel<TLanes, TVector>(inRow + (x * p.Step.X), rows + (found * RowPitch));
                targets[found++] = outRow + ((long)x * p.OutputStep.X * p.Cout);
                if (found == SliceVoxels)
                {
                    Multiply(rows, matrices, targets, found, firstBlock, lastBlock);
                    found = 0;
                }
            }
        }

        Multiply(rows, matrices, targets, found, firstBlock, lastBlock);
    }

    private readonly float* OutputRow(int n, int z, int y) =>
        p.Y + (((((((long)n * p.Output.Z) + (z * p.OutputStep.Z) + p.OutputFirst.Z) * p.Output.Y)
            + (y * p.OutputStep.Y) + p.OutputFirst.Y) * p.Output.X) + p.OutputFirst.X) * p.Cout;

    /// <summary>
    /// Adds the products of gathered voxels and the blocks' matrices, tile by tile. Whatever follows the last voxel is multiplied
    /// too, but not stored.
    /// </summary>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void Multiply(float* rows, float* matrices, float** targets, int voxels, int firstBlock, int lastBlock)
    {
        int width = PackWeightsWork<TLanes, TVector>.Block, size = ForwardTile<TLanes, TVector>.GroupSize;
        var taps = new Taps { Planes = 1, Rows = 1, Run = p.CTotal, VoxelPitch = RowPitch };
        var raw = stackalloc float[(12 * 32) + 16];
        var tile = (float*)(((nint)raw + 63) & ~(nint)63);
        for (var block = firstBlock; block < lastBlock; block++)
        {
            var matrix = matrices + ((block - firstBlock) * weights.MatrixLength);
            var channels = Math.Min(width, p.Cout - (block * width));
            for (var first = 0; first < voxels; first += TileVoxels)
            {
                var corner = rows + (first * RowPitch);
                ForwardTile<TLanes, TVector>.Run(
                    taps, corner, corner + (size * RowPitch), corner + (2 * size * RowPitch), matrix, tile);
                AddTile(tile, targets + first, Math.Min(TileVoxels, voxels - first), block * width, channels);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddTile(float* tile, float** targets, int voxels, int channel, int channels)
    {
        int lanes = TLanes.Count, width = PackWeightsWork<TLanes, TVector>.Block;
        for (var voxel = 0; voxel < voxels; voxel++)
        {
            float* source = tile + (voxel * width), target = targets[voxel] + channel;
            TVector a = TLanes.Add(TLanes.Load(source), TLanes.Load(target));
            TVector b = TLanes.Add(TLanes.Load(source + lanes), TLanes.Load(target + lanes));
            if (channels == width)
            {
                TLanes.Store(target, a);
                TLanes.Store(target + lanes, b);
            }
            else
            {
                TLanes.StoreFirst(target, a, Math.Min(channels, lanes));
                TLanes.StoreFirst(target + lanes, b, Math.Clamp(channels - lanes, 0, lanes));
            }
        }
    }

    /// <summary>Before the first tap: the bias, added to the existing values if the result accumulates.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void Begin(int firstLine, int lastLine, int firstBlock, int lastBlock)
    {
        if (accumulate && bias is null)
        {
            return;
        }

        int first = firstBlock * PackWeightsWork<TLanes, TVector>.Block,
        last = Math.Min(lastBlock * PackWeightsWork<TLanes, TVector>.Block, p.Cout);
        for (var line = firstLine; line < lastLine; line++)
        {
            var row = OutputRow(line / p.Grid.Y / p.Grid.Z, line / p.Grid.Y % p.Grid.Z, line % p.Grid.Y);
            for (var x = 0; x < p.Grid.X; x++, row += p.OutputStep.X * p.Cout)
            {
                for (var q = first; q < last; q += TLanes.Count)
                {
                    var value = bias is null ? TLanes.Zero : TLanes.Load(bias + q);
                    if (accumulate)
                    {
                        value = TLanes.Add(value, TLanes.Load(row + q));
                    }

                    TLanes.StoreFirst(row + q, value, Math.Min(TLanes.Count, last - q));
                }
            }
        }
    }
}
