using System.IO.Compression;
using System.Text;
using SharpSeg.AutoPlanner;
using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Evaluation;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Inference;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Planning.Fingerprinting;
using SharpSeg.AutoPlanner.Preprocessing;
using SharpSeg.AutoPlanner.Steps.Jobs;
using SharpSeg.AutoPlanner.Volumes;
using SharpSeg.AutoPlanner.Workspaces;
using SharpSeg.Engine.ModelFiles;
using SharpSeg.Engine.Tensors;
using SharpSeg.Tests;

namespace SharpSeg.Fuzz.Tests;

/// <summary>Small valid files of every kind, made by the product's own writers or by hand.</summary>
internal static class Seeds
{
    public const string DatasetJson =
        """{"name": "tiny", "channel_names": {"0": "CT", "1": "MRI"}, "labels": {"background": 0, "whole": [1, 2], "core": 2, "ignore": 3}, "regions_class_order": [1, 2], "numTraining": 2, "file_ending": ".nii.gz"}""";

    public const string PlainJson =
        """{"channel_names": {"0": "CT"}, "labels": {"background": 0, "rim": 1, "core": 2}, "numTraining": 1, "file_ending": ".nii.gz"}""";

    public const string DecathlonJson =
        """{"name": "d", "modality": {"0": "MRI"}, "labels": {"0": "background", "1": "a"}, "numTraining": 1, "training": [{"image": "./imagesTr/a.nii.gz", "label": "./labelsTr/a.nii.gz"}], "test": ["./imagesTs/b.nii.gz"]}""";

    public const string CaseListJson =
        """{"channel_names": {"0": "CT"}, "labels": {"background": 0, "a": 1}, "numTraining": 1, "file_ending": ".nii.gz", "dataset": {"case_0": {"images": ["x.nii.gz"], "label": "y.nii.gz"}}}""";

    public const string PartialJson =
        """{"channel_names": {"0": "CT"}, "labels": {"background": 0, "a": 1, "b": 2, "ignore": [3, 4]}, "labelled": {"case_0": ["a"], "case_1": ["a", "b"]}, "numTraining": 2, "file_ending": ".nii.gz", "dataset": {"case_0": {"images": ["x.nii.gz"], "label": "y.nii.gz"}, "case_1": {"images": ["x.nii.gz"], "label": "y.nii.gz"}}}""";

    public const string RenumberedJson =
        """{"channel_names": {"0": "CT"}, "labels": {"background": 0, "a": 1, "b": 2}, "original_values": {"0": 0, "1": 100, "2": 255}, "numTraining": 1, "file_ending": ".png"}""";

    public const string GappedJson =
        """{"channel_names": {"0": "CT"}, "labels": {"background": 0, "a": 10, "b": 20}, "numTraining": 2, "file_ending": ".nii.gz"}""";

    public const string GroupedSplitsJson =
        """[{"train": ["a", "b", "c"], "val": ["d", "e"], "group_by": "(.)"}, {"train": ["d"], "val": ["a"], "group_by": "(.)"}]""";

    public const string SplitsJson = """[{"train": ["a", "b", "c"], "val": ["d", "e"]}, {"train": ["d", "e", "c"], "val": ["a", "b"]}]""";

    public static readonly Extent Extent = new(3, 5, 4);
    private static readonly ImageGeometry Geometry = new(
        Extent, new Spacing(2, 1, 0.5), [0.5, 0, 0, 1, 0, 1, 0, 2, 0, 0, 2, 3], "", []);

    public static DatasetDescription Description => DatasetDescription.FromJson(DatasetJson);

    public static Fingerprint Fingerprint => new()
    {
        CaseIds = ["a", "b", "c"],
        Spacings = [.. Enumerable.Repeat(new Spacing(1, 1, 1), 3)],
        ShapesAfterCrop = [new(40, 36, 44), new(32, 40, 40), new(36, 36, 36)],
        MedianRelativeSizeAfterCropping = 0.9,
        MeanRelativeSizeAfterCropping = 0.9,
        IntensityProperties = [new(10, 5, 9, 1, 30, 0, 40), new(1, 2, 3, 4, 5, 6, 7)],
    };

    public static Plans Plans => Planner.Plan(Fingerprint, Description, new PlannerOptions()).Plans;

    public static string PlansText => PlansJson.ToJson(Plans);

    public static string SpeedText
    {
        get
        {
            var plan = Plans.Resolve("2d");
            return JsonFile.ToText(new SpeedMeasurement(
                "2d", 0.5, 2, 0.1, plan.Patch.ToString(), SpeedMeasurement.ParametersOf(Plans, plan, Description), "CPU", 4, "n1",
                new DateTime(2026, 1, 2, 3, 4, 5, DateTimeKind.Utc)).Json);
        }
    }

    public static string BestText => new BestModel
    {
        Winner = new Candidate(["2d", "3d_fullres"]),
        Folds = ["0", "1"],
        Postprocessing = new PostprocessingSteps([[1], [2]], SharpSeg.AutoPlanner.Volumes.Connectivity.Full),
        DiceBefore = 0.5,
        DiceAfter = 0.6,
        Scores = [new(new Candidate(["2d"]), 0.4), new(new Candidate(["3d_fullres"]), double.NaN)],
    }.ToJson();

    public const string SummaryText =
        """{"foreground_mean": {"Dice": 0.5}, "mean": {"1": {"Dice": 0.5}}, "metric_per_case": [{"case": "a", "reference_file": "/r/a.nii.gz", "prediction_file": "/p/a.nii.gz", "metrics": {"1": {"Dice": 0.5, "IoU": 0.3, "TP": 1, "FP": 2, "FN": 3, "TN": 4, "HD95": 1.5, "NSD": null}}}]}""";

    public const string LogText =
        """
        {"configuration":"2d","fold":"0","profile":"modern","network":"PlainUNet","activation":"leaky","norm":"instance","patch":"1×10×12","seed":12345,"device":"CPU","precision":"fp32","train_cases":3,"val_cases":1,"variant":{"--loss":"dice"},"schedule":{"batch_size":2,"epochs":2,"iterations_per_epoch":1,"validation_iterations":1,"time_budget":"00:01:00"}}
        {"epoch":0,"iterations":1,"learning_rate":0.01,"train_loss":1.18,"val_loss":1.06,"pseudo_dice":[0.15,null],"mean_pseudo_dice":0.15,"ema_pseudo_dice":0.15,"seconds":9.12,"skipped_steps":0}
        {"epoch":1,"iterations":1,"learning_rate":0.005,"train_loss":"NaN","val_loss":null,"pseudo_dice":[0.15,0.1],"mean_pseudo_dice":0.12,"ema_pseudo_dice":0.15,"seconds":9.2,"skipped_steps":1}

        """;

    public const string JobsText =
        """
        {"id": "abc", "verb": "jobs train work", "program": ["sharpseg"],
         "site": {"slurm": ["--partition=long"], "gres": "gpu:1", "time": "24:00:00", "memory": "16G", "cpus": 8, "throttle": 2, "setup": ["module load x"], "program": []},
         "stages": [
           {"name": "preprocess", "memory_bytes": 1000000, "cpus": 8, "time": "01:00:00", "gres": null,
            "command": [{"kind": "Literal", "text": "preprocess"}, {"kind": "Folder", "text": ""}, {"kind": "Literal", "text": "-c"}, {"kind": "Item", "text": ""}],
            "items": [{"index": 0, "text": "2d", "done": true}, {"index": 1, "text": "3d_fullres", "done": false}], "needs": []},
           {"name": "train-2d", "memory_bytes": 1000000, "cpus": 8, "time": "2-00:00:00", "gres": "gpu:1",
            "command": [{"kind": "Literal", "text": "train"}, {"kind": "Folder", "text": ""}, {"kind": "Literal", "text": "-c"}, {"kind": "Literal", "text": "2d"}, {"kind": "Literal", "text": "-f"}, {"kind": "Item", "text": ""}, {"kind": "Device", "text": "auto"}],
            "items": [{"index": 0, "text": "0"}, {"index": 1, "text": "1"}], "needs": [{"stage": "preprocess", "index": 0}, {"stage": "preprocess"}]}]}
        """;

    public const string TaskRecordText =
        """{"attempts": [{"job": "12_3", "node": "n1", "started": "2026-01-02T03:04:05Z", "seconds": 7.5, "outcome": "OutOfTime", "error": "no time", "peak_bytes": 1073741824, "stage": "train", "detail": "epoch 3/5", "fraction": 0.5, "seconds_left": 60}, {"job": null, "node": "", "started": "2026-01-02T03:04:05Z", "seconds": 1, "outcome": "Open", "error": null, "peak_bytes": 0, "stage": "", "detail": "", "fraction": 0, "seconds_left": null}]}""";

    public const string SubmittedText = "preprocess\t123\t0-1\ntrain-2d\t124\t0-3,7%2\ntrain-2d\t130\t3\n";

    public const string RecipeText =
        """{"momentum": 0.95, "initial_rate": 0.02, "warm_up_share": 0.1, "flat_share": 0.5, "augmentation_strength": 1, "mirroring": false, "small_patch_share": 0.25, "cycles": {"count": 3, "first_share": 0.5, "rate": 0.01}}""";

    public const string SiteText =
        """{"slurm": ["--partition=long", "--account=lab"], "gpu_slurm": ["--qos=gpu"], "gres": "gpu:1", "time": "24:00:00", "memory": "16G", "cpus": 8, "throttle": 20, "setup": ["module load dotnet"], "program": ["sharpseg"]}""";

    /// <summary>An image or label map, written under a name.</summary>
    public static byte[] Image(string folder, string name, bool labels)
    {
        var path = Path.Combine(folder, name);
        var values = Enumerable.Range(0, (int)Extent.Voxels).ToArray();
        if (labels)
        {
            ImageFile.WriteLabels(path, values.Select(i => (short)(i % 3)).ToArray(), Geometry, 2);
        }
        else
        {
            ImageFile.WriteFloats(path, values.Select(i => i * 0.5f).ToArray(), Geometry);
        }

        return File.ReadAllBytes(path);
    }

    /// <summary>Palette, grey and RGB pictures.</summary>
    public static byte[] Png(string folder, int channels)
    {
        var path = Path.Combine(folder, "seed.png");
        SharpSeg.AutoPlanner.Imaging.Png.Write(
            path, 6, 5, channels, [.. Enumerable.Range(0, 30 * channels).Select(i => (byte)(i * 7))]);
        return File.ReadAllBytes(path);
    }

    public static byte[] RawNrrd(string extra = "") =>
    [
        .. Encoding.Latin1.GetBytes(
            "NRRD0004\n# made by hand\ntype: short\ndimension: 4\nspace: left-posterior-superior\nsizes: 2 4 3 2\nspace "
                + "directions: none (0.5,0,0) (0,1,0) (0,0,2)\nkinds: vector domain domain domain\nspace origin: "
                + $"(1,2,3)\nendian: little\nencoding: raw\n{extra}\n"),
        .. new byte[96],
    ];

    public static byte[] RawMetaImage() =>
    [
        .. "ObjectType = Image\nNDims = 3\nBinaryDataByteOrderMSB = False\nTransformMatrix = 1 0 0 0 1 0 0 0 1\nOffset = 0 0 0\nElementSpacing = 1 1 2\nDimSize = 4 3 2\nElementNumberOfChannels = 2\nElementType = MET_SHORT\nElementDataFile = LOCAL\n"u8,
        .. new byte[96],
    ];

    public static PreprocessedCase Case => new(
        Extent, 2, [.. Enumerable.Range(0, 120).Select(i => i * 0.1f)], [.. Enumerable.Range(0, 60).Select(i => (short)(i % 3))],
        [new ClassLocations("1", 2, [0, 1, 2, 1, 2, 3])],
        new CaseProperties
        {
            CaseId = "case", Spacing = new Spacing(2, 1, 1), ShapeBeforeCropping = new(4, 6, 5), BboxOrigin = new(0, 1, 0),
            ShapeAfterCropping = Extent,
            Shape = Extent, Channels = 2, SourceFiles = ["/x/case_0000.nii.gz"], LabelFile = "/x/case.nii.gz", RecipeHash = "00",
        });

    public static byte[] Tensors(IReadOnlyDictionary<string, string> metadata)
    {
        using var stream = new MemoryStream();
        Safetensors.Write(
            stream, [new("a", [2, 3], t => t.Fill(1)), new("b", [], t => t[0] = 2), new("c", [0], _ => { })], metadata);
        return stream.ToArray();
    }

    public static byte[] Probabilities(string folder, SavedProbabilities saved)
    {
        var path = ProbabilityFile.PathOf(folder, "seed");
        ProbabilityFile.Write(path, "seed", new Flat(Extent, Description.Labels.HeadCount), Description.Labels, saved);
        return File.ReadAllBytes(path);
    }

    public static byte[] PackedMap()
    {
        var area = Extent.Y * Extent.X;
        using var packed = new MemoryStream();
        using (var map = new CompactMapWriter(packed, Extent, new Box(default, Extent)))
        {
            for (var z = 0; z < Extent.Z; z++)
            {
                var voxels = Enumerable.Range(z * area, area);
                map.Write(z, [.. voxels.Select(voxel => (ushort)(voxel % 7 == 0 ? 65534 : voxel * 300))], new byte[2 * area]);
            }
        }

        return packed.ToArray();
    }

    /// <summary>Files that other programs wrote.</summary>
    public static IEnumerable<byte[]> Golden(string pattern) =>
        Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "golden", "imaging"), pattern)
            .Order(StringComparer.Ordinal).Select(File.ReadAllBytes);

    /// <summary>A checkpoint as torch.save writes it: shared storages, strides, half precision, other classes.</summary>
    public static byte[] Torch(CompressionLevel level)
    {
        using var stream = new MemoryStream();
        float[] shared = [.. Enumerable.Range(0, 32).Select(i => (float)i)];
        TorchFileWriter.Write(stream, new Dictionary<string, object?>
        {
            ["network_weights"] = new Dictionary<string, object?>
            {
                ["a.weight"] = new TorchTensorToWrite(shared, [2, 3, 5]),
                ["b.weight"] = new TorchTensorToWrite(shared, [4, 4], Stride: [1, 4], Offset: 8),
                ["c.bias"] = new TorchTensorToWrite([1, 2, 3], [3], Type: "Half"),
            },
            ["logging"] = new List<object?> { new NumpyScalarToWrite(1), 0.5, 3, null },
            ["init_args"] = new Dictionary<string, object?> { ["configuration"] = "3d_fullres", ["fold"] = 0 },
            ["inference_allowed_mirroring_axes"] = new object?[] { 0, 1, 2 },
        }, level);
        return stream.ToArray();
    }

    public static byte[] TorchPickle()
    {
        using var zip = new ZipArchive(new MemoryStream(Torch(CompressionLevel.NoCompression)));
        using var stream = zip.Entries.Single(entry => entry.FullName.EndsWith("data.pkl", StringComparison.Ordinal)).Open();
        using var copy = new MemoryStream();
        stream.CopyTo(copy);
        return copy.ToArray();
    }

    /// <summary>The texts that an import reads.</summary>
    public static readonly string[] NnUNetFiles =
    [
        "nnUNetTrainer__nnUNetPlans__3d_fullres/plans.json", "nnUNetTrainer__nnUNetPlans__3d_fullres/dataset.json",
        "nnUNetTrainer__nnUNetPlans__3d_fullres/crossval_results_folds_0/postprocessing.json", "inference_information.json",
    ];

    /// <summary>The folder of a dataset's results as nnU-Net leaves it.</summary>
    /// <returns><see cref="NnUNetFiles"/>.</returns>
    public static IReadOnlyList<string> WriteNnUNetModel(string folder)
    {
        new NnUNetModelWriter().Write(Path.Combine(folder, Path.GetDirectoryName(NnUNetFiles[0])!));
        Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(folder, NnUNetFiles[2]))!);
        File.WriteAllText(
            Path.Combine(folder, NnUNetFiles[2]),
            """
            {"postprocessing_fns": ["remove_all_but_largest_component_from_segmentation"],
             "postprocessing_kwargs": [{"labels_or_regions": [1, 2]}]}
            """);
        File.WriteAllText(
            Path.Combine(folder, NnUNetFiles[3]),
            """
            {"folds": [0], "all_results": {"nnUNetTrainer__nnUNetPlans__3d_fullres": 0.5}, "best_model_or_ensemble": {"result_on_crossval_pre_pp": 0.5, "result_on_crossval_post_pp": 0.5,
             "selected_model_or_models": [
               {"configuration": "3d_fullres", "trainer": "nnUNetTrainer", "plans_identifier": "nnUNetPlans"}]}}
            """);
        return NnUNetFiles;
    }

    /// <summary>The same as one file, stored without compression, so that changes reach what lies in it.</summary>
    public static byte[] NnUNetZip()
    {
        var folder = Directory.CreateTempSubdirectory("sharpseg-fuzz-").FullName;
        try
        {
            WriteNnUNetModel(folder);
            using var buffer = new MemoryStream();
            ZipFile.CreateFromDirectory(folder, buffer, CompressionLevel.NoCompression, includeBaseDirectory: true);
            return buffer.ToArray();
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    public static byte[] Model()
    {
        using var buffer = new MemoryStream();
        using (var zip = new ZipArchive(buffer, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach (var (name, text) in new[]
            {
                ("model.json", """{"format": "sharpseg-model", "version": 1, "dataset": "d"}"""), ("dataset.json", DatasetJson), ("plans.json", PlansText), ("best.json", BestText),
                ("runs/2d/fold_0/checkpoint_final.safetensors", "weights"),
            })
            {
                using var entry = zip.CreateEntry(name, CompressionLevel.Fastest).Open();
                entry.Write(Encoding.UTF8.GetBytes(text));
            }
        }

        return buffer.ToArray();
    }

    private sealed class Flat(Extent extent, int heads) : IProbabilityMaps
    {
        public Extent Extent => extent;

        public int Heads => heads;

        public int PlanesAtOnce => extent.Z;

        public void Read(int head, int first, Span<float> target) => target.Fill(1f / heads);
    }
}
