namespace SharpSeg.AutoPlanner.Preprocessing;

/// <summary>Element types of a <see cref="StoredArray"/>; the numbers are part of the file format.</summary>
internal enum StoredElement
{
    /// <summary>IEEE single precision.</summary>
    Float32 = 1,

    /// <summary>Signed byte: labels up to 127.</summary>
    Int8 = 2,

    /// <summary>Signed 16-bit number: labels above 127.</summary>
    Int16 = 3,

    /// <summary>Signed 32-bit number: coordinates.</summary>
    Int32 = 4,
}
