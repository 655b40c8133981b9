using System.Runtime.CompilerServices;
using ILGPU;

namespace SharpSeg.Kernels.Gpu.Convolution;

/// <summary>
/// What the depths of a tile, 16 or 32, refer to. Depth number k is channel k mod C of tap k / C; the first 16 or 32 threads each
/// follow one depth of a tile from tile to tile, adding 16 or 32 and carrying, and write for the whole group: the tap's offset z,
/// y, x in the source, the channel, and where the depth's weights begin. A channel of −1 marks depths beyond the last.
/// </summary>
internal struct DepthPlan
{
    /// <summary>Integers of a plan: five of each depth.</summary>
    public const int Length = 5 * GemmTile.MostDepths;

    /// <summary>Where the offsets y begin in a plan; those along z are the first.</summary>
    public const int OffsetY = GemmTile.MostDepths;

    /// <summary>Where the offsets x begin in a plan.</summary>
    public const int OffsetX = 2 * GemmTile.MostDepths;

    /// <summary>Where the channels begin in a plan.</summary>
    public const int Channel = 3 * GemmTile.MostDepths;

    /// <summary>Where the weights' indices begin in a plan.</summary>
    public const int Weight = 4 * GemmTile.MostDepths;

    public int C, TapX, TapY, TapZ;

    /// <summary>The thread's depth in the first tile.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static DepthPlan Start(int thread, GatherSizes s, VoxelClass place)
    {
        var plan = default(DepthPlan);
        plan.C = thread;
        Carry(ref plan, s, place);
        return plan;
    }

    /// <summary>Writes the thread's depth, if it has one, at <paramref name="offset"/> and moves on to the next tile's.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Write(
        ref DepthPlan plan, int thread, ArrayView<int> depths, int offset, GatherSizes s, VoxelClass place, int precision)
    {
        if (thread < TileWords.DepthOf(precision))
        {
            var tapZ = place.Z.FirstTap + (plan.TapZ * place.Z.TapStep);
            var tapY = place.Y.FirstTap + (plan.TapY * place.Y.TapStep);
            var tapX = place.X.FirstTap + (plan.TapX * place.X.TapStep);
            var tap = (((tapZ * s.KernelY) + tapY) * s.KernelX) + tapX;
            var inside = plan.TapZ < place.Z.Taps && place.Y.Taps > 0 && place.X.Taps > 0;
            var at = offset + thread;
            depths[at] = plan.TapZ * place.Z.Direction;
            depths[at + OffsetY] = plan.TapY * place.Y.Direction;
            depths[at + OffsetX] = plan.TapX * place.X.Direction;
            depths[at + Channel] = inside ? plan.C : -1;
            depths[at + Weight] = s.TransposedWeights != 0
                ? (((tap * s.WeightRows) + s.FirstRow) * s.WeightColumns) + plan.C
                : ((tap * s.WeightRows) + plan.C) * s.WeightColumns;
            plan.C += TileWords.DepthOf(precision);
            Carry(ref plan, s, place);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Carry(ref DepthPlan plan, GatherSizes s, VoxelClass place)
    {
        var channels = s.Channels + s.Channels2;
        while (plan.C >= channels)
        {
            plan.C -= channels;
            plan.TapX++;
            if (plan.TapX >= place.X.Taps)
            {
                plan.TapX = 0;
                plan.TapY++;
                if (plan.TapY >= place.Y.Taps)
                {
                    plan.TapY = 0;
                    plan.TapZ++;
                }
            }
        }
    }
}
