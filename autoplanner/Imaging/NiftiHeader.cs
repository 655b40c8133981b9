using System.Buffers.Binary;

namespace SharpSeg.AutoPlanner.Imaging;

/// <summary>
/// The fixed header of a NIfTI-1 (348 bytes) or NIfTI-2 (540 bytes) file in either byte order, with typed access by field.
/// Offsets from nifti1.h and nifti2.h (nifti.nimh.nih.gov); see docs/method/datasets.md §6.
/// </summary>
internal sealed class NiftiHeader
{
    private const int Size1 = 348, Size2 = 540;

    private static readonly Dictionary<int, VoxelType> Types = new()
    {
        [2] = VoxelType.UInt8,
        [4] = VoxelType.Int16,
        [8] = VoxelType.Int32,
        [16] = VoxelType.Float32,
        [64] = VoxelType.Float64,
        [256] = VoxelType.Int8,
        [512] = VoxelType.UInt16,
        [768] = VoxelType.UInt32,
        [1024] = VoxelType.Int64,
        [1280] = VoxelType.UInt64,
    };

    private readonly bool second;

    private NiftiHeader(byte[] bytes, bool littleEndian)
    {
        Bytes = bytes;
        LittleEndian = littleEndian;
        second = bytes.Length == Size2;
    }

    /// <summary>The header as stored.</summary>
    public byte[] Bytes { get; }

    /// <summary>Byte order of header and voxels.</summary>
    public bool LittleEndian { get; }

    /// <summary>Number of dimensions as stored, unchecked.</summary>
    public long Rank => Dim(0);

    /// <summary>Position of the first voxel, bytes, as stored.</summary>
    public double VoxelOffset => second ? I64(168) : F32(108);

    /// <summary>
    /// Factor from stored to real values; 1 where the header has NaN, infinity or 0 (then the intercept is 0, too).
    /// </summary>
    public double Slope => HasScale ? RawSlope : 1;

    /// <summary>Added after the factor; 0 where it is not finite.</summary>
    public double Intercept => HasScale && double.IsFinite(RawIntercept) ? RawIntercept : 0;

    /// <summary>Type of the stored values; null if it is none of those supported.</summary>
    public VoxelType? Type => Types.TryGetValue(DataType, out var type) ? type : null;

    /// <summary>The stored type code.</summary>
    public int DataType => second ? I16(12) : I16(70);

    /// <summary>
    /// Millimetres of one unit of length: metres and micrometres are said in the lowest three bits of xyzt_units, all else is mm.
    /// </summary>
    public double Millimetres => ((second ? I32(500) : Bytes[123]) & 7) switch
    {
        1 => 1000,
        3 => 0.001,
        _ => 1,
    };

    private bool HasScale => double.IsFinite(RawSlope) && RawSlope != 0;

    private double RawSlope => second ? F64(176) : F32(112);

    private double RawIntercept => second ? F64(184) : F32(116);

    private int QformCode => second ? I32(344) : I16(252);

    private int SformCode => second ? I32(348) : I16(254);

    /// <summary>Whether the header does not say how the voxels lie in the patient.</summary>
    public bool HasNoOrientation => SformCode <= 0 && QformCode <= 0;

    /// <summary>Reads and checks size and magic; leaves the source after the header.</summary>
    /// <exception cref="SharpSegException">Not NIfTI, a header/image pair, or cut off.</exception>
    public static NiftiHeader Read(ByteSource source)
    {
        var head = new byte[Size1];
        source.ReadExactly(head, "a NIfTI header");
        var size = BinaryPrimitives.ReadInt32LittleEndian(head);
        var littleEndian = size is Size1 or Size2;
        if (!littleEndian)
        {
            size = BinaryPrimitives.ReverseEndianness(size);
        }

        if (size is not (Size1 or Size2))
        {
            throw new SharpSegException(
                $"`{source.Path}`: not a NIfTI file: it starts with {BinaryPrimitives.ReadInt32LittleEndian(head)}, not with "
                    + "the header size 348 or 540");
        }

        if (size == Size2)
        {
            Array.Resize(ref head, Size2);
            source.ReadExactly(head.AsSpan(Size1), "a NIfTI-2 header");
        }

        var magic = size == Size1 ? head.AsSpan(344, 4) : head.AsSpan(4, 4);
        if (magic.SequenceEqual("ni1\0"u8) || magic.SequenceEqual("ni2\0"u8))
        {
            throw new SharpSegException(
                $"`{source.Path}`: the header of a .hdr/.img pair; pairs are not supported",
                "convert it to a single .nii.gz file");
        }

        if (!magic.SequenceEqual(size == Size1 ? "n+1\0"u8 : "n+2\0"u8))
        {
            throw new SharpSegException(
                $"`{source.Path}`: not a NIfTI file: magic {Convert.ToHexString(magic)} instead of "
                    + $"{(size == Size1 ? "6E2B3100" : "6E2B3200")}",
                "an Analyze 7.5 file has to be converted to .nii.gz");
        }

        return new(head, littleEndian);
    }

    /// <summary>The header of an image that was read before.</summary>
    public static NiftiHeader FromBytes(byte[] bytes) =>
        new((byte[])bytes.Clone(), BinaryPrimitives.ReadInt32LittleEndian(bytes) is Size1 or Size2);

    /// <summary>
    /// A header for an image of another format: size, spacing and affine as sform. NIfTI-2 only where NIfTI-1 cannot hold the
    /// size.
    /// </summary>
    public static NiftiHeader Create(ImageGeometry geometry)
    {
        var extent = geometry.Extent;
        var large = Math.Max(extent.Z, Math.Max(extent.Y, extent.X)) > short.MaxValue;
        var header = new NiftiHeader(new byte[large ? Size2 : Size1], littleEndian: true);
        header.SetI32(0, header.Bytes.Length);
        (large ? "n+2\0\r\n\u001a\n"u8 : "n+1\0"u8).CopyTo(header.Bytes.AsSpan(large ? 4 : 344));
        header.SetDim(0, ImageFormat.IsFlat(geometry) ? 2 : 3);
        double[] pixdim = [1, geometry.Spacing.X, geometry.Spacing.Y, geometry.Spacing.Z, 0, 0, 0, 0];
        for (var i = 0; i < 8; i++)
        {
            header.SetReal(large ? 104 + (8 * i) : 76 + (4 * i), pixdim[i]);
            if (i > 0)
            {
                header.SetDim(i, i switch { 1 => extent.X, 2 => extent.Y, 3 => extent.Z, _ => 1 });
            }
        }

        var (directions, origin) = PatientSpace.Directions(geometry, "right-anterior-superior");
        for (var i = 0; i < 12; i++)
        {
            var (row, column) = (i / 4, i % 4);
            header.SetReal(
                large ? 400 + (8 * i) : 280 + (4 * i), column == 3 ? origin[row] : directions[column][row] * pixdim[column + 1]);
        }

        if (large)
        {
            header.SetI32(348, 1);
            header.SetI32(500, 2);
        }
        else
        {
            header.SetI16(254, 1);   // sform: scanner coordinates
            header.Bytes[123] = 2;   // mm
        }

        return header;
    }

    /// <summary>A dimension; 0 is their number, 1 = x.</summary>
    public long Dim(int i) => second ? I64(16 + (8 * i)) : I16(40 + (2 * i));

    /// <summary>
    /// Size of a voxel as stored; 0 is the sign of the third axis, 1 = x; in the header's unit (<see cref="Millimetres"/>).
    /// </summary>
    public double PixDim(int i) => second ? F64(104 + (8 * i)) : F32(76 + (4 * i));

    /// <summary>
    /// Voxel (x, y, z) to mm, 3 rows of 4, as they count: sform, quaternion, spacing alone (docs/method/datasets.md §6.5).
    /// </summary>
    /// <param name="spacing">mm, usable.</param>
    public IReadOnlyList<(string Name, double[] Affine)> Affines(Spacing spacing)
    {
        var affines = new List<(string, double[])>();
        if (SformCode > 0)
        {
            affines.Add((
                "sform",
                [.. Enumerable.Range(0, 12).Select(i => (second ? F64(400 + (8 * i)) : F32(280 + (4 * i))) * Millimetres)]));
        }

        double[] scale = [.. Enumerable.Range(0, 3).Select(i => PixDim(i + 1) < 0 ? -spacing[2 - i] : spacing[2 - i])];
        if (QformCode > 0)
        {
            affines.Add(("quaternion", OfQuaternion(scale)));
        }

        affines.Add(("pixdim", [scale[0], 0, 0, 0, 0, scale[1], 0, 0, 0, 0, scale[2], 0]));
        return affines;
    }

    private double[] OfQuaternion(double[] scale)
    {
        double Quaternion(int i) => second ? F64(352 + (8 * i)) : F32(256 + (4 * i));
        double b = Quaternion(0), c = Quaternion(1), d = Quaternion(2);
        var a = Math.Sqrt(Math.Max(0, 1 - (b * b) - (c * c) - (d * d)));
        double[] rotation =
        [
            (a * a) + (b * b) - (c * c) - (d * d), 2 * ((b * c) - (a * d)), 2 * ((b * d) + (a * c)),
            2 * ((b * c) + (a * d)), (a * a) + (c * c) - (b * b) - (d * d), 2 * ((c * d) - (a * b)),
            2 * ((b * d) - (a * c)), 2 * ((c * d) + (a * b)), (a * a) + (d * d) - (c * c) - (b * b),
        ];
        var affine = new double[12];
        for (var row = 0; row < 3; row++)
        {
            for (var column = 0; column < 3; column++)
            {
                affine[(4 * row) + column] =
                    rotation[(3 * row) + column] * scale[column] * (column == 2 && PixDim(0) < 0 ? -1 : 1);
            }

            affine[(4 * row) + 3] = Quaternion(3 + row) * Millimetres;
        }

        return affine;
    }

    /// <summary>
    /// A copy for an output with one value a voxel (docs/method/datasets.md §6, "Writing a segmentation"): everything but the
    /// size's rank, the type and the scaling stays byte for byte.
    /// </summary>
    public NiftiHeader ForOutput(VoxelType type)
    {
        var output = new NiftiHeader((byte[])Bytes.Clone(), LittleEndian);
        if (Rank != 2)
        {
            output.SetDim(0, 3);
            for (var i = 4; i < 8; i++)
            {
                output.SetDim(i, 1);
            }
        }

        var code = Types.First(pair => pair.Value == type).Key;
        var bits = 8 * VoxelCodec.Size(type);
        if (second)
        {
            output.SetI16(12, code);
            output.SetI16(14, bits);
            output.SetI64(168, Size2 + 4);
            output.SetReal(176, 1);
            output.SetReal(184, 0);
            output.SetReal(192, 0);
            output.SetReal(200, 0);
            output.SetI32(504, 0);
        }
        else
        {
            output.SetI16(68, 0);
            output.SetI16(70, code);
            output.SetI16(72, bits);
            output.SetReal(108, Size1 + 4);
            output.SetReal(112, 1);
            output.SetReal(116, 0);
            output.SetReal(124, 0);
            output.SetReal(128, 0);
        }

        return output;
    }

    private short I16(int offset) => LittleEndian
        ? BinaryPrimitives.ReadInt16LittleEndian(Bytes.AsSpan(offset))
        : BinaryPrimitives.ReadInt16BigEndian(Bytes.AsSpan(offset));

    private int I32(int offset) => LittleEndian
        ? BinaryPrimitives.ReadInt32LittleEndian(Bytes.AsSpan(offset))
        : BinaryPrimitives.ReadInt32BigEndian(Bytes.AsSpan(offset));

    private long I64(int offset) => LittleEndian
        ? BinaryPrimitives.ReadInt64LittleEndian(Bytes.AsSpan(offset))
        : BinaryPrimitives.ReadInt64BigEndian(Bytes.AsSpan(offset));

    private float F32(int offset) => BitConverter.Int32BitsToSingle(I32(offset));

    private double F64(int offset) => BitConverter.Int64BitsToDouble(I64(offset));

    private void SetI16(int offset, int value)
    {
        if (LittleEndian)
        {
            BinaryPrimitives.WriteInt16LittleEndian(Bytes.AsSpan(offset), checked((short)value));
        }
        else
        {
            BinaryPrimitives.WriteInt16BigEndian(Bytes.AsSpan(offset), checked((short)value));
        }
    }

    private void SetI32(int offset, int value)
    {
        if (LittleEndian)
        {
            BinaryPrimitives.WriteInt32LittleEndian(Bytes.AsSpan(offset), value);
        }
        else
        {
            BinaryPrimitives.WriteInt32BigEndian(Bytes.AsSpan(offset), value);
        }
    }

    private void SetI64(int offset, long value)
    {
        if (LittleEndian)
        {
            BinaryPrimitives.WriteInt64LittleEndian(Bytes.AsSpan(offset), value);
        }
        else
        {
            BinaryPrimitives.WriteInt64BigEndian(Bytes.AsSpan(offset), value);
        }
    }

    private void SetDim(int i, long value)
    {
        if (second)
        {
            SetI64(16 + (8 * i), value);
        }
        else
        {
            SetI16(40 + (2 * i), checked((int)value));
        }
    }

    private void SetReal(int offset, double value)
    {
        if (second)
        {
            SetI64(offset, BitConverter.DoubleToInt64Bits(value));
        }
        else
        {
            SetI32(offset, BitConverter.SingleToInt32Bits((float)value));
        }
    }
}
