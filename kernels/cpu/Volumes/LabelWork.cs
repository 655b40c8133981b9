using System.Runtime.CompilerServices;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Cpu.Simd;
using SharpSeg.Kernels.Cpu.Threading;

namespace SharpSeg.Kernels.Cpu.Volumes;

/// <summary>
/// Linear interpolation of a label map (<see cref="LabelResampling"/>). All masks are handled at once: only the up to eight
/// corners of the cell around a sample matter, and where they agree the label is copied. A chunk is a few rows of one plane.
/// </summary>
internal unsafe struct LabelWork<TLanes, TVector> : IChunkedWork
    where TLanes : struct, ILanes<TVector>
    where TVector : unmanaged
{
    private const int RowsPerChunk = 64;
    // sums that are one half in exact arithmetic must not depend on rounding
    private const double Threshold = 0.5 - 1e-9;
    private const float Mixed = short.MinValue;           // no label

    public float* Source, Target, Scratch;
    public Extent From, To;
    public Axis Z, Y, X;

    /// <summary>Number of chunks.</summary>
    public readonly int Chunks => checked(To.Z * BlocksPerPlane);

    /// <summary>Floats of scratch memory per worker.</summary>
    public readonly long ScratchPerWorker => (From.X + TLanes.Count - 1) / TLanes.Count * TLanes.Count;

    private readonly int BlocksPerPlane => (To.Y + RowsPerChunk - 1) / RowsPerChunk;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Run(int chunk, int worker)
    {
        var (z, first) = (chunk / BlocksPerPlane, chunk % BlocksPerPlane * RowsPerChunk);
        var scratch = Scratch + (worker * ScratchPerWorker);
        var previous = (-1, -1);
        float* columns = scratch;
        for (var y = first; y < Math.Min(first + RowsPerChunk, To.Y); y++)
        {
            var cell = new Corners(Source, From, Z.Low[z], Z.High[z], Y.Low[y], Y.High[y]);
            if (previous != (Y.Low[y], Y.High[y]))
            {
                columns = cell.Columns(From.X, scratch);
                previous = (Y.Low[y], Y.High[y]);
            }

            var output = Target + ((((long)z * To.Y) + y) * To.X);
            for (var x = 0; x < To.X; x++)
            {
                int x0 = X.Low[x], x1 = X.High[x];
                var label = columns[x0];
                output[x] = label != Mixed && label == columns[x1]
                    ? label
                    : cell.Decide(x0, x1, Z.HighWeight[z], Y.HighWeight[y], X.HighWeight[x]);
            }
        }
    }

    /// <summary>The two inputs and the weight of the second, for each output of an axis.</summary>
    internal readonly struct Axis(int* inputs, double* weights, int outputs)
    {
        public readonly int* Low = inputs, High = inputs + outputs;
        public readonly double* HighWeight = weights;
    }

    /// <summary>The four input rows around an output row.</summary>
    private readonly struct Corners(float* source, Extent from, int z0, int z1, int y0, int y1)
    {
        private readonly float* a = source + ((((long)z0 * from.Y) + y0) * from.X);
        private readonly float* b = source + ((((long)z0 * from.Y) + y1) * from.X);
        private readonly float* c = source + ((((long)z1 * from.Y) + y0) * from.X);
        private readonly float* d = source + ((((long)z1 * from.Y) + y1) * from.X);

        /// <summary>Per input x the label on which the four rows agree, or <see cref="Mixed"/>.</summary>
        public float* Columns(int count, float* scratch)
        {
            if (a == b && a == c && a == d)
            {
                return a;
            }

            var mixed = TLanes.Broadcast(Mixed);
            for (var x = 0; x < count; x += TLanes.Count)
            {
                var label = TLanes.Load(a + x);
                TVector byB = TLanes.Subtract(label, TLanes.Load(b + x)), byC = TLanes.Subtract(label, TLanes.Load(c + x));
                var byD = TLanes.Subtract(label, TLanes.Load(d + x));
                var differ = TLanes.Add(
                    TLanes.Add(TLanes.Multiply(byB, byB), TLanes.Multiply(byC, byC)), TLanes.Multiply(byD, byD));
                TLanes.Store(scratch + x, TLanes.SelectPositive(differ, mixed, label));
            }

            return scratch;
        }

        /// <summary>The rule itself, on the eight corners between x0 and x1.</summary>
        public float Decide(int x0, int x1, double wz, double wy, double wx)
        {
            ReadOnlySpan<float> labels = [a[x0], a[x1], b[x0], b[x1], c[x0], c[x1], d[x0], d[x1]];
            double vz = 1 - wz, vy = 1 - wy, vx = 1 - wx;
            ReadOnlySpan<double> weights =
            [
                vz * vy * vx, vz * vy * wx, vz * wy * vx, vz * wy * wx, wz * vy * vx, wz * vy * wx, wz * wy * vx, wz * wy * wx,
            ];
            var winner = Mixed;
            foreach (var label in labels)
            {
                if (label <= winner)
                {
                    continue;
                }

                var sum = 0.0;
                for (var i = 0; i < labels.Length; i++)
                {
                    sum += labels[i] == label ? weights[i] : 0;
                }

                winner = sum >= Threshold ? label : winner;
            }

            return winner == Mixed ? 0 : winner;
        }
    }
}

/// <summary>
/// Inputs and weights of the outputs of the axes z, y, x, one axis after the other: of each axis all first inputs, then all
/// second ones.
/// </summary>
internal readonly struct LabelTables
{
    public LabelTables(in LabelResampling p, Extent to)
    {
        var outputs = to.Z + to.Y + to.X;
        (Inputs, Weights) = (new int[2 * outputs], new double[outputs]);
        for (int axis = 0, at = 0; axis < 3; at += to[axis], axis++)
        {
            var along = p.Along(axis);
            Span<int> low = Inputs.AsSpan(2 * at, to[axis]), high = Inputs.AsSpan((2 * at) + to[axis], to[axis]);
            for (var i = 0; i < to[axis]; i++)
            {
                var output = along.FirstTarget + i;
                if (along.Order == 0)
                {
                    low[i] = high[i] = along.Nearest(output) - along.FirstSource;
                    continue;
                }

                var (floor, fraction) = along.Position(output);
                low[i] = Math.Max(floor, 0) - along.FirstSource;
                high[i] = Math.Min(floor + 1, along.From - 1) - along.FirstSource;
                Weights[at + i] = fraction;
            }
        }
    }

    /// <summary>Source positions.</summary>
    public int[] Inputs { get; }

    /// <summary>Share of the second input.</summary>
    public double[] Weights { get; }
}
