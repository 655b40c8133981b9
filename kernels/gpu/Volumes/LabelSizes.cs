using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.Kernels.Gpu.Volumes;

/// <summary>
/// Label maps before and after resampling, as a kernel parameter, and the table that goes with it: for every plane, row and
/// column of the target, one axis after the other, the near input, the far one, and the far one's weight in units of 1/Unit of
/// its axis, a whole number.
/// </summary>
internal readonly struct LabelSizes
{
    /// <summary>Entries of the table per output.</summary>
    public const int Entry = 3;

    public readonly int FromY, FromX, ToZ, ToY, ToX;
    public readonly long UnitZ, UnitY, UnitX;

    public LabelSizes(in LabelResampling p, Extent to)
    {
        (FromY, FromX, ToZ, ToY, ToX) = (p.From.Y, p.From.X, to.Z, to.Y, to.X);
        (UnitZ, UnitY, UnitX) = (Unit(p.Along(0)), Unit(p.Along(1)), Unit(p.Along(2)));
    }

    /// <summary>
    /// The table. Output j lies at ((2j + 1)·n − m)/2m, so that weights are multiples of 1/2m; whole numbers hold them exactly.
    /// </summary>
    public static float[] Table(in LabelResampling p, Extent to)
    {
        var table = new float[Entry * (to.Z + to.Y + to.X)];
        for (int axis = 0, at = 0; axis < 3; axis++)
        {
            var along = p.Along(axis);
            for (var i = 0; i < to[axis]; i++, at += Entry)
            {
                var output = along.FirstTarget + i;
                if (along.Order == 0)
                {
                    table[at] = table[at + 1] = along.Nearest(output) - along.FirstSource;
                    continue;
                }

                var position = (((2L * output) + 1) * along.From) - along.To; // in units of 1/2m
                var floor = (int)((position + Unit(along)) / Unit(along)) - 1;
                table[at] = Math.Max(floor, 0) - along.FirstSource;
                table[at + 1] = Math.Min(floor + 1, along.From - 1) - along.FirstSource;
                table[at + 2] = position - (floor * Unit(along));
            }
        }

        return table;
    }

    private static long Unit(in AxisResampling along) => along.Order == 0 ? 1 : 2L * along.To;
}
