namespace ILGPU;

/// <summary>A one-dimensional extent or position. Converts freely from and to an integer.</summary>
/// <param name="X">The only axis.</param>
public readonly record struct Index1D(int X)
{
    /// <summary>The integer as an index.</summary>
    public static implicit operator Index1D(int value) => new(value);

    /// <summary>The index as an integer.</summary>
    public static implicit operator int(Index1D index) => index.X;
}

/// <summary>A one-dimensional extent or position in 64 bits.</summary>
/// <param name="X">The only axis.</param>
public readonly record struct LongIndex1D(long X)
{
    /// <summary>The integer as an index.</summary>
    public static implicit operator LongIndex1D(long value) => new(value);

    /// <summary>The index as an integer.</summary>
    public static implicit operator long(LongIndex1D index) => index.X;
}

/// <summary>A two-dimensional extent or position; X varies fastest.</summary>
/// <param name="X">Fastest axis.</param>
/// <param name="Y">Slowest axis.</param>
public readonly record struct Index2D(int X, int Y);

/// <summary>A three-dimensional extent or position; X varies fastest.</summary>
/// <param name="X">Fastest axis.</param>
/// <param name="Y">Middle axis.</param>
/// <param name="Z">Slowest axis.</param>
public readonly record struct Index3D(int X, int Y, int Z)
{
    /// <summary>X·Y·Z.</summary>
    public int Size => checked(X * Y * Z);
}
