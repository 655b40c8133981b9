namespace SharpSeg.AutoPlanner.Imaging;

/// <summary>
/// Portable network graphics, written and read by us on top of the platform's zlib. Source: PNG specification, third edition (W3C 2025).
/// Reading covers every colour type and depth without interlacing.
/// </summary>
public static class Png
{
    /// <summary>Writes an 8-bit RGB image.</summary>
    /// <param name="path">The file.</param>
    /// <param name="width">Pixels.</param>
    /// <param name="height">Pixels.</param>
    /// <param name="rgb">(y, x, 3).</param>
    /// <exception cref="SharpSegException">The file cannot be written.</exception>
    public static void Write(string path, int width, int height, ReadOnlySpan<byte> rgb) => PngEncoder.Write(path, width, height, 3, rgb);

    /// <summary>Writes an 8-bit image of 1 (grey), 2 (grey, alpha), 3 (RGB) or 4 (RGBA) channels.</summary>
    /// <param name="path">The file.</param>
    /// <param name="width">Pixels.</param>
    /// <param name="height">Pixels.</param>
    /// <param name="channels">1 to 4.</param>
    /// <param name="samples">(y, x, c).</param>
    /// <exception cref="SharpSegException">The file cannot be written.</exception>
    public static void Write(string path, int width, int height, int channels, ReadOnlySpan<byte> samples) =>
        PngEncoder.Write(path, width, height, channels, samples);

    /// <summary>Writes a 16-bit image of 1 (grey), 2 (grey, alpha), 3 (RGB) or 4 (RGBA) channels.</summary>
    /// <param name="path">The file.</param>
    /// <param name="width">Pixels.</param>
    /// <param name="height">Pixels.</param>
    /// <param name="channels">1 to 4.</param>
    /// <param name="samples">(y, x, c).</param>
    /// <exception cref="SharpSegException">The file cannot be written.</exception>
    public static void Write(string path, int width, int height, int channels, ReadOnlySpan<ushort> samples) =>
        PngEncoder.Write(path, width, height, channels, samples);

    /// <summary>Reads an image.</summary>
    /// <exception cref="SharpSegException">Missing, damaged, interlaced, or not a PNG file.</exception>
    public static PngImage Read(string path) => PngDecoder.Read(path);
}
