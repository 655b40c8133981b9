using System.Text.Json.Nodes;
using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Steps;
using SharpSeg.AutoPlanner.Steps.Import;
using SharpSeg.AutoPlanner.Tests.Steps;
using SharpSeg.AutoPlanner.Tests.Steps.Import;
using SharpSeg.AutoPlanner.Workspaces;
using SharpSeg.Engine.ModelFiles;
using SharpSeg.Tests;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Method;

/// <summary>The numbers of docs/method/import.md, by importing models that hold them.</summary>
[Collection(UnpackedModelTests.Name)]
public sealed class ImportPageTests : IDisposable
{
    private const string Weight = "encoder.stages.0.0.convs.0.conv.weight", Norm = "encoder.stages.0.0.convs.0.norm";
    private static readonly MethodPage Page = MethodPage.Open("docs/method/import.md");
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Folded_norms_are_the_pages()
    {
        var rows = Page.Table("folded-norm");
        var writer = new NnUNetModelWriter
        {
            Change = weights =>
            {
                foreach (var (
                    name, column) in new[] { ("weight", "γ"), ("bias", "β"), ("running_mean", "μ"), ("running_var", "σ²") })
                {
                    weights[$"{Norm}.{name}"] = new TorchTensorToWrite(
                        [.. rows.Select(row => (float)row.Number(column).Value)], [rows.Count]);
                }
            },
        };
        writer.Arguments()["norm_op"] = "torch.nn.BatchNorm3d";
        writer.Arguments()["norm_op_kwargs"] = new JsonObject { ["eps"] = 1e-5 };
        using var model = Import(writer);
        var (factors, summands) = (Read(model, $"{Norm}.weight"), Read(model, $"{Norm}.bias"));
        Assert.Equal(rows.Count, factors.Length);
        for (var c = 0; c < rows.Count; c++)
        {
            rows[c].Number("factor").Agrees(factors[c], slack: 1e-5);
            rows[c].Number("summand").Agrees(summands[c], slack: 1e-4);
        }
    }

    [Fact]
    public void The_order_of_weights_is_the_pages()
    {
        var theirs = Enumerable.Range(0, 4 * 27).Select(i => (float)i).ToArray();
        using var model = Import(new() { Change = weights => weights[Weight] = new TorchTensorToWrite(theirs, [4, 1, 3, 3, 3]) });
        var ours = Read(model, Weight);
        foreach (var row in Page.Table("weight-order"))
        {
            var at = row.Ints("position");
            Assert.Equal((row.Whole("c") * 27) + (at[0] * 9) + (at[1] * 3) + at[2], row.Whole("place in nnU-Net's tensor"));
            Assert.Equal(row.Whole("place in nnU-Net's tensor"), ours[row.Whole("place in ours")]);
        }
    }

    [Fact]
    public void Merged_labels_are_the_pages()
    {
        var table = folder.File("table.json");
        File.WriteAllText(table, """{"spleen": 1, "colon": 2, "liver": 3}""");
        ModelPart[] parts = [Part("one", "liver", "spleen"), Part("two", "colon", "liver")];
        var merged = LabelMerge.Description(parts, table).Labels;
        var (one, two) = (
            LabelMerge.Table(parts[0].Work.ReadDescription().Labels, merged),
            LabelMerge.Table(parts[1].Work.ReadDescription().Labels, merged));
        foreach (var row in Page.Table("merge"))
        {
            var (first, second) = (row.Whole("part one"), row.Whole("part two"));
            Assert.Equal(second != 0 ? two[second] : one[first], row.Whole("merged"));
        }
    }

    private ModelPart Part(string name, params string[] labels)
    {
        var work = new Workspace(Path.Combine(folder.Path, name));
        LabelEntry[] entries = [new("background", [0]), .. labels.Select((label, i) => new LabelEntry(label, [i + 1]))];
        work.WriteDataset(new DatasetDescription(name, ["CT"], new LabelScheme(entries), ".nii.gz", null), null);
        return new(name, work);
    }

    private SafetensorsReader Import(NnUNetModelWriter writer)
    {
        var work = Path.Combine(folder.Path, "work");
        ImportRun.Execute(
            new([writer.Write(Path.Combine(folder.Path, "model"))], work, [], []), SilentReporter.Instance, default);
        return SafetensorsReader.Open(Workspace.FinalCheckpoint(new Workspace(work).RunFolder("3d_fullres", "0")));
    }

    private static float[] Read(SafetensorsReader reader, string name)
    {
        var values = new float[reader.Shape(name).Aggregate(1, (product, n) => product * n)];
        reader.Read(name, values);
        return values;
    }
}
