using SharpSeg.AutoPlanner.Batches;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.Engine.Tensors;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Batches;

public sealed class PatchSamplerTests
{
    [Theory]
    [InlineData(nameof(ForegroundRule.Last), new[] { 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 8, 14, 16, 29 })]
    [InlineData(nameof(ForegroundRule.MoreThanThird), new[] { 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 5, 9, 15, 17, 30 })]
    public void Forced_samples_match_the_specified_table(string name, int[] expected)
    {
        var rule = Enum.Parse<ForegroundRule>(name);
        int[] sizes = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 24, 42, 49, 89];
        for (var i = 0; i < sizes.Length; i++)
        {
            var forced = Enumerable.Range(0, sizes[i])
                .Select(j => ForegroundOversampling.IsForced(
                    rule, j, sizes[i], ForegroundOversampling.DefaultShare, new CounterRandom(0))).ToArray();
            Assert.Equal(expected[i], forced.Count(f => f));
            Assert.Equal(forced.Order(), forced);
        }
    }

    [Fact]
    public void Probabilistic_rule_forces_a_third()
    {
        var random = new CounterRandom(3);
        var forced = Enumerable.Range(0, 20_000)
            .Count(_ => ForegroundOversampling.IsForced(
                ForegroundRule.Probabilistic, 0, 2, ForegroundOversampling.DefaultShare, random));
        Assert.InRange(forced / 20_000.0, 0.33 - 0.0133, 0.33 + 0.0133);
    }

    [Theory]
    [InlineData(0, 4, 0)]
    [InlineData(0.5, 4, 2)]
    [InlineData(0.5, 5, 3)] // round(2.5) = 2 samples are free
    [InlineData(1, 2, 2)]
    public void Any_share_of_a_batch_can_be_forced(double share, int batch, int expected)
    {
        Assert.Equal(expected, Enumerable.Range(0, batch).Count(
            j => ForegroundOversampling.IsForced(ForegroundRule.Last, j, batch, share, new CounterRandom(0))));
    }

    [Theory]
    [InlineData(300, 205, 128, -39, 134)]
    [InlineData(100, 205, 128, -53, -52)]
    [InlineData(90, 128, 128, -19, -19)]
    [InlineData(91, 128, 128, -19, -18)]
    [InlineData(300, 128, 128, 0, 172)]
    [InlineData(28, 28, 28, 0, 0)]
    public void Start_range_matches_the_specified_table(int shape, int initial, int final, int lowest, int highest)
    {
        for (var axis = 0; axis < 3; axis++)
        {
            var range = PatchRange.For(
                Extent.One.With(axis, shape), Extent.One.With(axis, initial), Extent.One.With(axis, final));
            Assert.Equal(lowest, range.Lowest[axis]);
            Assert.Equal(highest, range.Highest[axis]);
            var random = new CounterRandom(1);
            var seen = new HashSet<int>();
            for (var i = 0; i < 10_000; i++)
            {
                seen.Add(range.Draw(random)[axis]);
            }

            Assert.Equal(lowest, seen.Min());
            Assert.Equal(highest, seen.Max());
            Assert.Equal(highest - lowest + 1, seen.Count);
        }
    }

    [Theory]
    [InlineData(300, 205, 128, 10, -39)]
    [InlineData(300, 205, 128, 250, 148)]
    [InlineData(100, 205, 128, 50, -52)]
    [InlineData(90, 128, 128, 85, 21)]
    [InlineData(300, 128, 128, 0, 0)]
    [InlineData(300, 128, 128, 299, 235)]
    [InlineData(28, 28, 28, 13, 0)]
    public void Forced_start_matches_the_specified_table(int shape, int initial, int final, int voxel, int start) =>
        Assert.Equal(start, PatchRange.For(new(9, 9, shape), new(9, 9, initial), new(9, 9, final)).Around(new(4, 4, voxel)).X);

    [Theory]
    [InlineData(Profile.Modern, false)]
    [InlineData(Profile.Classic, false)]
    [InlineData(Profile.Modern, true)]
    [InlineData(Profile.Classic, true)]
    public void A_forced_final_patch_contains_the_chosen_voxel(Profile profile, bool is2D)
    {
        var source = MemoryCase.Blob("blob", new(30, 22, 41), 1, 3);
        var final = new Extent(is2D ? 1 : 8, 10, 12);
        var geometry = PatchGeometry.For(profile, final, is2D);
        foreach (var initial in new[] { geometry.Initial, final })
        {
            var sampler = new PatchSampler(profile, is2D, initial, final);
            var random = new CounterRandom(4);
            for (var i = 0; i < 500; i++)
            {
                var (start, voxel) = sampler.Draw(source, forced: true, random);
                Assert.NotNull(voxel);
                for (var axis = 0; axis < 3; axis++)
                {
                    var offset = profile == Profile.Modern
                        ? (initial[axis] / 2) - (final[axis] / 2)
                        : (initial[axis] - final[axis]) / 2;
                    Assert.InRange(voxel.Value[axis], start[axis] + offset, start[axis] + offset + final[axis] - 1);
                }
            }
        }
    }

    [Fact]
    public void Classes_are_drawn_uniformly_however_small_and_slices_too_in_classic_2d()
    {
        // Label 1 fills slice 0 and one voxel of slice 1; label 2 is one voxel of slice 3.
        var shape = new Extent(4, 5, 5);
        var labels = new short[100];
        labels.AsSpan(0, 25).Fill(1);
        labels[30] = 1;
        labels[80] = 2;
        var source = new MemoryCase("small", shape, new float[100], labels, [1, 2, 3]);
        foreach (var (profile, slice1) in new[] { (Profile.Modern, 0.5 / 26), (Profile.Classic, 0.25) })
        {
            var sampler = new PatchSampler(profile, is2D: true, new(1, 5, 5), new(1, 5, 5));
            var random = new CounterRandom(5);
            var counts = new int[4];
            for (var i = 0; i < 20_000; i++)
            {
                counts[sampler.Draw(source, true, random).Start.Z]++;
            }

            Assert.InRange(counts[3] / 20_000.0, 0.4858, 0.5142);
            Assert.InRange(counts[1] / 20_000.0, slice1 - 0.0125, slice1 + 0.0125);
            Assert.Equal(0, counts[2]);
        }
    }

    [Fact]
    public void Without_foreground_a_forced_patch_is_drawn_anywhere()
    {
        var source = new MemoryCase("empty", new(1, 1, 20), new float[20], new short[20], [1]);
        var sampler = new PatchSampler(Profile.Modern, false, new(1, 1, 4), new(1, 1, 4));
        var random = new CounterRandom(6);
        var seen = Enumerable.Range(0, 1000).Select(_ => sampler.Draw(source, true, random)).ToList();
        Assert.All(seen, p => Assert.Null(p.Voxel));
        Assert.Equal(17, seen.Select(p => p.Start.X).Distinct().Count());
    }

    [Fact]
    public void With_an_ignore_label_patches_are_centred_on_annotated_voxels()
    {
        // Everything but columns 10..13 is ignored (label 3); label 1 at column 12.
        var labels = Enumerable.Repeat((short)3, 40).ToArray();
        labels.AsSpan(10, 4).Clear();
        labels[12] = 1;
        var source = new MemoryCase("partly", new(1, 1, 40), new float[40], labels, [1], ignore: 3);
        var sampler = new PatchSampler(Profile.Modern, false, new(1, 1, 6), new(1, 1, 6));
        var random = new CounterRandom(7);
        var free = Enumerable.Range(0, 400).Select(_ => sampler.Draw(source, false, random).Start.X).Distinct().Order();
        Assert.Equal([7, 8, 9, 10], free);
        Assert.All(Enumerable.Range(0, 50), _ => Assert.Equal(9, sampler.Draw(source, true, random).Start.X));

        labels[12] = 0;
        var unlabelled = new MemoryCase("annotated only", new(1, 1, 40), new float[40], labels, [1], ignore: 3);
        Assert.All(Enumerable.Range(0, 50), _ => Assert.InRange(sampler.Draw(unlabelled, true, random).Start.X, 7, 10));
    }
}
