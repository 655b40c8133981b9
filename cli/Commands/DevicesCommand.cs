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
        var text = $"cpu    {cpu.Description}\ngpu    none: {Gpu.DescribeWhyMissing()}";
        var json = new JsonObject
        {
            ["devices"] = new JsonArray(new JsonObject { ["name"] = "cpu", ["description"] = cpu.Description }),
            ["gpu"] = Gpu.DescribeWhyMissing(),
        };
        return new Answer(text, json);
    }
}
