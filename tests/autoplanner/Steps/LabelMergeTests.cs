using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Steps;
using SharpSeg.AutoPlanner.Workspaces;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Steps;

/// <summary>Values of the users' files in models of several parts (docs/method/import.md §6).</summary>
public sealed class LabelMergeTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Structures_have_the_values_of_the_parts_and_each_the_same_in_all()
    {
        ModelPart[] parts =
        [
            Part("bones", [0, 30, 10], "rib", "hip"), Part("organs", [0, 255, 30], "liver", "rib"), Part("plain", null, "colon"),
        ];
        var merged = LabelMerge.Description(parts, null).Labels;
        Assert.Equal(["rib", "hip", "liver", "colon"], merged.LabelNames.Values);
        Assert.Equal([0, 30, 10, 255, 1], merged.OriginalValues);
        Assert.Equal([0, 3, 1], LabelMerge.Table(parts[1].Work.ReadDescription().Labels, merged));

        // What is given is what segmentations hold; without any original value the numbers are.
        File.WriteAllText(folder.File("table.json"), """{"rib": 4, "hip": 3, "liver": 2, "colon": 1}""");
        Assert.Null(LabelMerge.Description(parts, folder.File("table.json")).Labels.OriginalValues);
        Assert.Null(LabelMerge.Description(
            [Part("a", null, "x"), Part("b", null, "y")], null).Labels.OriginalValues);
    }

    [Fact]
    public void Parts_that_contradict_one_another_are_refused_by_name()
    {
        Says(
            "`liver` has the value 3 in `two` and 255 in `one`", Part("one", [0, 255], "liver"), Part("two", [0, 3], "liver"));
        Says("`liver` has the value 1 in `two` and 255 in `one`", Part("one", [0, 255], "liver"), Part("two", null, "liver"));
        Says(
            "the value 7 is `spleen` in `two` and `liver` in `one`", Part("one", [0, 7], "liver"), Part("two", [0, 7], "spleen"));
        Says(
            "the value 1 is `colon` in `two` and `liver` in `one`", Part("one", [0, 1, 9], "liver", "hip"),
            Part("two", null, "colon"));

        void Says(string what, params ModelPart[] parts)
        {
            var error = Assert.Throws<SharpSegException>(() => LabelMerge.Description(parts, null));
            Assert.Equal(what, error.Message);
            Assert.Contains("--merge", error.Hint, StringComparison.Ordinal);
        }
    }

    private ModelPart Part(string name, int[]? values, params string[] labels)
    {
        var work = new Workspace(folder.File($"{name} {Guid.NewGuid():N}"));
        LabelEntry[] entries = [new("background", [0]), .. labels.Select((label, i) => new LabelEntry(label, [i + 1]))];
        work.WriteDataset(
            new DatasetDescription(name, ["CT"], new LabelScheme(entries, originalValues: values), ".nii.gz", null), null);
        return new(name, work);
    }
}
