using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using SharpSeg.Engine.Backends;

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
            var header = JsonFile.Parse(lines[0], path);
            var schedule = header.Node["schedule"].Deserialize(TrainingJson.Default.TrainingSchedule)
                ?? throw header.Error("schedule", "missing");
            var records = new List<EpochRecord>();
            foreach (var line in lines.Skip(1))
            {
                number++;
                records.Add(
                    JsonSerializer.Deserialize(line, TrainingJson.Default.EpochRecord) ?? throw new JsonException("null"));
            }

            var seed = header.Node["seed"] is JsonValue value && value.TryGetValue(out ulong given)
                ? given
                : throw header.Error("seed", "missing, or no whole number");
            return new RunLog(
                header.RequiredText("device"), header.RequiredText("precision"), seed,
                header.RequiredInt("train_cases"), header.RequiredInt("val_cases"), schedule, records);
        }
        catch (JsonException error)
        {
            throw new SharpSegException(
                $"`{path}`: line {number} is damaged: {error.Message}", "it is only shown, not used: delete it", error);
        }
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
    /// <summary>Training iterations so far.</summary>
    public int Iterations => Epochs.Sum(epoch => epoch.Iterations);

    /// <summary>Wall time of the finished epochs.</summary>
    public double Seconds => Epochs.Sum(epoch => epoch.Seconds);
}
