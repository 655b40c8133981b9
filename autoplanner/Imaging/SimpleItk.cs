using System.Globalization;
using System.Reflection;
using System.Runtime.InteropServices;

namespace SharpSeg.AutoPlanner.Imaging;

/// <summary>
/// Reads DICOM series and every other format that ITK knows, on machines that have SimpleITK's C# assemblies. There is no
/// official package to reference, so they are found at run time (beside the executable, or in the folder that SHARPSEG_SIMPLEITK
/// names) and called by name.
/// </summary>
internal sealed class SimpleItk
{
    private const string AssemblyName = "SimpleITKCSharpManaged";
    private const string FolderVariable = "SHARPSEG_SIMPLEITK";
    private const string ProductName = "SimpleITK";
    private const string Space = "left-posterior-superior"; // of its geometry, and of DICOM's positions

    private static readonly Lazy<SimpleItk?> Found = new(Find);

    private readonly Assembly assembly;

    /// <summary>Uses an assembly that has SimpleITK's classes.</summary>
    public SimpleItk(Assembly assembly) => this.assembly = assembly;

    /// <summary>The machine's SimpleITK; null if there is none.</summary>
    public static SimpleItk? Installed => Found.Value;

    /// <summary>One line for a file or folder that only SimpleITK could read.</summary>
    public static SharpSegException Missing(string path) => Directory.Exists(path)
        ? new(
            $"`{path}`: a folder (DICOM series), which is read through dcm2niix or SimpleITK, and neither is installed",
            $"install dcm2niix, or convert the series elsewhere (`dcm2niix -o NIFTI {path}`) and give the image")
        : new(
            $"`{path}`: an image format that needs SimpleITK, which is not installed",
            $"put {AssemblyName}.dll and its native library beside the program or into the folder {FolderVariable} names; "
                + $"without it: {string.Join(", ", ImageFile.Endings)}");

    /// <summary>Reads a file, or the DICOM series of a folder, as float32 channels.</summary>
    /// <exception cref="SharpSegException">
    /// SimpleITK refuses it, the installed version lacks a method, or the files are not the slices of one volume.
    /// </exception>
    public MedicalImage Read(string path)
    {
        // ITK reads what it finds of a series, and stacks it evenly, with a warning at most.
        var slices = Directory.Exists(path) ? DicomSeries.Slices(path) : [];
        try
        {
            using var image = slices.Count > 1 ? ReadStack(slices)
                : (IDisposable)Static(ProductName, "ReadImage", slices.Count == 1 ? slices[0].File : path);
            var dimension = (uint)Call(image, "GetDimension");
            var components = (int)(uint)Call(image, "GetNumberOfComponentsPerPixel");
            if (dimension is not (2 or 3))
            {
                throw new SharpSegException($"`{path}`: {dimension} dimensions; 2 and 3 are supported");
            }

            var size = Numbers<uint>(Call(image, "GetSize"));
            var extent = ImageFormat.CheckedExtent(path, size[0], size[1], dimension == 3 ? size[2] : 1);
            if (extent.Voxels * components > Array.MaxLength)
            {
                throw new SharpSegException(
                    $"`{path}`: {extent.Voxels} voxels of {components} channels; {Array.MaxLength} values in all are supported",
                    "give the channels as files of their own");
            }

            using var floats = (IDisposable)Static(ProductName, "Cast", image, Float32(components));
            var values = new float[extent.Voxels * components];
            Marshal.Copy((IntPtr)Call(floats, "GetBufferAsFloat"), values, 0, values.Length);
            var read = new MedicalImage(Geometry(path, image, (int)dimension, extent), Split(values, components));
            if (slices.Count > 0)
            {
                DicomSeries.RequireWhole(path, slices, read, ProductName);
            }

            if (slices.Count > 1)
            {
                RequirePlaces(path, slices, read.Geometry);
            }

            return read;
        }
        catch (TargetInvocationException error) when (error.InnerException is { } inner and not OutOfMemoryException)
        {
            throw new SharpSegException($"`{path}`: SimpleITK cannot read it: {OneLine(inner.Message)}", null, inner);
        }
        catch (Exception error)
            when (error is MissingMethodException or TypeLoadException or InvalidCastException or BadImageFormatException)
        {
            throw new SharpSegException(
                $"`{path}`: the installed SimpleITK does not fit: {OneLine(error.Message)}", "install version 2.x", error);
        }
    }

    private static SimpleItk? Find()
    {
        foreach (var folder in new[] { Environment.GetEnvironmentVariable(FolderVariable), AppContext.BaseDirectory })
        {
            var file = folder is null ? "" : Path.Combine(folder, AssemblyName + ".dll");
            if (File.Exists(file))
            {
                return new(Assembly.LoadFrom(Path.GetFullPath(file)));
            }
        }

        return null;
    }

    private static float[][] Split(float[] interleaved, int channels)
    {
        if (channels == 1)
        {
            return [interleaved];
        }

        var split = new float[channels][];
        for (var c = 0; c < channels; c++)
        {
            split[c] = new float[interleaved.Length / channels];
            for (var i = 0; i < split[c].Length; i++)
            {
                split[c][i] = interleaved[(i * channels) + c];
            }
        }

        return split;
    }

    // ITK's direction matrix has the axes as columns, row by row; left, posterior, superior.
    private static ImageGeometry Geometry(string path, object image, int axes, SharpSeg.Engine.Tensors.Extent extent)
    {
        var spacing = Numbers<double>(Call(image, "GetSpacing"));
        var direction = Numbers<double>(Call(image, "GetDirection"));
        var columns = new double[axes][];
        for (var axis = 0; axis < axes; axis++)
        {
            columns[axis] = [.. Enumerable.Range(0, axes).Select(row => direction[(row * axes) + axis] * spacing[axis])];
        }

        var affine = PatientSpace.Affine(columns, Numbers<double>(Call(image, "GetOrigin")), Space);
        var usable = ImageFormat.SpacingOf(path, extent, spacing, axes);
        return Placement.Of(path, extent, usable, "spacing", [("direction", affine)], "simpleitk", []);
    }

    private static object Call(object target, string method, params object[] arguments) =>
        Invoke(target.GetType(), target, method, BindingFlags.Instance, arguments);

    private static object Invoke(Type type, object? target, string method, BindingFlags kind, object[] arguments) =>
        type.InvokeMember(method, BindingFlags.Public | BindingFlags.InvokeMethod | kind, null, target, arguments, null)!;

    private static T[] Numbers<T>(object vector) => [.. ((System.Collections.IEnumerable)vector).Cast<T>()];

    /// <summary>The reason without the place in SimpleITK's or ITK's source that comes before it.</summary>
    private static string OneLine(string text)
    {
        const string mark = "ERROR: ";
        var line = text.ReplaceLineEndings(" ").Trim();
        return line.LastIndexOf(mark, StringComparison.Ordinal) is >= 0 and var at ? line[(at + mark.Length)..] : line;
    }

    /// <summary>The image's first and last slice must lie where their headers have them.</summary>
    private static void RequirePlaces(string folder, IReadOnlyList<DicomHeader> slices, ImageGeometry geometry)
    {
        const double most = 0.5; // of a voxel, as in DicomSeries
        foreach (var index in new[] { 0, slices.Count - 1 })
        {
            var affine = geometry.Affine;
            double[] column = [affine[2], affine[6], affine[10]];
            double[] place = [.. column.Select((part, row) => affine[(4 * row) + 3] + (index * part))];
            var expected = PatientSpace.Affine([[1, 0, 0], [0, 1, 0], [0, 0, 1]], slices[index].Position!, Space);
            var off = Enumerable.Range(0, 3).Max(row => Math.Abs(place[row] - expected[(4 * row) + 3]));
            var (z, y, x) = geometry.Spacing;
            if (!(off <= most * Math.Min(z, Math.Min(y, x))))
            {
                throw new SharpSegException(
                    FormattableString.Invariant(
                        $"`{folder}`: {ProductName} puts `{Path.GetFileName(slices[index].File)}` {off:0.###} mm from where its ")
                        + "header has it (0020,0032)",
                    "convert the series yourself (dcm2niix), look at the image and give that");
            }
        }
    }

    /// <summary>
    /// Stacks slices in the order in which they are given. Each file may have a scale of its own: their type is not that of the
    /// first one.
    /// </summary>
    private IDisposable ReadStack(IReadOnlyList<DicomHeader> slices)
    {
        using var files = (IDisposable)Activator.CreateInstance(TypeOf("VectorString"))!;
        foreach (var slice in slices)
        {
            Call(files, "Add", slice.File);
        }

        using var reader = (IDisposable)Activator.CreateInstance(TypeOf("ImageSeriesReader"))!;
        Call(reader, "SetFileNames", files);
        Call(reader, "SetOutputPixelType", Float32(slices[0].Samples));
        return (IDisposable)Call(reader, "Execute");
    }

    private object Float32(int components) =>
        Value("PixelIDValueEnum", components == 1 ? "sitkFloat32" : "sitkVectorFloat32");

    private object Static(string type, string method, params object[] arguments) =>
        Invoke(TypeOf(type), null, method, BindingFlags.Static, arguments);

    private object Value(string type, string field) =>
        TypeOf(type).GetField(field, BindingFlags.Public | BindingFlags.Static)?.GetValue(null)
            ?? throw new MissingMethodException(type, field);

    private Type TypeOf(string name) => assembly.GetType($"itk.simple.{name}", throwOnError: true)!;
}

/// <summary>
/// Everything that only SimpleITK reads, or, of folders, dcm2niix. Nothing is written in these formats: outputs are NIfTI.
/// </summary>
internal sealed class SimpleItkFormat : ImageFormat
{
    private static readonly KnownHeaders Headers = new();

    /// <inheritdoc/>
    public override string Name => "simpleitk";

    /// <inheritdoc/>
    public override IReadOnlyList<string> Endings { get; } = [];

    /// <inheritdoc/>
    public override ImageHeader ReadHeader(string path) => Headers.Of(path, series =>
    {
        var (image, doubt) = ReadDoubted(series); // the header alone is not worth a second code path
        return new(image.Geometry, image.Channels.Count) { Doubt = doubt };
    });

    /// <inheritdoc/>
    public override MedicalImage Read(string path) => ReadDoubted(path).Image;

    /// <inheritdoc/>
    public override void WriteLabels(string path, ReadOnlyMemory<short> labels, ImageGeometry geometry, VoxelType type) =>
        throw Unwritable(path);

    /// <inheritdoc/>
    public override void WriteFloats(string path, ReadOnlySpan<float> voxels, ImageGeometry geometry) => throw Unwritable(path);

    private static (MedicalImage Image, string? Doubt) ReadDoubted(string path) =>
        SimpleItk.Installed is { } library ? (library.Read(path), null)
        : Directory.Exists(path) && Dcm2Niix.Program is { } program ? Dcm2Niix.Read(program, path)
        : throw SimpleItk.Missing(path);

    private static SharpSegException Unwritable(string path) =>
        new($"`{path}`: images of this format cannot be written", $"supported endings: {string.Join(", ", ImageFile.Endings)}");
}
