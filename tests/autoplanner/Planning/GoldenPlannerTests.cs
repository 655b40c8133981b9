using System.Globalization;
using System.Text.Json;
using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Planning.Fingerprinting;
using SharpSeg.Engine.Networks;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Planning;

/// <summary>
/// What nnU-Net v2 2.8.1 planned for data-set fingerprints (Decathlon-like, 2D, random, extreme), for its default planner, ResEnc
/// M/L/XL, other memory targets, no transposition and a user's spacing: every number must be ours as well.
/// </summary>
public sealed class GoldenPlannerTests
{
    [Fact]
    public void Modern_plans_equal_the_reference()
    {
        var differences = new List<string>();
        var count = 0;
        foreach (var line in File.ReadLines(SharedFolder.At("golden", "planner_v2.jsonl")))
        {
            count++;
            using var document = JsonDocument.Parse(line);
            var root = document.RootElement;
            var id = root.GetProperty("id").GetString()!;
            var fingerprint = FingerprintJson.Parse(root.GetProperty("fingerprint").GetRawText(), id);
            var description = DatasetDescription.FromJson(root.GetProperty("dataset_json").GetRawText(), id, id);
            foreach (var run in root.GetProperty("runs").EnumerateObject())
            {
                var result = Planner.Plan(fingerprint, description, Options(run.Name));
                Compare($"{id} {run.Name}", run.Value, result, differences);
            }
        }

        Assert.Equal(SharedFolder.Rows(40, 11), count);
        Assert.True(differences.Count == 0, $"{differences.Count} differences:\n{string.Join('\n', differences.Take(40))}");
    }

    private static PlannerOptions Options(string run)
    {
        var memory = run.Split('@');
        var options = run.Split('|');
        var planner = memory[0].Split('|')[0];
        return new PlannerOptions
        {
            Preset = planner == "ExperimentPlanner" ? PresetName.Default : Enum.Parse<PresetName>(planner),
            MemoryGigabytes = memory.Length > 1
                ? double.Parse(memory[1].Replace("GB", "", StringComparison.Ordinal), CultureInfo.InvariantCulture)
                : null,
            Transpose = !options.Contains("suppress_transpose"),
            TargetSpacing =
                options.FirstOrDefault(text => text.StartsWith("overwrite_spacing=", StringComparison.Ordinal)) is { } spacing
                ? Spacing.FromArray(
                    [.. spacing.Split('=')[1].Split(',').Select(value => double.Parse(value, CultureInfo.InvariantCulture))])
                : null,
        };
    }

    private static void Compare(string where, JsonElement run, PlanResult result, List<string> differences)
    {
        var expected = run.GetProperty("plans");
        var plans = result.Plans;
        Same("transpose_forward", Ints(expected.GetProperty("transpose_forward")), plans.TransposeForward);
        Same("transpose_backward", Ints(expected.GetProperty("transpose_backward")), plans.TransposeBackward);
        Same(
            "median spacing", Numbers(expected.GetProperty("original_median_spacing_after_transp")), plans.OriginalMedianSpacing);
        Same("median shape", Ints(expected.GetProperty("original_median_shape_after_transp")), plans.OriginalMedianShape);
        var configurations = expected.GetProperty("configurations");
        Same("configurations", configurations.EnumerateObject().Select(c => c.Name).Order(), plans.Configurations.Keys.Order());
        foreach (var configuration in configurations.EnumerateObject())
        {
            if (!plans.Configurations.TryGetValue(configuration.Name, out var ours))
            {
                continue;
            }

            var theirs = configuration.Value;
            var key = configuration.Name;
            Same($"{key} inherits_from", Text(theirs, "inherits_from"), ours.InheritsFrom ?? "");
            Same($"{key} previous_stage", Text(theirs, "previous_stage"), ours.PreviousStage ?? "");
            Same($"{key} next_stage", Text(theirs, "next_stage"), ours.NextStage ?? "");
            if (ours.InheritsFrom is not null)
            {
                continue;
            }

            Same($"{key} batch_size", theirs.GetProperty("batch_size").GetInt32(), ours.BatchSize);
            Same($"{key} patch_size", Ints(theirs.GetProperty("patch_size")), ours.PatchSize);
            Same($"{key} median size", Numbers(theirs.GetProperty("median_image_size_in_voxels")), ours.MedianImageSize);
            Same($"{key} spacing", Numbers(theirs.GetProperty("spacing")), ours.Spacing);
            Same($"{key} batch_dice", theirs.GetProperty("batch_dice").GetBoolean(), ours.BatchDice);
            Same(
                $"{key} normalization", theirs.GetProperty("normalization_schemes").EnumerateArray().Select(e => e.GetString()!),
                ours.Normalization.Select(scheme => scheme.ClassName()));
            Same(
                $"{key} mask", theirs.GetProperty("use_mask_for_norm").EnumerateArray().Select(e => e.GetBoolean()),
                ours.UseMaskForNorm);
            Same($"{key} E", run.GetProperty("vram_estimate").GetProperty(key).GetInt64(), result.MemoryEstimates[key]);
            CompareNetwork(key, theirs.GetProperty("architecture"), ours.Architecture);
        }

        void CompareNetwork(string key, JsonElement theirs, ArchitecturePlan ours)
        {
            var residual = theirs.GetProperty("network_class_name")
                .GetString()!.EndsWith("ResidualEncoderUNet", StringComparison.Ordinal);
            var arguments = theirs.GetProperty("arch_kwargs");
            Same($"{key} family", residual ? NetworkFamily.ResidualEncoderUNet : NetworkFamily.PlainUNet, ours.Family);
            Same($"{key} features", Ints(arguments.GetProperty("features_per_stage")), ours.FeaturesPerStage);
            Same(
                $"{key} blocks", Ints(arguments.GetProperty(residual ? "n_blocks_per_stage" : "n_conv_per_stage")),
                ours.EncoderBlocks);
            Same($"{key} decoder", Ints(arguments.GetProperty("n_conv_per_stage_decoder")), ours.DecoderBlocks);
            Same($"{key} kernels", Rows(arguments.GetProperty("kernel_sizes")), Rows(ours.KernelSizes));
            Same($"{key} strides", Rows(arguments.GetProperty("strides")), Rows(ours.Strides));
        }

        void Same(string what, object theirs, object ours)
        {
            var (left, right) = (Show(theirs), Show(ours));
            if (left != right)
            {
                differences.Add($"{where}: {what}: expected {left}, planned {right}");
            }
        }
    }

    private static string Show(object? value) => value switch
    {
        // Twelve digits: Python's and our products may round the last one differently.
        IEnumerable<double> numbers =>
            string.Join(", ", numbers.Select(number => number.ToString("G12", CultureInfo.InvariantCulture))),
        string text => text,
        System.Collections.IEnumerable list => string.Join(", ", list.Cast<object>()),
        _ => Convert.ToString(value, CultureInfo.InvariantCulture)!,
    };

    private static int[] Ints(JsonElement list) => [.. list.EnumerateArray().Select(value => value.GetInt32())];

    private static double[] Numbers(JsonElement list) => [.. list.EnumerateArray().Select(value => value.GetDouble())];

    private static string Rows(JsonElement rows) =>
        string.Join(' ', rows.EnumerateArray().Select(row => string.Concat(Ints(row))));

    private static string Rows(IEnumerable<int[]> rows) => string.Join(' ', rows.Select(row => string.Concat(row)));

    private static string Text(JsonElement element, string key) =>
        element.TryGetProperty(key, out var value) ? value.GetString() ?? "" : "";
}
