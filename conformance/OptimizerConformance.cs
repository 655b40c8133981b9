using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.Conformance;

/// <summary>The two optimisers and the gradient norm.</summary>
public sealed class OptimizerConformance(ConformanceTarget target) : ConformanceSuite(target)
{
    /// <summary>Some ten float32 roundings per step, relative to weights of size 1.</summary>
    private static readonly Tolerance Close = new(2e-6);

    /// <summary>Random terms of size 0.1 to 3 may cancel in a tensor of one element; the rounding of the terms stays.</summary>
    private static readonly Tolerance CloseState = Close with { Absolute = 2e-7 };

    private IEnumerable<int> Lengths => TinyShapesOnly ? [1, 15, 16, 33, 257] : [1, 2, 15, 16, 17, 31, 33, 257, 4099, 200_003];

    [Check]
    public void Sgd_matches_float64_reference_over_three_steps() => ForEach(Lengths, (length, random) =>
    {
        var step = new SgdStep(0.01f, 0.99f, 3e-5f, GradientScale: 0.7f);
        Operand[] operands =
        [
            State("theta", length, random), Zero("velocity", length), .. Gradients(length, random),
        ];
        Compare(operands, (backend, t) =>
        {
            for (var i = 1; i <= 3; i++)
            {
                backend.SgdStep(step, t["theta"], t[$"gradient {i}"], t["velocity"]);
            }
        });
    });

    [Check]
    public void Adam_matches_float64_reference_over_three_steps() => ForEach(Lengths, (length, random) =>
    {
        foreach (var amsGrad in new[] { false, true })
        {
            List<Operand> operands =
            [
                State("theta", length, random), Zero("m", length), Zero("v", length), .. Gradients(length, random),
            ];
            if (amsGrad)
            {
                operands.Add(Zero("vmax", length));
            }

            Compare(operands, (backend, t) =>
            {
                for (var i = 1; i <= 3; i++)
                {
                    var step = new AdamStep(3e-4f, i, 3e-5f, amsGrad, GradientScale: 0.7f);
                    backend.AdamStep(step, t["theta"], t[$"gradient {i}"], t["m"], t["v"], t.Find("vmax"));
                }
            });
        }
    });

    /// <summary>docs/method/losses-and-optimisers.md §8, SGD with η = 0.01, μ = 0.99, λ = 3e-5.</summary>
    [Check]
    public void Sgd_gives_the_worked_trace()
    {
        double[][] thetas = [[0.990049403, -1.980098806], [0.980173018, -1.960346036], [0.974860106, -1.985540211]];
        double[][] velocities = [[0.500030000, -1.000060000], [0.745059401, -1.490118803], [0.637638213, 0.524723575]];
        for (var steps = 1; steps <= 3; steps++)
        {
            var results = Run([Start(1, -2), Zero("velocity", 2), .. TraceGradients()], (backend, t) =>
            {
                for (var i = 1; i <= steps; i++)
                {
                    backend.SgdStep(new SgdStep(0.01f, 0.99f, 3e-5f), t["theta"], t[$"gradient {i}"], t["velocity"]);
                }
            });
            RequireClose($"theta after step {steps}", thetas[steps - 1], results[0], Close);
            RequireClose($"velocity after step {steps}", velocities[steps - 1], results[1], Close);
        }
    }

    /// <summary>
    /// docs/method/losses-and-optimisers.md §8, Adam with η = 3e-4, λ = 3e-5; here v never falls, so AMSGrad gives the same.
    /// </summary>
    [Check]
    public void Adam_gives_the_worked_trace()
    {
        double[][] thetas = [[0.999700000, -1.999700000], [0.999420343, -1.999420343], [0.999241314, -1.999482237]];
        double[][] firsts = [[0.050003000, -0.100006000], [0.070005699, -0.140011399], [0.053008127, 0.073983743]];
        double[][] seconds =
            [[0.000250030001, 0.001000120004], [0.000312294967, 0.001249179878], [0.000321976677, 0.005247690771]];
        foreach (var amsGrad in new[] { false, true })
        {
            for (var steps = 1; steps <= 3; steps++)
            {
                var results = RunAdam(amsGrad, steps, Start(1, -2), 3e-5f, TraceGradients());
                RequireClose($"theta after step {steps}", thetas[steps - 1], results[0], Close);
                RequireClose($"m after step {steps}", firsts[steps - 1], results[1], Close);
                RequireClose($"v after step {steps}", seconds[steps - 1], results[2], Close);
            }
        }
    }

    /// <summary>docs/method/losses-and-optimisers.md §8: the trace in which v falls and AMSGrad keeps its maximum.</summary>
    [Check]
    public void Adam_and_AmsGrad_part_where_the_worked_trace_does()
    {
        double[] plain = [0.9997000000, 0.9994987593, 0.9993433915];
        double[] variance = [0.001000000000, 0.000999001000, 0.000998002999];
        double[] amsGrad = [0.9997000000, 0.9994988598, 0.9993436473];
        for (var steps = 1; steps <= 3; steps++)
        {
            Operand[] gradients = [Gradient(1, 1f), Gradient(2, 0.001f), Gradient(3, -0.001f)];
            var results = RunAdam(false, steps, Start(1), 0, gradients);
            RequireClose("theta", [plain[steps - 1]], results[0], new Tolerance(1e-7 * steps));
            RequireClose("v", [variance[steps - 1]], results[2], Close);
            results = RunAdam(true, steps, Start(1), 0, gradients);
            RequireClose("theta, AMSGrad", [amsGrad[steps - 1]], results[0], new Tolerance(1e-7 * steps));
            RequireClose("vmax", [0.001], results[^1], Close);
        }
    }

    [Check]
    public void SumOfSquares_matches_float64_reference() => ForEach(Lengths, (length, random) =>
    {
        foreach (var size in new[] { 1.0, 1e-18, 1e25 })
        {
            var values = RandomValues.Uniform(random, length, size);
            var expected = values.Sum(v => (double)v * v);
            var (first, second) = (SumOfSquares(values), SumOfSquares(values));
            Require.True(
                Math.Abs(first - expected) <= 1e-6 * expected, $"values of size {size}: {first:R}, expected {expected:R}");
            Require.Equal(BitConverter.DoubleToInt64Bits(first), BitConverter.DoubleToInt64Bits(second));
        }
    });

    [Check]
    public void SumOfSquares_is_not_finite_if_any_element_is_not() => ForEach(Lengths, (length, random) =>
    {
        foreach (var bad in new[] { float.NaN, float.PositiveInfinity, float.NegativeInfinity })
        {
            var values = RandomValues.Uniform(random, length);
            values[random.Next(length)] = bad;
            Require.False(double.IsFinite(SumOfSquares(values)));
        }
    });

    [Check]
    public void Vmax_without_AmsGrad_is_refused()
    {
        using var theta = new GuardedTensor(Device, Shape.Vector(3), new float[3]);
        var t = theta.Tensor;
        Require.Throws<ShapeException>(() => Device.AdamStep(new AdamStep(1e-3f, 1, 0, AmsGrad: false), t, t, t, t, t));
        Require.Throws<ShapeException>(() => Device.AdamStep(new AdamStep(1e-3f, 1, 0, AmsGrad: true), t, t, t, t, null));
    }

    private float[][] RunAdam(bool amsGrad, int steps, Operand theta, float weightDecay, IEnumerable<Operand> gradients)
    {
        var length = (int)theta.Shape.Length;
        List<Operand> operands = [theta, Zero("m", length), Zero("v", length), .. gradients];
        if (amsGrad)
        {
            operands.Add(Zero("vmax", length));
        }

        return Run(operands, (backend, t) =>
        {
            for (var i = 1; i <= steps; i++)
            {
                var step = new AdamStep(3e-4f, i, weightDecay, amsGrad);
                backend.AdamStep(step, t["theta"], t[$"gradient {i}"], t["m"], t["v"], t.Find("vmax"));
            }
        });
    }

    private double SumOfSquares(float[] values)
    {
        using var tensor = new GuardedTensor(Device, Shape.Vector(values.Length), values);
        return Device.SumOfSquares(tensor.Tensor);
    }

    private static Operand State(string name, int length, Random random) =>
        Operand.InOut(name, Shape.Vector(length), RandomValues.Uniform(random, length), CloseState);

    private static Operand Zero(string name, int length) =>
        Operand.InOut(name, Shape.Vector(length), new float[length], CloseState);

    private static Operand Start(params float[] values) => Operand.InOut("theta", Shape.Vector(values.Length), values, Close);

    private static Operand Gradient(int step, params float[] values) =>
        Operand.Input($"gradient {step}", Shape.Vector(values.Length), values);

    /// <summary>The gradients of the three steps of the specification's first trace.</summary>
    private static IEnumerable<Operand> TraceGradients() =>
        [Gradient(1, 0.5f, -1f), Gradient(2, 0.25f, -0.5f), Gradient(3, -0.1f, 2f)];

    private static Operand[] Gradients(int length, Random random) =>
        [.. Enumerable.Range(1, 3).Select(i => Gradient(i, RandomValues.Uniform(random, length)))];
}
