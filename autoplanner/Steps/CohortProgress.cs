namespace SharpSeg.AutoPlanner.Steps;

/// <summary>How far a cohort is: scans take time by their size, so that a large one does not pass for one of many.</summary>
internal sealed class CohortProgress
{
    private readonly double[] begins; // share of all that lies before each scan, and at the end 1

    /// <summary>Nothing is done yet.</summary>
    /// <param name="sizes">Of the scans in their order, of any unit; where all are 0 each counts the same.</param>
    public CohortProgress(IReadOnlyList<double> sizes)
    {
        var all = sizes.Sum();
        begins = new double[sizes.Count + 1];
        for (var i = 0; i < sizes.Count; i++)
        {
            begins[i + 1] = begins[i] + (all > 0 ? sizes[i] / all : 1.0 / sizes.Count);
        }
    }

    /// <summary>The part of all that is done, 0 to 1.</summary>
    /// <param name="scan">The scan in work.</param>
    /// <param name="done">Of it, 0 to 1.</param>
    public double At(int scan, double done) => begins[scan] + (done * (begins[scan + 1] - begins[scan]));
}
