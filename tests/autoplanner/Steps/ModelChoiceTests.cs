using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Steps;
using SharpSeg.AutoPlanner.Tests.Inference;
using SharpSeg.AutoPlanner.Workspaces;
using SharpSeg.Engine.ModelFiles;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Steps;

/// <summary>What is said of a cascade whose first stage has lost a fold: it predicts with what is left.</summary>
public sealed class ModelChoiceTests : IDisposable
{
    private const string First = "3d_lowres", Second = "3d_cascade_fullres";

    private readonly TemporaryFolder folder = new();
    private readonly Workspace work;

    public ModelChoiceTests()
    {
        work = new Workspace(folder.File("work"));
        var configuration = InferenceFixtures.Configuration([4, 4, 4], [1, 1, 1]);
        work.WritePlans(InferenceFixtures.Plans(configuration, Profile.Modern) with
        {
            Configurations = new Dictionary<string, ConfigurationPlan>
            {
                [First] = configuration with { Name = First, NextStages = [Second] },
                [Second] = configuration with { Name = Second, PreviousStage = First },
            },
        });
        File.WriteAllText(work.SplitsFile, """
            [{"train": ["q", "r"], "val": ["p"]}, {"train": ["p", "r"], "val": ["q"]}, {"train": ["p", "q"], "val": ["r"]}]
            """);
        Train(Second, "0");
    }

    public void Dispose() => folder.Dispose();

    [Fact]
    public void The_folds_that_the_first_stage_lacks_are_named()
    {
        Train(First, "1");
        var doubt = Assert.Single(Doubts());
        Assert.Contains("has fold 1 and lacks folds 0, 2", doubt, StringComparison.Ordinal);
        Assert.Contains($"-c {First} -f 0,2`", doubt, StringComparison.Ordinal);
        Assert.Empty(ModelChoice.Of(work, InferenceFixtures.TwoLabels, First, [], "final").Doubts());
        Assert.Empty(Doubts(withFirstStage: false)); // given segmentations
    }

    [Fact]
    public void One_fold_of_the_second_stage_behind_all_of_the_first_is_as_planned()
    {
        Array.ForEach(["0", "1", "2"], fold => Train(First, fold));
        Assert.Empty(Doubts());
    }

    [Fact]
    public void The_network_on_every_case_stands_for_all_folds()
    {
        Train(First, Splits.AllCases);
        Assert.Empty(Doubts());
    }

    [Fact]
    public void A_model_without_splits_has_the_folds_that_it_has()
    {
        Train(First, "3");
        File.Delete(work.SplitsFile);
        Assert.Empty(Doubts());
    }

    private string[] Doubts(bool withFirstStage = true) =>
        [.. ModelChoice.Of(work, InferenceFixtures.TwoLabels, Second, [], "final", withFirstStage).Doubts()];

    private void Train(string configuration, string fold) => AtomicFile.Write(
        Workspace.FinalCheckpoint(Directory.CreateDirectory(work.RunFolder(configuration, fold)).FullName),
        stream => Safetensors.Write(stream, []));
}
