using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Cpu.Convolution;

namespace SharpSeg.Kernels.Cpu.Winograd;

/// <summary>
/// How a stride-1 convolution with a 3×3×3 or 1×3×3 kernel is cut into Winograd tiles (Lavin and Gray 2016, arXiv:1509.09308).
/// F(2, 3) makes 2 outputs per axis from 4 inputs with 4 multiplications instead of 6; F(4, 3) makes 4 from 6 with 6 instead of
/// 12. Along z always F(2, 3); along y and x either ("wide" = F(4, 3)). Multiplications per output and channel pair: 27 direct,
/// 8, wide 4.5; in 2D 9, 4, 2.25. Tiles that extend beyond the output are partly dropped.
/// </summary>
internal readonly struct WinogradTiles
{
    /// <summary>The cut of a problem.</summary>
    /// <exception cref="ShapeException">It has more tiles than can be counted, 2³¹: no memory holds such a plan.</exception>
    public WinogradTiles(in TapProblem p, bool wide)
    {
        Deep = p.Window.Z == 3;
        Reach = wide ? 4 : 2;
        Z = Deep ? (p.Grid.Z + 1) / 2 : p.Grid.Z;
        Y = (p.Grid.Y + Reach - 1) / Reach;
        X = (p.Grid.X + Reach - 1) / Reach;
        var count = (long)p.N * Z * Y * X;
        Count = count <= int.MaxValue ? (int)count : throw new ShapeException(
            $"a convolution of {p.N} × {p.Grid.Z}×{p.Grid.Y}×{p.Grid.X} voxels is larger than any processor computes");
    }

    /// <summary>Three-dimensional (3×3×3) instead of plane by plane (1×3×3).</summary>
    public bool Deep { get; }

    /// <summary>Outputs of a tile along y and x.</summary>
    public int Reach { get; }

    /// <summary>Points of a tile along y and x.</summary>
    public int Side => Reach + 2;

    /// <summary>Tiles along z.</summary>
    public int Z { get; }

    /// <summary>Tiles along y.</summary>
    public int Y { get; }

    /// <summary>Tiles along x.</summary>
    public int X { get; }

    /// <summary>Tiles of all samples.</summary>
    public int Count { get; }

    /// <summary>Transformed values per tile and channel: 4 × 4 × 4, 4 × 4, and wide 4 × 6 × 6, 6 × 6.</summary>
    public int Points => Planes * Side * Side;

    /// <summary>Transformed planes per tile: 4 or 1.</summary>
    public int Planes => Deep ? 4 : 1;

    /// <summary>Whether a problem has this form.</summary>
    public static bool Fits(in TapProblem p) =>
        p.Step == Extent.One && p.OutputStep == Extent.One && p.OutputFirst == default && p.Output == p.Grid
        && p.Window.Y == 3 && p.Window.X == 3 && (p.Window.Z == 3 || (p.Window.Z == 1 && p.First.Z == 0));

    /// <summary>Sample and first output voxel of a tile.</summary>
    public int Corner(int tile, out Extent output)
    {
        int x = tile % X, row = tile / X, y = row % Y, plane = row / Y, z = plane % Z;
        output = new Extent(Deep ? 2 * z : z, Reach * y, Reach * x);
        return plane / Z;
    }
}
