using System.Globalization;
using System.Text.RegularExpressions;
using Xunit;

namespace SharpSeg.Tests;

/// <summary>
/// A page of <c>docs/</c> whose numbers tests compare with the product's code. A line <c>&lt;!-- check: name --&gt;</c> marks
/// what follows it: a table, a code block, or a paragraph. Names are unique over all pages; every mark is asserted by a test in a
/// folder <c>Method</c> that quotes its name (<c>MethodPagesTests</c> checks both).
/// <para>Use: <c>MethodPage.Open("docs/method/networks.md").Table("parameter-counts")</c>,
/// <c>….Numbers("convolution")</c>.</para>
/// </summary>
public sealed partial class MethodPage
{
    private readonly string path;
    private readonly string[] lines;

    private MethodPage(string path, string[] lines) => (this.path, this.lines) = (path, lines);

    /// <summary>The names of all marks, in order.</summary>
    public IReadOnlyList<string> Checks =>
        [.. lines.Select(line => Mark().Match(line)).Where(m => m.Success).Select(m => m.Groups[1].Value)];

    /// <summary>Opens a page by its path in the repository, with slashes.</summary>
    public static MethodPage Open(string path) => new(path, File.ReadAllLines(Path.Combine(Checkout.Root, path)));

    /// <summary>All numbers of the marked paragraph, list item, table or code block, in reading order.</summary>
    public IReadOnlyList<PageNumber> Numbers(string check) =>
        PageNumber.AllIn(string.Join('\n', Block(check)), $"{path}, {check}");

    /// <summary>The lines of the marked block as they stand, without a code block's fences.</summary>
    public IReadOnlyList<string> Lines(string check) => Block(check);

    /// <summary>The rows of the marked table, without its header; cells are found by their column's title.</summary>
    public IReadOnlyList<PageRow> Table(string check)
    {
        var block = Block(check).Select(Cells).ToList();
        var isTable = block.Count > 2 && block[1].All(cell => cell.Trim(':', '-').Length == 0);
        Assert.True(isTable, $"{path}: no table follows the mark {check}");
        Assert.All(block, row => Assert.Equal(block[0].Length, row.Length));
        return [.. block.Skip(2).Select(cells => new PageRow(block[0], cells, $"{path}, {check}"))];
    }

    private static string[] Cells(string line) => [.. line.Trim().Trim('|').Split('|').Select(cell => cell.Trim())];

    [GeneratedRegex(@"^\s*<!-- check: ([a-z0-9-]+) -->\s*$")]
    private static partial Regex Mark();

    private List<string> Block(string check)
    {
        var mark = Array.FindIndex(lines, line => Mark().Match(line) is { Success: true } m && m.Groups[1].Value == check);
        Assert.True(mark >= 0, $"{path} has no mark <!-- check: {check} -->");
        var first = Array.FindIndex(lines, mark + 1, line => line.Trim().Length > 0);
        Assert.True(first > 0, $"{path}: nothing follows the mark {check}");
        if (lines[first].TrimStart().StartsWith("```", StringComparison.Ordinal))
        {
            return [.. lines.Skip(first + 1).TakeWhile(line => !line.TrimStart().StartsWith("```", StringComparison.Ordinal))];
        }

        return [.. lines.Skip(first).TakeWhile(line => line.Trim().Length > 0 && !Mark().IsMatch(line))];
    }
}

/// <summary>One row of a table on a page.</summary>
public sealed class PageRow(IReadOnlyList<string> columns, IReadOnlyList<string> cells, string place)
{
    /// <summary>The text below a column's title.</summary>
    public string this[string column]
    {
        get
        {
            var index = columns.ToList().IndexOf(column);
            Assert.True(index >= 0, $"{place}: there is no column '{column}' among: {string.Join(" | ", columns)}");
            return cells[index];
        }
    }

    /// <summary>All numbers of a cell.</summary>
    public IReadOnlyList<PageNumber> Numbers(string column) => PageNumber.AllIn(this[column], $"{place}, {cells[0]}, {column}");

    /// <summary>The only number of a cell.</summary>
    public PageNumber Number(string column) => Assert.Single(Numbers(column));

    /// <summary>The only number of a cell, a whole one.</summary>
    public long Whole(string column) => Number(column).Whole;
}

/// <summary>
/// A number as a page prints it. Thousands may be separated by commas ("29,693,030"), so a list needs a space after each comma;
/// the minus may be typographic. Digits inside a word ("3D", "F1") are not a number.
/// </summary>
/// <param name="Value">The number.</param>
/// <param name="Unit">One unit of its last printed digit.</param>
/// <param name="Place">Page, mark and cell, for messages.</param>
public readonly partial record struct PageNumber(double Value, double Unit, string Place)
{
    /// <summary>The value, if it is whole.</summary>
    public long Whole
    {
        get
        {
            Assert.True(Value == Math.Floor(Value), $"{Place}: {Value} is not a whole number");
            return (long)Value;
        }
    }

    /// <summary>All numbers of a text, in order.</summary>
    public static IReadOnlyList<PageNumber> AllIn(string text, string place) =>
        [.. Pattern().Matches(text).Select(match => Parse(match.Value, place))];

    /// <summary>Fails unless the page's number is <paramref name="actual"/> rounded to the digits it prints.</summary>
    /// <param name="actual">What the code computes.</param>
    /// <param name="slack">What the code's own arithmetic may add to the rounding, e.g. 1e-6 for float32 sums near 1.</param>
    public void Agrees(double actual, double slack = 0) => Assert.True(
        Math.Abs(actual - Value) <= (0.5000001 * Unit) + slack,
        string.Create(CultureInfo.InvariantCulture, $"{Place}: the page says {Value}, the code computes {actual}"));

    private static PageNumber Parse(string text, string place)
    {
        var plain = text.Replace('−', '-').Replace(",", "", StringComparison.Ordinal);
        var parts = plain.Split('e', 'E');
        var point = parts[0].IndexOf('.', StringComparison.Ordinal);
        var decimals = point < 0 ? 0 : parts[0].Length - point - 1;
        var exponent = parts.Length > 1 ? int.Parse(parts[1], CultureInfo.InvariantCulture) : 0;
        return new PageNumber(double.Parse(plain, CultureInfo.InvariantCulture), Math.Pow(10, exponent - decimals), place);
    }

    [GeneratedRegex(@"(?<![\w.])[-−]?\d+(,\d{3})*(\.\d+)?([eE][-−]?\d+)?(?![\w]|\.\d|,\d)")]
    private static partial Regex Pattern();
}
