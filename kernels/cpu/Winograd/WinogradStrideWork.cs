using System.Runtime.CompilerServices;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Cpu.Convolution;
using SharpSeg.Kernels.Cpu.Simd;
using SharpSeg.Kernels.Cpu.Threading;
using static SharpSeg.Kernels.Cpu.Threading.WorkParts;

namespace SharpSeg.Kernels.Cpu.Winograd;

/// <summary>
/// Forward convolution with stride 2 and three taps along y and x, two outputs at a time along both. Along one axis two
/// neighbouring outputs y₀, y₁ read five inputs i₀ … i₄. Of these i₁ and i₃ meet the middle tap only; i₀, i₂, i₄ meet the two
/// others like a convolution of two taps with stride 1, which F(2, 2) computes by three products instead of four:
/// <code>
/// A = (i₀ − i₂)·w₀ + i₁·w₁      B = i₂·(w₀ + w₂)      C = i₃·w₁ + (i₄ − i₂)·w₂      y₀ = A + B      y₁ = B + C
/// </code>
/// Five products instead of six, along both axes 25 instead of 36. Along z the taps stay as they are: F(2, 2) there, too, would
/// save a sixth of the rest and double the weights and what is transformed.
/// <para>The parts A, B, C of y by those of x are nine direct sums over the same pairs of outputs, which
/// <see cref="ForwardTile{TLanes, TVector}"/> computes: a pair's five inputs along x lie side by side, and each of the five rows
/// of all pairs in a matrix of its own, so that the pairs of a plane follow one another at one distance.</para>
/// <para>A chunk is (sample, output plane, rows of pairs, columns of pairs); its transformed planes stay in the second-level
/// cache.</para>
/// </summary>
internal unsafe struct WinogradStrideWork<TLanes, TVector> : IScratchWork
    where TLanes : struct, ILanes<TVector>
    where TVector : unmanaged
{
    /// <summary>Inputs of two outputs along an axis, and transformed values or weights for them.</summary>
    public const int Points = 5;

    /// <summary>Bytes of a chunk's transformed planes: two thirds of a second-level cache of 1 MB.</summary>
    private const int SlabBudget = 704 << 10;

    private const int MostColumns = 64; // pairs; a row of them, five values each, takes 40 KB at 32 channels
    private const int Parts = 3;

    private TapProblem p;
    private float* packed;
    private float* bias;
    private int rows;
    private int yParts;
    private int columns;
    private int xParts;
    private float* scratch;

    /// <summary>Number of chunks.</summary>
    public readonly int Chunks => p.N * p.Grid.Z * yParts * xParts;

    /// <summary>Floats of scratch memory per worker: transformed planes, the input of a pair, a transformed row, sums.</summary>
    public readonly long ScratchPerWorker =>
        SlabLength + PairLength + (PairLength * columns) + (3 * Slack)
        + ((long)Up(rows * columns, TilePairs) * TilePairs * Parts * Parts * Block);

    /// <summary>Where the values along an axis that a part reads begin, the next part's being its end: A 0, B 2, C 3.</summary>
    internal static ReadOnlySpan<int> Boundary => [0, 2, 3, 5];

    private static int TilePairs => 3 * ForwardTile<TLanes, TVector>.GroupSize;

    private static int Block => PackWeightsWork<TLanes, TVector>.Block;

    private readonly nint PairLength => (nint)Points * p.CTotal;

    private readonly nint MatrixPitch => PairLength * rows * columns;

    private readonly nint PlanePitch => Points * MatrixPitch;

    // A group of pairs may extend beyond the last one; its values are computed and not stored.
    private readonly long SlabLength => ((long)p.Window.Z * PlanePitch) + (ForwardTile<TLanes, TVector>.GroupSize * PairLength);

    private static int Slack => 64; // whole vectors at the end of a run, and the next part on a cache line

    /// <summary>Whether a problem has the form: stride 2 and three taps along y and x.</summary>
    public static bool Fits(in TapProblem p) =>
        p.Step.Y == 2 && p.Step.X == 2 && p.Window.Y == 3 && p.Window.X == 3 && p.OutputStep == Extent.One && p.Y2 == null;

    /// <summary>Pairs of a plane, those that only fill a tile up among them.</summary>
    public static int PairsComputed(in TapProblem p)
    {
        var work = Plan(p, null, null, 1);
        var tiles = 0;
        for (var y = 0; y < Up(p.Grid.Y, 2); y += work.rows)
        {
            for (var x = 0; x < Up(p.Grid.X, 2); x += work.columns)
            {
                tiles += Up(Math.Min(work.rows, Up(p.Grid.Y, 2) - y) * work.columns, TilePairs);
            }
        }

        return tiles * TilePairs;
    }

    /// <summary>Chooses how the work is cut into chunks; depends only on sizes and the thread count.</summary>
    /// <param name="problem">The problem.</param>
    /// <param name="packed">Weights as <see cref="PackStrideWeightsWork{TLanes, TVector}"/> packs them.</param>
    /// <param name="bias">Bias with space for whole blocks, or null.</param>
    /// <param name="threads">Threads.</param>
    public static WinogradStrideWork<TLanes, TVector> Plan(in TapProblem problem, float* packed, float* bias, int threads)
    {
        var work = new WinogradStrideWork<TLanes, TVector> { p = problem, packed = packed, bias = bias };
        (work.xParts, work.columns) = Cut(Up(problem.Grid.X, 2), Up(Up(problem.Grid.X, 2), MostColumns));
        int pairRows = Up(problem.Grid.Y, 2), wanted = threads == 1 ? 1 : 4 * threads;
        var rowBytes = sizeof(float) * Points * (long)work.PairLength * work.columns * problem.Window.Z;
        var parts = (int)Math.Min((pairRows * rowBytes) / SlabBudget + 1, pairRows);
        (work.yParts, work.rows) = Cut(
            pairRows, Math.Min(Math.Max(parts, Up(wanted, problem.N * problem.Grid.Z * work.xParts)), pairRows));
        return work;
    }

    /// <summary>Sets the scratch memory: <see cref="ScratchPerWorker"/> floats for each worker.</summary>
    public void UseScratch(float* memory) => scratch = memory;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Run(int chunk, int worker)
    {
        int x0 = chunk % xParts * columns, y0 = chunk / xParts % yParts * rows, z = chunk / xParts / yParts % p.Grid.Z;
        var n = chunk / xParts / yParts / p.Grid.Z;
        float* slab = scratch + (worker * ScratchPerWorker), border = slab + SlabLength + Slack,
        edge = border + PairLength + Slack, sums = edge + (PairLength * columns) + Slack;
        var zFirst = (z * p.Step.Z) + p.First.Z;
        int low = Math.Clamp(-zFirst, 0, p.Window.Z), high = Math.Clamp(p.Input.Z - zFirst, low, p.Window.Z);
        var pairRows = Math.Min(rows, Up(p.Grid.Y, 2) - y0);
        for (var tap = low; tap < high; tap++)
        {
            Transform(n, zFirst + tap, y0, x0, pairRows, slab + (tap * PlanePitch), border, edge);
        }

        for (var block = 0; block < PackWeightsWork<TLanes, TVector>.Blocks(p.Cout); block++)
        {
            Multiply(n, z, y0, x0, pairRows, slab, sums, low, high, block);
        }
    }

    /// <summary>Transforms a plane of the input for a chunk's pairs, along x and then along y.</summary>
    /// <param name="n">Sample.</param>
    /// <param name="z">Plane of the input.</param>
    /// <param name="y0">First row of pairs.</param>
    /// <param name="x0">First column of pairs.</param>
    /// <param name="pairRows">Rows of pairs.</param>
    /// <param name="plane">Receives five matrices of (pair, five values along x, channels).</param>
    /// <param name="border">Space for the input of a pair.</param>
    /// <param name="edge">Space for one transformed along x.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void Transform(int n, int z, int y0, int x0, int pairRows, float* plane, float* border, float* edge)
    {
        int inX = (4 * x0) + p.First.X, inY = (4 * y0) + p.First.Y;
        nint length = PairLength * columns, matrix = MatrixPitch;
        TransformRow(n, z, inY, inX, border, edge);
        for (var y = 0; y < pairRows; y++, inY += 4, plane += length)
        {
            for (var i = 1; i < 4; i++)
            {
                TransformRow(n, z, inY + i, inX, border, plane + (i * matrix));
            }

            Subtract(edge, plane + (2 * matrix), plane, length);
            TransformRow(n, z, inY + 4, inX, border, edge);
            Subtract(edge, plane + (2 * matrix), plane + (4 * matrix), length);
        }
    }

    /// <summary>
    /// Writes the five values of every pair along a row of the input, which begins at column <paramref name="x"/>; where a pair
    /// reaches beyond the input, its five voxels are copied first.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void TransformRow(int n, int z, int y, int x, float* border, float* target)
    {
        int channels = p.CTotal, lanes = TLanes.Count;
        var isPlain = p.C2 == 0 && (uint)y < (uint)p.Input.Y;
        for (var pair = 0; pair < columns; pair++, x += 4, target += Points * channels)
        {
            float* i0 = border;
            if (isPlain && x >= 0 && x + Points <= p.Input.X)
            {
                i0 = p.X + (p.InputVoxel(n, z, y, x) * channels);
            }
            else
            {
                PaddedSlab<TLanes, TVector>.Fill(p, n, z, y, x, 1, 1, Points, border);
            }

            float* i1 = i0 + channels, i2 = i1 + channels, i3 = i2 + channels, i4 = i3 + channels;
            float* a1 = target + channels, b = a1 + channels, c0 = b + channels, c1 = c0 + channels;
            var i = 0;
            for (; i + lanes <= channels; i += lanes)
            {
                var shared = TLanes.Load(i2 + i);
                TLanes.Store(target + i, TLanes.Subtract(TLanes.Load(i0 + i), shared));
                TLanes.Store(a1 + i, TLanes.Load(i1 + i));
                TLanes.Store(b + i, shared);
                TLanes.Store(c0 + i, TLanes.Load(i3 + i));
                TLanes.Store(c1 + i, TLanes.Subtract(TLanes.Load(i4 + i), shared));
            }

            if (i < channels)
            {
                var shared = TLanes.Load(i2 + i);
                TLanes.StoreFirst(target + i, TLanes.Subtract(TLanes.Load(i0 + i), shared), channels - i);
                TLanes.StoreFirst(a1 + i, TLanes.Load(i1 + i), channels - i);
                TLanes.StoreFirst(b + i, shared, channels - i);
                TLanes.StoreFirst(c0 + i, TLanes.Load(i3 + i), channels - i);
                TLanes.StoreFirst(c1 + i, TLanes.Subtract(TLanes.Load(i4 + i), shared), channels - i);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Subtract(float* a, float* b, float* target, nint count)
    {
        nint i = 0;
        for (; i + TLanes.Count <= count; i += TLanes.Count)
        {
            TLanes.Store(target + i, TLanes.Subtract(TLanes.Load(a + i), TLanes.Load(b + i)));
        }

        if (i < count)
        {
            TLanes.StoreFirst(target + i, TLanes.Subtract(TLanes.Load(a + i), TLanes.Load(b + i)), (int)(count - i));
        }
    }

    /// <summary>
    /// All pairs of a chunk for one block of output channels: part by part, so that its weights come from the first-level cache
    /// for all tiles but one.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void Multiply(
        int n, int z, int y0, int x0, int pairRows, float* slab, float* sums, int low, int high, int block)
    {
        int channels = p.CTotal, size = ForwardTile<TLanes, TVector>.GroupSize, pairs = pairRows * columns;
        var last = Math.Max(pairs - size, 0); // groups beyond it are moved back to it
        var taps = new Taps { Planes = high - low, PlanePitch = PlanePitch, RowPitch = MatrixPitch, VoxelPitch = PairLength };
        nint perTap = (nint)channels * Block, tileLength = 3 * size * Block;
        var w = packed + (block * (nint)Points * Points * p.Window.Z * perTap);
        for (var part = 0; part < Parts * Parts; part++)
        {
            int partY = part / Parts, partX = part % Parts, valuesX = Boundary[partX + 1] - Boundary[partX];
            taps.Rows = Boundary[partY + 1] - Boundary[partY];
            taps.Run = valuesX * channels;
            var perPlane = taps.Rows * valuesX * perTap;
            var source = slab + (low * PlanePitch) + (Boundary[partY] * MatrixPitch) + (Boundary[partX] * channels);
            var tile = sums + (part * tileLength);
            for (var first = 0; first < pairs; first += 3 * size, tile += Parts * Parts * tileLength)
            {
                ForwardTile<TLanes, TVector>.Run(
                    taps, source + (Math.Min(first, last) * PairLength), source + (Math.Min(first + size, last) * PairLength),
                    source + (Math.Min(first + (2 * size), last) * PairLength), w + (low * perPlane), tile);
            }

            w += p.Window.Z * perPlane;
        }

        for (var pair = 0; pair < pairs; pair++)
        {
            // Its place in its group, which may have been moved back.
            int tile = pair / (3 * size), group = pair / size, place = pair - Math.Min(group * size, last);
            int y = 2 * (y0 + (pair / columns)), x = 2 * (x0 + (pair % columns));
            if (x < p.Grid.X) // the last chunk of a row may have fewer columns
            {
                Put(
                    sums + (tile * Parts * Parts * tileLength) + (((group % 3 * size) + place) * Block), tileLength, n, z, y, x,
                    block);
            }
        }
    }

    /// <summary>Adds a pair's nine sums up and writes its outputs, as many as lie inside the grid.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void Put(float* sums, nint pitch, int n, int z, int y, int x, int block)
    {
        int lanes = TLanes.Count, output = block * Block, channels = Math.Min(Block, p.Cout - output);
        var voxel = p.Y + ((((((((long)n * p.Output.Z) + z) * p.Output.Y) + y) * p.Output.X) + x) * p.Cout) + output;
        var nextRow = (nint)p.Output.X * p.Cout;
        bool twoRows = y + 1 < p.Grid.Y, twoColumns = x + 1 < p.Grid.X;
        for (var vector = 0; vector < 2 && vector * lanes < channels; vector++, sums += lanes, voxel += lanes)
        {
            var count = channels - (vector * lanes);
            var b = bias is null ? TLanes.Zero : TLanes.Load(bias + output + (vector * lanes));
            TVector middle0 = TLanes.Load(sums + (3 * pitch)), middle1 = TLanes.Load(sums + (4 * pitch)),
            middle2 = TLanes.Load(sums + (5 * pitch));
            var inner = TLanes.Add(TLanes.Add(TLanes.Load(sums + pitch), middle1), b);
            PartVector<TLanes, TVector>.Store(TLanes.Add(inner, TLanes.Add(TLanes.Load(sums), middle0)), voxel, count);
            if (twoColumns)
            {
                PartVector<TLanes, TVector>.Store(
                    TLanes.Add(inner, TLanes.Add(TLanes.Load(sums + (2 * pitch)), middle2)), voxel + p.Cout, count);
            }

            if (twoRows)
            {
                inner = TLanes.Add(TLanes.Add(TLanes.Load(sums + (7 * pitch)), middle1), b);
                PartVector<TLanes, TVector>.Store(
                    TLanes.Add(inner, TLanes.Add(TLanes.Load(sums + (6 * pitch)), middle0)), voxel + nextRow, count);
                if (twoColumns)
                {
                    PartVector<TLanes, TVector>.Store(
                        TLanes.Add(inner, TLanes.Add(TLanes.Load(sums + (8 * pitch)), middle2)), voxel + nextRow + p.Cout, count);
                }
            }
        }
    }
}
