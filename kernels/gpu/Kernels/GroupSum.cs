using ILGPU;

namespace SharpSeg.Kernels.Gpu.Kernels;

/// <summary>Sums and maxima over the threads of a one-dimensional group, in a fixed order: a tree in shared memory.</summary>
internal static class GroupSum
{
    /// <summary>Threads of the groups that use this; a power of two.</summary>
    public const int Threads = 256;

    /// <summary>Σ of all threads' values, the same for every thread. All threads must come here.</summary>
    public static float Of(ArrayView<float> shared, float value)
    {
        var thread = Group.IdxX;
        shared[thread] = value;
        Group.Barrier();
        for (var half = Threads >> 1; half > 0; half >>= 1)
        {
            if (thread < half)
            {
                shared[thread] += shared[thread + half];
            }

            Group.Barrier();
        }

        var sum = shared[0];
        Group.Barrier(); // nobody may write the next values before all have read this sum
        return sum;
    }

    /// <summary>Largest of all threads' values, NaN if one of them is NaN. All threads must come here.</summary>
    public static float MaximumOf(ArrayView<float> shared, float value)
    {
        var thread = Group.IdxX;
        shared[thread] = value;
        Group.Barrier();
        for (var half = Threads >> 1; half > 0; half >>= 1)
        {
            if (thread < half)
            {
                shared[thread] = Larger(shared[thread], shared[thread + half]);
            }

            Group.Barrier();
        }

        var maximum = shared[0];
        Group.Barrier();
        return maximum;
    }

    /// <summary>The larger value, or NaN if either is NaN.</summary>
    public static float Larger(float a, float b)
    {
        var larger = a > b ? a : b;
        return float.IsNaN(a) ? a : float.IsNaN(b) ? b : larger;
    }
}
