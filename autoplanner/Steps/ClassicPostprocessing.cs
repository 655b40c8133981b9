using SharpSeg.AutoPlanner.Evaluation;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Planning.Fingerprinting;
using SharpSeg.AutoPlanner.Workspaces;

namespace SharpSeg.AutoPlanner.Steps;

/// <summary>
/// The first paper's postprocessing, which the training labels alone decide (docs/method/evaluation.md §5): so it is known before
/// anything is cross-validated, and every prediction of a classic model gets it. The second paper has none.
/// </summary>
internal static class ClassicPostprocessing
{
    /// <summary>The steps of a workspace's plan; null if its fingerprint does not say how many parts the classes have.</summary>
    /// <param name="work">The workspace, seen through the plan.</param>
    /// <param name="plans">That plan, of profile classic.</param>
    public static PostprocessingSteps? Of(Workspace work, Plans plans)
    {
        if (plans.SecondPaper)
        {
            return PostprocessingSteps.None;
        }

        var facts = File.Exists(work.FingerprintFile) ? FingerprintJson.Read(work.FingerprintFile).Classes : [];
        return facts.Count == 0 ? null : PostprocessingDecision.Classic(facts).Steps;
    }
}
