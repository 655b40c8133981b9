using SharpSeg.AutoPlanner.Batches;
using SharpSeg.Engine.Tensors;
using SharpSeg.Tests;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Method;

/// <summary>
/// Those numbers of docs/method/losses-and-optimisers.md that the autoplanner computes: targets of deep supervision.
/// </summary>
public sealed class LossTargetsPageTests
{
    [Fact]
    public void Losses_page_nearest_indices()
    {
        foreach (var row in MethodPage.Open("docs/method/losses-and-optimisers.md").Table("nearest-indices"))
        {
            int n = (int)row.Whole("n"), m = (int)row.Whole("m");
            var indices = row.Ints("source indices");
            Assert.Equal(indices, Enumerable.Range(0, m).Select(o => NearestIndex.Of(o, n, m)));

            // The same through a whole target: labels that name their own place.
            var target = new float[m];
            short[] labels = [.. Enumerable.Range(0, n).Select(i => (short)i)];
            new SupervisionTargets([], null).Write(labels, new Extent(1, 1, n), new Extent(1, 1, m), target);
            Assert.Equal(indices.Select(i => (float)i), target);
        }
    }
}
