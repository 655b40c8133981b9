using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.Conformance;

/// <summary>Convolution: three passes, one or two inputs.</summary>
public sealed class ConvolutionConformance(ConformanceTarget target) : ConformanceSuite(target)
{
    /// <summary>
    /// A sum of K ≤ 10⁴ float32 products is off by about √K·2⁻²⁴ ≈ 6·10⁻⁶ of its size; the rest is a margin for methods that add
    /// and subtract the inputs first (Winograd). A wrong tap or border is off by 10⁻² or more.
    /// </summary>
    private Tolerance Close(double terms) => Products(1e-4, terms);

    private Tolerance CloseForward(ConvProblem p) => Close(p.CinTotal * p.Kernel.Voxels);

    private Tolerance CloseByData(ConvProblem p) => Close(p.Cout * p.Kernel.Voxels);

    private Tolerance CloseByWeights(ConvProblem p) => Close(p.N * p.Output.Voxels);

    private IEnumerable<ConvProblem> Problems => ConvolutionProblems.All(NewRandom(), TinyShapesOnly, LargestWork);

    [Check]
    public void Forward_matches_float64_reference() => ForEach(Problems, (p, random) =>
    {
        foreach (var withBias in Variants(p, random))
        {
            List<Operand> operands =
            [
                .. Inputs(p, random), Weights(p, random), Operand.Output("y", p.OutputShape, CloseForward(p)).In(Kept(random)),
            ];
            if (withBias)
            {
                operands.Add(Operand.Input("b", Shape.Vector(p.Cout), RandomValues.Uniform(random, p.Cout)));
            }

            Compare(operands, (backend, t) => backend.ConvForward(p, t["x"], t.Find("x2"), t["w"], t.Find("b"), t["y"]));
        }
    });

    /// <summary>
    /// Statistics are those of the y that was written, whose mean a bias makes up to a thousand times its deviation: float32
    /// knows the mean to 6·10⁻⁵, so that variances are off by about 10⁻⁴ of themselves; by E[x²] − E[x]² they would be lost. The
    /// other way round a mean may happen to be small beside its deviation, whose size its rounding then has. The constant part
    /// is for channels that rounding to 16 bits makes constant.
    /// </summary>
    [Check]
    public void Measured_forward_leaves_the_statistics_of_what_it_writes() => ForEach(Problems, (p, random) =>
    {
        const float Epsilon = 1e-3f;
        foreach (var far in Variants(p, random))
        {
            var (vector, perChannel, close) = (Shape.Vector(p.Cout), Shape.PerChannel(p.N, p.Cout), CloseForward(p));
            var kept = Kept(random);
            Operand[] operands =
            [
                Operand.Output("y", p.OutputShape, close).In(kept), Operand.Output("same", p.OutputShape, close).In(kept),
                Operand.Output("mean", perChannel, close), Operand.Output("rstd", perChannel, close),
                Operand.Output("mean again", perChannel, close), Operand.Output("rstd again", perChannel, close),
                .. Inputs(p, random), Weights(p, random),
                Operand.Input("b", vector, RandomValues.Uniform(random, p.Cout, centre: far ? 1000 : 0)),
            ];
            var results = Run(operands, (backend, t) =>
            {
                backend.ConvForward(p, t["x"], t.Find("x2"), t["w"], t["b"], t["same"]);
                backend.ConvForwardMeasured(
                    p, t["x"], t.Find("x2"), t["w"], t["b"], t["y"], Epsilon, t["mean again"], t["rstd again"]);
                backend.ConvForwardMeasured(
                    p, t["x"], t.Find("x2"), t["w"], t["b"], t["y"], Epsilon, t["mean"], t["rstd"]);
            });
            var (y, mean, rstd) = (results[0], results[2], results[3]);
            RequireClose("y", [.. results[1].Select(value => (double)value)], y, Tolerance.Exact);
            var expected = StatisticsOf(y, p, Epsilon);
            var deviation = 1 / expected.Rstd.Min();
            RequireClose("mean", expected.Mean, mean, new Tolerance(1e-5, Absolute: 2e-6 * (1 + deviation)));
            RequireClose("rstd", expected.Rstd, rstd, new Tolerance(1e-3, PerElement: true));
            RequireClose("mean again", [.. mean.Select(value => (double)value)], results[4], Tolerance.Exact);
            RequireClose("rstd again", [.. rstd.Select(value => (double)value)], results[5], Tolerance.Exact);
        }
    });

    [Check]
    public void Backward_data_matches_float64_reference() => ForEach(Problems, (p, random) =>
    {
        foreach (var accumulate in Variants(p, random))
        {
            var kept = Kept(random);
            List<Operand> operands =
            [
                OutputGradient(p, random), Weights(p, random),
                Operand.Sum("dx", p.InputShape, accumulate, random, CloseByData(p)).In(kept),
            ];
            if (p.Cin2 > 0)
            {
                operands.Add(Operand.Sum("dx2", p.Input2Shape, !accumulate, random, CloseByData(p)).In(kept));
            }

            Compare(operands, (backend, t) =>
                backend.ConvBackwardData(p, t["dy"], t["w"], t["dx"], accumulate, t.Find("dx2"), !accumulate));
        }
    });

    [Check]
    public void Backward_data_of_one_of_two_inputs_matches_float64_reference() =>
        ForEach(Problems.Where(p => p.Cin2 > 0), (p, random) =>
    {
        foreach (var ofSecond in Variants(p, random))
        {
            var accumulate = random.Next(2) == 0;
            Operand[] operands =
            [
                OutputGradient(p, random), Weights(p, random),
                Operand.Sum("dx", ofSecond ? p.Input2Shape : p.InputShape, accumulate, random, CloseByData(p)).In(Kept(random)),
            ];
            Compare(operands, (backend, t) => backend.ConvBackwardData(
                p, t["dy"], t["w"], ofSecond ? null : t["dx"], accumulate, ofSecond ? t["dx"] : null, accumulate));
        }
    });

    [Check]
    public void Backward_weights_matches_float64_reference() => ForEach(Problems, (p, random) =>
    {
        foreach (var accumulate in Variants(p, random))
        {
            List<Operand> operands =
            [
                .. Inputs(p, random), OutputGradient(p, random),
                Operand.Sum("dw", p.WeightShape, accumulate, random, CloseByWeights(p)),
            ];
            if (accumulate || random.Next(2) == 0)
            {
                operands.Add(Operand.Sum("db", Shape.Vector(p.Cout), accumulate, random, CloseByWeights(p)));
            }

            Compare(operands, (backend, t) =>
                backend.ConvBackwardWeights(p, t["x"], t.Find("x2"), t["dy"], t["dw"], t.Find("db"), accumulate));
        }
    });

    /// <summary>⟨conv(x, w), dy⟩ = ⟨x, dx⟩ = ⟨w, dw⟩: needs no reference, so it also guards the reference.</summary>
    [Check]
    public void Backward_passes_are_adjoint_to_forward() =>
        ForEach(Problems.Where(p => p.Cin2 == 0).Take(TinyShapesOnly ? 6 : 20), (p, random) =>
    {
        Operand[] operands =
        [
            Operand.Input("x", p.InputShape, RandomValues.Uniform(random, p.InputShape.Length)), Weights(p, random),
            Operand.Input("dy", p.OutputShape, RandomValues.Uniform(random, p.OutputShape.Length)),
            Operand.Output("y", p.OutputShape, CloseForward(p)),
            Operand.Output("dx", p.InputShape, CloseByData(p)), Operand.Output("dw", p.WeightShape, CloseByWeights(p)),
        ];
        var results = Run(operands, (backend, t) =>
        {
            backend.ConvForward(p, t["x"], null, t["w"], null, t["y"]);
            backend.ConvBackwardData(p, t["dy"], t["w"], t["dx"], accumulate: false);
            backend.ConvBackwardWeights(p, t["x"], null, t["dy"], t["dw"], null, accumulate: false);
        });
        var (x, w, dy, y, dx, dw) = (results[0], results[1], results[2], results[3], results[4], results[5]);
        var scale = Math.Sqrt(Dot(y, y) * Dot(dy, dy));
        RequireSame("<x, dx>", Dot(y, dy), Dot(x, dx), scale);
        RequireSame("<w, dw>", Dot(y, dy), Dot(w, dw), scale);
    });

    /// <summary>docs/method/networks.md §2.1: 4×4 input 1..16, 3×3 kernel 1..9.</summary>
    [Check]
    public void Forward_gives_the_worked_example()
    {
        var ramp = Enumerable.Range(1, 16).Select(i => (float)i).ToArray();
        Check(Extent.One, [111, 178, 217, 145, 231, 348, 393, 252, 363, 528, 573, 360, 197, 274, 295, 175]);
        Check(new Extent(1, 2, 2), [111, 217, 363, 573]);

        void Check(Extent stride, double[] expected)
        {
            var p = new ConvProblem(1, new Extent(1, 4, 4), 1, 0, 1, new Extent(1, 3, 3), stride);
            Operand[] operands =
            [
                Operand.Input("x", p.InputShape, ramp), Operand.Input("w", p.WeightShape, ramp[..9]),
                Operand.Output("y", p.OutputShape, Tolerance.Exact),
            ];
            var results = Run(operands, (backend, t) => backend.ConvForward(p, t["x"], null, t["w"], null, t["y"]));
            RequireClose("y", expected, results[2], CloseForward(p));
        }
    }

    [Check]
    public void Tensors_that_do_not_fit_the_problem_are_refused()
    {
        var p = new ConvProblem(1, new Extent(1, 4, 4), 2, 0, 3, new Extent(1, 3, 3), Extent.One);
        using var x = new GuardedTensor(Device, p.InputShape, new float[p.InputShape.Length]);
        using var w = new GuardedTensor(Device, p.WeightShape, new float[p.WeightShape.Length]);
        using var y = new GuardedTensor(Device, p.OutputShape, new float[p.OutputShape.Length]);
        Require.Throws<ShapeException>(() => Device.ConvForward(p, x.Tensor, x.Tensor, w.Tensor, null, y.Tensor));
        Require.Throws<ShapeException>(() => Device.ConvForward(p, y.Tensor, null, w.Tensor, null, y.Tensor));
        Require.Throws<ShapeException>(
            () => Device.ConvForward(p with { Kernel = new Extent(1, 2, 2) }, x.Tensor, null, w.Tensor, null, y.Tensor));
        Require.Throws<ShapeException>(() => Device.ConvBackwardData(p, y.Tensor, w.Tensor, null, false));
    }

    /// <summary>Both settings of a switch where that is cheap, a random one where it is not.</summary>
    private static IEnumerable<bool> Variants(ConvProblem p, Random random) =>
        ConvolutionProblems.MultiplyAdds(p) <= 300_000 ? [true, false] : [random.Next(2) == 0];

    private IEnumerable<Operand> Inputs(ConvProblem p, Random random)
    {
        var kept = Kept(random);
        yield return Operand.Input("x", p.InputShape, RandomValues.Uniform(random, p.InputShape.Length)).In(kept);
        if (p.Cin2 > 0)
        {
            yield return Operand.Input("x2", p.Input2Shape, RandomValues.Uniform(random, p.Input2Shape.Length)).In(kept);
        }
    }

    private static (double[] Mean, double[] Rstd) StatisticsOf(float[] y, ConvProblem p, double epsilon)
    {
        var (mean, square) = (new double[p.N * p.Cout], new double[p.N * p.Cout]);
        var voxels = y.Length / mean.Length;
        int ChannelOf(int i) => (i / (voxels * p.Cout) * p.Cout) + (i % p.Cout);
        for (var i = 0; i < y.Length; i++)
        {
            mean[ChannelOf(i)] += y[i] / (double)voxels;
        }

        for (var i = 0; i < y.Length; i++)
        {
            var difference = y[i] - mean[ChannelOf(i)];
            square[ChannelOf(i)] += difference * difference / voxels;
        }

        return (mean, [.. square.Select(value => 1 / Math.Sqrt(value + epsilon))]);
    }

    private static Operand Weights(ConvProblem p, Random random) =>
        Operand.Input("w", p.WeightShape, RandomValues.Uniform(random, p.WeightShape.Length));

    private Operand OutputGradient(ConvProblem p, Random random) =>
        Operand.Input("dy", p.OutputShape, RandomValues.Uniform(random, p.OutputShape.Length)).In(Kept(random));

    private static double Dot(float[] a, float[] b)
    {
        var sum = 0.0;
        for (var i = 0; i < a.Length; i++)
        {
            sum += (double)a[i] * b[i];
        }

        return sum;
    }

    private void RequireSame(string name, double expected, double actual, double scale)
    {
        if (!(Math.Abs(expected - actual) <= Close(1).Relative * scale))
        {
            throw new ConformanceException($"{name} is {actual:R}, <y, dy> is {expected:R}; norms {scale:G4}");
        }
    }
}
