using System.Globalization;
using System.IO.Compression;
using System.Text.Json.Nodes;

namespace SharpSeg.EndToEnd.Tests;

/// <summary>A file that the program reads, what can be wrong with it, and the verbs that meet it (docs/faults.md).</summary>
/// <param name="Name">The file, as its users know it; what every message about it must contain.</param>
/// <param name="At">Where it lies, in words that <see cref="FaultTableTests"/> replaces.</param>
/// <param name="Commands">The verbs that read it, as whole commands.</param>
/// <param name="Faults">What is done to it, by name.</param>
internal sealed record DamagedFile(
    string Name, string At, string[] Commands, IReadOnlyDictionary<string, Func<byte[], byte[]>> Faults)
{
    public const string Probabilities = "case_0.probabilities.safetensors";

    private const string Clear = "a\u001b[2Jb"; // to a terminal: clear the screen
    private const string Lone = "\\ud800"; // half of a pair: JSON's grammar allows it, no text is it

    public static readonly DamagedFile[] All =
    [
        new("dataset.json", "DATASET/dataset.json",
            ["verify DATASET", "plan DATASET -o OUT", "auto DATASET -o OUT --max-time 1m"],
            Json(
                ("a case id that climbs out of the folder", root => root["dataset"] = new JsonObject
                {
                    ["../../../evil"] = new JsonObject { ["images"] = new JsonArray("a.nii.gz"), ["label"] = "b.nii.gz" },
                }),
                ("NUL in a path", root => root["dataset"] = new JsonObject
                {
                    ["a"] = new JsonObject { ["images"] = new JsonArray("a\0.nii.gz"), ["label"] = "b.nii.gz" },
                }),
                ("terminal codes in a case id", root => root["dataset"] = new JsonObject
                {
                    [Clear] = new JsonObject { ["images"] = new JsonArray("a.nii.gz"), ["label"] = "b.nii.gz" },
                }),
                ("labels with a gap", root => root["labels"]!["upper"] = 7),
                ("ignore labels that overflow", root =>
                {
                    root["labels"]!["upper"] = int.MaxValue - 1;
                    root["labels"]!["ignore"] = new JsonArray(1, 2);
                }),
                ("a partly labelled case that is none", root => Label(root, "case_9", "lower")),
                ("a class of a partly labelled case that is none", root => Label(root, "case_0", "side")),
                ("a class that no case shows",
                    root => Array.ForEach([0, 1, 2, 3, 4, 5], i => Label(root, $"case_{i}", "lower"))))),
        new("work/dataset.json", "WORK/dataset.json",
            ["preprocess WORK", "train WORK -f 1", "predict WORK -c 3d_fullres -i SCAN -o OUT"],
            Json(("a class of a partly labelled case that is none", root => Label(root, "case_0", "side")))),
        new("plans.json", "WORK/plans.json",
            ["preprocess WORK", "train WORK -f 1", "predict WORK -i SCAN -o OUT", "export WORK -o OUT/model.zip", "inspect WORK",
                "find-best WORK"],
            Json(
                ("a folder's name that climbs", root => Configuration(root)["data_identifier"] = "../../evil"),
                ("a configuration's name that climbs",
                    root => root["configurations"]!["../evil"] = Configuration(root).DeepClone()),
                ("an absolute configuration's name",
                    root => root["configurations"]!["/evil"] = Configuration(root).DeepClone()),
                ("terminal codes in a configuration's name",
                    root => root["configurations"]![Clear] = Configuration(root).DeepClone()),
                ("65,536 features", root => Arguments(root)["features_per_stage"]![0] = 65536),
                ("65,536 convolutions in a stage", root => Arguments(root)["n_conv_per_stage"]![0] = 65536),
                ("a patch of 0 voxels", root => Configuration(root)["patch_size"]![0] = 0))),
        new("best.json", "WORK/best.json",
            ["predict WORK -i SCAN -o OUT", "export WORK -o OUT/model.zip", "postprocess PREDICTIONS -o OUT -w WORK"],
            Json(
                ("a configuration's name that climbs", root => root["configurations"] = new JsonArray("../evil")),
                ("terminal codes in a configuration's name", root => root["configurations"] = new JsonArray(Clear)),
                ("a fold that is none", root => root["folds"] = new JsonArray("first")),
                ("a label that the dataset lacks",
                    root => root["postprocessing"]!["keep_largest_component"] = new JsonArray(new JsonArray(9))))),
        new("splits.json", "WORK/splits.json", ["train WORK -f 1", "find-best WORK"],
            Json(
                ("terminal codes in a case id", root => root[0]!["train"]!.AsArray().Add(Clear)),
                ("an unknown case", root => root[0]!["train"]!.AsArray().Add("case_9")),
                ("a case twice", root => root[0]!["train"]!.AsArray().Add(root[0]!["train"]![0]!.DeepClone())),
                ("no validation case", root => root[0]!["val"] = new JsonArray()))),
        new("fingerprint.json", "FINGERPRINT",
            ["plan --fingerprint FINGERPRINT --dataset-json DATASET/dataset.json -o OUT"],
            Json(
                ("a spacing below 0", root => root["spacings"]![0]![0] = -1),
                ("a spacing of 1e308 mm", root => root["spacings"]![0]![1] = 1e308),
                ("a spacing of 5e-324 mm", root => root["spacings"]![0]![1] = double.Epsilon),
                ("another number of shapes than spacings", root => root["spacings"]!.AsArray().RemoveAt(0)))),
        new("checkpoint_final.safetensors", "WORK/runs/3d_fullres/fold_0/checkpoint_final.safetensors",
            ["predict WORK -c 3d_fullres -i SCAN -o OUT", "export WORK -c 3d_fullres -o OUT/model.zip",
                "train WORK --resume --seed 7 -f 0",
                "train WORK -f 1 --pretrained WORK/runs/3d_fullres/fold_0/checkpoint_final.safetensors"],
            Bytes(("one bit flipped in a weight", bytes => Flipped(bytes, 5000)))),
        new("summary.json", "WORK/runs/3d_fullres/fold_0/validation/summary.json",
            ["compare WORK/runs/3d_fullres/fold_0 WORK/runs/3d_fullres/fold_0",
                "report WORK/runs/3d_fullres/fold_0/validation -d WORK/dataset.json -o OUT/report.html"],
            Json(
                ("a Dice of 5", root => Metrics(root)["Dice"] = 5),
                ("a class missing", root => Case(root)["metrics"]!.AsObject().Remove("1")),
                ("a case twice", root => root["metric_per_case"]!.AsArray().Add(Case(root).DeepClone())),
                ("a case id that climbs out of the folder", root => Case(root)["case"] = "../../../evil"),
                ("terminal codes in a case id", root => Case(root)["case"] = Clear))),
        new("log.jsonl", "WORK/runs/3d_fullres/fold_0/log.jsonl",
            ["compare WORK/runs/3d_fullres/fold_0 WORK/runs/3d_fullres/fold_0"],
            new Dictionary<string, Func<byte[], byte[]>>
            {
                ["empty"] = _ => [],
                ["cut in half"] = bytes => bytes[..(bytes.Length / 2)],
                ["more iterations than can be counted"] = bytes => Changed(
                    bytes, text => text.Replace("\"iterations\":2", "\"iterations\":2147483647", StringComparison.Ordinal)),
            }),
        new(Probabilities, $"PREDICTIONS/{Probabilities}", ["ensemble PREDICTIONS OTHERS -o OUT"],
            Bytes(("one bit flipped in a value", bytes => Flipped(bytes, 10)))),
        new("good.zip", "MODEL",
            ["predict MODEL -i SCAN -o OUT", "inspect MODEL", "train WORK -f 1 --pretrained MODEL"],
            Bytes(
                ("a name that climbs out of the folder", bytes => WithEntry(bytes, "../../evil.json", 10)),
                ("plans of 8 million characters", bytes => WithEntry(bytes, "plans.json", 8_000_000)))),
        new("scan.nii.gz", "SCAN",
            ["predict WORK -c 3d_fullres -i SCAN -o OUT", "evaluate SCAN LABEL"],
            Bytes(("140 TB of voxels claimed in 20 kB", AbsurdSize), ("a spacing of 1e30 mm", AbsurdSpacing))),
        new("case_0.nii.gz", "PREDICTIONS/case_0.nii.gz",
            ["evaluate PREDICTIONS LABELS -d WORK/dataset.json", "postprocess PREDICTIONS -o OUT -b BEST -d WORK/dataset.json"],
            Bytes(("140 TB of voxels claimed in 20 kB", AbsurdSize))),
        new("case_2.image", "WORK/preprocessed/CASES/case_2.image", ["train WORK -f 1 --epochs 1 --iterations 1 --batch 2"],
            Bytes(("one bit flipped in a voxel", bytes => Flipped(bytes, 10)))),
    ];

    private static Dictionary<string, Func<byte[], byte[]>> Bytes(params (string Name, Func<byte[], byte[]> Damage)[] more)
    {
        var faults = new Dictionary<string, Func<byte[], byte[]>>
        {
            ["empty"] = _ => [],
            ["cut in half"] = bytes => bytes[..(bytes.Length / 2)],
            ["other bytes"] = bytes => [.. bytes.Select(value => (byte)~value)],
        };
        Array.ForEach(more, fault => faults.Add(fault.Name, fault.Damage));
        return faults;
    }

    private static Dictionary<string, Func<byte[], byte[]>> Json(params (string Name, Action<JsonNode> Damage)[] more)
    {
        var faults = new Dictionary<string, Func<byte[], byte[]>>
        {
            ["empty"] = _ => [],
            ["cut in half"] = bytes => bytes[..(bytes.Length / 2)],
            ["JSON of something else"] = _ => "3"u8.ToArray(),
            ["a key twice"] = bytes => Changed(bytes, text => First(text, "{", "{\"x\": 1, \"x\": 2, ")),
            ["a lone surrogate"] = bytes => Changed(bytes, text => First(text, "{", $"{{\"{Lone}\": \"{Lone}\", ")),
        };
        foreach (var (name, damage) in more)
        {
            faults.Add(name, bytes => Changed(bytes, text =>
            {
                var root = JsonNode.Parse(text)!;
                damage(root);
                return root.ToJsonString();
            }));
        }

        return faults;
    }

    private static byte[] Changed(byte[] bytes, Func<string, string> change) =>
        System.Text.Encoding.UTF8.GetBytes(change(System.Text.Encoding.UTF8.GetString(bytes)));

    private static string First(string text, string old, string now)
    {
        var at = text.IndexOf(old, StringComparison.Ordinal);
        return text[..at] + now + text[(at + old.Length)..];
    }

    private static void Label(JsonNode root, string caseId, string name)
    {
        var labelled = root["labelled"]?.AsObject() ?? [];
        labelled[caseId] = new JsonArray(name);
        root["labelled"] = labelled;
    }

    private static JsonObject Configuration(JsonNode root) => root["configurations"]!["3d_fullres"]!.AsObject();

    private static JsonObject Arguments(JsonNode root) => Configuration(root)["architecture"]!["arch_kwargs"]!.AsObject();

    private static JsonObject Case(JsonNode root) => root["metric_per_case"]![0]!.AsObject();

    private static JsonObject Metrics(JsonNode root) => Case(root)["metrics"]!["1"]!.AsObject();

    private static byte[] Flipped(byte[] bytes, int fromEnd)
    {
        var flipped = (byte[])bytes.Clone();
        flipped[^fromEnd] ^= 4;
        return flipped;
    }

    private static byte[] WithEntry(byte[] zipped, string name, int length)
    {
        using var stream = new MemoryStream();
        stream.Write(zipped);
        using (var zip = new ZipArchive(stream, ZipArchiveMode.Update, leaveOpen: true))
        {
            zip.GetEntry(name)?.Delete();
            using var entry = zip.CreateEntry(name).Open();
            entry.Write(System.Text.Encoding.UTF8.GetBytes("{" + new string(' ', length) + "}"));
        }

        return stream.ToArray();
    }

    /// <summary>NIfTI-1 keeps the extents as words from byte 42 on.</summary>
    private static byte[] AbsurdSize(byte[] gzipped) => Zipped(gzipped, bytes =>
    {
        for (var axis = 1; axis <= 3; axis++)
        {
            BitConverter.GetBytes(short.MaxValue).CopyTo(bytes, 40 + (2 * axis));
        }
    });

    /// <summary>NIfTI-1 keeps the spacings as floats from byte 80 on, and the rows of its affine from byte 280 on.</summary>
    private static byte[] AbsurdSpacing(byte[] gzipped) => Zipped(gzipped, bytes =>
    {
        foreach (var at in new[] { 84, 300 })
        {
            BitConverter.GetBytes(1e30f).CopyTo(bytes, at);
        }
    });

    private static byte[] Zipped(byte[] gzipped, Action<byte[]> change)
    {
        using var plain = new MemoryStream();
        using (var gzip = new GZipStream(new MemoryStream(gzipped), CompressionMode.Decompress))
        {
            gzip.CopyTo(plain);
        }

        var bytes = plain.ToArray();
        change(bytes);
        using var again = new MemoryStream();
        using (var gzip = new GZipStream(again, CompressionLevel.Fastest, leaveOpen: true))
        {
            gzip.Write(bytes);
        }

        return again.ToArray();
    }
}
