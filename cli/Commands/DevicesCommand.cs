using System.Text.Json.Nodes;
using SharpSeg.Cli.Options;
using SharpSeg.Kernels.Cpu;
using SharpSeg.Kernels.Gpu;

namespace SharpSeg.Cli.Commands;

/// <summary><c>sharpseg devices</c>: what this build can compute on.</summary>
internal static class DevicesCommand
{
    public static Answer Run(DevicesOptions options)
    {
        using var cpu = Cpu.Open();
        var lines = new List<string> { $"cpu       {cpu.Description}" };
        var list = new JsonArray(new JsonObject { ["name"] = "cpu", ["description"] = cpu.Description });
        var gpus = Gpu.Devices();
        foreach (var gpu in gpus)
        {
            lines.Add(FormattableString.Invariant($"{gpu.Id,-9} {gpu.Name}, {gpu.MemoryBytes / 1e9:0.0} GB, {gpu.Details}"));
            list.Add(
                new JsonObject
                {
                    ["name"] = gpu.Id, ["description"] = $"{gpu.Name}, {gpu.Details}",
                    ["memory_bytes"] = gpu.MemoryBytes
                });
        }

        if (gpus.Count == 0)
        {
            lines.Add($"no GPU    {Gpu.DescribeWhyMissing()}");
        }

        var json = new JsonObject { ["devices"] = list, ["why_no_gpu"] = gpus.Count == 0 ? Gpu.DescribeWhyMissing() : null };
        var text = string.Join('\n', lines);
        return new Answer(text, json);
    }
}
