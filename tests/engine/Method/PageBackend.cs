using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Cpu;
using SharpSeg.Tests;
using Xunit;

namespace SharpSeg.Engine.Tests.Method;

/// <summary>
/// The processor's backend, fed from pages: they print one map per channel, row by row; tensors are channels last.
/// </summary>
internal sealed class PageBackend : IDisposable
{
    private readonly List<DeviceBuffer> buffers = [];

    public Backend Backend { get; } = Cpu.Open();

    public Tensor Empty(Shape shape)
    {
        var buffer = Backend.Allocate(shape.Length);
        buffers.Add(buffer);
        return new Tensor(buffer, 0, shape);
    }

    public Tensor Filled(Shape shape, params IReadOnlyList<double> values)
    {
        var tensor = Empty(shape);
        Backend.Upload(values.Select(v => (float)v).ToArray(), tensor);
        return tensor;
    }

    /// <summary>Maps as a page prints them, all channels of sample 0, then those of sample 1.</summary>
    public Tensor FromMaps(Shape shape, params double[][] maps)
    {
        var values = new double[shape.Length];
        var voxels = (int)shape.Spatial.Voxels;
        for (var map = 0; map < maps.Length; map++)
        {
            for (var v = 0; v < voxels; v++)
            {
                values[(((map / shape.C * voxels) + v) * shape.C) + (map % shape.C)] = maps[map][v];
            }
        }

        return Filled(shape, values);
    }

    public double[] Read(Tensor tensor)
    {
        var values = new float[tensor.Length];
        Backend.Download(tensor, values);
        return [.. values.Select(v => (double)v)];
    }

    /// <summary>One map of an activation.</summary>
    public double[] Map(Tensor tensor, int sample, int channel)
    {
        var (voxels, c) = ((int)tensor.Shape.Spatial.Voxels, tensor.Shape.C);
        var values = Read(tensor);
        return [.. Enumerable.Range(0, voxels).Select(v => values[(((sample * voxels) + v) * c) + channel])];
    }

    public static void Agree(IReadOnlyList<PageNumber> printed, IReadOnlyList<double> computed, double slack)
    {
        Assert.Equal(printed.Count, computed.Count);
        for (var i = 0; i < printed.Count; i++)
        {
            printed[i].Agrees(computed[i], slack);
        }
    }

    public void Dispose()
    {
        foreach (var buffer in buffers)
        {
            Backend.Free(buffer);
        }

        Backend.Dispose();
    }
}
