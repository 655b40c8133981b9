using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Cpu.Simd;

namespace SharpSeg.Kernels.Cpu.Convolution;

/// <summary>
/// What every convolution-like pass comes down to: a grid of output voxels, each the sum over a box of taps of input voxels times
/// matrices. Forward, backward data (one problem per residue of the stride) and transposed convolutions differ only in these
/// numbers.
/// <para>Grid voxel g reads input voxels g·Step + First + d for every tap d of the Window (outside the input: 0) and writes
/// output voxel g·OutputStep + OutputFirst.</para>
/// </summary>
internal unsafe struct TapProblem
{
    /// <summary>Batch size.</summary>
    public int N;

    /// <summary>Input (n, z, y, x, C).</summary>
    public float* X;

    /// <summary>Channels of <see cref="X"/>.</summary>
    public int C;

    /// <summary>Second input (n, z, y, x, C2), whose channels follow the first's; null if C2 = 0.</summary>
    public float* X2;

    /// <summary>Channels of <see cref="X2"/>.</summary>
    public int C2;

    /// <summary>Spatial size of the input, voxels.</summary>
    public Extent Input;

    /// <summary>Number of grid voxels per axis.</summary>
    public Extent Grid;

    /// <summary>Input voxels from one grid voxel to the next.</summary>
    public Extent Step;

    /// <summary>Input voxel of the first tap of grid voxel 0; negative with padding.</summary>
    public Extent First;

    /// <summary>Taps per axis.</summary>
    public Extent Window;

    /// <summary>Output (n, z, y, x, Cout).</summary>
    public float* Y;

    /// <summary>Spatial size of the output tensor, voxels.</summary>
    public Extent Output;

    /// <summary>Output voxels from one grid voxel to the next.</summary>
    public Extent OutputStep;

    /// <summary>Output voxel of grid voxel 0.</summary>
    public Extent OutputFirst;

    /// <summary>Channels of the output, or of both outputs.</summary>
    public int Cout;

    /// <summary>
    /// Second output, which takes the channels from <see cref="CoutFirst"/> on; null if there is none. Winograd only.
    /// </summary>
    public float* Y2;

    /// <summary>Channels of <see cref="Y"/> if there is a second output: a multiple of the channels of a block.</summary>
    public int CoutFirst;

    /// <summary>Channels of both inputs.</summary>
    public readonly int CTotal => C + C2;

    /// <summary>
    /// Whether the taps can be read where the input lies: one input and no tap outside. Then no padded copy is needed.
    /// </summary>
    public readonly bool ReadsInPlace => C2 == 0 && Inside(0) && Inside(1) && Inside(2);

    /// <summary>Where a tap lies in the window; taps are counted in the order z, y, x.</summary>
    public readonly Extent TapAt(int tap) => new(tap / Window.X / Window.Y, tap / Window.X % Window.Y, tap % Window.X);

    /// <summary>Number of an input voxel, counted over all samples.</summary>
    public readonly long InputVoxel(int n, int z, int y, int x) => ((((((long)n * Input.Z) + z) * Input.Y) + y) * Input.X) + x;

    /// <summary>The grid voxels (first, end) along an axis whose tap <paramref name="d"/> lies inside the input.</summary>
    public readonly (int First, int End) GridInside(int axis, int d)
    {
        // g·Step + offset must lie in 0..Input − 1.
        int offset = First[axis] + d, step = Step[axis];
        var first = offset >= 0 ? 0 : (-offset + step - 1) / step;
        var end = offset >= Input[axis] ? 0 : Math.Min(((Input[axis] - 1 - offset) / step) + 1, Grid[axis]);
        return (Math.Min(first, Math.Max(end, 0)), Math.Max(end, 0));
    }

    /// <summary>Pairs of a grid voxel and a tap inside the input: the least number of products per pair of channels.</summary>
    public readonly long Pairs
    {
        get
        {
            long pairs = N;
            for (var axis = 0; axis < 3; axis++)
            {
                pairs *= PairsAlong(axis);
            }

            return pairs;
        }
    }

    /// <summary>The same along one axis.</summary>
    public readonly long PairsAlong(int axis)
    {
        long pairs = 0;
        for (var d = 0; d < Window[axis]; d++)
        {
            var (first, end) = GridInside(axis, d);
            pairs += Math.Max(0, end - first);
        }

        return pairs;
    }

    /// <summary>Copies the channels of one voxel of both inputs.</summary>
    public readonly void CopyVoxel<TLanes, TVector>(long voxel, float* target)
        where TLanes : struct, ILanes<TVector>
        where TVector : unmanaged
    {
        PaddedSlab<TLanes, TVector>.CopyRun(X + (voxel * C), target, C);
        if (C2 > 0)
        {
            PaddedSlab<TLanes, TVector>.CopyRun(X2 + (voxel * C2), target + C, C2);
        }
    }

    private readonly bool Inside(int axis) =>
        First[axis] >= 0 && ((Grid[axis] - 1) * Step[axis]) + First[axis] + Window[axis] <= Input[axis];
}
