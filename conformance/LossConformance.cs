using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.Conformance;

/// <summary>Soft Dice + cross-entropy: sums and gradient, labels and regions, with and without an ignore label.</summary>
public sealed class LossConformance(ConformanceTarget target) : ConformanceSuite(target)
{
    /// <summary>
    /// Sums of positive terms keep the relative error of their terms, one exponential each, plus the summation's own.
    /// </summary>
    private static readonly Tolerance CloseSum = new(2e-5, PerElement: true);

    /// <summary>
    /// A voxel's cross-entropy is a difference of numbers near 1: it is off by their rounding, however small it is itself.
    /// </summary>
    private const double VoxelRounding = 2e-7;

    /// <summary>
    /// A gradient is a difference of terms that are each off by some 10⁻⁶; where all cancel, a share of the terms' size,
    /// 1/voxels, remains.
    /// </summary>
    private static readonly Tolerance Close = new(1e-5);

    /// <summary>Six printed decimals, twice where two printed gradients are added, and float32.</summary>
    private static readonly Tolerance Printed = new(2e-6, Absolute: 1.1e-6);

    private IEnumerable<LossProblem> Problems
    {
        get
        {
            var random = NewRandom();
            foreach (var regions in new[] { false, true })
            {
                foreach (var batchDice in new[] { false, true })
                {
                    foreach (var ignore in new[] { false, true })
                    {
                        foreach (var (n, spatial, channels) in Sizes(random))
                        {
                            if (regions || channels > 1)
                            {
                                yield return new LossProblem(
                                    n, spatial, channels, regions, batchDice, ignore ? channels : -1,
                                    DiceIncludesBackground: random.Next(4) == 0, Terms: (LossTerms)random.Next(3));
                            }
                        }
                    }
                }
            }
        }
    }

    [Check]
    public void Forward_matches_float64_reference() => ForEach(Problems, (p, random) =>
    {
        var logits = RandomValues.Uniform(random, p.LogitsShape.Length, radius: 4);
        Operand[] operands =
        [
            Operand.Input("logits", p.LogitsShape, logits), Target(p, random),
            Operand.Output("sums", p.SumsShape, CloseSum with { Absolute = VoxelRounding * p.N * p.Spatial.Voxels }),
        ];
        Compare(operands, (backend, t) => backend.SegmentationLossForward(p, t["logits"], t["target"], t["sums"]));
    });

    [Check]
    public void Backward_matches_float64_reference() => ForEach(Problems, (p, random) =>
    {
        var logits = RandomValues.Uniform(random, p.LogitsShape.Length, radius: 4);
        var (target, weight) = (Target(p, random), (float)random.NextDouble());
        Operand[] operands =
        [
            Operand.Input("logits", p.LogitsShape, logits), target,
            Operand.Input("sums", p.SumsShape, ReferenceSums(p, logits, target)),
            Operand.Output("dlogits", p.LogitsShape, Close with { Absolute = 1e-6 * weight / (p.N * p.Spatial.Voxels) }),
        ];
        Compare(operands, (backend, t) =>
            backend.SegmentationLossBackward(p, t["logits"], t["target"], t["sums"], weight, t["dlogits"]));
    });

    [Check]
    public void Extreme_logits_give_finite_sums_and_gradients() =>
        ForEach(Problems.Where(p => p.LogitsShape.Length >= 2), (p, random) =>
    {
        var logits = RandomValues.Uniform(random, p.LogitsShape.Length, radius: 1);
        for (var i = 0; i < logits.Length; i++)
        {
            logits[i] += RandomValues.Pick(random, 0f, 100f, -100f, 1000f);
        }

        var target = Target(p, random);
        Operand[] operands =
        [
            Operand.Input("logits", p.LogitsShape, logits), target, Operand.Output("sums", p.SumsShape, Close),
            Operand.Output("dlogits", p.LogitsShape, Close),
        ];
        var results = Run(operands, (backend, t) =>
        {
            backend.SegmentationLossForward(p, t["logits"], t["target"], t["sums"]);
            backend.SegmentationLossBackward(p, t["logits"], t["target"], t["sums"], 1, t["dlogits"]);
        });
        Require.All(results[2], v => Require.True(float.IsFinite(v)));
        Require.All(results[3], v => Require.True(float.IsFinite(v)));
    });

    [Check]
    public void Patches_that_are_ignored_altogether_have_no_gradient() =>
        ForEach(Problems.Where(p => p.IgnoreLabel >= 0), (p, random) =>
    {
        var target = new float[p.TargetShape.Length];
        var channels = p.TargetShape.C;
        for (var i = channels - 1; i < target.Length; i += channels)
        {
            target[i] = p.Regions ? 1 : p.IgnoreLabel;
        }

        Operand[] operands =
        [
            Operand.Input("logits", p.LogitsShape, RandomValues.Uniform(random, p.LogitsShape.Length)),
            Operand.Input("target", p.TargetShape, target), Operand.Output("sums", p.SumsShape, Tolerance.Exact),
            Operand.Output("dlogits", p.LogitsShape, Tolerance.Exact),
        ];
        var results = Run(operands, (backend, t) =>
        {
            backend.SegmentationLossForward(p, t["logits"], t["target"], t["sums"]);
            backend.SegmentationLossBackward(p, t["logits"], t["target"], t["sums"], 1, t["dlogits"]);
        });
        Require.All(results[2], v => Require.Equal(0f, v));
        Require.All(results[3], v => Require.Equal(0f, v));
    });

    [Check]
    public void Merging_what_is_not_labelled_matches_float64_reference() => ForEach(Merges, (p, random) =>
    {
        Operand[] operands =
        [
            Operand.Input("logits", p.LogitsShape, RandomValues.Uniform(random, p.LogitsShape.Length, radius: 4)),
            Unlabelled(p, random), Operand.Output("merged", p.LogitsShape, Close with { PerElement = true, Absolute = 1e-6 }),
        ];
        Compare(operands, (backend, t) => backend.MergeUnlabelled(t["logits"], t["unlabelled"], p.Regions, t["merged"]));
    });

    [Check]
    public void Merging_what_is_not_labelled_has_the_references_gradient() => ForEach(Merges, (p, random) =>
    {
        Operand[] operands =
        [
            Operand.Input("logits", p.LogitsShape, RandomValues.Uniform(random, p.LogitsShape.Length, radius: 4)),
            Unlabelled(p, random),
            Operand.Input("dmerged", p.LogitsShape, RandomValues.Uniform(random, p.LogitsShape.Length)),
            Operand.Output("dlogits", p.LogitsShape, Close),
        ];
        Compare(operands, (backend, t) =>
            backend.MergeUnlabelledBackward(t["logits"], t["unlabelled"], p.Regions, t["dmerged"], t["dlogits"]));
    });

    /// <summary>What a sample does not lack passes unchanged, to the bit, and the result may lie on the logits.</summary>
    [Check]
    public void Merging_nothing_changes_nothing() => ForEach(Merges, (p, random) =>
    {
        var logits = RandomValues.Uniform(random, p.LogitsShape.Length, radius: 100);
        var marks = Backend.UnlabelledShape(p.N, p.C);
        Operand[] operands =
        [
            Operand.Input("logits", p.LogitsShape, logits), Operand.Input("unlabelled", marks, new float[marks.Length]),
            Operand.Output("result", p.LogitsShape, Tolerance.Exact),
        ];
        var results = Run(operands, (backend, t) =>
        {
            backend.Copy(t["logits"], t["result"]);
            backend.MergeUnlabelled(t["result"], t["unlabelled"], p.Regions, t["result"]);
        });
        RequireClose("merged", [.. logits.Select(z => (double)z)], results[2], Tolerance.Exact);
        results = Run(operands, (backend, t) =>
        {
            backend.Copy(t["logits"], t["result"]);
            backend.MergeUnlabelledBackward(t["logits"], t["unlabelled"], p.Regions, t["result"], t["result"]);
        });
        RequireClose("dlogits", [.. logits.Select(z => (double)z)], results[2], Tolerance.Exact);
    });

    /// <summary>
    /// The loss of merged logits: a class that a sample lacks has no probability, and the cross-entropy stays finite.
    /// </summary>
    [Check]
    public void What_is_not_labelled_counts_in_no_sum() => ForEach(Merges, (p, random) =>
    {
        var (marks, target) = (Unlabelled(p, random), Target(p, random));
        var (lacking, labels) = (marks.Values!, target.Values!);
        for (var i = 0; i < labels.Length; i++)
        {
            // as the loader makes it: what is not labelled is not in the target
            var (sample, channel) = (i / p.TargetShape.C / (int)p.Spatial.Voxels, i % p.TargetShape.C);
            var c = p.Regions ? channel : (int)labels[i];
            if (c < p.C && (c > 0 || p.Regions) && lacking[(sample * p.C) + c] != 0)
            {
                labels[i] = 0;
            }
        }

        Operand[] operands =
        [
            Operand.Input("logits", p.LogitsShape, RandomValues.Uniform(random, p.LogitsShape.Length, radius: 20)), marks, target,
            Operand.Output("merged", p.LogitsShape, Close), Operand.Output("sums", p.SumsShape, Close),
            Operand.Output("gradient", p.LogitsShape, Close), Operand.Output("dlogits", p.LogitsShape, Close),
        ];
        var results = Run(operands, (backend, t) =>
        {
            backend.MergeUnlabelled(t["logits"], t["unlabelled"], p.Regions, t["merged"]);
            backend.SegmentationLossForward(p, t["merged"], t["target"], t["sums"]);
            backend.SegmentationLossBackward(p, t["merged"], t["target"], t["sums"], 1, t["gradient"]);
            backend.MergeUnlabelledBackward(t["logits"], t["unlabelled"], p.Regions, t["gradient"], t["dlogits"]);
        });
        for (var i = 0; i < lacking.Length; i++)
        {
            if (lacking[i] != 0 && (p.Regions || i % p.C > 0))
            {
                Require.True(results[4][(3 * i) + 1] < 1e-30f * p.Spatial.Voxels);
            }
        }

        Require.True(float.IsFinite(results[4][^2]) && results[4][^2] < 60f * p.LogitsShape.Length);
        Require.All(results[6], v => Require.True(float.IsFinite(v)));
    });

    /// <summary>docs/method/losses-and-optimisers.md §4.1.</summary>
    [Check]
    public void Softmax_gives_the_worked_example()
    {
        var p = new LossProblem(2, new(1, 2, 2), 3, Regions: false, BatchDice: false);
        float[] target = [0, 1, 2, 0, 1, 1, 0, 0];
        double[] crossEntropy =
        [
            .. ChannelsLast.FromMaps(
                [-0.053238, 0.027038, 0.008428, -0.072428], [0.043526, -0.051503, 0.013896, 0.014327],
                [0.009712, 0.024465, -0.022324, 0.058101]),
            .. ChannelsLast.FromMaps(
                [0.029515, 0.033238, -0.074455, -0.032104], [-0.065564, -0.043249, 0.018594, 0.020728],
                [0.036050, 0.010011, 0.055861, 0.011376]),
        ];
        double[] perSample =
        [
            .. ChannelsLast.FromMaps(
                [-0.015370, 0.018760, 0.006875, -0.015286], [0.012579, -0.048004, 0.018328, 0.003043],
                [0.002790, 0.029244, -0.025203, 0.012243]),
            .. ChannelsLast.FromMaps(
                [0.010954, 0.016967, -0.002864, -0.005868], [-0.024333, -0.022077, 0.006029, 0.006586],
                [0.013380, 0.005111, -0.003164, -0.000718]),
        ];
        double[] batch =
        [
            .. ChannelsLast.FromMaps(
                [-0.013974, 0.012842, 0.011783, -0.016001], [0.010553, -0.037844, 0.025501, 0.001903],
                [0.003421, 0.025002, -0.037284, 0.014098]),
            .. ChannelsLast.FromMaps(
                [0.009235, 0.020061, -0.015643, -0.011359], [-0.040234, -0.031579, 0.002375, 0.006527],
                [0.030999, 0.011518, 0.013268, 0.004832]),
        ];

        var (sums, gradient) = RunExample(p, SoftmaxLogits, target);
        RequireClose(
            "I, P, G of the foreground",
            Foreground([0.587976, 1.161969, 1, 0.821409, 1.559631, 1], [1.129496, 1.444075, 2, 0, 0.906376, 0]),
            [.. sums[3..9], .. sums[12..18]], Printed);
        RequireClose("valid voxels", [8], sums[^1..], Tolerance.Exact);
        RequireLoss(p, sums, 0.564904, -0.460417);
        RequireClose("dlogits", Add(crossEntropy, perSample), gradient, Printed);
        RequireLoss(p with { DiceIncludesBackground = true }, sums, 0.564904, -0.512889);
        RequireLoss(p with { DiceIncludesBackground = true, Smooth = 0 }, sums, 0.564904, -0.512886);

        (sums, gradient) = RunExample(p with { BatchDice = true }, SoftmaxLogits, target);
        RequireLoss(p with { BatchDice = true }, sums, 0.564904, -0.543352);
        RequireClose("dlogits", Add(crossEntropy, batch), gradient, Printed);
        RequireLoss(p with { BatchDice = true, DiceIncludesBackground = true }, sums, 0.564904, -0.568376);
    }

    /// <summary>docs/method/losses-and-optimisers.md §4.2: the same logits with ignore label 3.</summary>
    [Check]
    public void Ignore_label_gives_the_worked_example()
    {
        var p = new LossProblem(2, new(1, 2, 2), 3, Regions: false, BatchDice: false, IgnoreLabel: 3);
        float[] target = [0, 1, 3, 0, 1, 3, 0, 0];
        var (sums, gradient) = RunExample(p, SoftmaxLogits, target);
        RequireClose(
            "I, P, G of the foreground",
            Foreground([0.587976, 1.050803, 1, 0, 0.738222, 0], [0.475485, 0.790064, 1, 0, 0.826288, 0]),
            [.. sums[3..9], .. sums[12..18]], Printed);
        RequireClose("valid voxels", [6], sums[^1..], Tolerance.Exact);
        RequireLoss(p, sums, 0.649644, -0.276172);
        RequireClose("dlogits, sample 0, class 0", [-0.084958, 0.058168, 0, -0.099942], Map(gradient, 3, 0, 0), Printed);
        RequireClose("dlogits, sample 1, class 1", [-0.138577, 0, 0.034187, 0.037900], Map(gradient, 3, 1, 1), Printed);

        (sums, gradient) = RunExample(p with { BatchDice = true }, SoftmaxLogits, target);
        RequireLoss(p with { BatchDice = true }, sums, 0.649644, -0.276884);
        RequireClose("dlogits, sample 0, class 0", [-0.085395, 0.059995, 0, -0.100046], Map(gradient, 3, 0, 0), Printed);
        RequireClose("dlogits, sample 1, class 1", [-0.134374, 0, 0.033921, 0.037609], Map(gradient, 3, 1, 1), Printed);
        for (var c = 0; c < 3; c++)
        {
            Require.Equal(0f, Map(gradient, 3, 0, c)[2]);
            Require.Equal(0f, Map(gradient, 3, 1, c)[1]);
        }
    }

    /// <summary>docs/method/losses-and-optimisers.md §4.3: two overlapping regions, then with the third voxel ignored.</summary>
    [Check]
    public void Regions_give_the_worked_example()
    {
        var p = new LossProblem(1, new(1, 2, 2), 2, Regions: true, BatchDice: false);
        var logits = ChannelsLast.Floats([0.5, -1, 2, 0], [-0.5, 0.3, 1, -2]);
        var (sums, gradient) = RunExample(p, logits, ChannelsLast.Floats([1, 0, 1, 1], [0, 0, 1, 0]));
        RequireClose("I, P, G", [2.003256, 2.272198, 3, 0.731059, 1.802245, 1], sums[..6], Printed);
        RequireLoss(p, sums, 0.422004, -0.640850);
        RequireClose(
            "dlogits",
            ChannelsLast.FromMaps([-0.074830, 0.047787, -0.027248, -0.091901], [0.069071, 0.094564, -0.085476, 0.024675]),
            gradient, Printed);

        p = p with { IgnoreLabel = 3 };
        (sums, gradient) = RunExample(p, logits, ChannelsLast.Floats([1, 0, 1, 1], [0, 0, 1, 0], [0, 0, 1, 0]));
        RequireLoss(p, sums, 0.978615, -0.330977);
        RequireClose(
            "dlogits", ChannelsLast.FromMaps([-0.172206, 0.108835, 0, -0.215984], [0.125848, 0.191482, 0, 0.039735]),
            gradient, Printed);
    }

    private static float[] SoftmaxLogits =>
    [
        .. ChannelsLast.Floats([1.0, 0.2, -0.5, 0.3], [0.5, 1.2, 0.0, -1.0], [-1.0, 0.1, 2.0, 0.4]),
        .. ChannelsLast.Floats([0.0, -0.3, 0.8, 1.5], [0.7, 0.6, -0.2, 0.0], [0.2, -1.5, 0.9, -0.6]),
    ];

    /// <summary>Forward and backward pass together, with the backend's own sums in between, as in training.</summary>
    private (float[] Sums, float[] Gradient) RunExample(LossProblem p, float[] logits, float[] target)
    {
        Operand[] operands =
        [
            Operand.Input("logits", p.LogitsShape, logits), Operand.Input("target", p.TargetShape, target),
            Operand.Output("sums", p.SumsShape, Close), Operand.Output("dlogits", p.LogitsShape, Close),
        ];
        var results = Run(operands, (backend, t) =>
        {
            backend.SegmentationLossForward(p, t["logits"], t["target"], t["sums"]);
            backend.SegmentationLossBackward(p, t["logits"], t["target"], t["sums"], 1, t["dlogits"]);
        });
        return (results[2], results[3]);
    }

    private static void RequireLoss(LossProblem p, float[] sums, double crossEntropy, double dice)
    {
        var actual = LossFromSums.Evaluate(p, Array.ConvertAll(sums, s => (double)s));
        RequireClose("cross-entropy", [crossEntropy], [(float)actual.CrossEntropy], Printed);
        RequireClose("Dice loss", [dice], [(float)actual.Dice], Printed);
    }

    private static double[] Foreground(params double[][] samples) => [.. samples.SelectMany(s => s)];

    private static double[] Add(double[] a, double[] b) => [.. a.Zip(b, (x, y) => x + y)];

    /// <summary>One map of one sample of four voxels.</summary>
    private static float[] Map(float[] values, int channels, int sample, int channel) =>
        [.. Enumerable.Range(0, 4).Select(v => values[(((sample * 4) + v) * channels) + channel])];

    private IEnumerable<LossProblem> Merges => Problems.Where(p => !p.BatchDice);

    /// <summary>Marks at random, of class 0 as well, which the softmax must not look at.</summary>
    private static Operand Unlabelled(LossProblem p, Random random)
    {
        var shape = Backend.UnlabelledShape(p.N, p.C);
        return Operand.Input("unlabelled", shape, RandomValues.Whole(random, shape.Length, 2));
    }

    private IEnumerable<(int N, Extent Spatial, int Channels)> Sizes(Random random)
    {
        yield return (1, Extent.One, 2);
        yield return (2, new(1, 3, 5), 1);
        yield return (2, new(3, 5, 7), 3);
        yield return (3, new(1, 7, 5), 4);
        yield return (1, new(2, 3, 5), 17);
        yield return (random.Next(1, 4), new(random.Next(1, 5), random.Next(1, 6), random.Next(1, 7)), random.Next(1, 10));
        if (!TinyShapesOnly)
        {
            yield return (2, new(17, 19, 23), 2);
            yield return (2, new(5, 7, 11), 33);
            yield return (1, new(3, 4, 5), 105);
        }
    }

    /// <summary>
    /// Random labels or region maps, a fifth of the voxels ignored where that is possible; some classes may be absent.
    /// </summary>
    private static Operand Target(LossProblem p, Random random)
    {
        var shape = p.TargetShape;
        var values = RandomValues.Whole(random, shape.Length, p.Regions ? 2 : Math.Max(2, p.C - random.Next(2)));
        if (p.IgnoreLabel >= 0)
        {
            for (var i = shape.C - 1; i < values.Length; i += shape.C)
            {
                var ignored = random.Next(5) == 0;
                values[i] = p.Regions ? (ignored ? 1 : 0) : (ignored ? p.IgnoreLabel : values[i]);
            }
        }

        return Operand.Input("target", shape, values);
    }

    private static float[] ReferenceSums(LossProblem p, float[] logits, Operand target)
    {
        using var reference = new ReferenceBackend();
        Tensor New(Shape shape) => new(reference.Allocate(shape.Length), 0, shape);
        var (z, t, s) = (New(p.LogitsShape), New(p.TargetShape), New(p.SumsShape));
        reference.Upload(logits, z);
        reference.Upload(target.Values, t);
        reference.SegmentationLossForward(p, z, t, s);
        var sums = new float[p.SumsShape.Length];
        reference.Download(s, sums);
        return sums;
    }
}
