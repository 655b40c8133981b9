using System.Text.Json.Nodes;

namespace SharpSeg.AutoPlanner.Planning;

/// <summary>
/// `inherits_from` in plans.json: a configuration starts from its parent's keys (the parent's own parent first) and lays its own
/// over them, key by key (docs/method/planning.md §5).
/// </summary>
internal static class ConfigurationInheritance
{
    private const string Key = "inherits_from";

    /// <summary>The complete keys of one configuration; <paramref name="configurations"/> is not changed.</summary>
    /// <exception cref="SharpSegException">The parent does not exist, or the chain comes back to itself: the message shows the
    /// chain.</exception>
    public static JsonFile Resolve(JsonFile configurations, string name)
    {
        var chain = new List<string>();
        for (var next = name; next is not null; next = configurations.RequiredObject(next).Text(Key))
        {
            if (chain.Contains(next))
            {
                throw configurations.Error(name, $"inheritance goes in a circle: {string.Join(" → ", chain)} → {next}");
            }

            if (chain.Count > 0 && !configurations.Has(next))
            {
                throw configurations.Error(
                    chain[^1], $"inherits from `{next}`, which does not exist",
                    $"there are: {string.Join(", ", configurations.Node.Select(pair => pair.Key))}");
            }

            chain.Add(next);
        }

        var merged = new JsonObject();
        for (var i = chain.Count - 1; i >= 0; i--)
        {
            foreach (var (key, value) in configurations.RequiredObject(chain[i]).Node)
            {
                merged[key] = value?.DeepClone();
            }
        }

        // A grandparent's key must not read as the configuration's own parent.
        if (chain.Count == 1)
        {
            merged.Remove(Key);
        }
        else
        {
            merged[Key] = chain[1];
        }

        return new JsonFile(configurations.Source, $"{configurations.Path}.{name}", merged);
    }

    /// <summary>
    /// What <paramref name="child"/> must write so that laying it over <paramref name="parent"/> gives it back.
    /// </summary>
    public static JsonObject Difference(JsonObject child, JsonObject parent, string parentName)
    {
        var difference = new JsonObject { [Key] = parentName };
        foreach (var (key, value) in child)
        {
            if (!parent.TryGetPropertyValue(key, out var inherited) || !JsonNode.DeepEquals(value, inherited))
            {
                difference[key] = value?.DeepClone();
            }
        }

        foreach (var (key, _) in parent)
        {
            if (!child.ContainsKey(key))
            {
                difference[key] = null;
            }
        }

        return difference;
    }
}
