namespace SharpSeg.AutoPlanner.Imaging;

/// <summary>A colour, 8 bits a channel.</summary>
public readonly record struct Rgb(byte R, byte G, byte B)
{
    /// <summary>0, 0, 0.</summary>
    public static Rgb Black => new(0, 0, 0);

    /// <summary>255, 255, 255.</summary>
    public static Rgb White => new(255, 255, 255);

    /// <summary>The same amount of red, green and blue.</summary>
    public static Rgb Grey(byte value) => new(value, value, value);

    /// <summary>This colour covered by another; 0 leaves it, 1 replaces it.</summary>
    public Rgb Under(Rgb cover, double alpha)
    {
        byte Mix(byte below, byte above) => (byte)Math.Round(below + ((above - below) * Math.Clamp(alpha, 0, 1)));
        return new(Mix(R, cover.R), Mix(G, cover.G), Mix(B, cover.B));
    }
}
