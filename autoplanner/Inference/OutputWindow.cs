using SharpSeg.AutoPlanner.Volumes;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Inference;

/// <summary>Network outputs from which maps are taken box by box.</summary>
internal interface IOutputMaps
{
    /// <summary>Where maps are resampled.</summary>
    Backend Backend { get; }

    /// <summary>A box of one map: logits, in the classic profile probabilities.</summary>
    /// <param name="memory">Of the same device.</param>
    /// <param name="head">Which map.</param>
    /// <param name="box">Of the preprocessed grid.</param>
    Tensor Take(VolumeMemory memory, int head, in Box box);
}

/// <summary>
/// The sums of weighted tiles of some planes, and of a box of rows and columns, of the preprocessed grid (docs/method/memory.md
/// §2). Tiles come plane by plane; planes that no later tile touches are taken and left behind, and the window slides. A tile
/// that lies across the box's borders is added where it lies inside. Every voxel receives the same tiles in the same order as in
/// a window of everything, so that the result is the same bytes.
/// </summary>
internal sealed class OutputWindow : IOutputMaps, IDisposable
{
    // Planes are moved and filled as tensors of their own, which begin on a line of the cache.
    private const int Line = 16;

    private readonly Extent padding;
    private readonly Box box;
    private readonly DeviceBuffer[] buffers;
    private readonly Tensor[] sums;
    private readonly Tensor weightSum, ignored;
    private int first;

    /// <summary>An empty window at the first plane.</summary>
    /// <param name="backend">Where the sums are.</param>
    /// <param name="padding">Padding before the first voxel: tiles lie on the padded grid, boxes on the preprocessed one.</param>
    /// <param name="box">Rows and columns of the padded grid, and all its planes.</param>
    /// <param name="planes">How many planes are open at a time.</param>
    /// <param name="heads">Maps.</param>
    /// <param name="folds">Networks, each of which has sums of its own.</param>
    public OutputWindow(Backend backend, Extent padding, in Box box, int planes, int heads, int folds)
    {
        (Backend, this.padding, this.box) = (backend, padding, box);
        var open = Open(box.Size, planes);
        buffers = new DeviceBuffer[folds + (folds > 1 ? 2 : 1)];
        try
        {
            sums = [.. Enumerable.Range(0, folds).Select(f => New(f, heads))];
            weightSum = New(folds, 1);
            ignored = folds > 1 ? New(folds + 1, 1) : weightSum;
        }
        catch
        {
            Dispose();
            throw;
        }

        Tensor New(int index, int channels)
        {
            buffers[index] = backend.Allocate(open.Voxels * channels);
            var tensor = new Tensor(buffers[index], 0, Shape.Activation(1, open, channels));
            backend.Fill(tensor, 0);
            return tensor;
        }
    }

    /// <inheritdoc/>
    public Backend Backend { get; }

    /// <summary>First plane behind the open ones, on the padded grid.</summary>
    public int End => first + weightSum.Shape.Spatial.Z;

    /// <summary>Bytes of a window.</summary>
    public static long Bytes(Extent box, int planes, int heads, int folds) =>
        Open(box, planes).Voxels * sizeof(float) * (((long)folds * heads) + (folds > 1 ? 2 : 1));

    /// <summary>Adds a tile.</summary>
    /// <param name="fold">Whose answer it is.</param>
    /// <param name="tile">Answers of a fold.</param>
    /// <param name="sample">Which of them.</param>
    /// <param name="weights">How much each voxel counts.</param>
    /// <param name="origin">Where it lies on the padded grid; all its planes are open.</param>
    public void Add(int fold, Tensor tile, int sample, Tensor weights, Extent origin)
    {
        if (origin.Z < first || origin.Z + tile.Shape.Spatial.Z > End)
        {
            throw new InvalidOperationException(
                $"planes {first} to {End - 1} are open, not all of a tile {tile.Shape.Spatial} at {origin}");
        }

        Backend.BlendAdd(
            tile, sample, weights, new Extent(origin.Z - first, origin.Y - box.Origin.Y, origin.X - box.Origin.X), sums[fold],
            fold == 0 ? weightSum : ignored); // the weights of all folds are the same
    }

    /// <summary>Leaves planes behind and opens as many.</summary>
    /// <param name="plane">First plane that stays, on the padded grid.</param>
    public void SlideTo(int plane)
    {
        int count = weightSum.Shape.Spatial.Z, by = plane - first;
        foreach (var tensor in sums.Append(weightSum))
        {
            // In steps of the distance: source and target then never overlap.
            for (var to = 0; to + by < count; to += by)
            {
                var n = Math.Min(by, count - by - to);
                Backend.Copy(Planes(tensor, to + by, n), Planes(tensor, to, n));
            }

            Backend.Fill(Planes(tensor, Math.Max(0, count - by), Math.Min(by, count)), 0);
        }

        first = plane;
    }

    /// <inheritdoc/>
    public Tensor Take(VolumeMemory memory, int head, in Box part)
    {
        var origin = new Extent(
            part.Origin.Z + padding.Z - first, part.Origin.Y + padding.Y - box.Origin.Y,
            part.Origin.X + padding.X - box.Origin.X);
        Tensor weights = memory.Allocate(part.Size), mean = memory.Allocate(part.Size);
        Backend.TakeChannel(weightSum, 0, origin, weights);
        Backend.TakeChannel(sums[0], head, origin, mean);
        Backend.DivideByWeights(mean, weights);
        if (sums.Length > 1)
        {
            var one = mean;
            mean = memory.Allocate(part.Size);
            for (var fold = 0; fold < sums.Length; fold++)
            {
                if (fold > 0)
                {
                    Backend.TakeChannel(sums[fold], head, origin, one);
                    Backend.DivideByWeights(one, weights);
                }

                Backend.Axpby(1f / sums.Length, one, fold == 0 ? 0 : 1, mean);
            }

            memory.Free(one);
        }

        memory.Free(weights);
        return mean;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var buffer in buffers.Where(buffer => buffer is not null))
        {
            Backend.Free(buffer);
        }
    }

    private static Extent Open(Extent box, int planes)
    {
        var rows = box.Y;
        while ((long)rows * box.X % Line != 0)
        {
            rows++;
        }

        return new Extent(Math.Min(planes, box.Z), rows, box.X);
    }

    private static Tensor Planes(Tensor window, int first, int count)
    {
        var size = window.Shape.Spatial;
        return new Tensor(
            window.Buffer, (long)first * size.Y * size.X * window.Shape.C,
            Shape.Activation(1, size.With(0, count), window.Shape.C));
    }
}
