using System.Text;
using System.Text.Json;
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
}
