using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.Engine.Tensors;
using SharpSeg.Tests;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Method;

/// <summary>
/// Cells of a page's tables in the forms that the method pages use: sizes `40×56×40`, lists `1, 2, 2`, rows of digits, NaN.
/// </summary>
internal static class PageCells
{
    public static int[] Ints(this PageRow row, string column) =>
        [.. row.Numbers(column).Select(number => checked((int)number.Whole))];

    public static double[] Reals(this PageRow row, string column) => [.. row.Numbers(column).Select(number => number.Value)];

    public static Extent Extent(this PageRow row, string column) => SharpSeg.Engine.Tensors.Extent.FromArray(row.Ints(column));

    public static Spacing Spacing(this PageRow row, string column) =>
        SharpSeg.AutoPlanner.Imaging.Spacing.FromArray(row.Reals(column));

    /// <summary>The values of a cell such as `0.9, NaN`.</summary>
    public static double[] RealsOrNaN(this PageRow row, string column) =>
    [
        .. row[column].Split(',').Select(cell => cell.Trim() == "NaN"
            ? double.NaN
            : PageNumber.AllIn(cell, column) is [var only]
            ? only.Value
            : throw new FormatException($"{column}: `{cell}` is not one number")),
    ];

    /// <summary>Fails unless a cell holds exactly these values, each to the digits it prints.</summary>
    public static void Agrees(this PageRow row, string column, IReadOnlyList<double> actual, double slack = 0) =>
        row.Numbers(column).Agree(actual, slack);

    /// <summary>Fails unless these numbers are the computed ones, each to the digits it prints.</summary>
    public static void Agree(this IReadOnlyList<PageNumber> numbers, IReadOnlyList<double> actual, double slack = 0)
    {
        Assert.Equal(actual.Count, numbers.Count);
        for (var i = 0; i < actual.Count; i++)
        {
            numbers[i].Agrees(actual[i], slack);
        }
    }
}
