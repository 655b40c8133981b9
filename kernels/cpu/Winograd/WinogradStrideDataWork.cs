using System.Runtime.CompilerServices;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Cpu.Convolution;
using SharpSeg.Kernels.Cpu.Simd;
using SharpSeg.Kernels.Cpu.Threading;
using static SharpSeg.Kernels.Cpu.Threading.WorkParts;

namespace SharpSeg.Kernels.Cpu.Winograd;

/// <summary>
/// Gradient by data of a convolution with stride 2 and three taps along y and x: four input voxels at a time along both, which
/// meet three neighbouring gradients a, b, c of a pair of outputs. The even ones meet the middle tap only; the odd ones meet the
/// two others like a convolution of two taps with stride 1, which F(2, 2) computes by three products instead of four:
/// <code>
/// x₀ = a·w₁      x₁ = (a − b)·w₂ + b·(w₀ + w₂)      x₂ = b·w₁      x₃ = b·(w₀ + w₂) + (c − b)·w₀
/// </code>
/// Five products of four values instead of six, along both axes 25 instead of 36; along z the taps stay as they are. It is
/// <see cref="WinogradStrideWork{TLanes, TVector}"/> read backwards.
/// <para>A chunk is (sample, planes of the gradient, rows of pairs, columns of pairs). Its transformed values lie point by point,
/// all pairs of all its planes one after the other, so that tiles are cut without regard to rows and planes.</para>
/// </summary>
internal unsafe struct WinogradStrideDataWork<TLanes, TVector> : IScratchWork
    where TLanes : struct, ILanes<TVector>
    where TVector : unmanaged
{
    /// <summary>Transformed values along an axis: a − b, a, b, c − b; weights for them: w₂, w₁, w₀ + w₂, w₀.</summary>
    public const int Points = 4;

    /// <summary>Products along an axis.</summary>
    public const int Products = 5;

    /// <summary>Bytes of a chunk's transformed values and sums: three quarters of a second-level cache of 1 MB.</summary>
    private const int Budget = 768 << 10;

    private const int MostColumns = 64; // pairs
    private const int MostSums = 3 * Products; // of a group of rows: those of the odd rows

    private TapProblem p;
    private float* packed;
    private bool accumulate;
    private int kernelZ;
    private int rows;
    private int columns;
    private int planes;
    private int yParts;
    private int xParts;
    private int zParts;
    private float* scratch;

    /// <summary>Number of chunks.</summary>
    public readonly int Chunks => p.N * zParts * yParts * xParts;

    /// <summary>
    /// Floats of scratch memory per worker: transformed values, sums, a row transformed along x, the gradients of a pair.
    /// </summary>
    public readonly long ScratchPerWorker =>
        SlabLength(rows * columns, planes) + SumsLength(rows * columns * planes) + (((Points * columns) + 3) * (long)p.C)
        + (3 * Slack);

    /// <summary>Rows of tiles that all chunks compute for one plane's taps, those that only fill a tile up among them.</summary>
    public readonly long RowsComputed
    {
        get
        {
            // Whole chunks and what is left along either axis: Plan asks this of every way to cut.
            long wholeY = Up(p.Input.Y, 2) / rows, restY = Up(p.Input.Y, 2) % rows;
            long wholeZ = p.Input.Z / planes, restZ = p.Input.Z % planes;
            var tiles = (wholeZ * ((wholeY * Tiles(rows, planes)) + Tiles(restY, planes)))
                + (wholeY * Tiles(rows, restZ)) + Tiles(restY, restZ);
            return p.N * xParts * tiles * TileRows;
        }
    }

    /// <summary>Pairs that all chunks transform, planes of two chunks twice.</summary>
    public readonly long PairsTransformed =>
        (long)p.N * xParts * columns * Up(p.Input.Y, 2) * (p.Input.Z + (zParts * (Reach.End - Reach.First)));

    /// <summary>Vector instructions of all chunks: products, transforms, and what goes around tiles.</summary>
    public readonly double Cost
    {
        get
        {
            const double PerPoint = 3.5, AroundTile = 70; // as ConvolutionCost counts them
            double blocks = PackWeightsWork<TLanes, TVector>.Blocks(p.Cout), rowsComputed = RowsComputed;
            var products = Products * Products * rowsComputed * blocks * kernelZ * 2 * p.C * 1.03;
            var tiles = Products * Products * rowsComputed / TileRows * blocks * Math.Min(kernelZ, p.OutputStep.Z) * AroundTile;
            var inputs = PerPoint * Points * Points * PairsTransformed * p.C / TLanes.Count;
            var outputs = PerPoint * Products * Products * rowsComputed * 2 * blocks * Math.Min(kernelZ, p.OutputStep.Z);
            return products + tiles + inputs + outputs;
        }
    }

    private static int TileRows => 3 * ForwardTile<TLanes, TVector>.GroupSize;

    private static int Block => PackWeightsWork<TLanes, TVector>.Block;

    private static int Slack => 64; // whole vectors at the end of a run, and the next part on a cache line

    /// <summary>The value of a product along an axis, and its weight, both counted as <see cref="Points"/> lists them.</summary>
    private static ReadOnlySpan<int> Value => [0, 1, 2, 2, 3];

    private static ReadOnlySpan<int> Weight => [0, 1, 1, 2, 3];

    private readonly long CacheBytes =>
        sizeof(float) * (SlabLength(rows * columns, planes) + SumsLength(rows * columns * planes));

    /// <summary>The gradient's planes that a plane's taps read, relative to its own: first and last, over all residues.</summary>
    private readonly (int First, int End) Reach
    {
        get
        {
            int first = int.MaxValue, end = int.MinValue;
            for (var residue = 0; residue < p.OutputStep.Z; residue++)
            {
                var taps = PackStrideDataWeightsWork<TLanes, TVector>.TapsOf(
                    residue, kernelZ, p.OutputStep.Z, -p.OutputFirst.Z, out _, out var at);
                (first, end) = (Math.Min(first, at), Math.Max(end, at + taps - 1));
            }

            return (first, end);
        }
    }

    /// <summary>Whether a problem has the form.</summary>
    public static bool Fits(in ConvProblem p) =>
        p.Stride.Y == 2 && p.Stride.X == 2 && p.Kernel.Y == 3 && p.Kernel.X == 3
        && p.Stride.Z <= p.Kernel.Z && p.Output.Z * p.Stride.Z >= p.Input.Z;

    /// <summary>Chooses how the work is cut into chunks; depends only on sizes and the thread count.</summary>
    /// <param name="problem">The convolution.</param>
    /// <param name="dy">Gradient of its output.</param>
    /// <param name="packed">Weights as <see cref="PackStrideDataWeightsWork{TLanes, TVector}"/> packs them.</param>
    /// <param name="dx">Receives the gradient of the input.</param>
    /// <param name="channels">Channels of <paramref name="dx"/>.</param>
    /// <param name="accumulate">Add to it.</param>
    /// <param name="threads">Threads.</param>
    public static WinogradStrideDataWork<TLanes, TVector> Plan(
        in ConvProblem problem, float* dy, float* packed, float* dx, int channels, bool accumulate, int threads)
    {
        var work = new WinogradStrideDataWork<TLanes, TVector>
        {
            p = new TapProblem
            {
                N = problem.N,
                X = dy,
                C = problem.Cout,
                Input = problem.Output,
                Y = dx,
                Output = problem.Input,
                OutputStep = problem.Stride,
                OutputFirst = new(-problem.Padding.Z, -problem.Padding.Y, -problem.Padding.X),
                Cout = channels,
            },
            packed = packed,
            accumulate = accumulate,
            kernelZ = problem.Kernel.Z,
        };
        ref var p = ref work.p;
        int pairRows = Up(p.Input.Y, 2), pairColumns = Up(p.Input.X, 2);
        (work.xParts, work.columns) = Cut(pairColumns, Up(pairColumns, MostColumns));
        var wanted = threads == 1 ? 1 : 4 * threads;
        var best = work;
        var least = double.PositiveInfinity;
        for (var yParts = 1; yParts <= pairRows; yParts++)
        {
            (work.yParts, work.rows) = Cut(pairRows, yParts);
            for (var zParts = 1; zParts <= p.Input.Z; zParts++)
            {
                (work.zParts, work.planes) = Cut(p.Input.Z, zParts);
                var isSmallest = work.rows == 1 && work.planes == 1;
                if (!isSmallest && (work.Chunks < wanted || work.CacheBytes > Budget))
                {
                    continue;
                }

                if (work.Cost < least)
                {
                    (least, best) = (work.Cost, work);
                }
            }
        }

        return best;
    }

    /// <summary>Sets the scratch memory: <see cref="ScratchPerWorker"/> floats for each worker.</summary>
    public void UseScratch(float* memory) => scratch = memory;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Run(int chunk, int worker)
    {
        int x0 = chunk % xParts * columns, y0 = chunk / xParts % yParts * rows, z0 = chunk / xParts / yParts % zParts * planes,
        n = chunk / xParts / yParts / zParts;
        int pairRows = Math.Min(rows, Up(p.Input.Y, 2) - y0), count = Math.Min(planes, p.Input.Z - z0),
        pairs = pairRows * columns;
        var (first, _) = Reach;
        float* slab = scratch + (worker * ScratchPerWorker), sums = slab + SlabLength(rows * columns, planes) + Slack,
        edge = sums + SumsLength(rows * columns * planes) + Slack, border = edge + (Points * columns * p.C);
        var planePitch = (nint)pairs * p.C;
        var pointPitch = planePitch * Planes(count);
        for (var plane = 0; plane < Planes(count); plane++)
        {
            Transform(n, z0 + first + plane, y0, x0, pairRows, slab + (plane * planePitch), pointPitch, edge, border);
        }

        for (var block = 0; block < PackWeightsWork<TLanes, TVector>.Blocks(p.Cout); block++)
        {
            var w = packed + (block * (long)Points * Points * kernelZ * p.C * Block);
            for (var residue = 0; residue < p.OutputStep.Z; residue++)
            {
                var taps = new Taps { Rows = 1, Run = p.C, PlanePitch = planePitch, VoxelPitch = p.C };
                taps.Planes = PackStrideDataWeightsWork<TLanes, TVector>.TapsOf(
                    residue, kernelZ, p.OutputStep.Z, -p.OutputFirst.Z, out _, out var at);
                var source = slab + ((at - first) * planePitch);
                var perWeight = (nint)taps.Planes * p.C * Block;
                RowsOfOutputs(taps, source, pointPitch, w, perWeight, pairs * count, 1, 2, sums);
                Put(n, z0, y0, x0, residue, pairRows, count, block, 0, sums);
                RowsOfOutputs(taps, source, pointPitch, w, perWeight, pairs * count, 2, 3, sums);
                Put(n, z0, y0, x0, residue, pairRows, count, block, 2, sums);
                RowsOfOutputs(taps, source, pointPitch, w, perWeight, pairs * count, 0, 1, sums);
                RowsOfOutputs(
                    taps, source, pointPitch, w, perWeight, pairs * count, 3, 5, sums + (Products * SumPitch(pairs * count)));
                Put(n, z0, y0, x0, residue, pairRows, count, block, 1, sums);
                w += Points * Points * perWeight;
            }
        }
    }

    /// <summary>Tiles of a chunk of so many rows of pairs on so many planes.</summary>
    private readonly long Tiles(long rowsOfPairs, long ofPlanes) => Up(rowsOfPairs * columns * ofPlanes, TileRows);

    private readonly int Planes(int count) => count + Reach.End - Reach.First;

    // A tile may reach beyond the last pair; its sums are computed and not stored.
    private readonly long SlabLength(int pairs, int count) =>
        ((Points * Points * (long)pairs * Planes(count)) + TileRows) * p.C;

    private static long SumsLength(int tileRows) => (long)MostSums * Up(tileRows, TileRows) * TileRows * Block;

    private static nint SumPitch(int tileRows) => (nint)Up(tileRows, TileRows) * TileRows * Block;

    /// <summary>The sums of some products along y with all five along x, one matrix of (pair, channel) each.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void RowsOfOutputs(
        in Taps taps, float* source, nint pointPitch, float* w, nint perWeight, int tileRows, int first, int end, float* sums)
    {
        nint group = (nint)ForwardTile<TLanes, TVector>.GroupSize * taps.VoxelPitch;
        for (var y = first; y < end; y++)
        {
            for (var x = 0; x < Products; x++)
            {
                var values = source + (((Value[y] * Points) + Value[x]) * pointPitch);
                var weights = w + (((Weight[y] * Points) + Weight[x]) * perWeight);
                for (var row = 0; row < tileRows; row += TileRows, values += 3 * group, sums += TileRows * Block)
                {
                    ForwardTile<TLanes, TVector>.Run(taps, values, values + group, values + (2 * group), weights, sums);
                }
            }
        }
    }

    /// <summary>Transforms a plane of the gradient for a chunk's pairs, along x and then along y; outside, it is 0.</summary>
    /// <param name="n">Sample.</param>
    /// <param name="z">Plane of the gradient.</param>
    /// <param name="y0">First row of pairs.</param>
    /// <param name="x0">First column of pairs.</param>
    /// <param name="pairRows">Rows of pairs.</param>
    /// <param name="target">Receives the 16 points of (pair, channels), <paramref name="pointPitch"/> floats apart.</param>
    /// <param name="pointPitch">See there.</param>
    /// <param name="edge">Space for a row transformed along x.</param>
    /// <param name="border">Space for the gradients of a pair.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void Transform(
        int n, int z, int y0, int x0, int pairRows, float* target, nint pointPitch, float* edge, float* border)
    {
        int inY = 2 * y0, inX = 2 * x0;
        nint length = (nint)columns * p.C, row = Points * pointPitch;
        TransformRow(n, z, inY, inX, target + row, pointPitch, border);
        for (var y = 0; y < pairRows; y++, target += length)
        {
            float* a = target + row, b = a + row, c = a + length;
            var cPitch = pointPitch;
            TransformRow(n, z, inY + (2 * y) + 1, inX, b, pointPitch, border);
            if (y + 1 == pairRows)
            {
                c = edge;
                cPitch = length;
            }

            TransformRow(n, z, inY + (2 * y) + 2, inX, c, cPitch, border);
            for (var point = 0; point < Points; point++)
            {
                Subtract(a + (point * pointPitch), b + (point * pointPitch), target + (point * pointPitch), length);
                Subtract(c + (point * cPitch), b + (point * pointPitch), b + row + (point * pointPitch), length);
            }
        }
    }

    /// <summary>
    /// Writes the four values of every pair along a row of the gradient, which begins at column <paramref name="x"/>; where a
    /// pair reaches beyond the gradient, its three voxels are copied first.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void TransformRow(int n, int z, int y, int x, float* target, nint pitch, float* border)
    {
        int channels = p.C, lanes = TLanes.Count;
        var isInside = (uint)y < (uint)p.Input.Y && (uint)z < (uint)p.Input.Z;
        for (var pair = 0; pair < columns; pair++, x += 2, target += channels)
        {
            float* a = border;
            if (isInside && x + 3 <= p.Input.X)
            {
                a = p.X + (p.InputVoxel(n, z, y, x) * channels);
            }
            else
            {
                PaddedSlab<TLanes, TVector>.Fill(p, n, z, y, x, 1, 1, 3, border);
            }

            float* b = a + channels, c = b + channels;
            for (var i = 0; i < channels; i += lanes)
            {
                var shared = TLanes.Load(b + i);
                TVector va = TLanes.Load(a + i), vc = TLanes.Load(c + i);
                PartVector<TLanes, TVector>.Store(TLanes.Subtract(va, shared), target + i, channels - i);
                PartVector<TLanes, TVector>.Store(va, target + pitch + i, channels - i);
                PartVector<TLanes, TVector>.Store(shared, target + (2 * pitch) + i, channels - i);
                PartVector<TLanes, TVector>.Store(TLanes.Subtract(vc, shared), target + (3 * pitch) + i, channels - i);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Subtract(float* a, float* b, float* target, nint count)
    {
        for (nint i = 0; i < count; i += TLanes.Count)
        {
            PartVector<TLanes, TVector>.Store(
                TLanes.Subtract(TLanes.Load(a + i), TLanes.Load(b + i)), target + i, (int)(count - i));
        }
    }

    /// <summary>
    /// Adds the sums up and writes the rows of input voxels that they make: row 0 or 2 of every four from one row of products,
    /// or rows 1 and 3 from three.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void Put(
        int n, int z0, int y0, int x0, int residue, int pairRows, int count, int block, int outputRow, float* sums)
    {
        int output = block * Block, channels = Math.Min(Block, p.Cout - output);
        var pitch = SumPitch(pairRows * columns * count);
        for (var plane = 0; plane < count; plane++)
        {
            var z = ((z0 + plane) * p.OutputStep.Z) + residue;
            for (var pair = 0; pair < pairRows * columns; pair++, sums += Block)
            {
                int y = (4 * (y0 + (pair / columns))) + outputRow, x = 4 * (x0 + (pair % columns));
                if (z >= p.Output.Z || y >= p.Output.Y || x >= p.Output.X)
                {
                    continue;
                }

                var voxel = p.Y + ((((((((long)n * p.Output.Z) + z) * p.Output.Y) + y) * p.Output.X) + x) * p.Cout) + output;
                var inRow = Math.Min(4, p.Output.X - x);
                for (var vector = 0; vector < channels; vector += TLanes.Count)
                {
                    if (outputRow != 1)
                    {
                        Row(sums + vector, null, pitch, voxel + vector, inRow, channels - vector);
                        continue;
                    }

                    var shared = sums + (Products * pitch) + vector;
                    Row(sums + vector, shared, pitch, voxel + vector, inRow, channels - vector);
                    if (y + 2 < p.Output.Y)
                    {
                        Row(
                            shared + (Products * pitch), shared, pitch, voxel + (2 * (nint)p.Output.X * p.Cout) + vector, inRow,
                            channels - vector);
                    }
                }
            }
        }
    }

    /// <summary>Writes up to four voxels of a row from five sums, or from two times five that are added first.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly void Row(float* sums, float* others, nint pitch, float* voxel, int inRow, int count)
    {
        TVector s0 = TLanes.Load(sums), s1 = TLanes.Load(sums + pitch), s2 = TLanes.Load(sums + (2 * pitch)),
        s3 = TLanes.Load(sums + (3 * pitch)), s4 = TLanes.Load(sums + (4 * pitch));
        if (others is not null)
        {
            s0 = TLanes.Add(s0, TLanes.Load(others));
            s1 = TLanes.Add(s1, TLanes.Load(others + pitch));
            s2 = TLanes.Add(s2, TLanes.Load(others + (2 * pitch)));
            s3 = TLanes.Add(s3, TLanes.Load(others + (3 * pitch)));
            s4 = TLanes.Add(s4, TLanes.Load(others + (4 * pitch)));
        }

        Add(s1, voxel, count);
        if (inRow > 1)
        {
            Add(TLanes.Add(s0, s3), voxel + p.Cout, count);
        }

        if (inRow > 2)
        {
            Add(s2, voxel + (2 * (nint)p.Cout), count);
        }

        if (inRow > 3)
        {
            Add(TLanes.Add(s3, s4), voxel + (3 * (nint)p.Cout), count);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly void Add(TVector value, float* target, int count) =>
        PartVector<TLanes, TVector>.Store(accumulate ? TLanes.Add(value, TLanes.Load(target)) : value, target, count);
}
