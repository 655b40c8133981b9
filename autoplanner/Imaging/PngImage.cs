namespace SharpSeg.AutoPlanner.Imaging;

/// <summary>A decoded PNG file.</summary>
/// <param name="Width">Pixels.</param>
/// <param name="Height">Pixels.</param>
/// <param name="Channels">1 grey or palette index, 2 grey and alpha, 3 RGB, 4 RGBA.</param>
/// <param name="BitDepth">Bits of one stored sample: 1, 2, 4, 8 or 16.</param>
/// <param name="Samples">(y, x, c), as stored: not scaled to 8 or 16 bits.</param>
/// <param name="Palette">Red, green, blue of each index, if the samples are indices; else null.</param>
public sealed record PngImage(int Width, int Height, int Channels, int BitDepth, ushort[] Samples, byte[]? Palette);
