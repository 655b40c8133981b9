using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Networks;

namespace SharpSeg.AutoPlanner.Training;

/// <summary>
/// <c>log.jsonl</c>: one line on the run, then one per epoch. Written whole after every epoch through a rename, so that it never
/// ends in half a line and a resumed run leaves no epoch twice.
/// </summary>
internal static class TrainingLog
{
    public static void Write(
        string path, TrainingJob job, TrainingSchedule schedule, Backend device, IEnumerable<EpochRecord> records)
    {
        var text = new StringBuilder();
        using (var stream = new MemoryStream())
        {
            using (var json = new Utf8JsonWriter(stream))
            {
                json.WriteStartObject();
                json.WriteString("configuration", job.Configuration.Name);
                json.WriteString("fold", job.Fold);
                json.WriteString("profile", job.Plans.Profile.ToString().ToLowerInvariant());
                json.WriteString("network", job.Configuration.Architecture.Family.ToString());
                json.WriteString("activation", job.Configuration.Architecture.LeakySlope == 0 ? "relu" : "leaky");
                json.WriteString("norm", job.Configuration.Architecture.Norm == NormKind.Batch ? "batch" : "instance");
                json.WriteString("patch", job.Configuration.Patch.ToString());
                json.WriteNumber("seed", job.Seed);
                json.WriteString("device", device.Description);
                json.WriteString("precision", device.ProductPrecision);
                json.WriteNumber("train_cases", job.TrainingCases.Count);
                json.WriteNumber("val_cases", job.ValidationCases.Count);
                json.WritePropertyName("variant");
                json.WriteStartObject();
                foreach (var (option, value) in job.Variant.Settings)
                {
                    json.WriteString(option, value);
                }

                json.WriteEndObject();
                json.WritePropertyName("schedule");
                JsonSerializer.Serialize(json, schedule, TrainingJson.Default.TrainingSchedule);
                json.WriteEndObject();
            }

            text.AppendLine(Encoding.UTF8.GetString(stream.ToArray()));
        }

        foreach (var record in records)
        {
            text.AppendLine(JsonSerializer.Serialize(record, TrainingJson.Default.EpochRecord));
        }

        AtomicFile.WriteText(path, text.ToString());
    }

    /// <summary>Reads a run's log.</summary>
    /// <exception cref="SharpSegException">Missing, or a line is damaged; the message names it.</exception>
    public static RunLog Read(string path)
    {
        var lines = JsonFile.ReadText(path).Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        var number = 1;
        try
        {
            var header = JsonFile.Parse(lines.Length > 0 ? lines[0] : "", path);
            var schedule = header.RequiredObject("schedule").Node.Deserialize(TrainingJson.Default.TrainingSchedule)
                ?? throw header.Error("schedule", "missing");
            var records = new List<EpochRecord>();
            var iterations = 0L;
            foreach (var line in lines.Skip(1))
            {
                number++;
                records.Add(
                    JsonFile.ParseNode(line, path).Deserialize(TrainingJson.Default.EpochRecord)
                        ?? throw new JsonException("null"));
                records[^1].Require(ref iterations);
            }

            var seed = header.Node["seed"] is JsonValue value && value.TryGetValue(out ulong given)
                ? given
                : throw header.Error("seed", "missing, or no whole number");
            return new RunLog(
                header.RequiredText("device"), header.RequiredText("precision"), seed,
                header.RequiredInt("train_cases"), header.RequiredInt("val_cases"), schedule, records)
            {
                Settings = SettingsOf(header),
            };
        }
        catch (JsonException error)
        {
            throw Damaged(
                error.Path is { } key ? $"`{key.TrimStart('$', '.')}` cannot be" : "it is no record of an epoch", error);
        }
        catch (SharpSegException error) when (number > 1)
        {
            throw Damaged("not valid JSON", error);
        }

        SharpSegException Damaged(string problem, Exception error) => new(
            $"`{path}`: line {number} is damaged: {problem}", "it is only shown, not used: delete it", error);
    }

    /// <summary>What a run was trained with, by name; what an older log does not say is left out.</summary>
    private static Dictionary<string, string> SettingsOf(JsonFile header)
    {
        var settings = new Dictionary<string, string>(StringComparer.Ordinal);
        string[] named = ["configuration", "fold", "profile", "network", "activation", "norm", "patch", "device", "precision"];
        foreach (var name in named)
        {
            if (header.Text(name) is { } value)
            {
                settings[name] = value;
            }
        }

        var variant = header.OptionalObject("variant");
        foreach (var option in TrainingVariant.OptionNames)
        {
            settings[option] = variant?.Text(option) ?? "default";
        }

        settings["seed"] = header.Node["seed"]?.ToString() ?? "-";
        if (header.OptionalObject("schedule") is { } schedule)
        {
            settings["batch"] = Number("batch_size");
            settings["epochs"] = Number("epochs");
            settings["iterations per epoch"] = Number("iterations_per_epoch");
            settings["recipe"] = (schedule.Node["recipe"].Deserialize(TrainingJson.Default.TrainingRecipe)
                ?? TrainingRecipe.Published).ToString();
            settings["time budget"] = schedule.Node["time_budget"]?.ToString() ?? "-";

            string Number(string key) => schedule.Node[key]?.ToString() ?? "-";
        }

        return settings;
    }
}

/// <summary>What a run's log says.</summary>
/// <param name="Device">Where it trained.</param>
/// <param name="Precision">Number format of products.</param>
/// <param name="Seed">Of weights and samples.</param>
/// <param name="TrainingCases">Cases that it learnt from.</param>
/// <param name="ValidationCases">Cases that it was tested with.</param>
/// <param name="Schedule">Planned length.</param>
/// <param name="Epochs">Finished epochs, in order.</param>
internal sealed record RunLog(
    string Device, string Precision, ulong Seed, int TrainingCases, int ValidationCases, TrainingSchedule Schedule,
    IReadOnlyList<EpochRecord> Epochs)
{
    /// <summary>What it was trained with, by name and in words.</summary>
    public IReadOnlyDictionary<string, string> Settings { get; init; } = new Dictionary<string, string>();

    /// <summary>Training iterations so far.</summary>
    public int Iterations => Epochs.Sum(epoch => epoch.Iterations);

    /// <summary>Wall time of the finished epochs.</summary>
    public double Seconds => Epochs.Sum(epoch => epoch.Seconds);
}
