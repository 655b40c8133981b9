using System.Runtime.CompilerServices;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Cpu.Threading;

namespace SharpSeg.Kernels.Cpu.Pointwise;

/// <summary>y = x mirrored along the marked axes. A chunk is one row (n, z, y) of the output.</summary>
internal readonly unsafe struct FlipWork(float* x, float* y, Extent size, int channels, bool alongZ, bool alongY, bool alongX)
    : IChunkedWork
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(int chunk, int worker)
    {
        int iy = chunk % size.Y, iz = chunk / size.Y % size.Z, n = chunk / size.Y / size.Z;
        var rowLength = (long)size.X * channels;
        var sourceRow = ((((long)n * size.Z) + (alongZ ? size.Z - 1 - iz : iz)) * size.Y) + (alongY ? size.Y - 1 - iy : iy);
        float* source = x + (sourceRow * rowLength), target = y + (chunk * rowLength);
        if (!alongX)
        {
            Buffer.MemoryCopy(source, target, rowLength * sizeof(float), rowLength * sizeof(float));
            return;
        }

        for (var ix = 0; ix < size.X; ix++)
        {
            var from = source + ((long)(size.X - 1 - ix) * channels);
            var to = target + ((long)ix * channels);
            for (var c = 0; c < channels; c++)
            {
                to[c] = from[c];
            }
        }
    }
}
