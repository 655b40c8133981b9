using System.Runtime.InteropServices;
using SharpSeg.AutoPlanner.Imaging;

// SimpleITK's own names and signatures (version 2), as far as the bridge calls them. Its classes are found by name only.
#pragma warning disable CA1024, CA1822 // methods instead of properties, and instance methods, because SimpleITK's are so
#pragma warning disable CA1711 // its enumeration classes end in Enum

namespace itk.simple;

public class VectorUInt32 : List<uint>;

public class VectorDouble : List<double>;

public class VectorString : List<string>, IDisposable
{
    public void Dispose() => GC.SuppressFinalize(this);
}

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

    public virtual uint GetNumberOfComponentsPerPixel() => 2;

    public virtual VectorUInt32 GetSize() => [4, 3, 2];

    public virtual VectorDouble GetSpacing() => [0.5, 0.75, 2.5];

    public virtual VectorDouble GetOrigin() => [10, 20, 30];

    public virtual VectorDouble GetDirection() => [0, -1, 0, -1, 0, 0, 0, 0, 1];

    public IntPtr GetBufferAsFloat()
    {
        if (!cast)
        {
            throw new InvalidOperationException("the pixels are not float32");
        }

        var length = (int)(GetSize().Aggregate(1u, (product, size) => product * size) * GetNumberOfComponentsPerPixel());
        buffer = GCHandle.Alloc(Enumerable.Range(0, length).Select(i => (float)i).ToArray(), GCHandleType.Pinned);
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

    public static Image Cast(Image image, PixelIDValueEnum pixelID) =>
        pixelID == (image is Stack ? PixelIDValueEnum.sitkFloat32 : PixelIDValueEnum.sitkVectorFloat32)
            ? image is Stack ? image : new(cast: true)
            : throw new InvalidOperationException("two components need a vector type");
}

/// <summary>
/// Stacks the slices of files as ITK does: where the first one lies, and as far apart as the first two. Voxel i holds i. Of a
/// folder "lost" it leaves out the last one, of "thick" it takes the distance from elsewhere.
/// </summary>
public class ImageSeriesReader : IDisposable
{
    private VectorString names = [];
    private PixelIDValueEnum? type;

    public void SetFileNames(VectorString fileNames) => names = [.. fileNames];

    public void SetOutputPixelType(PixelIDValueEnum pixelID) => type = pixelID;

    public Image Execute() => type == PixelIDValueEnum.sitkFloat32
        ? new Stack([.. names.Select(DicomHeader.Read)!])
        : throw new InvalidOperationException("the type is that of the first file");

    public void Dispose() => GC.SuppressFinalize(this);
}

internal sealed class Stack(DicomHeader[] slices) : Image(cast: true)
{
    private readonly string folder = Path.GetFileName(Path.GetDirectoryName(slices[0].File)!);

    public override uint GetNumberOfComponentsPerPixel() => 1;

    public override VectorUInt32 GetSize() =>
        [(uint)slices[0].Size.Columns, (uint)slices[0].Size.Rows, (uint)(folder == "lost" ? slices.Length - 1 : slices.Length)];

    public override VectorDouble GetSpacing()
    {
        var (first, second) = (slices[0].Position!, slices[1].Position!);
        var step = Math.Sqrt(first.Zip(second, (a, b) => (a - b) * (a - b)).Sum());
        return [slices[0].PixelSpacing![1], slices[0].PixelSpacing![0], folder == "thick" ? 2 * step : step];
    }

    public override VectorDouble GetOrigin() => [.. slices[0].Position!];

    public override VectorDouble GetDirection()
    {
        var (x, y) = (slices[0].Orientation![..3], slices[0].Orientation![3..]);
        return
        [
            x[0], y[0], (x[1] * y[2]) - (x[2] * y[1]), x[1], y[1], (x[2] * y[0]) - (x[0] * y[2]), x[2], y[2],
            (x[0] * y[1]) - (x[1] * y[0]),
        ];
    }
}
