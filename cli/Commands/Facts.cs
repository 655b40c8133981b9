using System.Text.Json.Nodes;
using SharpSeg.AutoPlanner;
using SharpSeg.AutoPlanner.Planning.Fingerprinting;
using SharpSeg.AutoPlanner.Steps;
using SharpSeg.AutoPlanner.Workspaces;
using SharpSeg.Engine.Backends;

namespace SharpSeg.Cli.Commands;

/// <summary>What records (<see cref="CommandRecord"/>) say about that on which a command worked.</summary>
internal static class Facts
{
    /// <summary>Data and plans of a workspace; of a path that is none, nothing.</summary>
    public static JsonObject Of(Workspace work)
    {
        var facts = new JsonObject { ["dataset"] = work.RecordedDatasetFolder(), ["data_hash"] = DataHash(work) };
        if (File.Exists(work.PlansFile))
        {
            (facts["plans"], facts["plans_sha256"]) =
                (Path.GetFileName(work.PlansFile), CommandRecord.Sha256Of(work.PlansFile));
        }

        return facts;
    }

    /// <summary>The same with the devices and the seed of what was trained.</summary>
    public static JsonObject Of(Workspace work, IReadOnlyList<NamedDevice> devices, ulong seed)
    {
        var facts = Of(work);
        (facts["device"], facts["precision"]) = (Described(devices), devices[0].Backend.ProductPrecision);
        facts["seed"] = seed;
        return facts;
    }

    /// <summary>The same of one device.</summary>
    public static JsonObject Of(Workspace work, Backend backend, ulong seed) =>
        Of(work, [new NamedDevice(backend.Name, backend)], seed);

    /// <summary>What the devices are, in a line.</summary>
    public static string Described(IReadOnlyList<NamedDevice> devices) =>
        string.Join("; ", devices.Select(device => device.Backend.Description));

    // A command that does not need the fingerprint has succeeded without it.
    private static string? DataHash(Workspace work)
    {
        try
        {
            return File.Exists(work.FingerprintFile) ? FingerprintJson.Read(work.FingerprintFile).DataHash : null;
        }
        catch (SharpSegException)
        {
            return null;
        }
    }
}
