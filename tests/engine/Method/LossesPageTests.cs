using SharpSeg.Conformance;
using SharpSeg.Engine.Autograd;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Losses;
using SharpSeg.Engine.Networks;
using SharpSeg.Engine.Optimizers;
using SharpSeg.Engine.Tensors;
using SharpSeg.Tests;
using Xunit;

namespace SharpSeg.Engine.Tests.Method;

/// <summary>
/// The numbers of docs/method/losses-and-optimisers.md: losses on the processor's kernels, optimisers in float64, because their
/// traces print more digits than float32 has.
/// </summary>
public sealed class LossesPageTests : IDisposable
{
    private const double Float32 = 1.5e-6;                 // rounding of values near 1, through an exponential and a few sums
    private const double Rate = 5e-8;                      // η, μ and λ are float32: 0.01f is 0.00999999978

    private static readonly MethodPage Page = MethodPage.Open("docs/method/losses-and-optimisers.md");
    private static readonly Extent Plane = new(1, 2, 2);
    private static readonly LossProblem Softmax = new(2, Plane, 3, Regions: false, BatchDice: false);

    private readonly PageBackend run = new();

    [Fact]
    public void Losses_page_softmax_probabilities()
    {
        var p = run.Empty(Softmax.LogitsShape);
        run.Backend.Probabilities(SoftmaxLogits(), sigmoid: false, p);
        foreach (var row in Page.Table("softmax-probabilities"))
        {
            for (var c = 0; c < 3; c++)
            {
                PageBackend.Agree(row.Numbers($"p of class {c}"), run.Map(p, (int)row.Whole("sample"), c), Float32);
            }
        }
    }

    [Fact]
    public void Losses_page_softmax_sums_and_loss()
    {
        var sums = Evaluate(Softmax, SoftmaxLogits(), Labels(0, 1, 2, 0, 1, 1, 0, 0)).Sums;
        foreach (var row in Page.Table("softmax-sums"))
        {
            var at = 3 * ((3 * (int)row.Whole("sample")) + (int)row.Whole("class"));
            var (i, p, g) = (sums[at], sums[at + 1], sums[at + 2]);
            row.Number("I").Agrees(i, Float32);
            row.Number("P").Agrees(p, Float32);
            row.Number("G").Agrees(g);
            row.Number("d").Agrees(((2 * i) + Softmax.Smooth) / (p + g + Softmax.Smooth), Float32);
        }

        foreach (var row in Page.Table("softmax-loss"))
        {
            var problem = Softmax with { BatchDice = row["Dice"] == "batch" };
            AgreeLoss(row, SegmentationLoss.Combine(problem, sums));
            row.Number("L_dice with background").Agrees(
                SegmentationLoss.Combine(problem with { DiceIncludesBackground = true }, sums).Dice, Float32);
        }
    }

    [Fact]
    public void Losses_page_partly_labelled_voxel()
    {
        var problem = new LossProblem(1, Extent.One, 3, Regions: false, BatchDice: false, Terms: LossTerms.CrossEntropy);
        var (shape, logits) = (problem.LogitsShape, run.Filled(problem.LogitsShape, [0, 1, 0]));
        foreach (var row in Page.Table("marginal"))
        {
            var unlabelled = run.Filled(Backend.UnlabelledShape(1, 3), [0, row["a is"] == "labelled" ? 0 : 1, 0]);
            var (merged, q, gradient) = (run.Empty(shape), run.Empty(shape), run.Empty(shape));
            run.Backend.MergeUnlabelled(logits, unlabelled, regions: false, merged);
            run.Backend.Probabilities(merged, sigmoid: false, q);
            PageBackend.Agree(row.Numbers("q of background, a, b"), run.Read(q), Float32);
            var (sums, ofMerged) = Evaluate(problem, merged, run.Filled(problem.TargetShape, [0]));
            row.Number("CE").Agrees(SegmentationLoss.Combine(problem, sums).CrossEntropy, Float32);
            run.Backend.MergeUnlabelledBackward(logits, unlabelled, regions: false, ofMerged, gradient);
            PageBackend.Agree(row.Numbers("∂CE/∂z"), run.Read(gradient), Float32);
        }
    }

    [Fact]
    public void Losses_page_softmax_gradients()
    {
        // With an enormous smoothing every Dice ratio is 1, whatever the logits: what remains is the cross-entropy.
        var logits = SoftmaxLogits();
        var labels = Labels(0, 1, 2, 0, 1, 1, 0, 0);
        var alone = Evaluate(Softmax with { Smooth = 1e12f }, logits, labels).Gradient;
        var perSample = Evaluate(Softmax, logits, labels).Gradient;
        var batch = Evaluate(Softmax with { BatchDice = true }, logits, labels).Gradient;
        foreach (var row in Page.Table("softmax-gradients"))
        {
            var (sample, c) = ((int)row.Whole("sample"), (int)row.Whole("class"));
            PageBackend.Agree(row.Numbers("cross-entropy alone"), run.Map(alone, sample, c), Float32);
            PageBackend.Agree(row.Numbers("total, Dice per sample"), run.Map(perSample, sample, c), Float32);
            PageBackend.Agree(row.Numbers("total, batch Dice"), run.Map(batch, sample, c), Float32);
        }
    }

    [Fact]
    public void Losses_page_ignore_label()
    {
        foreach (var row in Page.Table("ignore-loss"))
        {
            var problem = Softmax with { BatchDice = row["Dice"] == "batch", IgnoreLabel = 3 };
            var (sums, gradient) = Evaluate(problem, SoftmaxLogits(), Labels(0, 1, 3, 0, 1, 3, 0, 0));
            AgreeLoss(row, SegmentationLoss.Combine(problem, sums));
            PageBackend.Agree(row.Numbers("gradient, sample 0, class 0"), run.Map(gradient, 0, 0), Float32);
            PageBackend.Agree(row.Numbers("gradient, sample 1, class 1"), run.Map(gradient, 1, 1), Float32);
        }
    }

    [Fact]
    public void Losses_page_regions()
    {
        foreach (var row in Page.Table("region-loss"))
        {
            var ignores = row["ignored"] != "nothing";
            var problem = new LossProblem(1, Plane, 2, Regions: true, BatchDice: false, IgnoreLabel: ignores ? 2 : -1);
            double[][] target = [[1, 0, 1, 1], [0, 0, 1, 0], [0, 0, 1, 0]];
            var (sums, gradient) = Evaluate(
                problem, run.FromMaps(problem.LogitsShape, [0.5, -1, 2, 0], [-0.5, 0.3, 1, -2]),
                run.FromMaps(problem.TargetShape, ignores ? target : target[..2]));
            AgreeLoss(row, SegmentationLoss.Combine(problem, sums));
            PageBackend.Agree(row.Numbers("gradient, region 0"), run.Map(gradient, 0, 0), Float32);
            PageBackend.Agree(row.Numbers("gradient, region 1"), run.Map(gradient, 0, 1), Float32);
        }
    }

    [Fact]
    public void Losses_page_supervision_weights()
    {
        foreach (var row in Page.Table("supervision-weights"))
        {
            var weights = DeepSupervision.Weights((int)row.Whole("n"));
            PageBackend.Agree(row.Numbers("weights"), [.. weights.Select(w => (double)w)], 1e-7);
        }
    }

    [Fact]
    public void Losses_page_clipping()
    {
        var row = Page.Table("clipping").Single();
        double[] gradients = [.. row.Numbers("gradients").Select(n => n.Value)];
        using var backend = new ReferenceBackend();
        using var store = Parameters(backend, 0, 0, 0);
        SetGradient(backend, store, gradients);
        var norm = GradientClipping.GlobalNorm(store);
        row.Number("norm").Agrees(norm);
        var coefficient = GradientClipping.Coefficient(norm, 12);
        row.Number("coefficient").Agrees(coefficient);

        // Through a step: with rate 1 and no momentum the parameters move by the clipped gradient.
        using var sgd = new SgdNesterov(store, momentum: 0, weightDecay: 0);
        sgd.Step(1f, coefficient);
        PageBackend.Agree(row.Numbers("clipped"), [.. backend.Read(store.Parameters[0].Value).Select(v => -v)], Float32);
    }

    [Fact]
    public void Losses_page_optimiser_traces()
    {
        double[][] gradients = [[0.5, -1], [0.25, -0.5], [-0.1, 2]];
        using var backend = new ReferenceBackend();
        using ParameterStore first = Parameters(backend, 1, -2), second = Parameters(backend, 1, -2);
        using var third = Parameters(backend, 1, -2);
        using var sgd = new SgdNesterov(first);
        using var adam = new Adam(second, amsGrad: false);
        using var amsGrad = new Adam(third);
        foreach (var row in Page.Table("optimiser-traces"))
        {
            var gradient = gradients[row.Whole("step") - 1];
            Step(backend, first, sgd, gradient, 0.01f);
            PageBackend.Agree(row.Numbers("SGD θ"), Read(backend, first), Rate);
            PageBackend.Agree(row.Numbers("SGD v"), Moment(backend, sgd, "velocity"), Rate);
            foreach (var (store, optimizer) in new[] { (second, adam), (third, amsGrad) })
            {
                Step(backend, store, optimizer, gradient, 3e-4f);
                PageBackend.Agree(row.Numbers("Adam θ"), Read(backend, store), Rate);
                PageBackend.Agree(row.Numbers("Adam m"), Moment(backend, optimizer, "m"), Rate);
                PageBackend.Agree(row.Numbers("Adam v"), Moment(backend, optimizer, "v"), 1e-12);
            }
        }
    }

    [Fact]
    public void Losses_page_amsgrad_trace()
    {
        double[] gradients = [1, 0.001, -0.001];
        using var backend = new ReferenceBackend();
        using ParameterStore first = Parameters(backend, 1), second = Parameters(backend, 1);
        using var adam = new Adam(first, amsGrad: false, weightDecay: 0);
        using var amsGrad = new Adam(second, amsGrad: true, weightDecay: 0);
        foreach (var row in Page.Table("amsgrad-trace"))
        {
            var gradient = gradients[row.Whole("step") - 1];
            Step(backend, first, adam, [gradient], 3e-4f);
            Step(backend, second, amsGrad, [gradient], 3e-4f);
            PageBackend.Agree(row.Numbers("Adam θ"), Read(backend, first), 1e-10);
            PageBackend.Agree(row.Numbers("Adam v"), Moment(backend, adam, "v"), 1e-12);
            PageBackend.Agree(row.Numbers("AMSGrad θ"), Read(backend, second), 1e-10);
            PageBackend.Agree(row.Numbers("AMSGrad v̂"), Moment(backend, amsGrad, "vmax"), 1e-12);
        }
    }

    [Fact]
    public void Losses_page_poly_rates()
    {
        foreach (var row in Page.Table("poly-rates"))
        {
            row.Number("η").Agrees(PolySchedule.Rate((int)row.Whole("e"), 1000));
        }
    }

    [Fact]
    public void Losses_page_plateau_with_constant_losses()
    {
        foreach (var row in Page.Table("plateau-constant"))
        {
            var (last, reductions, schedule) = Follow(Enum.Parse<StopRule>(row["rule"]), _ => 1.0);
            Assert.Equal(row.Numbers("reductions after epochs").Select(n => (int)n.Whole), reductions);
            Assert.Equal(row.Whole("last epoch"), last);
            row.Number("last rate").Agrees(schedule.Rate);
        }
    }

    [Fact]
    public void Losses_page_plateau_fitted_to_a_time()
    {
        foreach (var row in Page.Table("plateau-fitted"))
        {
            var epochs = row.Whole("epochs E");
            var averages = new Dictionary<int, PlateauState>();
            var (_, reductions, _) = Follow(StopRule.RateOnly, _ => 1.0, pace: 1000.0 / epochs);
            Assert.Equal(row.Numbers("reductions after epochs, constant loss").Select(n => (int)n.Whole), reductions);
            Assert.Equal(row.Whole("patience") + 1, reductions[0]); // the first epoch is an improvement on none
            Follow(
                StopRule.RateOnly, e => e == 0 ? 1 : 0, (e, state) => averages[e] = state, pace: 1000.0 / epochs);
            row.Number("weight of the old training average").Agrees(averages[1].TrainingAverage!.Value);
        }
    }

    [Fact]
    public void Losses_page_plateau_with_exponential_losses()
    {
        var averages = new Dictionary<long, PlateauState>();
        var (last, reductions, schedule) = Follow(StopRule.Either, e => Math.Pow(0.98, e), (e, state) => averages[e] = state);
        foreach (var row in Page.Table("plateau-exponential"))
        {
            row.Number("maT").Agrees(averages[row.Whole("e")].TrainingAverage!.Value);
            row.Number("maW").Agrees(averages[row.Whole("e")].ValidationAverage!.Value);
        }

        var end = Page.Table("plateau-exponential-end").Single();
        Assert.Equal(end.Whole("first reduction after epoch"), reductions[0]);
        Assert.Equal(end.Whole("last epoch"), last);
        Assert.Equal(end.Whole("bestEpoch"), schedule.State.BestEpoch);
    }

    public void Dispose() => run.Dispose();

    private static void AgreeLoss(PageRow row, LossValue loss)
    {
        row.Number("cross-entropy").Agrees(loss.CrossEntropy, Float32);
        row.Number("L_dice").Agrees(loss.Dice, Float32);
        row.Number("total").Agrees(loss.Total, Float32);
    }

    private static (int LastEpoch, List<int> Reductions, PlateauSchedule Schedule) Follow(
        StopRule rule, Func<int, double> loss, Action<int, PlateauState>? watch = null, double pace = 1)
    {
        var schedule = new PlateauSchedule(PlateauState.Start(PlateauSchedule.InitialRate), rule, pace: pace);
        var reductions = new List<int>();
        for (var e = 0; ; e++)
        {
            var before = schedule.Rate;
            var stop = schedule.Finish(e, loss(e), loss(e));
            watch?.Invoke(e, schedule.State);
            if (schedule.Rate < before)
            {
                reductions.Add(e);
            }

            if (stop)
            {
                return (e, reductions, schedule);
            }
        }
    }

    private static ParameterStore Parameters(ReferenceBackend backend, params double[] values)
    {
        var store = new ParameterStore(backend);
        store.Declare("p", Shape.Vector(values.Length), ParameterKind.Bias);
        store.Allocate();
        backend.Write(store.Parameters[0].Value, values);
        return store;
    }

    private static void SetGradient(ReferenceBackend backend, ParameterStore store, double[] gradient)
    {
        store.ForgetGradients();
        store.Parameters[0].ContributeGradient();
        backend.Write(store.Parameters[0].Gradient, gradient);
    }

    private static void Step(ReferenceBackend backend, ParameterStore store, Optimizer optimizer, double[] gradient, float rate)
    {
        SetGradient(backend, store, gradient);
        optimizer.Step(rate, 1f);
    }

    private static double[] Read(ReferenceBackend backend, ParameterStore store) => backend.Read(store.Parameters[0].Value);

    private static double[] Moment(ReferenceBackend backend, Optimizer optimizer, string kind) =>
        backend.Read(optimizer.State.Single(s => s.Name == $"p.{kind}").Value);

    private Tensor SoftmaxLogits() => run.FromMaps(
        Softmax.LogitsShape, [1.0, 0.2, -0.5, 0.3], [0.5, 1.2, 0.0, -1.0], [-1.0, 0.1, 2.0, 0.4],
        [0.0, -0.3, 0.8, 1.5], [0.7, 0.6, -0.2, 0.0], [0.2, -1.5, 0.9, -0.6]);

    private Tensor Labels(params double[] labels) => run.Filled(Softmax.TargetShape, labels);

    private (float[] Sums, Tensor Gradient) Evaluate(LossProblem problem, Tensor logits, Tensor target)
    {
        var (sums, gradient) = (run.Empty(problem.SumsShape), run.Empty(problem.LogitsShape));
        run.Backend.SegmentationLossForward(problem, logits, target, sums);
        run.Backend.SegmentationLossBackward(problem, logits, target, sums, 1f, gradient);
        return ([.. run.Read(sums).Select(s => (float)s)], gradient);
    }
}
