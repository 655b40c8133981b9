using System.Runtime.CompilerServices;

namespace SharpSeg.Kernels.Cpu.Simd;

/// <summary>
/// Turns a few voxels × channels from channels-last into channel rows and back, so that per-voxel arithmetic over few channels
/// (softmax over 2 to some dozens of classes) fills the lanes with voxels. Rows are <see cref="Size"/> floats apart.
/// </summary>
internal static unsafe class VoxelBlock
{
    /// <summary>Voxels per block; a multiple of every vector length.</summary>
    public const int Size = 64;

    /// <summary>
    /// Floats of a worker's rows: at least four rows, which are read together, and one between two workers, which prevents false
    /// sharing of cache lines.
    /// </summary>
    public static long Length(int channels) => (Math.Max(channels, 4) + 1L) * Size;

    /// <summary>
    /// rows[c·Size + i] = values[i·channels + c] for i &lt; count; the rest of each row repeats the first voxel.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Gather(float* values, int channels, int count, float* rows)
    {
        if (count == Size)
        {
            Transposition.Run(values, channels, Size, channels, rows, Size);
            return;
        }

        for (var c = 0; c < channels; c++)
        {
            var row = rows + (c * Size);
            var i = 0;
            for (; i < count; i++)
            {
                row[i] = values[(i * channels) + c];
            }

            for (; i < Size; i++)
            {
                row[i] = values[c];
            }
        }
    }

    /// <summary>values[i·channels + c] = rows[c·Size + i] for i &lt; count.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Scatter(float* rows, int channels, int count, float* values)
    {
        if (channels <= 4)
        {
            Transposition.Interleave(rows, Size, channels, count, values);
            return;
        }

        for (var c = 0; c < channels; c++)
        {
            var row = rows + (c * Size);
            for (var i = 0; i < count; i++)
            {
                values[(i * channels) + c] = row[i];
            }
        }
    }
}
