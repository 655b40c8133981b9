using System.Globalization;
using System.Text;

namespace SharpSeg.AutoPlanner.Imaging.Pictures;

/// <summary>
/// The outline of a set of pixels as an SVG path along their edges: one closed loop round every piece and every hole, so that
/// the rule evenodd fills exactly the pixels.
/// </summary>
internal static class MaskOutline
{
    // Directions: right, down, left, up. Going round, inside is on the right hand.
    private static readonly int[] StepX = [1, 0, -1, 0], StepY = [0, 1, 0, -1];

    /// <summary>The path in pixels, (0, 0) at the top left corner of the first; empty for no pixel.</summary>
    /// <param name="rows">Height.</param>
    /// <param name="columns">Width.</param>
    /// <param name="inside">Whether the pixel of a row and a column belongs to the set; called within the picture only.</param>
    public static string Path(int rows, int columns, Func<int, int, bool> inside)
    {
        bool Inside(int row, int column) =>
            row >= 0 && column >= 0 && row < rows && column < columns && inside(row, column);
        var path = new StringBuilder();
        var done = new HashSet<(int Row, int Column)>(); // pixels whose upper edge is part of a loop
        for (var row = 0; row < rows; row++)
        {
            for (var column = 0; column < columns; column++)
            {
                if (Inside(row, column) && !Inside(row - 1, column) && !done.Contains((row, column)))
                {
                    Loop(path, row, column, Inside, done);
                }
            }
        }

        return path.ToString();
    }

    private static void Loop(
        StringBuilder path, int startRow, int startColumn, Func<int, int, bool> inside, HashSet<(int, int)> done)
    {
        int x = startColumn, y = startRow, direction = 0;
        path.Append(CultureInfo.InvariantCulture, $"M{x} {y}");
        do
        {
            var length = 0;
            int turn;
            do
            {
                if (direction == 0)
                {
                    done.Add((y, x));
                }

                (x, y, length) = (x + StepX[direction], y + StepY[direction], length + 1);

                // The pixels ahead on the left and on the right decide: turn to where inside stays on the right. Where only
                // corners touch, the loop stays with its own pixel.
                var right = direction switch
                {
                    0 => inside(y, x),
                    1 => inside(y, x - 1),
                    2 => inside(y - 1, x - 1),
                    _ => inside(y - 1, x)
                };
                var left = direction switch
                {
                    0 => inside(y - 1, x),
                    1 => inside(y, x),
                    2 => inside(y, x - 1),
                    _ => inside(y - 1, x - 1)
                };
                turn = !right ? 1 : left ? 3 : 0;
            }
            while (turn == 0);
            path.Append(CultureInfo.InvariantCulture, $"{(direction % 2 == 0 ? 'h' : 'v')}{(direction < 2 ? length : -length)}");
            direction = (direction + turn) % 4;
        }
        while (x != startColumn || y != startRow || direction != 0);
        path.Append('z');
    }
}
