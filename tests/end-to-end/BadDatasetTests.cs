using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.Engine.Tensors;
using Xunit;

namespace SharpSeg.EndToEnd.Tests;

/// <summary>
/// Every kind of broken dataset is answered with one clear line, before any work is done, and is left as it was.
/// </summary>
public sealed class BadDatasetTests
{
    private static readonly (string Name, Action<string> Damage, string[] Says)[] Kinds =
    [
        ("missing folder", folder => Directory.Delete(folder, recursive: true), ["dataset", "no such folder"]),
        ("empty folder", Empty, ["there is no dataset.json"]),
        ("no dataset.json", folder => File.Delete(Json(folder)), ["there is no dataset.json"]),
        ("broken JSON", folder => File.WriteAllText(Json(folder), """{"channel_names": """), ["dataset.json"]),
        ("JSON of something else", folder => File.WriteAllText(Json(folder), "[1, 2]"), ["dataset.json"]),
        ("no labels folder", folder => Directory.Delete(Path.Combine(folder, "labelsTr"), recursive: true),
            ["`labelsTr` is missing"]),
        ("missing label", folder => File.Delete(TinyDataset.Label(folder, "case_2")),
            ["`case_2`", "case_2.nii.gz", "is missing"]),
        ("missing channel file", MissingChannel, ["`case_1`", "1 channel in 1 file", "the dataset has 2 (T1, T2)"]),
        ("too many channels", folder => File.Copy(TinyDataset.Image(folder, "case_1"), TinyDataset.Image(folder, "case_1", 1)),
            ["`case_1`", "2 channels", "the dataset has 1 (T1)"]),
        ("other size", folder => WriteLabels(folder, new Extent(20, 16, 16), new Spacing(1, 1, 1)),
            ["`case_3`", "20×16×16", "16×20×16"]),
        ("other spacing", folder => WriteLabels(folder, TinyDataset.Size, new Spacing(5, 1, 1)),
            ["`case_3`", "5×1×1 mm", "1×1×1 mm"]),
        ("unknown label", folder => SpoilLabel(folder, 5), ["`case_4`", "not among the dataset's labels", "5 (1 voxel)"]),
        ("negative label", folder => SpoilLabel(folder, -1), ["`case_4`", "not among the dataset's labels", "-1 (1 voxel)"]),
        ("label that is no whole number", folder => SpoilLabel(folder, 0.5f),
            ["`case_4`", "not whole numbers", "0.5 (1 voxel)"]),
        ("truncated gzip", folder => Cut(TinyDataset.Image(folder, "case_0"), half: true),
            ["`case_0`", "case_0_0000.nii.gz", "bytes, but the file"]),
        ("nearly whole gzip", folder => Cut(TinyDataset.Image(folder, "case_0"), half: false),
            ["`case_0`", "case_0_0000.nii.gz"]),
        ("broken gzip", BreakGzip, ["`case_0`", "case_0_0000.nii.gz"]),
        ("empty file", folder => File.WriteAllBytes(TinyDataset.Image(folder, "case_0"), []), ["`case_0`", "case_0_0000.nii.gz"]),
        ("not a NIfTI file", folder => File.WriteAllText(TinyDataset.Image(folder, "case_0"), "hello"),
            ["`case_0`", "case_0_0000.nii.gz"]),
        ("not a NIfTI file inside", folder => TinyDataset.Rewrite(
            TinyDataset.Image(folder, "case_0"), b => [.. b.Select(v => (byte)(v ^ 0x55))]),
            ["`case_0`", "case_0_0000.nii.gz"]),
        ("absurd size", folder => TinyDataset.Rewrite(TinyDataset.Image(folder, "case_0"), AbsurdSize),
            ["`case_0`", "case_0_0000.nii.gz"]),
        ("NaN voxel", folder => TinyDataset.Spoil(TinyDataset.Image(folder, "case_5"), float.NaN), ["`case_5`", "1 NaN"]),
        ("infinite voxels", folder => TinyDataset.Spoil(
            TinyDataset.Image(folder, "case_5"), float.PositiveInfinity, float.NegativeInfinity),
            ["`case_5`", "2 infinite"]),
        ("labels with a gap", folder => Replace(folder, "\"upper\": 2", "\"upper\": 3"), ["dataset.json", "without gaps"]),
        ("wrong number of cases", folder => Replace(folder, "\"numTraining\": 6", "\"numTraining\": 7"),
            ["`numTraining` is 7", "6 training cases"]),
        ("folds that are no list", folder => WriteFolds(folder, """{"train": []}"""),
            ["splits_final.json", "expected a list of at least one"]),
        ("a fold with an unknown case", folder => WriteFolds(folder, """[{"train": ["case_0", "case_9"], "val": ["case_1"]}]"""),
            ["splits_final.json", "fold 0 names `case_9`, which is not a training case"]),
        ("a fold with a case twice",
            folder => WriteFolds(folder, """[{"train": ["case_0", "case_2", "case_0"], "val": ["case_1"]}]"""),
            ["splits_final.json", "fold 0 lists `case_0` more than once in `train`"]),
        ("a fold without validation cases", folder => WriteFolds(folder, """[{"train": ["case_1"], "val": []}]"""),
            ["splits_final.json", "fold 0: no case in `val`"]),
        ("a fold without training cases", folder => WriteFolds(folder, """[{"train": [], "val": ["case_1"]}]"""),
            ["splits_final.json", "fold 0: no case in `train`"]),
        ("unknown file ending", folder => Replace(folder, ".nii.gz", ".xyz"), ["`.xyz`"]),
    ];

    public static TheoryData<string> Names => [.. Kinds.Select(kind => kind.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_broken_dataset_is_one_clear_error_and_is_left_alone(string name)
    {
        using var folder = new TemporaryFolder();
        var dataset = TinyDataset.Write(folder.At("dataset"));
        var (_, damage, says) = Kinds.First(kind => kind.Name == name);
        damage(dataset);
        var before = FolderSnapshot.Of(dataset);
        var work = folder.At("work");

        var outcome = SharpSegProcess.Run("auto", dataset, "-o", work, "--max-time", "1m", "--json");

        outcome.AssertErrorWithHint(1, says);
        Assert.Single(outcome.Output.TrimEnd().Split('\n'));
        Assert.Contains((string)outcome.Json()["error"]!, outcome.Errors, StringComparison.Ordinal);
        before.AssertUnchanged();
        Assert.Empty(FolderSnapshot.Of(work, "run.json", "log.txt").Names);
    }

    [Fact]
    public void Verify_lists_all_problems_at_once_with_their_cases()
    {
        using var folder = new TemporaryFolder();
        var dataset = TinyDataset.Write(folder.At("dataset"));
        string[] planted =
            ["missing label", "unknown label", "NaN voxel", "truncated gzip", "other spacing", "wrong number of cases"];
        var kinds = planted.Select(name => Kinds.First(kind => kind.Name == name)).ToArray();
        foreach (var kind in kinds)
        {
            kind.Damage(dataset);
        }

        var outcome = SharpSegProcess.Run("verify", dataset);
        Assert.Equal(1, outcome.Code);
        var errors = outcome.Output.Split('\n').Where(line => line.StartsWith("error: ", StringComparison.Ordinal)).ToArray();
        Assert.Equal(planted.Length, errors.Length);
        Assert.All(kinds, kind => Assert.True(
            errors.Any(line => kind.Says.All(part => line.Contains(part, StringComparison.Ordinal))),
            $"{kind.Name} is not in:\n{outcome.Output}"));

        var json = SharpSegProcess.Run("verify", dataset, "--json").Json();
        Assert.Equal(planted.Length, (int)json["errors"]!);
        Assert.Contains(json["findings"]!.AsArray(), finding => (string?)finding!["case"] == "case_5");
    }

    [Fact]
    public void Verify_warns_of_folds_that_look_like_mistakes()
    {
        using var folder = new TemporaryFolder();
        var dataset = TinyDataset.Write(folder.At("dataset"));
        WriteFolds(dataset, """
            [{"train": ["case_0", "case_1"], "val": ["case_1", "case_2"]}, {"train": ["case_0"], "val": ["case_2"]},
             {"train": ["case_3"], "val": ["case_0"]}]
            """);
        var outcome = SharpSegProcess.Succeed("verify", dataset);
        Assert.Contains("no errors, 3 warnings", outcome.Output, StringComparison.Ordinal);
        string[] says =
        [
            "fold 0 trains and validates on the same 1 case", "several folds validate on `case_2`",
            "no fold uses `case_4`, `case_5`",
        ];
        Assert.All(says, line => Assert.Contains(line, outcome.Output, StringComparison.Ordinal));
    }

    [Fact]
    public void Verify_is_content_with_a_good_dataset()
    {
        using var folder = new TemporaryFolder();
        var outcome = SharpSegProcess.Succeed("verify", TinyDataset.Write(folder.At("dataset")));
        Assert.Contains("no errors, 0 warnings", outcome.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void One_case_is_too_few_for_folds()
    {
        using var folder = new TemporaryFolder();
        var dataset = TinyDataset.Write(folder.At("dataset"), cases: 1);
        var before = FolderSnapshot.Of(dataset);
        SharpSegProcess.Run("auto", dataset, "-o", folder.At("work"), "--max-time", "1m")
            .AssertErrorWithHint(1, "1 training case", "at least two");
        before.AssertUnchanged();
    }

    [Fact]
    public void One_case_is_enough_for_fold_all()
    {
        using var folder = new TemporaryFolder();
        var dataset = TinyDataset.Write(folder.At("dataset"), cases: 1);
        var work = folder.At("work");
        SharpSegProcess.Succeed("plan", dataset, "-o", work);
        SharpSegProcess.Succeed("preprocess", work, "-c", "3d_fullres");
        SharpSegProcess.Succeed("train", work, "-f", "every-case", "--epochs", "1", "--iterations", "1", "--batch", "2");
        Assert.Equal(
            1, (int)SharpSegProcess.Succeed("auto", dataset, "-o", work, "-f", "every-case", "--resume", "--json")
                .Json()["cases"]!);
    }

    [Fact]
    public void A_spacing_of_zero_is_an_error_to_verify_and_a_warning_elsewhere()
    {
        using var folder = new TemporaryFolder();
        var dataset = TinyDataset.Write(folder.At("dataset"));
        foreach (var file in new[] { TinyDataset.Image(dataset, "case_2"), TinyDataset.Label(dataset, "case_2") })
        {
            TinyDataset.Rewrite(file, bytes =>
            {
                BitConverter.GetBytes(0f).CopyTo(bytes, 80); // pixdim[1], x
                return bytes;
            });
        }

        var verify = SharpSegProcess.Run("verify", dataset);
        Assert.Equal(1, verify.Code);
        Assert.Contains(
            "error: case `case_2`: `case_2_0000.nii.gz`: its header has a spacing of 0 mm along x", verify.Output,
            StringComparison.Ordinal);
        SharpSegProcess.Run("auto", dataset, "-o", folder.At("work"), "--max-time", "1m")
            .AssertErrorWithHint(1, "`case_2`", "spacing of 0 mm");
        var plan = SharpSegProcess.Succeed("plan", dataset, "-o", folder.At("work"));
        Assert.Contains(
            "warning: case `case_2`: `case_2_0000.nii.gz`: its header has a spacing of 0 mm along x; 1 mm is assumed",
            plan.Errors, StringComparison.Ordinal);
    }

    private static void WriteFolds(string folder, string json) =>
        File.WriteAllText(Path.Combine(folder, "splits_final.json"), json);

    private static string Json(string folder) => Path.Combine(folder, "dataset.json");

    private static void Replace(string folder, string old, string now) =>
        File.WriteAllText(Json(folder), File.ReadAllText(Json(folder)).Replace(old, now, StringComparison.Ordinal));

    private static void Empty(string folder)
    {
        Directory.Delete(folder, recursive: true);
        Directory.CreateDirectory(folder);
    }

    private static void MissingChannel(string folder)
    {
        TinyDataset.Write(folder, channels: 2);
        File.Delete(TinyDataset.Image(folder, "case_1", 1));
    }

    private static void WriteLabels(string folder, Extent size, Spacing spacing) => ImageFile.WriteLabels(
        TinyDataset.Label(folder, "case_3"), TinyDataset.Labels(3), TinyDataset.Geometry(size, spacing), highestLabel: 2);

    private static void SpoilLabel(string folder, float value)
    {
        var voxels = TinyDataset.Labels(4).Select(label => (float)label).ToArray();
        voxels[777] = value;
        ImageFile.WriteFloats(TinyDataset.Label(folder, "case_4"), voxels, TinyDataset.Geometry(new Spacing(1, 1, 1)));
    }

    private static void Cut(string path, bool half)
    {
        var bytes = File.ReadAllBytes(path);
        File.WriteAllBytes(path, half ? bytes[..(bytes.Length / 2)] : bytes[..^4]);
    }

    private static void BreakGzip(string folder)
    {
        var path = TinyDataset.Image(folder, "case_0");
        var bytes = File.ReadAllBytes(path);
        Array.Fill<byte>(bytes, 0xFF, bytes.Length / 2, 64);
        File.WriteAllBytes(path, bytes);
    }

    /// <summary>
    /// 32767 voxels along every axis: 140 TB of float32 in a file of 21 kB. NIfTI-1 keeps dim as words from byte 40 on.
    /// </summary>
    private static byte[] AbsurdSize(byte[] bytes)
    {
        for (var axis = 1; axis <= 3; axis++)
        {
            BitConverter.GetBytes(short.MaxValue).CopyTo(bytes, 40 + (2 * axis));
        }

        return bytes;
    }
}
