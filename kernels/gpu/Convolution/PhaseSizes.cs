using System.Runtime.CompilerServices;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.Kernels.Gpu.Convolution;

/// <summary>
/// A convolution of stride 2, its gradients, and transposed convolutions, as sums over <em>phases</em>: the voxels of the finer
/// volume by their remainders modulo the stride. Within a phase both volumes have one distance from voxel to voxel, so that a tap
/// is a constant distance again, as with stride 1:
/// <para>gather: coarse[v] = Σ_phase Σ_tap of the phase fine[(v + offset)·stride + phase]·weight(tap);</para>
/// <para>scatter: fine[v·stride + phase] = Σ_tap of the phase coarse[v + offset]·weight(tap).</para>
/// <para>A convolution gathers forward and scatters by the data; a transposed one the other way round. Along an axis of 3 taps
/// and stride 2, phase 0 has one tap, phase 1 has two, which <see cref="PhaseAxis"/> finds.</para>
/// </summary>
internal readonly struct PhaseSizes
{
    /// <summary>
    /// Bricks of the coarse volume, channels of what is read, columns, and which weights are meant; see there.
    /// </summary>
    public readonly BrickSizes Bricks;

    public readonly int KernelZ, KernelY, KernelX, PadZ, PadY, PadX, Scatter;
    public readonly int ShiftZ, ShiftY, ShiftX;           // 1 where the stride is 2, else 0
    public readonly int FineZ, FineY, FineX;

    private PhaseSizes(in ConvProblem p, bool scatter, in BrickSizes sizes)
    {
        Bricks = sizes.Over(p.Output, flat: p.Kernel.Z <= p.Stride.Z);
        (KernelZ, KernelY, KernelX) = (p.Kernel.Z, p.Kernel.Y, p.Kernel.X);
        (PadZ, PadY, PadX) = (p.Padding.Z, p.Padding.Y, p.Padding.X);
        (ShiftZ, ShiftY, ShiftX) = (p.Stride.Z - 1, p.Stride.Y - 1, p.Stride.X - 1);
        (FineZ, FineY, FineX, Scatter) = (p.Input.Z, p.Input.Y, p.Input.X, scatter ? 1 : 0);
    }

    /// <summary>y = conv([x, x2], w) + b.</summary>
    public static PhaseSizes Forward(in ConvProblem p, bool hasBias) => new(p, scatter: false, new BrickSizes(p, hasBias));

    /// <summary>dx from dy, for the input channels firstChannel … firstChannel + channels − 1.</summary>
    public static PhaseSizes BackwardData(in ConvProblem p, int firstChannel, int channels, bool accumulate) =>
        new(p, scatter: true, new BrickSizes(p, firstChannel, channels, accumulate));

    /// <summary>dw from [x, x2] and dy.</summary>
    public static PhaseSizes BackwardWeights(in ConvProblem p) =>
        new(p, scatter: false, BrickSizes.BackwardWeights(p, BrickSizes.GradientSlabs));

    /// <summary>Whether there is a kernel for these sizes.</summary>
    /// <param name="p">A convolution.</param>
    /// <param name="halves">Activations have 16 bits.</param>
    /// <param name="channels">See <see cref="BrickSizes.Fit"/>.</param>
    public static bool Fit(in ConvProblem p, bool halves, params ReadOnlySpan<int> channels) =>
        Fit(p.Kernel, p.Stride) && BrickSizes.AreWhole(halves, channels);

    /// <summary>Phases of the fine volume.</summary>
    public int Phases => 1 << (ShiftZ + ShiftY + ShiftX);

    /// <summary>The taps of a phase along z.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static PhaseAxis AlongZ(PhaseSizes s, int phase) =>
        PhaseAxis.Of(phase >> (s.ShiftY + s.ShiftX), s.ShiftZ, s.KernelZ, s.PadZ, s.Scatter);

    /// <summary>The taps of a phase along y.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static PhaseAxis AlongY(PhaseSizes s, int phase) =>
        PhaseAxis.Of((phase >> s.ShiftX) & ((1 << s.ShiftY) - 1), s.ShiftY, s.KernelY, s.PadY, s.Scatter);

    /// <summary>The taps of a phase along x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static PhaseAxis AlongX(PhaseSizes s, int phase) =>
        PhaseAxis.Of(phase & ((1 << s.ShiftX) - 1), s.ShiftX, s.KernelX, s.PadX, s.Scatter);

    // Along y and x a phase then has at most two taps, along z three: what a brick has room for.
    private static bool Fit(Extent kernel, Extent stride) =>
        (stride.Z, stride.Y, stride.X) is (1, 2, 2) or (2, 2, 2) && kernel.Z <= 3 && kernel.Y <= 3 && kernel.X <= 3;
}

/// <summary>The taps of one phase along one axis, and what they read.</summary>
internal struct PhaseAxis
{
    /// <summary>The phase: the remainder of its voxels.</summary>
    public int Phase;

    /// <summary>How many taps there are; none where the kernel is narrower than the stride.</summary>
    public int Taps;

    /// <summary>The first tap in the order of what they read; the next are <see cref="Step"/> further.</summary>
    public int Tap;

    /// <summary>From tap to tap: the stride, or its negative.</summary>
    public int Step;

    /// <summary>What the first tap reads for voxel v: number v + this, of the phase or of the coarse volume.</summary>
    public int First;

    /// <summary>From voxel v and tap t to the fine voxel v·stride + t − pad, sorted by its remainder.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static PhaseAxis Of(int phase, int shift, int kernel, int pad, int scatter)
    {
        var stride = 1 << shift;
        var tap = (phase + pad) & (stride - 1);
        var back = (phase + pad - tap) >> shift;
        var axis = default(PhaseAxis);
        axis.Phase = phase;
        axis.Taps = tap < kernel ? ((kernel - 1 - tap) >> shift) + 1 : 0;
        axis.Tap = scatter != 0 ? tap + ((axis.Taps - 1) << shift) : tap;
        axis.Step = scatter != 0 ? -stride : stride;
        axis.First = scatter != 0 ? back - (axis.Taps - 1) : -back;
        return axis;
    }
}
