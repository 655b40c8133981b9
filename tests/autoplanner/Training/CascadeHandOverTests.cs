using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Preprocessing;
using SharpSeg.AutoPlanner.Training;
using SharpSeg.AutoPlanner.Workspaces;
using SharpSeg.Engine.ModelFiles;
using SharpSeg.Engine.Tensors;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Training;

/// <summary>
/// Two folds of two cases each, whose first stage has handed over: the second stage takes only what networks wrote that are
/// there, each on cases that it validates.
/// </summary>
public sealed class CascadeHandOverTests : IDisposable
{
    private const string First = "3d_lowres", Second = "3d_cascade_fullres";
    private static readonly string[] Cases = ["a", "b", "c", "d"];
    private static readonly DateTime Noon = new(2026, 1, 1, 12, 0, 0, DateTimeKind.Utc);

    private readonly TemporaryFolder folder = new();
    private readonly Workspace work;
    private Splits splits = Of("cd", "ab");

    public CascadeHandOverTests()
    {
        work = new Workspace(folder.File("work"));
        work.WriteDataset(DatasetDescription.FromJson("""
            {"channel_names": {"0": "CT"}, "labels": {"background": 0, "a": 1}, "numTraining": 4, "file_ending": ".nii.gz"}
            """, "dataset.json"), null);
        Train("0");
        Train("1");
        HandOver("0", "c", "d");
        HandOver("1", "a", "b");
    }

    public void Dispose() => folder.Dispose();

    [Fact]
    public void What_each_fold_wrote_of_its_validation_cases_is_taken() => Assert.Null(Require().Warning);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_segmentations_of_a_network_that_is_gone_are_refused(bool withoutRecord)
    {
        Directory.Delete(work.RunFolder(First, 1), recursive: true);
        if (withoutRecord)
        {
            Forget(["a", "b"]);
        }

        Refused("`a`", "made again by fold 1", $"-c {First} -f 1`");
    }

    [Fact]
    public void The_segmentations_of_an_older_network_of_the_fold_are_refused()
    {
        Train("0", "another");
        Refused("`c`", "made again by fold 0", "-f 0 --resume`");
        HandOver("0", "c", "d");
        Require();
    }

    [Fact]
    public void Folds_without_segmentations_are_named_beside_those_whose_networks_are_gone()
    {
        Directory.Delete(work.RunFolder(First, 0), recursive: true);
        File.Delete(PreviousStageFile.PathOf(Handed, "b"));
        Refused("`b` has none yet: missing from fold 1", "`c`", "made again by fold 0", "-f 1,0 --resume`");
    }

    [Fact]
    public void A_case_that_went_to_another_fold_is_refused_until_that_one_has_segmented_it()
    {
        splits = Of("bd", "ac");
        Refused("made again by folds 0, 1");
        HandOver("0", "b");
        HandOver("1", "c");
        Require();
    }

    [Fact]
    public void What_the_fold_on_every_case_wrote_is_taken_with_a_warning_as_long_as_it_is_there()
    {
        Directory.Delete(work.RunFolder(First, 1), recursive: true);
        Train(Splits.AllCases);
        HandOver(Splits.AllCases, "a", "b");
        Assert.Contains(
            "2 segmentations of `3d_lowres` come from its fold `every-case`", Require().Warning, StringComparison.Ordinal);
        Directory.Delete(work.RunFolder(First, Splits.AllCases), recursive: true);
        Refused("made again by fold 1");
    }

    [Fact]
    public void A_record_that_is_damaged_vouches_for_nothing()
    {
        File.WriteAllText(Path.Combine(Handed, "d.json"), "{");
        Refused("`d`", "made again by fold 0");
    }

    [Fact]
    public void Without_a_record_the_times_must_say_that_the_fold_wrote_it_in_its_validation()
    {
        Forget(Cases);
        Refused("made again by folds 0, 1");
        foreach (var (fold, id) in new[] { ("0", "c"), ("0", "d"), ("1", "a"), ("1", "b") })
        {
            var prediction = Path.Combine(Workspace.ValidationFolder(work.RunFolder(First, fold)), id + ".nii.gz");
            Directory.CreateDirectory(Path.GetDirectoryName(prediction)!);
            File.WriteAllText(prediction, "");
            File.SetLastWriteTimeUtc(Workspace.FinalCheckpoint(work.RunFolder(First, fold)), Noon);
            File.SetLastWriteTimeUtc(PreviousStageFile.PathOf(Handed, id), Noon.AddMinutes(1));
            File.SetLastWriteTimeUtc(prediction, Noon.AddMinutes(2));
        }

        Assert.Null(Require().Warning);
        File.SetLastWriteTimeUtc(Workspace.FinalCheckpoint(work.RunFolder(First, 0)), Noon.AddMinutes(1.5));
        Refused("`c`", "made again by fold 0");
        File.SetLastWriteTimeUtc(Workspace.FinalCheckpoint(work.RunFolder(First, 0)), Noon);
        File.SetLastWriteTimeUtc(PreviousStageFile.PathOf(Handed, "b"), Noon.AddMinutes(3));
        Refused("`b`", "made again by fold 1");
    }

    private string Handed => work.NextStageFolder(First, Second);

    private CascadeHandOver Require() => CascadeHandOver.RequireComplete(work, First, Second, splits);

    private void Refused(params string[] parts)
    {
        var error = Assert.Throws<SharpSegException>(Require);
        Assert.All(parts, part => Assert.Contains(part, error.Message + error.Hint, StringComparison.Ordinal));
    }

    private void Train(string fold, string state = "trained")
    {
        var path = Workspace.FinalCheckpoint(work.RunFolder(First, fold));
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        using var stream = File.Create(path);
        Safetensors.Write(stream, [], new Dictionary<string, string> { ["fold"] = fold, ["state"] = state });
    }

    private void HandOver(string fold, params string[] ids)
    {
        var network = Checkpoint.FingerprintOf(Workspace.FinalCheckpoint(work.RunFolder(First, fold)));
        foreach (var id in ids)
        {
            PreviousStageFile.Write(Handed, id, new Extent(1, 1, 2), [0, 1]);
            HandOverOrigin.Record(Handed, id, fold, network);
        }
    }

    private void Forget(string[] ids) => Array.ForEach(ids, id => File.Delete(Path.Combine(Handed, id + ".json")));

    private static Splits Of(params string[] validations)
    {
        var folds = validations.Select(
            val => $"{{\"train\": {List(Cases.Except(Names(val)))}, \"val\": {List(Names(val))}}}");
        return Splits.Parse($"[{string.Join(", ", folds)}]", "splits.json", Cases);
    }

    private static IEnumerable<string> Names(string letters) => letters.Select(letter => letter.ToString());

    private static string List(IEnumerable<string> ids) => $"[{string.Join(", ", ids.Select(id => $"\"{id}\""))}]";
}
