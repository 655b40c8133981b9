using ILGPU;

namespace SharpSeg.Kernels.Gpu.Device;

/// <summary>
/// Sums and maxima over the threads of a one-dimensional group, in a fixed order: sixteen threads add sixteen values each, then
/// every thread adds those sixteen sums. Three barriers, where a binary tree has nine.
/// </summary>
internal static class GroupSum
{
    /// <summary>Threads of the groups that use this; a power of two.</summary>
    public const int Threads = 256;

    private const int Leaders = 16;

    /// <summary>Σ of all threads' values, the same for every thread. All threads must call this.</summary>
    public static float Of(ArrayView<float> shared, float value)
    {
        var thread = Group.IdxX;
        shared[thread] = value;
        Group.Barrier();
        if (thread < Leaders)
        {
            for (var i = thread + Leaders; i < Threads; i += Leaders)
            {
                value += shared[i];
            }

            shared[thread] = value;
        }

        Group.Barrier();
        var sum = 0f;
        for (var i = 0; i < Leaders; i++)
        {
            sum += shared[i];
        }

        Group.Barrier(); // no thread may write the next values before all have read these
        return sum;
    }

    /// <summary>Largest of all threads' values, NaN if one of them is NaN. All threads must call this.</summary>
    public static float MaximumOf(ArrayView<float> shared, float value)
    {
        var thread = Group.IdxX;
        shared[thread] = value;
        Group.Barrier();
        if (thread < Leaders)
        {
            for (var i = thread + Leaders; i < Threads; i += Leaders)
            {
                value = Larger(value, shared[i]);
            }

            shared[thread] = value;
        }

        Group.Barrier();
        var maximum = shared[0];
        for (var i = 1; i < Leaders; i++)
        {
            maximum = Larger(maximum, shared[i]);
        }

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
