using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Cpu.Convolution;

namespace SharpSeg.Kernels.Cpu.Winograd;

/// <summary>
/// How a stride-1 convolution with a 3×3×3 or 1×3×3 kernel is cut into Winograd tiles F(2, 3): 2 outputs per axis from 4 inputs with
/// 4 multiplications instead of 6, so 64 instead of 216 (16 instead of 36) per tile and channel pair (Lavin and Gray 2016,
/// arXiv:1509.09308). Tile t covers outputs 2·(z, y, x) onward; odd sizes end in a tile that is partly dropped.
/// </summary>
internal readonly struct WinogradTiles
{
    /// <summary>The cut of a problem.</summary>
    public WinogradTiles(in TapProblem p)
    {
        Deep = p.Window.Z == 3;
        Z = Deep ? (p.Grid.Z + 1) / 2 : p.Grid.Z;
        Y = (p.Grid.Y + 1) / 2;
        X = (p.Grid.X + 1) / 2;
        Count = checked(p.N * Z * Y * X);
    }

    /// <summary>Three-dimensional (3×3×3) rather than plane by plane (1×3×3).</summary>
    public bool Deep { get; }

    /// <summary>Tiles along z.</summary>
    public int Z { get; }

    /// <summary>Tiles along y.</summary>
    public int Y { get; }

    /// <summary>Tiles along x.</summary>
    public int X { get; }

    /// <summary>Tiles of all samples.</summary>
    public int Count { get; }

    /// <summary>Transformed values per tile and channel: 4³ or 4².</summary>
    public int Points => Deep ? 64 : 16;

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
        output = new Extent(Deep ? 2 * z : z, 2 * y, 2 * x);
        return plane / Z;
    }
}
