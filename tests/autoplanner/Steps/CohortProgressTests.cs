using SharpSeg.AutoPlanner.Steps;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Steps;

public sealed class CohortProgressTests
{
    [Fact]
    public void A_scan_counts_by_its_size()
    {
        var progress = new CohortProgress([1, 6, 1]);
        Assert.Equal(
            [0, 0.125, 0.5, 0.875, 0.9375],
            [progress.At(0, 0), progress.At(1, 0), progress.At(1, 0.5), progress.At(2, 0), progress.At(2, 0.5)]);
        Assert.Equal(0.75, new CohortProgress([0, 0]).At(1, 0.5)); // no header had a size
    }
}
