using System.Globalization;

namespace SharpSeg.AutoPlanner.Planning;

/// <summary>Numbers of a plan as text, the same everywhere: at most six decimals, × between axes.</summary>
internal static class PlanText
{
    /// <summary>One number.</summary>
    public static string Number(double value) => value.ToString("0.######", CultureInfo.InvariantCulture);

    /// <summary>A large whole number with separators of thousands.</summary>
    public static string Count(double value) => value.ToString("#,0", CultureInfo.InvariantCulture);

    /// <summary>Sizes of the axes.</summary>
    public static string Sizes(IEnumerable<double> values) => string.Join("×", values.Select(Number));

    /// <summary>Sizes of the axes.</summary>
    public static string Sizes(IEnumerable<int> values) => string.Join("×", values);

    /// <summary>Spacing of the axes.</summary>
    public static string Millimetres(IEnumerable<double> values) => Sizes(values) + " mm";

    /// <summary>One group per stage, digits run together: `133 333`.</summary>
    public static string Stages(IEnumerable<int[]> rows) => string.Join(" ", rows.Select(row => string.Concat(row)));
}
