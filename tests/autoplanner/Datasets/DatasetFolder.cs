using SharpSeg.AutoPlanner.Tests.Imaging;

namespace SharpSeg.AutoPlanner.Tests.Datasets;

/// <summary>
/// Makes small dataset folders on disk: 2×3×4 voxels, labels 0, 1, 2; no two images and no two label maps are the same.
/// </summary>
internal sealed class DatasetFolder : IDisposable
{
    public const string TwoLabels = """{"background": 0, "a": 1, "b": 2}""";

    public static readonly double[] LabelValues = [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2];

    private readonly TemporaryFolder folder = new();

    public string Path => folder.Path;

    public static double[] Ramp => [.. Enumerable.Range(0, 24).Select(i => (double)i)];

    public static DatasetFolder V2(params string[] ids)
    {
        var made = new DatasetFolder();
        made.Text("dataset.json", $$"""
            {"channel_names": {"0": "CT"}, "labels": {{TwoLabels}}, "numTraining": {{ids.Length}}, "file_ending": ".nii.gz"}
            """);
        foreach (var (i, id) in ids.Index())
        {
            made.Nifti($"imagesTr/{id}_0000.nii.gz", new NiftiBytes(), [.. Ramp.Select(value => value + (i / 100.0))]);
            made.Nifti($"labelsTr/{id}.nii.gz", new NiftiBytes { DataType = 2 }, LabelsOf(i));
        }

        return made;
    }

    /// <summary>
    /// Labels of a case by its number: those of the first are <see cref="LabelValues"/>, others differ in a voxel.
    /// </summary>
    public static double[] LabelsOf(int number) =>
        [.. LabelValues.Select((label, voxel) => number > 0 && voxel == number % 24 ? (label + 1) % 3 : label)];

    public string File(string name) => folder.File(name.Split('/'));

    public void Text(string name, string text) => System.IO.File.WriteAllText(File(name), text);

    public string Nifti(string name, NiftiBytes nifti, params double[] values)
    {
        System.IO.File.WriteAllBytes(File(name), NiftiBytes.Gzip(nifti.Build(values)));
        return File(name);
    }

    public void Dispose() => folder.Dispose();
}
