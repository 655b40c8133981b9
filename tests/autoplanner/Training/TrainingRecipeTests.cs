using System.Text.Json;
using SharpSeg.AutoPlanner.Training;
using SharpSeg.Engine.Networks;
using SharpSeg.Engine.Optimizers;
using SharpSeg.Engine.Tensors;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Training;

public sealed class TrainingRecipeTests : IDisposable
{
    private readonly string path = Path.GetTempFileName();

    public void Dispose() => File.Delete(path);

    [Fact]
    public void The_published_recipe_has_nnU_Nets_rate_in_every_iteration()
    {
        for (var epoch = 0; epoch < 50; epoch++)
        {
            for (var iteration = 0; iteration < 7; iteration++)
            {
                Assert.Equal(PolySchedule.Rate(epoch, 50), TrainingRecipe.Published.Rate(epoch, 50, iteration, 7));
            }
        }
    }

    [Fact]
    public void The_rate_climbs_stays_and_falls_to_nothing()
    {
        const int epochs = 20, iterations = 5;
        var recipe = new TrainingRecipe { InitialRate = 0.02, WarmUpShare = 0.1, FlatShare = 0.6 };
        double[] rates =
        [
            .. Enumerable.Range(0, epochs * iterations).Select(
                i => recipe.Rate(i / iterations, epochs, i % iterations, iterations)),
        ];
        for (var i = 0; i < rates.Length; i++)
        {
            // Of 100 iterations 10 climb, 50 stay, and the last 40 fall by a fortieth each.
            var expected = 0.02 * (i < 10 ? (i + 1) / 10.0 : i < 60 ? 1 : (100 - i) / 40.0);
            Assert.Equal(expected, rates[i], 1e-12);
        }
    }

    [Fact]
    public void The_rate_of_a_run_in_cycles_falls_in_each_of_them()
    {
        const int epochs = 10, iterations = 4;
        var recipe = new TrainingRecipe
        {
            InitialRate = 0.02, Cycles = new() { Count = 4, FirstShare = 0.4, Rate = 0.01 },
        };
        Assert.Equal([0, 4, 6, 8, 10], Enumerable.Range(0, 5).Select(cycle => recipe.Cycles.End(cycle, epochs)));
        Assert.Equal(
            [0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4], Enumerable.Range(0, 11).Select(done => recipe.Cycles.Ended(done, epochs)));
        for (var i = 0; i < epochs * iterations; i++)
        {
            // Of 40 iterations 16 are the first cycle's, and 8 each of the others.
            var expected = i < 16
                ? 0.02 * Math.Pow(1 - (i / 16.0), 0.9)
                : 0.01 * Math.Pow(1 - ((i - 16) % 8 / 8.0), 0.9);
            Assert.Equal(expected, recipe.Rate(i / iterations, epochs, i % iterations, iterations), 1e-12);
            var linear = (recipe with { FlatShare = 0.5 }).Rate(i / iterations, epochs, i % iterations, iterations);
            Assert.Equal(
                i < 16 ? 0.02 * Math.Min(1, (16 - i) / 8.0) : 0.01 * Math.Min(1, (8 - ((i - 16) % 8)) / 4.0), linear, 1e-12);
        }
    }

    [Theory]
    [InlineData(2)]
    [InlineData(7)]
    [InlineData(100)]
    public void Every_cycle_has_an_epoch_at_least(int count)
    {
        foreach (var epochs in Enumerable.Range(count, 60))
        {
            foreach (var share in new[] { 0, 0.01, 0.3, 0.5, 0.99, 1 })
            {
                var cycles = new RateCycles { Count = count, FirstShare = share, Rate = 0.01 };
                int[] ends = [.. Enumerable.Range(0, count + 1).Select(cycle => cycles.End(cycle, epochs))];
                Assert.Equal((0, epochs), (ends[0], ends[^1]));
                Assert.All(ends.Zip(ends.Skip(1)), pair => Assert.True(pair.First < pair.Second));
            }
        }
    }

    [Fact]
    public void A_file_has_the_settings_that_differ_from_nnU_Nets()
    {
        File.WriteAllText(
            path,
            """{"momentum": 0.9, "initial_rate": 0.03, "flat_share": 0.5, "warm_up_share": 0.1, "small_patch_share": 0.25}""");
        var recipe = TrainingRecipe.Read(path);
        Assert.Equal(
            new TrainingRecipe { Momentum = 0.9, InitialRate = 0.03, FlatShare = 0.5, WarmUpShare = 0.1, SmallPatchShare = 0.25 },
            recipe);
        Assert.Equal("momentum 0.9, initial rate 0.03, warm up share 0.1, flat share 0.5, small patch share 0.25", $"{recipe}");
        File.WriteAllText(path, """{"mirroring": false, "augmentation_strength": 0}""");
        Assert.Equal("augmentation strength 0, mirroring off", $"{TrainingRecipe.Read(path)}");
        File.WriteAllText(path, """{"mirroring": "left-right"}""");
        Assert.Equal(new TrainingRecipe { Mirroring = RecipeMirroring.LeftRight }, TrainingRecipe.Read(path));
        Assert.Equal("mirroring left-right", $"{TrainingRecipe.Read(path)}");
        File.WriteAllText(path, """{"cycles": {"count": 5, "first_share": 0.3, "rate": 0.01}}""");
        Assert.Equal(
            new TrainingRecipe { Cycles = new() { Count = 5, FirstShare = 0.3, Rate = 0.01 } }, TrainingRecipe.Read(path));
        Assert.Equal("cycles 5, the first 0.3 of the run, the others from 0.01", $"{TrainingRecipe.Read(path)}");
        File.WriteAllText(path, """{"mirroring": true}""");
        Assert.Equal(TrainingRecipe.Published, TrainingRecipe.Read(path));
        File.WriteAllText(path, "{}");
        Assert.Equal(TrainingRecipe.Published, TrainingRecipe.Read(path));
        Assert.Equal("published", $"{TrainingRecipe.Published}");
    }

    [Theory]
    [InlineData("""{"momentun": 0.9}""", "momentun")]
    [InlineData("""{"momentum": 1}""", "momentum")]
    [InlineData("""{"initial_rate": 0}""", "initial_rate")]
    [InlineData("""{"initial_rate": "fast"}""", "initial_rate")]
    [InlineData("""{"flat_share": 1}""", "flat_share")]
    [InlineData("""{"augmentation_strength": 1.5}""", "augmentation_strength")]
    [InlineData("""{"small_patch_share": -0.1}""", "small_patch_share")]
    [InlineData("""{"mirroring": "off"}""", "mirroring")]
    [InlineData("""{"cycles": 3}""", "cycles")]
    [InlineData("""{"cycles": {"count": 3, "first_share": 0.3}}""", "rate")]
    [InlineData("""{"cycles": {"count": 1, "first_share": 0.3, "rate": 0.01}}""", "count")]
    [InlineData("""{"cycles": {"count": 3, "first_share": 1.5, "rate": 0.01}}""", "first_share")]
    [InlineData("""{"cycles": {"count": 3, "first_share": 0.3, "rate": 0}}""", "rate")]
    [InlineData("""{"cycles": {"count": 3, "first_share": 0.3, "rate": 0.01, "shape": 1}}""", "shape")]
    [InlineData("[1]", "object")]
    public void What_is_no_recipe_is_refused_by_name(string text, string named)
    {
        File.WriteAllText(path, text);
        var error = Assert.Throws<SharpSegException>(() => TrainingRecipe.Read(path));
        Assert.Contains(path, error.Message, StringComparison.Ordinal);
        Assert.Contains(named, error.Message, StringComparison.Ordinal);
    }

    /// <summary>Checkpoints and logs of the published schedule are what they were, and older ones are read.</summary>
    [Fact]
    public void The_published_schedule_says_nothing_of_recipes()
    {
        var text = JsonSerializer.Serialize(TrainingSchedule.Full(7), TrainingJson.Default.TrainingSchedule);
        Assert.Equal(
            """{"batch_size":7,"epochs":1000,"iterations_per_epoch":250,"validation_iterations":50,"time_budget":null}""", text);
        Assert.Equal(TrainingSchedule.Full(7), JsonSerializer.Deserialize(text, TrainingJson.Default.TrainingSchedule));
    }

    [Fact]
    public void A_recipe_comes_back_from_a_checkpoint_as_it_was()
    {
        var schedule = TrainingSchedule.Full(7) with
        {
            Recipe = new TrainingRecipe
            {
                Momentum = 0.123, InitialRate = 1.0 / 3, WarmUpShare = 0.1, FlatShare = 0.2, AugmentationStrength = 0.4,
                Mirroring = RecipeMirroring.LeftRight, SmallPatchShare = 0.7,
                Cycles = new() { Count = 3, FirstShare = 1.0 / 3, Rate = 0.01 },
            },
        };
        var text = JsonSerializer.Serialize(schedule, TrainingJson.Default.TrainingSchedule);
        Assert.Equal(schedule, JsonSerializer.Deserialize(text, TrainingJson.Default.TrainingSchedule));
    }

    [Fact]
    public void A_resumed_run_keeps_its_recipe()
    {
        var state = new TrainingState();
        var (old, own) = (TrainingSchedule.Full(2), TrainingSchedule.Full(2) with { Recipe = TrainingRecipe.FewIterations });
        Assert.Equal(old, new ScheduleChange().Continue(old, state));
        Assert.Equal(own, new ScheduleChange().Continue(own, state));
        Assert.Equal(old, new ScheduleChange { Recipe = TrainingRecipe.Published }.Continue(old, state));
        Assert.Equal(own, new ScheduleChange { Recipe = TrainingRecipe.FewIterations }.Continue(own, state));
        Assert.Throws<SharpSegException>(() => new ScheduleChange { Recipe = TrainingRecipe.Published }.Continue(own, state));
        Assert.Throws<SharpSegException>(() => new ScheduleChange { Recipe = TrainingRecipe.FewIterations }.Continue(old, state));
        Assert.False(new ScheduleChange { Recipe = TrainingRecipe.Published }.IsMetBy(own));

        // Cycles divide the epochs, and those that are over cannot move.
        var cycles = own with { Recipe = new() { Cycles = new() { Count = 3, FirstShare = 0.3, Rate = 0.01 } } };
        Assert.Equal(cycles, new ScheduleChange { Epochs = cycles.Epochs }.Continue(cycles, state));
        Assert.Throws<SharpSegException>(() => new ScheduleChange { Epochs = cycles.Epochs + 1 }.Continue(cycles, state));
    }

    [Theory]
    [InlineData(40, 56, 40, 4, 32, 40, 32)]          // Hippocampus: a total stride of 8
    [InlineData(128, 128, 128, 6, 96, 96, 96)]       // 102.4, and a total stride of 32
    [InlineData(16, 16, 16, 4, 16, 16, 16)]          // two voxels at the bottleneck stay
    [InlineData(8, 64, 64, 4, 8, 48, 48)]            // an edge of one is not shortened
    public void A_smaller_patch_fits_the_network(int z, int y, int x, int stages, int smallZ, int smallY, int smallX)
    {
        var plan = new NetworkPlan
        {
            Family = NetworkFamily.PlainUNet,
            InputChannels = 1,
            OutputChannels = 2,
            Features = [.. Enumerable.Repeat(4, stages)],
            Kernels = [.. Enumerable.Repeat(new Extent(3, 3, 3), stages)],
            Strides = [.. Enumerable.Range(0, stages).Select(stage => stage == 0 ? Extent.One : new Extent(2, 2, 2))],
            EncoderBlocks = [.. Enumerable.Repeat(2, stages)],
            DecoderBlocks = [.. Enumerable.Repeat(2, stages - 1)],
        };
        var small = PatchStage.Small(new Extent(z, y, x), plan);
        Assert.Equal(new Extent(smallZ, smallY, smallX), small);
        plan.CheckPatch(small);
        var recipe = new TrainingRecipe { SmallPatchShare = 0.5 };
        Assert.Equal(small, PatchStage.PatchOf(recipe, 4, 10, new Extent(z, y, x), plan));
        Assert.Equal(new Extent(z, y, x), PatchStage.PatchOf(recipe, 5, 10, new Extent(z, y, x), plan));
        Assert.Equal(new Extent(z, y, x), PatchStage.PatchOf(null, 0, 10, new Extent(z, y, x), plan));
    }

    [Fact]
    public void Smaller_patches_give_as_many_more_iterations()
    {
        Assert.Equal(80, new TrainingSchedule(2, 10, 40, 4).IterationsFor(TimeSpan.Zero, 0, 0, cost: 0.5));
        var timed = new TrainingSchedule(2, 10, 40, 4, TimeSpan.FromSeconds(400));
        Assert.Equal(40, timed.IterationsFor(TimeSpan.Zero, 0, secondsPerIteration: 1));
        Assert.Equal(80, timed.IterationsFor(TimeSpan.Zero, 0, secondsPerIteration: 1, cost: 0.5));
    }
}
