using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Volumes;

/// <summary>A box of voxels of a grid.</summary>
/// <param name="Origin">First voxel.</param>
/// <param name="Size">Voxels.</param>
internal readonly record struct Box(Extent Origin, Extent Size)
{
    /// <summary>First plane behind the box.</summary>
    public int EndZ => Origin.Z + Size.Z;

    /// <summary>Some planes of a whole grid.</summary>
    public static Box Planes(Extent grid, int first, int count) => new(new Extent(first, 0, 0), grid.With(0, count));
}

/// <summary>
/// From one grid to another of the same field of view (docs/method/preprocessing.md §4): which axes are resampled, in which
/// order, and what must be clipped. The backend does the work; a volume, and the whole of it or a slab of planes, is resampled at
/// a time.
/// </summary>
/// <param name="From">Voxels of the grid at hand.</param>
/// <param name="To">Voxels of the grid wanted.</param>
/// <param name="Order">0 nearest, 1 linear, 3 an interpolating cubic B-spline, clipped to the range of the volume or, in separate
/// mode, of each slice.</param>
/// <param name="SeparateAxis">Axis resampled by itself (<see cref="Resampling.SeparateAxis"/>), or null.</param>
/// <param name="SeparateOrder">Order along that axis.</param>
internal readonly record struct GridChange(Extent From, Extent To, int Order, int? SeparateAxis = null, int SeparateOrder = 0)
{
    /// <summary>
    /// Whether planes of the target depend on a few planes of the source. Splines along z, and clipping to the range of more than
    /// a plane, depend on all of them: such a target is made in one piece.
    /// </summary>
    public bool IsLocal => IsLocalAlong(0);

    /// <summary>The same for slices across any axis.</summary>
    public bool IsLocalAlong(int axis) => SeparateAxis == axis ? SeparateOrder <= 1 : Order <= 1;

    /// <summary>The target in slabs of planes, of at most so many voxels, or more where one plane has more.</summary>
    public IEnumerable<Box> Slabs(long mostVoxels)
    {
        var planes = IsLocal ? (int)Math.Clamp(mostVoxels / Math.Max(1L, (long)To.Y * To.X), 1, To.Z) : To.Z;
        for (var first = 0; first < To.Z; first += planes)
        {
            yield return Box.Planes(To, first, Math.Min(planes, To.Z - first));
        }
    }

    /// <summary>The part of the source that a box of the target depends on.</summary>
    public Box Source(in Box target)
    {
        var (origin, size) = target;
        for (var axis = 0; axis < 3; axis++)
        {
            var (first, count) = Reach(axis, target.Origin[axis], target.Size[axis]);
            (origin, size) = (origin.With(axis, first), size.With(axis, count));
        }

        return new Box(origin, size);
    }

    /// <summary>Resamples a volume.</summary>
    /// <param name="memory">Gives the memory, on the volume's own device.</param>
    /// <param name="source">The volume; not changed.</param>
    /// <returns>The target, to be freed; the source itself if both grids are one.</returns>
    public Tensor Resample(VolumeMemory memory, Tensor source) =>
        Resample(memory, source, new Box(default, From), new Box(default, To));

    /// <summary>Resamples a box.</summary>
    /// <param name="memory">Gives the memory, on the volume's own device.</param>
    /// <param name="source">The part of the source that <see cref="Source"/> names; not changed.</param>
    /// <param name="from">Where it lies.</param>
    /// <param name="to">The wanted part of the target.</param>
    /// <returns>That part of the target, to be freed; the source itself if both grids are one.</returns>
    public Tensor Resample(VolumeMemory memory, Tensor source, in Box from, in Box to)
    {
        if (From == To)
        {
            return source;
        }

        var slab = new Part(this, memory, from, to);
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

    private (int First, int Count) Reach(int axis, int first, int count) =>
        !IsLocalAlong(axis) ? (0, From[axis])
        : From[axis] == To[axis] ? (first, count)
        : Along(axis, SeparateAxis == axis ? SeparateOrder : Order).Reach(first, count);

    private AxisResampling Along(int axis, int order) => new(axis, order, From[axis], To[axis]);

    /// <summary>A part of the target on its way.</summary>
    private readonly struct Part(GridChange change, VolumeMemory memory, Box from, Box to)
    {
        public Tensor Along(Tensor volume, int axis, int order)
        {
            var target = memory.Allocate(volume.Shape.Spatial.With(axis, to.Size[axis]));
            var p = change.Along(axis, order) with { FirstSource = from.Origin[axis], FirstTarget = to.Origin[axis] };
            memory.Backend.ResampleAxis(p, volume, target);
            return target;
        }

        public Tensor Interpolate(Tensor volume, int[] axes, int? sliceAxis)
        {
            // Shrinking axes first: the passes commute, and later ones then have less to do.
            Extent all = change.From, wanted = change.To;
            var result = volume;
            foreach (var axis in axes.Where(axis => all[axis] != wanted[axis]).OrderBy(axis => (double)wanted[axis] / all[axis]))
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
