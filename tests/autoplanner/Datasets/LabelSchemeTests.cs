using SharpSeg.AutoPlanner.Datasets;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Datasets;

/// <summary>The table in docs/method/datasets.md §5, and what the reference answered to the same label sets.</summary>
public sealed class LabelSchemeTests
{
    [Theory]
    [InlineData("""{"background":0,"a":1,"b":2}""", null, false, 3, "1;2", 3)]
    [InlineData("""{"background":0,"a":1,"ignore":2}""", null, false, 2, "1", 3)]
    [InlineData("""{"background":0,"whole":[1,2,3],"core":[2,3],"enh":3}""", "[1,2,3]", true, 3, "1,2,3;2,3;3", 4)]
    [InlineData("""{"background":0,"whole":[1,2,3],"core":[2,3],"enh":[3],"ignore":4}""", "[1,2,3]", true, 3, "1,2,3;2,3;3", 5)]
    [InlineData("""{"background":0,"core":[2,3],"whole":[1,2,3]}""", "[3,1]", true, 2, "2,3;1,2,3", 3)]
    [InlineData("""{"background":0,"a":[1],"b":[2]}""", null, false, 3, "1;2", 3)]
    [InlineData("""{"b":2,"a":1,"background":0}""", null, false, 3, "1;2", 3)]
    public void Heads_and_classes_follow_the_table(
        string labels, string? order, bool regions, int heads, string evaluated, int entries)
    {
        var scheme = Parse(labels, order);
        Assert.Equal(regions, scheme.HasRegions);
        Assert.Equal(heads, scheme.HeadCount);
        Assert.Equal(entries, scheme.EntryCount);
        Assert.Equal(evaluated, string.Join(";", scheme.EvaluatedClasses.Select(entry => string.Join(",", entry.Values))));
        Assert.Equal(regions ? evaluated : "", string.Join(";", scheme.Regions.Select(region => string.Join(",", region))));
        Assert.Equal(scheme.Classes.Select(entry => entry.Name), Enumerable.Range(0, heads).Select(scheme.ClassName));
    }

    [Fact]
    public void A_structure_is_a_label_or_all_labels_of_a_region()
    {
        var regions = new LabelScheme(
            [new("background", [0]), new("whole", [1, 2, 3]), new("core", [2, 3]), new("enhancing", [3])], [1, 2, 3]);
        Assert.Equal([1, 2, 3], regions.OriginalStructures["whole"]);
        Assert.Equal([2, 3], regions.OriginalStructures["core"]);
        Assert.Equal([3], regions.OriginalStructures["enhancing"]);
        Assert.Equal(regions.LabelNames.Values.Order(), regions.OriginalStructures.Keys.Order());

        var renumbered = new LabelScheme([new("background", [0]), new("a", [1]), new("b", [2])], originalValues: [0, 5, 255]);
        Assert.Equal([255], renumbered.OriginalStructures["b"]);
        Assert.Equal(2, renumbered.OriginalStructures.Count);
    }

    [Fact]
    public void Ignore_is_no_label()
    {
        var scheme = Parse("""{"background":0,"a":1,"ignore":2}""", null);
        Assert.Equal(2, scheme.IgnoreLabel);
        Assert.Equal([0, 1], scheme.AllLabels);
        Assert.Equal([1], scheme.ForegroundLabels);
        Assert.Equal(1, scheme.HighestLabel);
        Assert.Equal("a", scheme.ClassName(1));
        Assert.Throws<ArgumentOutOfRangeException>(() => scheme.ClassName(2));
    }

    /// <summary>Label maps hold 16 bits, ignored values included.</summary>
    [Fact]
    public void Ignored_values_beyond_what_a_label_map_holds_are_refused()
    {
        string Labels(int ignored) =>
            $$"""{"background":0,"a":1,"ignore":[{{string.Join(',', Enumerable.Range(2, ignored))}}]}""";
        Assert.Equal(32767, Parse(Labels(32766), null).HighestValue);
        var error = Assert.Throws<SharpSegException>(() => Parse(Labels(32767), null));
        Assert.Contains("`ignore` reaches 32768", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"background":0,"a":1,"c":3}""", null, "without gaps")]
    [InlineData("""{"a":1}""", null, "`background` is missing")]
    [InlineData("""{"background":[0,1],"a":2}""", "[2]", "`background` is [0, 1]")]
    [InlineData("""{"background":1,"a":0}""", null, "`background` is 1")]
    [InlineData("""{"background":0,"a":1,"ignore":3}""", null, "it must be 2")]
    [InlineData("""{"background":0,"a":1,"ignore":[2,4]}""", null, "`ignore` is [2, 4]")]
    [InlineData("""{"background":0,"a":1,"ignore":[]}""", null, "`ignore` has no value")]
    [InlineData("""{"background":0,"a":2147483646,"ignore":[1,2]}""", null, "it must be 2147483647")]
    [InlineData("""{"background":0,"a":2147483647,"ignore":-2147483648}""", null, "it must be 2147483648")]
    [InlineData("""{"background":0,"a":1,"ignore":[2,2]}""", null, "`ignore` is [2, 2]")]
    [InlineData("""{"background":0,"a":[1,2],"b":2}""", null, "0 entries for 2 regions")]
    [InlineData("""{"background":0,"a":[1,2],"b":2}""", "[1]", "1 entries for 2 regions")]
    [InlineData("""{"background":0,"a":[1,2],"b":2}""", "[1,7]", "names 7")]
    [InlineData("""{"background":0,"a":1,"a":2}""", null, "the key `a` occurs twice")]
    [InlineData("""{"background":0,"a":[]}""", null, "no value")]
    [InlineData("""{"background":0,"a":"x"}""", null, "whole number")]
    [InlineData("""{"background":0,"a":1.5}""", null, "whole number")]
    [InlineData("""[0,1]""", null, "not an object")]
    public void Broken_rules_are_named(string labels, string? order, string reason) =>
        Assert.Contains(reason, Assert.Throws<SharpSegException>(() => Parse(labels, order)).Message, StringComparison.Ordinal);

    [Fact]
    public void Several_ignore_labels_are_one_to_everyone()
    {
        var scheme = Parse("""{"background":0,"a":1,"b":2,"ignore":[4,3,5]}""", null);
        Assert.False(scheme.HasRegions);
        Assert.Equal((3, 5, 2), (scheme.IgnoreLabel, scheme.HighestValue, scheme.HighestLabel));
        Assert.Equal(3, scheme.HeadCount);
        short[] voxels = [0, 1, 2, 3, 4, 5];
        scheme.MergeIgnored(voxels);
        Assert.Equal([0, 1, 2, 3, 3, 3], voxels);
        var none = Parse("""{"background":0,"a":1,"ignore":2}""", null);
        Assert.Equal((2, 2), (none.IgnoreLabel, none.HighestValue));
        Assert.Equal(1, Parse("""{"background":0,"a":1}""", null).HighestValue);
    }

    [Fact]
    public void Numbers_to_names_are_turned_round()
    {
        var scheme = Parse("""{"0":"Background","10":"k","1":"a","2":"b","3":"c","4":"d","5":"e","6":"f","7":"g","8":"h","9":"i"}""", null);
        Assert.Equal(
            ["background", "a", "b", "c", "d", "e", "f", "g", "h", "i", "k"], scheme.Entries.Select(entry => entry.Name));
        Assert.Equal(11, scheme.HeadCount);
    }

    [Fact]
    public void The_reference_gives_the_same_heads_and_foreground()
    {
        foreach (var entry in GoldenJson.Rows("label_handling.json", 4, 4))
        {
            var order = entry.GetProperty("regions_class_order");
            var scheme = Parse(
                entry.GetProperty("labels").GetRawText(),
                order.ValueKind == System.Text.Json.JsonValueKind.Null ? null : order.GetRawText());
            Assert.Equal(entry.GetProperty("num_heads").GetInt32(), scheme.HeadCount);
            Assert.Equal(
                entry.GetProperty("foreground_labels").EnumerateArray().Select(label => label.GetInt32()),
                scheme.ForegroundLabels);
        }
    }

    private static LabelScheme Parse(string labels, string? order) => DatasetDescription.FromJson(
        $$"""{"channel_names":{"0":"CT"},"file_ending":".nii.gz","labels":{{labels}}{{(order is null ? "" : $",\"regions_class_order\":{order}")}}}""").Labels;
}
