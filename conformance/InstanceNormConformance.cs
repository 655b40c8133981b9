using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.Conformance;

/// <summary>Instance normalisation fused with leaky ReLU: statistics, apply, backward.</summary>
public sealed class InstanceNormConformance(ConformanceTarget target) : ConformanceSuite(target)
{
    /// <summary>
    /// A handful of float32 operations per element on values up to 7, and sums over at most 10⁵ voxels in float32 partial sums.
    /// The absolute part is for means and results that happen to be small.
    /// </summary>
    private static readonly Tolerance Close = new(1e-5, Absolute: 2e-6);

    private const double RelativeOfSums = 5e-5;

    /// <summary>Sums over voxels of terms of both signs: the error follows the terms, not the sum.</summary>
    private static Tolerance CloseSum(InstanceNormProblem p) =>
        new(RelativeOfSums, Absolute: 1e-5 + RoundingOfASum(p.N * p.Spatial.Voxels));

    private IEnumerable<InstanceNormProblem> Problems
    {
        get
        {
            var random = NewRandom();
            InstanceNormProblem[] listed =
            [
                new(1, Extent.One, 1, 0.01f),
                new(2, Extent.One, 33, 0.01f),
                new(1, new(1, 1, 2), 5, 0.01f),
                new(1, new(1, 4, 4), 16, 1f),
                new(2, new(3, 5, 7), 30, 0.01f),
                new(3, new(1, 11, 13), 32, 0.01f),
                new(1, new(7, 5, 3), 33, 0.2f),
                new(2, new(5, 6, 7), 64, 1f),
                new(1, new(19, 23, 29), 1, 0.01f),
                new(1, new(32, 33, 34), 17, 0.01f),
                new(1, new(2, 3, 4), 320, 0.01f),
                new(1, new(9, 8, 7), 48, 0.01f, 1e-3f),
            ];
            var drawn = Enumerable.Range(0, TinyShapesOnly ? 3 : 8).Select(_ => new InstanceNormProblem(
                random.Next(1, 4), new(random.Next(1, 9), random.Next(1, 12), random.Next(1, 20)), random.Next(1, 70),
                0.01f)).ToArray();
            return listed.Concat(drawn).Select(p => TinyShapesOnly ? Shrink(p) : p)
                .Distinct().Where(p => p.ActivationShape.Length <= LargestWork);
        }
    }

    [Check]
    public void Statistics_match_float64_reference() => ForEach(Problems, (p, random) =>
    {
        Operand[] operands =
        [
            Operand.Input("x", p.ActivationShape, Activations(p, random)).In(Kept(random)),
            Operand.Output("mean", p.StatisticsShape, Close), Operand.Output("rstd", p.StatisticsShape, Close),
        ];
        Compare(operands, (backend, t) => backend.InstanceNormStatistics(p, t["x"], t["mean"], t["rstd"]));
    });

    [Check]
    public void Apply_matches_float64_reference() => ForEach(Problems, (p, random) =>
    {
        var kept = Kept(random);
        Operand[] operands = [.. NormInputs(p, kept, random), Operand.Output("y", p.ActivationShape, Close).In(kept)];
        Compare(
            operands, (backend, t) => backend.InstanceNormApply(p, t["x"], t["mean"], t["rstd"], t["gamma"], t["beta"], t["y"]));
    });

    [Check]
    public void Apply_in_place_matches_float64_reference() => ForEach(Problems, (p, random) =>
    {
        var kept = Kept(random);
        var operands = NormInputs(p, kept, random)
            .Select(o => o.Name == "x" ? (o with { Written = true, Tolerance = Close }).In(kept) : o).ToArray();
        Compare(
            operands, (backend, t) => backend.InstanceNormApply(p, t["x"], t["mean"], t["rstd"], t["gamma"], t["beta"], t["x"]));
    });

    [Check]
    public void Backward_matches_float64_reference() => ForEach(Problems, (p, random) =>
    {
        foreach (var accumulate in new[] { false, true })
        {
            var kept = Kept(random);
            var inputs = NormInputs(p, kept, random);
            Operand[] operands =
            [
                .. inputs, OutputGradient(p, random).In(kept),
                Operand.Output("dx", p.ActivationShape, CloseDifference(inputs)).In(kept),
                .. ParameterGradients(p, accumulate, random),
            ];
            Compare(operands, (backend, t) => backend.InstanceNormBackward(
                p, t["dy"], t["x"], t["mean"], t["rstd"], t["gamma"], t["beta"], t["dx"], t["dgamma"], t["dbeta"], accumulate));
        }
    });

    [Check]
    public void Backward_in_place_matches_float64_reference() => ForEach(Problems, (p, random) =>
    {
        var kept = Kept(random);
        var inputs = NormInputs(p, kept, random);
        Operand[] operands =
        [
            .. inputs, (OutputGradient(p, random) with { Written = true, Tolerance = CloseDifference(inputs) }).In(kept),
            .. ParameterGradients(p, accumulate: false, random),
        ];
        Compare(operands, (backend, t) => backend.InstanceNormBackward(
            p, t["dy"], t["x"], t["mean"], t["rstd"], t["gamma"], t["beta"], t["dy"], t["dgamma"], t["dbeta"], false));
    });

    /// <summary>
    /// docs/method/networks.md §2.6, accumulation: E[x²] − E[x]² in float32 gives variance 0 here. The true one is 1.252443e-4.
    /// </summary>
    [Check]
    public void Variance_survives_a_large_mean()
    {
        var p = new InstanceNormProblem(1, new(1, 2, 2), 1, 1f);
        Operand[] operands =
        [
            Operand.Input("x", p.ActivationShape, [1000.00f, 1000.01f, 1000.02f, 1000.03f]),
            Operand.Output("mean", p.StatisticsShape, Close), Operand.Output("rstd", p.StatisticsShape, Close),
        ];
        var results = Run(operands, (backend, t) => backend.InstanceNormStatistics(p, t["x"], t["mean"], t["rstd"]));
        RequireClose("rstd", [1 / Math.Sqrt(1.252443e-4 + 1e-5)], results[2], new Tolerance(1e-4));
    }

    /// <summary>docs/method/networks.md §2.6, test: two channels of four voxels, without and with the leaky ReLU.</summary>
    [Check]
    public void All_passes_give_the_worked_example()
    {
        double[][] linear = [[-1.503565, -0.701783, 0.100000, 2.505348], [-0.996467, -0.571685, -0.359293, 1.127445]];
        double[][] linearGradient = [[0.097359, -0.211900, 0.120267, -0.005726], [0.216602, 0.044443, -0.360223, 0.099178]];
        double[][] leaky = [[-0.015036, -0.007018, 0.100000, 2.505348], [-0.009965, -0.005717, -0.003593, 1.127445]];
        double[][] leakyGradient = [[-0.001862, -0.072991, 0.100423, -0.025571], [0.019302, -0.005576, -0.021202, 0.007476]];

        var results = RunExample(slope: 1f);
        RequireClose("mean", [3.000000, 0.875000], results.Mean, Printed);
        RequireClose("rstd", [0.534522, 0.530978], results.Rstd, Printed);
        RequireClose("y", ChannelsLast.FromMaps(linear), results.Y, Printed);
        RequireClose("dx", ChannelsLast.FromMaps(linearGradient), results.Dx, Printed);
        RequireClose("dgamma", [0.641426, -0.713502], results.Dgamma, Printed);
        RequireClose("dbeta", [0.600000, 1.250000], results.Dbeta, Printed);

        results = RunExample(slope: 0.01f);
        RequireClose("y", ChannelsLast.FromMaps(leaky), results.Y, Printed);
        RequireClose("dx", ChannelsLast.FromMaps(leakyGradient), results.Dx, Printed);
    }

    /// <summary>Six printed decimals, and float32.</summary>
    private static Tolerance Printed => new(1e-6, Absolute: 6e-7);

    private (float[] Mean, float[] Rstd, float[] Y, float[] Dx, float[] Dgamma, float[] Dbeta) RunExample(float slope)
    {
        var p = new InstanceNormProblem(1, new(1, 2, 2), 2, slope);
        Operand[] operands =
        [
            Operand.Input("x", p.ActivationShape, ChannelsLast.Floats([1, 2, 3, 6], [-1, 0, 0.5, 4])),
            Operand.Input("dy", p.ActivationShape, ChannelsLast.Floats([0.1, -0.2, 0.3, 0.4], [1, 0.5, -0.5, 0.25])),
            Operand.Input("gamma", p.ParameterShape, [1.5f, 0.8f]), Operand.Input("beta", p.ParameterShape, [0.1f, -0.2f]),
            Operand.Output("mean", p.StatisticsShape, Close), Operand.Output("rstd", p.StatisticsShape, Close),
            Operand.Output("y", p.ActivationShape, Close), Operand.Output("dx", p.ActivationShape, Close),
            Operand.Output("dgamma", p.ParameterShape, Close), Operand.Output("dbeta", p.ParameterShape, Close),
        ];
        var results = Run(operands, (backend, t) =>
        {
            backend.InstanceNormStatistics(p, t["x"], t["mean"], t["rstd"]);
            backend.InstanceNormApply(p, t["x"], t["mean"], t["rstd"], t["gamma"], t["beta"], t["y"]);
            backend.InstanceNormBackward(
                p, t["dy"], t["x"], t["mean"], t["rstd"], t["gamma"], t["beta"], t["dx"], t["dgamma"], t["dbeta"], false);
        });
        return (results[4], results[5], results[6], results[7], results[8], results[9]);
    }

    /// <summary>
    /// dx = gamma·rstd·(d − A/V − x̂·B/V) is a difference of terms as large as gamma·rstd·d, and with few voxels almost nothing
    /// remains: the rounding error is a share of the terms.
    /// </summary>
    private static Tolerance CloseDifference(Operand[] normInputs)
    {
        var gamma = normInputs.Single(o => o.Name == "gamma").Values!.Max(Math.Abs);
        var rstd = normInputs.Single(o => o.Name == "rstd").Values!.Max();
        return new(RelativeOfSums, Absolute: 1e-6 * gamma * rstd);
    }

    private static InstanceNormProblem Shrink(in InstanceNormProblem p) => p with
    {
        N = Math.Min(p.N, 2),
        Spatial = new Extent(Math.Min(p.Spatial.Z, 3), Math.Min(p.Spatial.Y, 5), Math.Min(p.Spatial.X, 7)),
        C = Math.Min(p.C, 40),
    };

    private static Operand OutputGradient(InstanceNormProblem p, Random random) =>
        Operand.Input("dy", p.ActivationShape, RandomValues.Uniform(random, p.ActivationShape.Length));

    private static IEnumerable<Operand> ParameterGradients(InstanceNormProblem p, bool accumulate, Random random)
    {
        yield return Operand.Sum("dgamma", p.ParameterShape, accumulate, random, CloseSum(p));
        yield return Operand.Sum("dbeta", p.ParameterShape, accumulate, random, CloseSum(p));
    }

    /// <summary>Values around a different mean in every channel, as a convolution produces them.</summary>
    private static float[] Activations(InstanceNormProblem p, Random random)
    {
        var values = RandomValues.Uniform(random, p.ActivationShape.Length, radius: 2);
        var means = RandomValues.Uniform(random, p.C, radius: 5);
        for (var i = 0; i < values.Length; i++)
        {
            values[i] += means[i % p.C];
        }

        return values;
    }

    /// <summary>
    /// x, its statistics, gamma and beta, such that no z = gamma·(x − mean)·rstd + beta lies near the kink at 0, where rounding
    /// decides the slope and any two implementations may differ. The first channel of several has gamma = 0, as residual blocks
    /// start with.
    /// </summary>
    private static Operand[] NormInputs(InstanceNormProblem p, ElementType kept, Random random)
    {
        const double Kink = 1e-4;
        var x = Activations(p, random);
        var gamma = RandomValues.Uniform(random, p.C, radius: 0.5, centre: 1);
        var beta = RandomValues.Uniform(random, p.C, radius: 0.9, centre: 1);
        for (var c = 0; c < p.C; c++)
        {
            gamma[c] *= random.Next(3) == 0 ? -1 : 1;
            beta[c] *= random.Next(2) == 0 ? -1 : 1;
        }

        if (p.C > 1)
        {
            gamma[0] = 0;
        }

        using var reference = new ReferenceBackend();
        Tensor New(Shape shape) => new(reference.Allocate(shape.Length), 0, shape);
        var (input, mean, rstd) = (New(p.ActivationShape), New(p.StatisticsShape), New(p.StatisticsShape));
        var (means, rstds) = (new float[p.StatisticsShape.Length], new float[p.StatisticsShape.Length]);
        var voxels = (int)p.Spatial.Voxels;
        for (var moved = true; moved;)
        {
            moved = false;
            x = [.. x.Select(value => kept.Rounded(value))];
            reference.Upload(x, input);
            reference.InstanceNormStatistics(p, input, mean, rstd);
            reference.Download(mean, means);
            reference.Download(rstd, rstds);
            for (var i = 0; i < x.Length; i++)
            {
                var c = i % p.C;
                var channel = (i / (voxels * p.C) * p.C) + c;
                var z = (gamma[c] * ((double)x[i] - means[channel]) * rstds[channel]) + beta[c];
                if (Math.Abs(z) < Kink)
                {
                    x[i] += 0.05f;                        // more than bfloat16's step at 7
                    moved = true;
                }
            }
        }

        return
        [
            Operand.Input("x", p.ActivationShape, x).In(kept), Operand.Input("mean", p.StatisticsShape, means),
            Operand.Input("rstd", p.StatisticsShape, rstds), Operand.Input("gamma", p.ParameterShape, gamma),
            Operand.Input("beta", p.ParameterShape, beta),
        ];
    }
}
