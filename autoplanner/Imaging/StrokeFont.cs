using System.Globalization;

namespace SharpSeg.AutoPlanner.Imaging;

/// <summary>
/// Letters as strokes of a pen, drawn at any size: printable ASCII, and ×, –, °, µ. In units of a ninth of a capital's height;
/// x to the right, y upwards from the baseline.
/// </summary>
internal static class StrokeFont
{
    /// <summary>Height of capitals and digits, and how far letters such as g reach below the baseline.</summary>
    public const double CapHeight = 9, Descent = 3;

    private const double SideBearing = 1.25; // free on both sides of a letter
    private const int DegreesPerStep = 15;

    /// <summary>
    /// One line a letter: the letter, its width, its strokes. M x y lifts the pen and begins there, L x y draws a line,
    /// E cx cy rx ry from to draws a part of an ellipse, in degrees, counter-clockwise if they grow.
    /// </summary>
    private const string Letters = """
        ! 0 M 0 9 L 0 3 M 0 0.4 L 0 0
        " 2 M 0 9 L 0 6.5 M 2 9 L 2 6.5
        # 6.5 M 1.5 0 L 2.5 9 M 4 0 L 5 9 M 0 3 L 6 3 M 0.5 6 L 6.5 6
        $ 5.6 M 2.8 10.2 L 2.8 -1.2 M 4.9 8.2 E 2.9 6.75 2.6 2.25 40 270 E 2.7 2.3 2.8 2.3 90 -145
        % 8 M 3.3 7.2 E 1.7 7.2 1.6 1.8 0 360 M 7.9 1.8 E 6.3 1.8 1.6 1.8 0 360 M 6.5 9 L 1.5 0
        & 7 M 6.8 0 L 1.3 6.6 E 2.8 7.3 1.6 1.7 200 -30 L 0.5 3.2 E 2.6 2.1 2.5 2.1 150 300 L 6.4 4.6
        ' 0 M 0 9 L 0 6.5
        ( 2 M 1.7 8.9 E 4 3.7 4 6.3 125 235
        ) 2 M 0.3 8.9 E -2 3.7 4 6.3 55 -55
        * 4 M 2 9 L 2 5 M 0.3 8 L 3.7 6 M 3.7 8 L 0.3 6
        + 6 M 3 1 L 3 7 M 0 4 L 6 4
        , 1 M 1 0.4 L 0.2 -1.8
        - 3.4 M 0 3.5 L 3.4 3.5
        . 0 M 0 0.3 L 0 0
        / 4 M 0 -1 L 4 9.5
        0 6 M 6 4.5 E 3 4.5 3 4.5 0 360
        1 6 M 1.2 7.2 L 3.3 9 L 3.3 0 M 1.2 0 L 5.4 0
        2 6 M 0.3 6.8 E 3 6.3 2.8 2.7 170 -30 L 0.2 0 L 6 0
        3 6 M 0.5 7.9 E 2.9 6.7 2.6 2.3 150 -90 M 2 4.5 L 3 4.5 E 2.9 2.25 3 2.25 90 -150
        4 6 M 4.5 0 L 4.5 9 L 0 2.6 L 6 2.6
        5 6 M 5.3 9 L 1.1 9 L 0.8 5 E 2.9 2.95 2.9 2.95 135 -140
        6 6 M 0 3.1 E 4.2 3.2 4.2 5.8 180 75 M 6 3 E 3 3 3 3 0 360
        7 6 M 0 9 L 6 9 L 2.2 0
        8 6 M 5.5 6.8 E 3 6.8 2.5 2.2 0 360 M 6 2.3 E 3 2.3 3 2.3 0 360
        9 6 M 6 6 E 3 6 3 3 0 360 M 6 5.8 E 1.8 5.8 4.2 5.8 0 -105
        : 0 M 0 0.3 L 0 0 M 0 5.6 L 0 5.3
        ; 1 M 1 0.4 L 0.2 -1.8 M 0.8 5.6 L 0.8 5.3
        < 5.5 M 5.5 7 L 0 4 L 5.5 1
        = 6 M 0 5.2 L 6 5.2 M 0 2.8 L 6 2.8
        > 5.5 M 0 7 L 5.5 4 L 0 1
        ? 4.8 M 0.1 7.4 E 2.4 6.8 2.4 2.2 165 -60 L 2.4 4 L 2.4 2.8 M 2.4 0.3 L 2.4 0
        @ 9 M 6.3 3.7 E 4.5 3.7 1.8 2.1 0 360 M 6.3 5.8 L 6.3 2.8 E 7.6 2.8 1.3 1.2 180 360 E 4.5 3.4 4.4 4.6 0 305
        A 7 M 0 0 L 3.5 9 L 7 0 M 1.2 3 L 5.8 3
        B 6 M 0 0 L 0 9 L 3 9 E 3 6.8 2.5 2.2 90 -90 L 0 4.6 M 3 4.6 E 3 2.3 3 2.3 90 -90 L 0 0
        C 6.4 M 6.2 7.9 E 3.8 4.5 3.8 4.5 50 310
        D 6.8 M 0 0 L 0 9 L 2.5 9 E 2.5 4.5 4.3 4.5 90 -90 L 0 0
        E 5.4 M 5.4 9 L 0 9 L 0 0 L 5.4 0 M 0 4.7 L 4.5 4.7
        F 5.2 M 5.2 9 L 0 9 L 0 0 M 0 4.6 L 4.3 4.6
        G 7 M 6.2 7.9 E 3.8 4.5 3.8 4.5 50 330 L 7 4 L 4.3 4
        H 6.4 M 0 0 L 0 9 M 6.4 0 L 6.4 9 M 0 4.7 L 6.4 4.7
        I 2.6 M 0 9 L 2.6 9 M 1.3 9 L 1.3 0 M 0 0 L 2.6 0
        J 4 M 4 9 L 4 2.5 E 1.8 2.5 2.2 2.5 0 -160
        K 6 M 0 0 L 0 9 M 5.6 9 L 0 3.6 M 2 5.5 L 6 0
        L 5 M 0 9 L 0 0 L 5 0
        M 8 M 0 0 L 0 9 L 4 2.5 L 8 9 L 8 0
        N 6.5 M 0 0 L 0 9 L 6.5 0 L 6.5 9
        O 7.6 M 7.6 4.5 E 3.8 4.5 3.8 4.5 0 360
        P 5.6 M 0 0 L 0 9 L 3 9 E 3 6.6 2.6 2.4 90 -90 L 0 4.2
        Q 7.6 M 7.6 4.5 E 3.8 4.5 3.8 4.5 0 360 M 4.8 2.2 L 7.4 -0.8
        R 6 M 0 0 L 0 9 L 3 9 E 3 6.6 2.6 2.4 90 -90 L 0 4.2 M 3 4.2 L 6 0
        S 5.6 M 4.9 8.2 E 2.9 6.75 2.6 2.25 40 270 E 2.7 2.3 2.8 2.3 90 -145
        T 6.4 M 0 9 L 6.4 9 M 3.2 9 L 3.2 0
        U 6.4 M 0 9 L 0 3.2 E 3.2 3.2 3.2 3.2 180 360 L 6.4 9
        V 6.8 M 0 9 L 3.4 0 L 6.8 9
        W 9 M 0 9 L 2.2 0 L 4.5 8.5 L 6.8 0 L 9 9
        X 6 M 0 9 L 6 0 M 6 9 L 0 0
        Y 6.4 M 0 9 L 3.2 4.2 L 6.4 9 M 3.2 4.2 L 3.2 0
        Z 6 M 0 9 L 6 9 L 0 0 L 6 0
        [ 2 M 2 10 L 0 10 L 0 -2 L 2 -2
        \ 4 M 0 9.5 L 4 -1
        ] 2 M 0 10 L 2 10 L 2 -2 L 0 -2
        ^ 5 M 0 5.5 L 2.5 9 L 5 5.5
        _ 5.5 M 0 -1.6 L 5.5 -1.6
        ` 1.4 M 0 9 L 1.4 7.4
        a 5.2 M 5.2 3.1 E 2.6 3.1 2.6 3.1 0 360 M 5.2 6.2 L 5.2 0
        b 5.2 M 0 9 L 0 0 M 5.2 3.1 E 2.6 3.1 2.6 3.1 0 360
        c 4.7 M 4.6 5.3 E 2.7 3.1 2.7 3.1 45 315
        d 5.2 M 5.2 9 L 5.2 0 M 5.2 3.1 E 2.6 3.1 2.6 3.1 0 360
        e 5.4 M 0.1 3.3 L 5.4 3.3 E 2.7 3.1 2.7 3.1 4 310
        f 3.4 M 3.6 8.9 E 3 7.3 1.7 1.7 70 180 L 1.3 0 M 0 6.1 L 3.3 6.1
        g 5.2 M 5.2 3.1 E 2.6 3.1 2.6 3.1 0 360 M 5.2 6.2 L 5.2 -0.6 E 2.7 -0.6 2.5 2.2 0 -150
        h 5 M 0 9 L 0 0 M 0 3.7 E 2.5 3.7 2.5 2.5 180 0 L 5 0
        i 0 M 0 6.2 L 0 0 M 0 8.8 L 0 8.5
        j 1.6 M 1.6 6.2 L 1.6 -1.2 E 0 -1.2 1.6 1.7 0 -80 M 1.6 8.8 L 1.6 8.5
        k 4.6 M 0 9 L 0 0 M 4.2 6.2 L 0 2.4 M 1.5 3.8 L 4.6 0
        l 1.4 M 0 9 L 0 1.6 E 1.4 1.6 1.4 1.6 180 270
        m 8 M 0 6.2 L 0 0 M 0 4 E 2 4 2 2.2 180 0 L 4 0 M 4 4 E 6 4 2 2.2 180 0 L 8 0
        n 5 M 0 6.2 L 0 0 M 0 3.7 E 2.5 3.7 2.5 2.5 180 0 L 5 0
        o 5.4 M 5.4 3.1 E 2.7 3.1 2.7 3.1 0 360
        p 5.2 M 0 6.2 L 0 -2.8 M 5.2 3.1 E 2.6 3.1 2.6 3.1 0 360
        q 5.2 M 5.2 6.2 L 5.2 -2.8 M 5.2 3.1 E 2.6 3.1 2.6 3.1 0 360
        r 3.2 M 0 6.2 L 0 0 M 0 3.6 E 2.6 3.6 2.6 2.6 180 75
        s 4.4 M 3.8 5.6 E 2.3 4.65 2 1.55 40 270 E 2.1 1.55 2.2 1.55 90 -150
        t 3.2 M 1.3 8.4 L 1.3 1.6 E 2.7 1.6 1.4 1.6 180 285 M 0 6.1 L 3.1 6.1
        u 5 M 0 6.2 L 0 2.5 E 2.5 2.5 2.5 2.5 180 360 M 5 6.2 L 5 0
        v 5 M 0 6.2 L 2.5 0 L 5 6.2
        w 7.4 M 0 6.2 L 1.8 0 L 3.7 6 L 5.6 0 L 7.4 6.2
        x 4.8 M 0 6.2 L 4.8 0 M 4.8 6.2 L 0 0
        y 5 M 0 6.2 L 2.6 0 M 5 6.2 L 2.1 -1.4 L 1.3 -2.5 L 0.2 -2.8
        z 4.6 M 0 6.2 L 4.6 6.2 L 0 0 L 4.6 0
        { 2.6 M 2.6 10 L 1.5 9.5 L 1.5 5 L 0 4 L 1.5 3 L 1.5 -1.5 L 2.6 -2
        | 0 M 0 10 L 0 -2
        } 2.6 M 0 10 L 1.1 9.5 L 1.1 5 L 2.6 4 L 1.1 3 L 1.1 -1.5 L 0 -2
        ~ 6 M 0 3.4 L 0.9 4.6 L 2.2 4.6 L 3.8 3.4 L 5.1 3.4 L 6 4.6
        × 4.6 M 0 6 L 4.6 1.4 M 4.6 6 L 0 1.4
        – 5 M 0 3.5 L 5 3.5
        ° 2.6 M 2.6 7.7 E 1.3 7.7 1.3 1.3 0 360
        µ 5 M 0 6.2 L 0 -2.8 M 0 2.5 E 2.5 2.5 2.5 2.5 180 360 M 5 6.2 L 5 0
        """;

    private static readonly Dictionary<char, Letter> All = Parse();

    /// <summary>How far the next letter begins to the right, in units.</summary>
    public static double Advance(char letter) => letter == ' ' ? 4.2 : Of(letter).Width + (2 * SideBearing);

    /// <summary>The strokes of a letter, in units from the start of its space; others than these are shown as `?`.</summary>
    public static IReadOnlyList<IReadOnlyList<(double X, double Y)>> Strokes(char letter) =>
        letter == ' ' ? [] : Of(letter).Strokes;

    private static Letter Of(char letter) => All.GetValueOrDefault(letter) ?? All['?'];

    private sealed record Letter(double Width, IReadOnlyList<IReadOnlyList<(double X, double Y)>> Strokes);

    private static Dictionary<char, Letter> Parse()
    {
        var letters = new Dictionary<char, Letter>();
        foreach (var line in Letters.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            var words = line.Split(' ');
            double Number(int at) => double.Parse(words[at], CultureInfo.InvariantCulture);
            var strokes = new List<List<(double, double)>>();
            for (var i = 2; i < words.Length;)
            {
                if (words[i] == "E")
                {
                    var (from, to) = (Number(i + 5), Number(i + 6));
                    var steps = (int)Math.Ceiling(Math.Abs(to - from) / DegreesPerStep);
                    for (var step = 0; step <= steps; step++)
                    {
                        var (sin, cos) = Math.SinCos((from + ((to - from) * step / steps)) * Math.PI / 180);
                        strokes[^1].Add(
                            (Number(i + 1) + (Number(i + 3) * cos) + SideBearing, Number(i + 2) + (Number(i + 4) * sin)));
                    }

                    i += 7;
                    continue;
                }

                if (words[i] == "M")
                {
                    strokes.Add([]);
                }

                strokes[^1].Add((Number(i + 1) + SideBearing, Number(i + 2)));
                i += 3;
            }

            letters[line[0]] = new Letter(Number(1), [.. strokes]);
        }

        return letters;
    }
}
