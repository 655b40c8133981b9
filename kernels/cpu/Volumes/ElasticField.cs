using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Cpu.Simd;

namespace SharpSeg.Kernels.Cpu.Volumes;

/// <summary>
/// Random smooth displacements of a patch's voxels (<see cref="ElasticDisplacement"/>), in memory that is kept and grows as
/// needed.
/// </summary>
internal sealed class ElasticField<TLanes, TVector>
    where TLanes : struct, ILanes<TVector>
    where TVector : unmanaged
{
    private const ulong Weyl = 0x9E3779B97F4A7C15;

    private readonly GrowingBuffer<float> offsets = new();
    private readonly GrowingBuffer<float> scratch = new();
    private int voxels;
    private int firstAxis;

    /// <summary>Computes the fields of a patch; for a planar patch only one slice, displaced in y and x.</summary>
    public void Draw(ElasticDisplacement displacement, Extent patch, bool planar)
    {
        var grid = planar ? patch.With(0, 1) : patch;
        firstAxis = planar ? 1 : 0;
        voxels = (int)grid.Voxels;
        for (var axis = firstAxis; axis < 3; axis++)
        {
            var field = offsets.Take(3 * voxels).Slice(axis * voxels, voxels);
            FillUniform(displacement.Noise, (ulong)(axis - firstAxis) * (ulong)voxels, field);
            Smooth(field, grid, firstAxis, displacement.Kernel);
            RowOperations<TLanes, TVector>.Combine(field, displacement.Strength, field, 0);
        }
    }

    /// <summary>Displacements along an axis (z, y, x); a planar field has one slice and none along z.</summary>
    public ReadOnlySpan<float> Along(int axis) =>
        axis < firstAxis ? default : offsets.Take(3 * voxels).Slice(axis * voxels, voxels);

    private static void FillUniform(in UniformDraws draws, ulong skipped, Span<float> values)
    {
        var counter = draws.Key + ((draws.First + skipped) * Weyl);
        for (var i = 0; i < values.Length; i++, counter += Weyl)
        {
            var x = counter;
            x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
            x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
            x ^= x >> 31;
            values[i] = (2 * ((x >> 40) * (1f / (1 << 24)))) - 1;
        }
    }

    /// <summary>Filters along the axes from <paramref name="first"/> on, with zeros outside.</summary>
    private void Smooth(Span<float> field, Extent size, int first, ReadOnlySpan<float> kernel)
    {
        var radius = kernel.Length / 2;
        for (var axis = first; axis < 3; axis++)
        {
            var from = scratch.Take(field.Length);
            field.CopyTo(from);
            field.Clear();
            var (line, length) = (axis == 0 ? size.Y * size.X : axis == 1 ? size.X : 1, size[axis]);
            for (var start = 0; start < field.Length; start += line * length)
            {
                if (axis == 2)
                {
                    for (var shift = -Math.Min(radius, length - 1); shift <= Math.Min(radius, length - 1); shift++)
                    {
                        var count = length - Math.Abs(shift);
                        RowOperations<TLanes, TVector>.AddScaled(
                            from.Slice(start + Math.Max(shift, 0), count),
                            kernel[radius + shift],
                            field.Slice(start + Math.Max(-shift, 0), count));
                    }

                    continue;
                }

                for (var i = 0; i < length; i++)
                {
                    for (var j = Math.Max(0, i - radius); j <= Math.Min(length - 1, i + radius); j++)
                    {
                        RowOperations<TLanes, TVector>.AddScaled(
                            from.Slice(start + (j * line), line), kernel[radius + j - i], field.Slice(start + (i * line), line));
                    }
                }
            }
        }
    }
}
