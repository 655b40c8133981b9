using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Cpu.Pointwise;
using SharpSeg.Kernels.Cpu.Volumes;

namespace SharpSeg.Kernels.Cpu;

internal sealed unsafe partial class CpuBackend<TLanes, TVector>
{
    /// <inheritdoc/>
    protected override void TakeChannelCore(Tensor maps, int channel, Extent origin, Tensor volume)
    {
        var work = new TakeChannelWork(
            At(maps), maps.Shape.Spatial, maps.Shape.C, channel, origin, At(volume), volume.Shape.Spatial);
        team.Run(work.Chunks, work);
    }

    /// <inheritdoc/>
    protected override void ResampleAxisCore(in AxisResampling p, Tensor source, Tensor target)
    {
        var (from, to) = (source.Shape.Spatial, target.Shape.Spatial[p.Axis]);
        var table = new AxisTable(p, to);
        fixed (int* rows = table.Rows)
        {
            fixed (float* factors = table.Weights)
            {
                var work = new AxisWork<TLanes, TVector>
                {
                    Source = At(source),
                    Target = At(target),
                    Rows = rows,
                    Weights = factors,
                    Outer = p.Axis == 0 ? 1 : p.Axis == 1 ? from.Z : checked(from.Z * from.Y),
                    From = from[p.Axis],
                    To = to,
                    Inner = p.Axis == 0 ? checked(from.Y * from.X) : p.Axis == 1 ? from.X : 1,
                    Order = p.Order,
                };
                work.Scratch = perWorker.Reserve(Math.Max(1, work.ScratchPerWorker * team.Count));
                team.Run(work.Chunks, work);
            }
        }
    }

    /// <inheritdoc/>
    protected override void ClipToRangeCore(Tensor source, int? axis, Tensor target)
    {
        var size = source.Shape.Spatial;
        var slices = RangeWork<TLanes, TVector>.Slices(size, axis);
        var partial = shared.Reserve(2L * slices * size.Z);
        team.Run(size.Z, new RangeWork<TLanes, TVector>(At(source), size, axis, partial));
        for (var plane = 1; plane < size.Z; plane++)
        {
            var own = partial + (2L * plane * slices);
            for (var slice = 0; slice < slices; slice++)
            {
                partial[slice] = Math.Min(partial[slice], own[slice]);
                partial[slices + slice] = Math.Max(partial[slices + slice], own[slices + slice]);
            }
        }

        team.Run(target.Shape.Spatial.Z, new ClampWork<TLanes, TVector>(At(target), target.Shape.Spatial, axis, partial));
    }

    /// <inheritdoc/>
    protected override void ResampleLabelsCore(in LabelResampling p, Tensor source, Tensor target)
    {
        Extent from = source.Shape.Spatial, to = target.Shape.Spatial;
        var tables = new LabelTables(p, to);
        fixed (int* inputs = tables.Inputs)
        {
            fixed (double* shares = tables.Weights)
            {
                var work = new LabelWork<TLanes, TVector>
                {
                    Source = At(source),
                    Target = At(target),
                    From = from,
                    To = to,
                    Z = new(inputs, shares, to.Z),
                    Y = new(inputs + (2 * to.Z), shares + to.Z, to.Y),
                    X = new(inputs + (2 * (to.Z + to.Y)), shares + to.Z + to.Y, to.X),
                };
                work.Scratch = perWorker.Reserve(Math.Max(1, work.ScratchPerWorker * team.Count));
                team.Run(work.Chunks, work);
            }
        }
    }

    /// <inheritdoc/>
    protected override void KeepHighestCore(Tensor volume, float label, bool first, Tensor best, Tensor labels) => team.Run(
        FlatChunks.Count(volume.Length),
        new KeepHighestWork<TLanes, TVector>(At(volume), label, first, At(best), At(labels), volume.Length));

    /// <inheritdoc/>
    protected override void MarkAboveCore(Tensor volume, float threshold, float label, Tensor labels) => team.Run(
        FlatChunks.Count(volume.Length),
        new MarkAboveWork<TLanes, TVector>(At(volume), threshold, label, At(labels), volume.Length));
}
