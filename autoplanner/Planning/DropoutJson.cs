using System.Text.Json.Nodes;

namespace SharpSeg.AutoPlanner.Planning;

/// <summary>
/// The keys of `arch_kwargs` that drop features or blocks at random in training: `dropout_op`, `dropout_op_kwargs`,
/// `stochastic_depth_p`. None of them has weights, and all let everything pass in prediction (docs/method/import.md §1).
/// </summary>
internal static class DropoutJson
{
    /// <summary>The keys.</summary>
    public const string Class = "dropout_op", Arguments = "dropout_op_kwargs", StochasticDepth = "stochastic_depth_p";

    private const double UsualProbability = 0.5; // PyTorch's

    // PyTorch's, all of which scale what they keep in training, so that prediction needs no factor.
    private static readonly string[] Known =
        ["Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout", "FeatureAlphaDropout"];

    /// <summary>What the plans drop; null where nothing is.</summary>
    /// <exception cref="SharpSegException">A class or an argument that is not known.</exception>
    public static DropoutPlan? Read(JsonFile arguments)
    {
        var depth = Probability(arguments, StochasticDepth) ?? 0;
        if (arguments.Text(Class) is not { } full)
        {
            return depth > 0 ? new DropoutPlan(null, 0, depth) : null; // without a class its arguments are not used
        }

        var name = ArchitectureJson.LastName(full);
        if (!Known.Contains(name))
        {
            throw arguments.Error(Class, $"`{name}` is not supported", $"for prediction {string.Join(", ", Known)} are");
        }

        var probability = UsualProbability;
        foreach (var (key, value) in arguments.OptionalObject(Arguments) is { } kwargs ? kwargs.Node : [])
        {
            kwargs = arguments.RequiredObject(Arguments);
            probability = key switch
            {
                "p" => Probability(kwargs, key) ?? throw kwargs.Error(key, "`null` is no probability"),
                "inplace" when kwargs.Flag(key) is not null => probability,
                _ => throw kwargs.Error(key, $"`{value?.ToJsonString() ?? "null"}` is not supported"),
            };
        }

        return probability > 0 || depth > 0 ? new DropoutPlan(probability > 0 ? name : null, probability, depth) : null;
    }

    /// <summary>Adds the keys to `arch_kwargs`.</summary>
    public static void Write(DropoutPlan? plan, JsonObject arguments)
    {
        arguments[Class] = plan?.ClassName is { } name ? $"torch.nn.{name}" : null;
        arguments[Arguments] = plan?.ClassName is null ? null : new JsonObject { ["p"] = plan.Probability };
        if (plan?.StochasticDepth > 0)
        {
            arguments[StochasticDepth] = plan.StochasticDepth;
        }
    }

    private static double? Probability(JsonFile file, string key) => file.Number(key) is not { } value ? null
        : value is >= 0 and <= 1 ? value
        : throw file.Error(key, "must be 0 to 1");
}
