using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Cpu.Simd;

namespace SharpSeg.Kernels.Cpu.Volumes;

/// <summary>
/// The classic spatial transform with elastic deformation: image by cubic B-splines, 0 beyond the initial patch; labels by
/// majority of their linear indicators, 0 beyond (docs/method/augmentation.md §3). Owns scratch memory that grows with the first
/// samples; one sample at a time.
/// <para>A voxel's 64 coefficients are 16 reads of four neighbours, which is what it costs; all that can be done for eight voxels
/// at once is done before (<see cref="PositionRow"/>).</para>
/// </summary>
internal sealed unsafe class SplineSampler<TLanes, TVector>
    where TLanes : struct, ILanes<TVector>
    where TVector : unmanaged
{
    private readonly ElasticField<TLanes, TVector> elastic = new();
    private readonly SplineGrid<TLanes, TVector> grid = new();
    private readonly PositionRow row = new();

    /// <summary>Fills the patch.</summary>
    public void Sample(in SplineSampling p, in BoxVoxels from, in PatchVoxels to)
    {
        var size = p.Affine.Patch;
        row.Begin(p.Affine);
        if (p.Elastic is { } displacement)
        {
            elastic.Draw(displacement, size, p.Affine.Planar);
        }

        for (var c = 0; c < p.Affine.Channels; c++)
        {
            grid.Fill(p, from.Image, c);
            for (int z = 0, v = 0; z < size.Z; z++)
            {
                for (var y = 0; y < size.Y; y++, v += size.X)
                {
                    FindPositions(p, z, y);
                    row.FindWeights();
                    row.FindIndices(p.First, grid.RowStride, grid.SliceStride);
                    SampleImage(p.Affine.Planar, to.Image.Slice((c * (int)size.Voxels) + v, size.X));
                    if (c == 0)
                    {
                        SampleAllLabels(p, from, to, v);
                    }
                }
            }
        }
    }

    private void SampleAllLabels(in SplineSampling p, in BoxVoxels from, in PatchVoxels to, int first)
    {
        row.FindIndicesInBox();
        SampleLabels(p.Affine, from.Labels, -1, to.Labels.Slice(first, p.Affine.Patch.X));
        if (!to.Previous.IsEmpty)
        {
            SampleLabels(p.Affine, from.Previous, p.PreviousPadding, to.Previous.Slice(first, p.Affine.Patch.X));
        }
    }

    private void FindPositions(in SplineSampling p, int z, int y)
    {
        if (p.Elastic is null)
        {
            row.Find(z, y, null, null, null);
            return;
        }

        var planar = p.Affine.Planar;
        var first = (nint)((planar ? 0 : z * p.Affine.Patch.Y) + y) * elastic.Pitch;
        row.Find(z, y, planar ? null : elastic.Along(0) + first, elastic.Along(1) + first, elastic.Along(2) + first);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private void SampleImage(bool planar, Span<float> to)
    {
        nint rowStride = grid.RowStride, sliceStride = grid.SliceStride, length = row.Length;
        var before = grid.Origin - (planar ? 0 : sliceStride) - rowStride - 1; // the first of the taps, seen from a voxel
        int* indices = row.Indices;
        float* alongZ = row.WeightsZ, alongY = row.WeightsY, alongX = row.WeightsX;
        for (var i = 0; i < to.Length; i++)
        {
            if (indices[i] < 0)
            {
                to[i] = 0;
                continue;
            }

            var corner = before + indices[i];
            var weights = alongY + i;
            Vector128<float> w0 = Vector128.Create(weights[0]), w1 = Vector128.Create(weights[length]);
            Vector128<float> w2 = Vector128.Create(weights[2 * length]), w3 = Vector128.Create(weights[3 * length]);
            var sum = Slice(corner, rowStride, w0, w1, w2, w3);
            if (!planar)
            {
                weights = alongZ + i;
                sum *= Vector128.Create(weights[0]);
                corner += sliceStride;
                sum += Slice(corner, rowStride, w0, w1, w2, w3) * Vector128.Create(weights[length]);
                corner += sliceStride;
                sum += Slice(corner, rowStride, w0, w1, w2, w3) * Vector128.Create(weights[2 * length]);
                corner += sliceStride;
                sum += Slice(corner, rowStride, w0, w1, w2, w3) * Vector128.Create(weights[3 * length]);
            }

            sum *= Vector128.Load(alongX + (4 * i));
            sum += Vector128.Shuffle(sum, Vector128.Create(1, 0, 3, 2));
            to[i] = sum[0] + sum[2];
        }
    }

    // Four rows of four neighbours, summed over the rows.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Slice(
        float* values, nint stride, Vector128<float> w0, Vector128<float> w1, Vector128<float> w2, Vector128<float> w3) =>
        ((Vector128.Load(values) * w0) + (Vector128.Load(values + stride) * w1))
        + ((Vector128.Load(values + (2 * stride)) * w2) + (Vector128.Load(values + (3 * stride)) * w3));

    private void SampleLabels(in AffineSampling p, ReadOnlySpan<short> from, short padding, Span<short> to)
    {
        var (rowStride, sliceStride) = (p.Box.X, p.Planar ? 0 : p.Box.Y * p.Box.X);
        var indices = row.Indices;
        fixed (short* labels = from)
        {
            for (var i = 0; i < to.Length; i++)
            {
                var near = labels + indices[i];
                if (indices[i] == PositionRow.Outside)
                {
                    to[i] = 0;
                }
                else if (indices[i] >= 0 && LabelVote.IsUniform(near, rowStride, sliceStride))
                {
                    to[i] = *near;
                }
                else
                {
                    float z = row.Z[i], y = row.Y[i], x = row.X[i];
                    var around = indices[i] >= 0
                        ? LabelVote.Around(near, rowStride, sliceStride)
                        : AroundBorder(p, from, padding, (int)z, (int)y, (int)x);
                    to[i] = LabelVote.Majority(around, LabelVote.Weights(z - (int)z, y - (int)y, x - (int)x));
                }
            }
        }
    }

    // Some of the eight labels lie outside the box; in the plane the near four come twice.
    private static Vector128<short> AroundBorder(
        in AffineSampling p, ReadOnlySpan<short> from, short padding, int z, int y, int x)
    {
        Extent origin = p.Origin, size = p.Box;
        var around = Vector128<short>.Zero;
        for (var i = 0; i < 8; i++)
        {
            int bz = z + (p.Planar ? 0 : i >> 2) - origin.Z, by = y + ((i >> 1) & 1) - origin.Y, bx = x + (i & 1) - origin.X;
            var inside = (uint)bz < (uint)size.Z && (uint)by < (uint)size.Y && (uint)bx < (uint)size.X;
            around = around.WithElement(i, inside ? from[(((bz * size.Y) + by) * size.X) + bx] : padding);
        }

        return around;
    }
}
