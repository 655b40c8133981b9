using SharpSeg.AutoPlanner.Evaluation;
using SharpSeg.Engine.Tensors;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Evaluation;

/// <summary>Boxes around classes, against a look at every voxel.</summary>
public sealed class LabelBoxesTests
{
    private static readonly int[][] Classes = [[1], [2, 5], [3], [1, 4, 6], [40_000, 5]];

    [Fact]
    public void Boxes_hold_the_voxels_of_a_class_in_both_maps_and_no_more() => Seeded.Run(random =>
    {
        for (var i = 0; i < 50; i++)
        {
            Check(random);
        }
    });

    private static void Check(Random random)
    {
        const int ignore = 7;
        var extent = new Extent(random.Next(1, 5), random.Next(1, 6), random.Next(1, 9));
        var share = random.NextDouble(); // of background: some classes lie in one map, or in none
        short Label() => (short)(random.NextDouble() < share ? 0 : random.Next(0, 8));
        short[] reference = [.. Enumerable.Range(0, (int)extent.Voxels).Select(_ => Label())];
        short[] prediction = [.. reference.Select(label => random.Next(3) == 0 ? Label() : label)];
        var boxes = new LabelBoxes(reference, prediction, extent, ignore);
        foreach (var labels in Classes)
        {
            var counted = Enumerable.Range(0, reference.Length).Where(i => reference[i] != ignore).ToArray();
            int[] expected = [.. counted.Where(i => labels.Contains(reference[i]))];
            int[] predicted = [.. counted.Where(i => labels.Contains(prediction[i]))];
            Extent[] all = [.. expected.Concat(predicted).Select(
                i => new Extent(i / (extent.X * extent.Y), i / extent.X % extent.Y, i % extent.X))];
            var (joint, inReference, inPrediction) = boxes.Around(labels);
            Assert.Equal((expected.Length > 0, predicted.Length > 0), (inReference, inPrediction));
            Assert.Equal(
                all.Length == 0 ? (LabelBoxes.Box?)null : new LabelBoxes.Box(
                    new(all.Min(at => at.Z), all.Min(at => at.Y), all.Min(at => at.X)),
                    new(all.Max(at => at.Z), all.Max(at => at.Y), all.Max(at => at.X))),
                joint);
        }
    }
}
