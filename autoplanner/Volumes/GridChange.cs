using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Volumes;

/// <summary>
/// From one grid to another of the same field of view (docs/method/preprocessing.md §4): which axes are resampled, in which order, and
/// what must be clipped. The backend does the work; a volume, and the whole of it or a slab of planes, is resampled at a time.
/// </summary>
/// <param name="From">Voxels of the grid at hand.</param>
/// <param name="To">Voxels of the grid wanted.</param>
/// <param name="Order">0 nearest, 1 linear, 3 an interpolating cubic B-spline, clipped to the range of the volume or, in separate mode,
/// of each slice.</param>
/// <param name="SeparateAxis">Axis resampled by itself (<see cref="Resampling.SeparateAxis"/>), or null.</param>
/// <param name="SeparateOrder">Order along that axis.</param>
internal readonly record struct GridChange(Extent From, Extent To, int Order, int? SeparateAxis = null, int SeparateOrder = 0)
{
    /// <summary>
    /// Whether planes of the target depend on a few planes of the source. Splines along z, and clipping to the range of more than a plane,
    /// depend on all of them: such a target is made in one piece.
    /// </summary>
    public bool IsLocal => SeparateAxis == 0 ? SeparateOrder <= 1 : Order <= 1;

    /// <summary>The target's planes in slabs (first plane, number) of at most so many voxels, or more where one plane has more.</summary>
    public IEnumerable<(int First, int Count)> Slabs(long mostVoxels)
    {
        var planes = IsLocal ? (int)Math.Clamp(mostVoxels / Math.Max(1L, (long)To.Y * To.X), 1, To.Z) : To.Z;
        for (var first = 0; first < To.Z; first += planes)
        {
            yield return (first, Math.Min(planes, To.Z - first));
        }
    }

    /// <summary>The source's planes that a slab of the target depends on.</summary>
    public (int First, int Count) SourcePlanes(int first, int count) =>
        !IsLocal ? (0, From.Z) : From.Z == To.Z ? (first, count) : Along(0, SeparateAxis == 0 ? SeparateOrder : Order).Reach(first, count);

    /// <summary>Resamples a volume, or a slab of it.</summary>
    /// <param name="memory">Gives the memory, on the volume's own device.</param>
    /// <param name="source">The volume, or at least the planes of it that <see cref="SourcePlanes"/> names; not changed.</param>
    /// <param name="firstSource">First plane of the source.</param>
    /// <param name="first">First plane of the target.</param>
    /// <param name="count">Planes of the target; null: all.</param>
    /// <returns>The target, to be freed; the source itself if both grids are one.</returns>
    public Tensor Resample(VolumeMemory memory, Tensor source, int firstSource = 0, int first = 0, int? count = null)
    {
        if (From == To)
        {
            return source;
        }

        var slab = new Slab(this, memory, firstSource, first, count ?? To.Z);
        if (SeparateAxis is not { } coarse)
        {
            return slab.Interpolate(source, [0, 1, 2], null);
        }

        // Picking slices before or after their 2D interpolation is the same; doing it on the smaller side saves work.
        var picked = SeparateOrder == 0 && To[coarse] < From[coarse] ? slab.Along(source, coarse, order: 0) : source;
        var inPlane = slab.Interpolate(picked, [.. Enumerable.Range(0, 3).Where(axis => axis != coarse)], coarse);
        slab.Release(picked, source, inPlane);
        if (ReferenceEquals(picked, source) && From[coarse] != To[coarse])
        {
            var result = slab.Along(inPlane, coarse, SeparateOrder);
            slab.Release(inPlane, source, result);
            return result;
        }

        return inPlane;
    }

    private AxisResampling Along(int axis, int order) => new(axis, order, From[axis], To[axis]);

    /// <summary>Some planes of the target on their way.</summary>
    private readonly struct Slab(GridChange change, VolumeMemory memory, int firstSource, int first, int count)
    {
        public Tensor Along(Tensor volume, int axis, int order)
        {
            var p = change.Along(axis, order);
            var target = memory.Allocate(volume.Shape.Spatial.With(axis, axis == 0 ? count : p.To));
            memory.Backend.ResampleAxis(axis == 0 ? p with { FirstSource = firstSource, FirstTarget = first } : p, volume, target);
            return target;
        }

        public Tensor Interpolate(Tensor volume, int[] axes, int? sliceAxis)
        {
            // Shrinking axes first: the passes commute, and later ones then have less to do.
            var (from, to) = (change.From, change.To);
            var result = volume;
            foreach (var axis in axes.Where(axis => from[axis] != to[axis]).OrderBy(axis => (double)to[axis] / from[axis]))
            {
                var next = Along(result, axis, change.Order);
                Release(result, volume, next);
                result = next;
            }

            if (change.Order == 3 && !ReferenceEquals(result, volume))
            {
                memory.Backend.ClipToRange(volume, sliceAxis, result);
            }

            return result;
        }

        /// <summary>Frees a step on the way, unless it is the input or the result.</summary>
        public void Release(Tensor step, Tensor input, Tensor result)
        {
            if (!ReferenceEquals(step, input) && !ReferenceEquals(step, result))
            {
                memory.Free(step);
            }
        }
    }
}
