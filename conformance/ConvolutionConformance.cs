using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.Conformance;

/// <summary>Convolution: three passes, one or two inputs.</summary>
public sealed class ConvolutionConformance(ConformanceTarget target) : ConformanceSuite(target)
{
    /// <summary>
    /// A sum of K ≤ 10⁴ float32 products is off by about √K·2⁻²⁴ ≈ 6·10⁻⁶ of its size; the rest is a margin for methods that add
    /// and subtract the inputs first (Winograd). A wrong tap or border is off by 10⁻² or more. The absolute part is for terms of
    /// size 1 that cancel in a tensor of one element.
    /// </summary>
    private Tolerance Close => Products(new(1e-4, Absolute: 1e-6));

    private IEnumerable<ConvProblem> Problems => ConvolutionProblems.All(NewRandom(), TinyShapesOnly, LargestWork);

    [Check]
    public void Forward_matches_float64_reference() => ForEach(Problems, (p, random) =>
    {
        foreach (var withBias in Variants(p, random))
        {
            List<Operand> operands =
            [
                .. Inputs(p, random), Weights(p, random), Operand.Output("y", p.OutputShape, Close).In(Kept(random)),
            ];
            if (withBias)
            {
                operands.Add(Operand.Input("b", Shape.Vector(p.Cout), RandomValues.Uniform(random, p.Cout)));
            }

            Compare(operands, (backend, t) => backend.ConvForward(p, t["x"], t.Find("x2"), t["w"], t.Find("b"), t["y"]));
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
                Operand.Sum("dx", p.InputShape, accumulate, random, Close).In(kept),
            ];
            if (p.Cin2 > 0)
            {
                operands.Add(Operand.Sum("dx2", p.Input2Shape, !accumulate, random, Close).In(kept));
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
                Operand.Sum("dx", ofSecond ? p.Input2Shape : p.InputShape, accumulate, random, Close).In(Kept(random)),
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
                .. Inputs(p, random), OutputGradient(p, random), Operand.Sum("dw", p.WeightShape, accumulate, random, Close),
            ];
            if (accumulate || random.Next(2) == 0)
            {
                operands.Add(Operand.Sum("db", Shape.Vector(p.Cout), accumulate, random, Close));
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
            Operand.Output("y", p.OutputShape, Close),
            Operand.Output("dx", p.InputShape, Close), Operand.Output("dw", p.WeightShape, Close),
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
            RequireClose("y", expected, results[2], Close);
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
        if (!(Math.Abs(expected - actual) <= Close.Relative * scale))
        {
            throw new ConformanceException($"{name} is {actual:R}, <y, dy> is {expected:R}; norms {scale:G4}");
        }
    }
}
