using System.Globalization;

namespace SharpSeg.Engine.Tensors;

/// <summary>
/// Five extents, row-major, last fastest. The same five slots hold
/// <list type="bullet">
/// <item>an activation (n, z, y, x, c), channels last; 2D is z = 1;</item>
/// <item>a convolution weight (kz, ky, kx, cin, cout);</item>
/// <item>a vector (1, 1, 1, 1, c): bias, γ, β; or (n, 1, 1, 1, c): one value per sample and channel.</item>
/// </list>
/// </summary>
public readonly record struct Shape(int D0, int D1, int D2, int D3, int D4)
{
    // 2^48 float32 are a petabyte. Sums of the bytes of thousands of tensors stay within 64 bits.
    private const double MostElements = 1L << 48;

    /// <summary>A vector of c values.</summary>
    /// <exception cref="ShapeException">They are more than an extent holds.</exception>
    public static Shape Vector(long c) => c <= int.MaxValue
        ? new(1, 1, 1, 1, (int)c)
        : throw new ShapeException(
            string.Create(CultureInfo.InvariantCulture, $"a vector of {c:N0} values: at most {int.MaxValue:N0} are possible"));

    /// <summary>One value per sample and channel.</summary>
    public static Shape PerChannel(int n, int c) => new(n, 1, 1, 1, c);

    /// <summary>An activation (n, z, y, x, c).</summary>
    public static Shape Activation(int n, Extent spatial, int c) => new(n, spatial.Z, spatial.Y, spatial.X, c);

    /// <summary>A convolution weight (kz, ky, kx, cin, cout).</summary>
    public static Shape Weight(Extent kernel, int cin, int cout) => new(kernel.Z, kernel.Y, kernel.X, cin, cout);

    /// <summary>Batch size, for an activation.</summary>
    public int N => D0;

    /// <summary>Spatial size in voxels, for an activation.</summary>
    public Extent Spatial => new(D1, D2, D3);

    /// <summary>Channels, for an activation or a vector.</summary>
    public int C => D4;

    /// <summary>Number of elements, in 64 bits.</summary>
    /// <exception cref="ShapeException">No machine has memory for so many: 2^48 or more.</exception>
    public long Length => (double)D0 * D1 * D2 * D3 * D4 < MostElements
        ? (long)D0 * D1 * D2 * D3 * D4
        : throw new ShapeException($"a tensor {this} is larger than any memory");

    /// <inheritdoc/>
    public override string ToString() => $"({D0}, {D1}, {D2}, {D3}, {D4})";
}

/// <summary>Extents that do not fit together. The message names both.</summary>
public sealed class ShapeException(string message) : Exception(message)
{
    /// <summary>Throws unless a tensor has the expected shape and is float32.</summary>
    public static void Require(Tensor tensor, Shape expected, string name) =>
        Require(tensor, expected, ElementType.Fp32, name);

    /// <summary>Throws unless a tensor has the expected shape and elements.</summary>
    public static void Require(Tensor tensor, Shape expected, ElementType element, string name)
    {
        if (tensor.Shape != expected)
        {
            throw new ShapeException($"{name} has shape {tensor.Shape}, expected {expected}");
        }

        if (tensor.Element != element)
        {
            throw new ShapeException($"{name} {tensor.Shape} is {tensor.Element.Name()}, expected {element.Name()}");
        }
    }
}
