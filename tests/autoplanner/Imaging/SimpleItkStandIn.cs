using System.Runtime.InteropServices;

// SimpleITK's own names and signatures (version 2), as far as the bridge calls them. Its classes are found by name only.
#pragma warning disable CA1024, CA1822 // methods instead of properties, and instance methods, because SimpleITK's are so
#pragma warning disable CA1711 // its enumeration classes end in Enum

namespace itk.simple;

public class VectorUInt32 : List<uint>;

public class VectorDouble : List<double>;

public class VectorString : List<string>;

public class PixelIDValueEnum
{
    public static readonly PixelIDValueEnum sitkFloat32 = new();
    public static readonly PixelIDValueEnum sitkVectorFloat32 = new();
}

/// <summary>
/// 4×3×2 voxels of two components; voxel i holds 2i and 2i + 1. Its x axis runs to the front, its y axis to the right.
/// </summary>
public class Image(bool cast) : IDisposable
{
    private GCHandle buffer;

    public uint GetDimension() => 3;

    public uint GetNumberOfComponentsPerPixel() => 2;

    public VectorUInt32 GetSize() => [4, 3, 2];

    public VectorDouble GetSpacing() => [0.5, 0.75, 2.5];

    public VectorDouble GetOrigin() => [10, 20, 30];

    public VectorDouble GetDirection() => [0, -1, 0, -1, 0, 0, 0, 0, 1];

    public IntPtr GetBufferAsFloat()
    {
        if (!cast)
        {
            throw new InvalidOperationException("the pixels are not float32");
        }

        buffer = GCHandle.Alloc(Enumerable.Range(0, 48).Select(i => (float)i).ToArray(), GCHandleType.Pinned);
        return buffer.AddrOfPinnedObject();
    }

    public void Dispose()
    {
        if (buffer.IsAllocated)
        {
            buffer.Free();
        }

        GC.SuppressFinalize(this);
    }
}

public class SimpleITK
{
    public static Image ReadImage(string fileName) => fileName.Contains("bad", StringComparison.Ordinal)
        ? throw new InvalidOperationException("Exception thrown: /src/a.cxx:7:\nsitk::ERROR: line 1\nline 2\n")
        : new(cast: false);

    public static Image Cast(Image image, PixelIDValueEnum pixelID) => pixelID == PixelIDValueEnum.sitkVectorFloat32
        ? new(cast: true)
        : throw new InvalidOperationException("two components need a vector type");
}

/// <summary>Files are of the series that their first letter names, and hold their slice's position.</summary>
public class ImageSeriesReader : IDisposable
{
    private VectorString names = [];
    private bool keepsMetaData;

    public static VectorString GetGDCMSeriesIDs(string directory) =>
        [.. Directory.GetFiles(directory).Select(file => Path.GetFileName(file)[..1]).Distinct().Order()];

    public static VectorString GetGDCMSeriesFileNames(string directory) => [.. Directory.GetFiles(directory).Order()];

    public void MetaDataDictionaryArrayUpdateOn() => keepsMetaData = true;

    public bool HasMetaDataKey(uint slice, string key) => keepsMetaData && key == "0020|0032" && slice < names.Count;

    public string GetMetaData(uint slice, string key) => File.ReadAllText(names[(int)slice]);

    public void SetFileNames(VectorString fileNames) => names = fileNames;

    public Image Execute() => names.Count > 0 ? new(cast: false) : throw new InvalidOperationException("no files");

    public void Dispose() => GC.SuppressFinalize(this);
}
