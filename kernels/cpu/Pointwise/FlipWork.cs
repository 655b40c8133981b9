using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Cpu.Threading;

namespace SharpSeg.Kernels.Cpu.Pointwise;

/// <summary>y = x mirrored along the marked axes. A chunk is some rows (n, z, y) of the output.</summary>
internal readonly unsafe struct FlipWork(
    float* x, float* y, int samples, Extent size, int channels, bool alongZ, bool alongY, bool alongX)
    : IChunkedWork
{
    /// <summary>Number of chunks.</summary>
    public int Chunks => RowChunks.Count(Rows, size.X * channels);

    private int Rows => samples * size.Z * size.Y;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(int chunk, int worker)
    {
        var rowLength = (long)size.X * channels;
        var (first, end) = RowChunks.Range(chunk, Rows, size.X * channels);
        for (var row = first; row < end; row++)
        {
            int iy = row % size.Y, iz = row / size.Y % size.Z, n = row / size.Y / size.Z;
            var sourceRow = ((((long)n * size.Z) + (alongZ ? size.Z - 1 - iz : iz)) * size.Y) + (alongY ? size.Y - 1 - iy : iy);
            float* source = x + (sourceRow * rowLength), target = y + (row * rowLength);
            if (alongX)
            {
                Reverse(source, target);
            }
            else
            {
                Buffer.MemoryCopy(source, target, rowLength * sizeof(float), rowLength * sizeof(float));
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Reverse(float* source, float* target)
    {
        // Four channels at a time; what they write behind a voxel belongs to the next one, which is written later.
        var from = source + ((size.X - 1L) * channels);
        var left = size.X * channels;
        for (; left >= channels + 3; left -= channels, from -= channels, target += channels)
        {
            for (var c = 0; c < channels; c += 4)
            {
                Vector128.Store(Vector128.Load(from + c), target + c);
            }
        }

        for (; left > 0; left -= channels, from -= channels, target += channels)
        {
            for (var c = 0; c < channels; c++)
            {
                target[c] = from[c];
            }
        }
    }
}
