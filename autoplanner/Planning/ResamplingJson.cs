using System.Text.Json.Nodes;
using SharpSeg.AutoPlanner.Volumes;

namespace SharpSeg.AutoPlanner.Planning;

/// <summary>
/// The keys `resampling_fn_*` and `resampling_fn_*_kwargs` of a configuration in plans.json, under nnU-Net's names and defaults.
/// </summary>
internal static class ResamplingJson
{
    private const string Spline = "resample_data_or_seg_to_shape", Torch = "resample_torch_fornnunet",
    None = "no_resampling_hack";

    /// <summary>How a resolved configuration resamples; absent functions are the usual ones.</summary>
    /// <exception cref="SharpSegException">A function or an argument that is not supported.</exception>
    public static ResamplingPlan Read(JsonFile configuration) => new(
        Read(configuration, "data", usualOrder: 3), Read(configuration, "seg", usualOrder: 1),
        Read(configuration, "probabilities", usualOrder: 1));

    /// <summary>Adds the keys to a configuration.</summary>
    public static void Write(ResamplingPlan plan, JsonObject configuration)
    {
        foreach (var (
            kind, order) in new[] { ("data", plan.Data), ("seg", plan.Segmentation), ("probabilities", plan.Probabilities) })
        {
            configuration[$"resampling_fn_{kind}"] = order.Method switch
            {
                ResamplingMethod.Torch => Torch,
                ResamplingMethod.None => None,
                _ => Spline,
            };
            configuration[$"resampling_fn_{kind}_kwargs"] = Arguments(order, isSegmentation: kind == "seg");
        }
    }

    private static ResamplingOrder Read(JsonFile configuration, string kind, int usualOrder)
    {
        var key = $"resampling_fn_{kind}";
        var function = configuration.Text(key) ?? Spline;
        var arguments = configuration.OptionalObject($"{key}_kwargs");
        return ArchitectureJson.LastName(function) switch
        {
            Spline => ReadSpline(arguments, kind == "seg", usualOrder),
            Torch => ReadTorch(arguments, kind == "seg"),
            None => arguments is { Node.Count: > 0 }
                ? throw arguments.Error(arguments.Node.First().Key, $"{None} takes no arguments")
                : new ResamplingOrder(0, 0, Method: ResamplingMethod.None),
            var other => throw configuration.Error(key, $"`{other}` is not supported", $"{Spline}, {Torch} and {None} are"),
        };
    }

    private static ResamplingOrder ReadSpline(JsonFile? arguments, bool isSegmentation, int usualOrder)
    {
        if (arguments is null)
        {
            return new ResamplingOrder(usualOrder, 0);
        }

        // nnU-Net's own defaults, not the usual values: a key left out means its function's default.
        var (order, orderZ) = (3, 0);
        bool? force = false;
        var (threshold, isLabel) = (Resampling.UsualThreshold, false);
        foreach (var (key, _) in arguments.Node)
        {
            switch (key)
            {
                case "order": order = Order(arguments, key); break;
                case "order_z": orderZ = Order(arguments, key); break;
                case "force_separate_z": force = arguments.Flag(key); break;
                case "separate_z_anisotropy_threshold": threshold = Threshold(arguments, key); break;
                case "is_seg": isLabel = arguments.Flag(key) ?? false; break;
                default: throw Unknown(arguments, key);
            }
        }

        RequireKind(arguments, isLabel, isSegmentation);
        return new ResamplingOrder(order, orderZ, force, threshold);
    }

    private static ResamplingOrder ReadTorch(JsonFile? arguments, bool isSegmentation)
    {
        bool? force = null;
        var (threshold, isLabel) = (Resampling.UsualThreshold, false);
        foreach (var (key, value) in arguments?.Node ?? [])
        {
            switch (key)
            {
                case "force_separate_z": force = arguments!.Flag(key); break;
                case "separate_z_anisotropy_threshold": threshold = Threshold(arguments!, key); break;
                case "is_seg": isLabel = arguments!.Flag(key) ?? false; break;
                case "num_threads" or "device": break;                          // where and how fast, not what
                case "memefficient_seg_resampling" when arguments!.Flag(key) != true: break;
                case "mode" when arguments!.Text(key) == "linear": break;
                case "aniso_axis_mode" when arguments!.Text(key) == "nearest-exact": break;
                default: throw Unknown(arguments!, key);
            }
        }

        if (arguments is not null || isSegmentation)
        {
            RequireKind(arguments, isLabel, isSegmentation);
        }

        return new ResamplingOrder(1, 0, force, threshold, ResamplingMethod.Torch);
    }

    private static int Order(JsonFile arguments, string key)
    {
        var order = arguments.RequiredInt(key);
        return order is 0 or 1 or 3 ? order : throw arguments.Error(key, $"order {order} is not supported: 0, 1 and 3 are");
    }

    private static double Threshold(JsonFile arguments, string key) => arguments.RequiredNumber(key) is > 0 and var threshold
        ? threshold
        : throw arguments.Error(key, "must be above 0");

    private static void RequireKind(JsonFile? arguments, bool isLabel, bool isSegmentation)
    {
        if (isLabel != isSegmentation)
        {
            var found = isLabel ? "true" : "false";
            throw arguments?.Error("is_seg", $"{found} is not supported: labels are resampled as labels, and nothing else is")
                ?? new SharpSegException($"resampling_fn_seg_kwargs.is_seg: {found} is not supported");
        }
    }

    private static SharpSegException Unknown(JsonFile arguments, string key) =>
        arguments.Error(key, $"`{arguments.Node[key]?.ToJsonString() ?? "null"}` is not supported");

    private static JsonObject Arguments(ResamplingOrder order, bool isSegmentation)
    {
        if (order.Method == ResamplingMethod.None)
        {
            return [];
        }

        var json = new JsonObject { ["is_seg"] = isSegmentation };
        if (order.Method == ResamplingMethod.Spline)
        {
            json["order"] = order.Order;
            json["order_z"] = order.OrderZ;
        }

        json["force_separate_z"] = order.ForceSeparateZ;
        if (order.AnisotropyThreshold != Resampling.UsualThreshold)
        {
            json["separate_z_anisotropy_threshold"] = order.AnisotropyThreshold;
        }

        return json;
    }
}
