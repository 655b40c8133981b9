using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.Conformance;

/// <summary>Transposed convolution whose kernel is its stride: three passes.</summary>
public sealed class TransposedConvolutionConformance(ConformanceTarget target) : ConformanceSuite(target)
{
    /// <summary>Plain sums of up to 10⁴ float32 products: √K·2⁻²⁴ is below 10⁻⁵ of the largest.</summary>
    private Tolerance Close(double terms) => Products(2e-5, terms);

    private IEnumerable<TransposedConvProblem> Problems
    {
        get
        {
            var random = NewRandom();
            TransposedConvProblem[] listed =
            [
                new(1, Extent.One, 1, 1, Extent.One),
                new(1, Extent.One, 3, 2, new(2, 2, 2)),
                new(1, new(3, 4, 5), 32, 16, new(2, 2, 2)),
                new(2, new(2, 3, 5), 33, 30, new(1, 2, 2)),
                new(1, new(1, 7, 11), 16, 32, new(1, 2, 2)),
                new(1, new(5, 3, 2), 30, 30, new(2, 1, 1)),
                new(1, new(2, 3, 2), 17, 5, new(3, 2, 4)),
                new(2, new(4, 4, 4), 64, 32, new(2, 2, 2)),
                new(1, new(1, 1, 13), 8, 48, new(1, 1, 2)),
                new(1, new(7, 5, 3), 1, 33, new(2, 2, 2)),
                new(1, new(3, 3, 3), 128, 64, new(2, 2, 2)),
                new(2, new(5, 7, 11), 23, 40, new(1, 2, 3)),
            ];
            var drawn = Enumerable.Range(0, TinyShapesOnly ? 4 : 8).Select(_ => new TransposedConvProblem(
                random.Next(1, 3), new(random.Next(1, 6), random.Next(1, 8), random.Next(1, 12)), random.Next(1, 41),
                random.Next(1, 41),
                new(random.Next(1, 3), random.Next(1, 4), random.Next(1, 4)))).ToArray();
            return listed.Concat(drawn).Select(p => TinyShapesOnly ? Shrink(p) : p)
                .Distinct().Where(p => p.MinimumWork.Flops / 2 <= LargestWork);
        }
    }

    [Check]
    public void Forward_matches_float64_reference() => ForEach(Problems, (p, random) =>
    {
        foreach (var withBias in new[] { true, false })
        {
            List<Operand> operands =
            [
                Random("x", p.InputShape, random).In(Kept(random)), Random("w", p.WeightShape, random),
                Operand.Output("y", p.OutputShape, Close(p.Cin)).In(Kept(random)),
            ];
            if (withBias)
            {
                operands.Add(Random("b", Shape.Vector(p.Cout), random));
            }

            Compare(operands, (backend, t) => backend.TransposedConvForward(p, t["x"], t["w"], t.Find("b"), t["y"]));
        }
    });

    [Check]
    public void Backward_data_matches_float64_reference() => ForEach(Problems, (p, random) =>
    {
        foreach (var accumulate in new[] { true, false })
        {
            Operand[] operands =
            [
                Random("dy", p.OutputShape, random).In(Kept(random)), Random("w", p.WeightShape, random),
                Operand.Sum("dx", p.InputShape, accumulate, random, Close(p.Cout * p.Stride.Voxels)).In(Kept(random)),
            ];
            Compare(operands, (backend, t) => backend.TransposedConvBackwardData(p, t["dy"], t["w"], t["dx"], accumulate));
        }
    });

    [Check]
    public void Backward_weights_matches_float64_reference() => ForEach(Problems, (p, random) =>
    {
        foreach (var accumulate in new[] { true, false })
        {
            List<Operand> operands =
            [
                Random("x", p.InputShape, random).In(Kept(random)), Random("dy", p.OutputShape, random).In(Kept(random)),
                Operand.Sum("dw", p.WeightShape, accumulate, random, Close(p.N * p.Input.Voxels)),
            ];
            if (accumulate || random.Next(2) == 0)
            {
                operands.Add(Operand.Sum("db", Shape.Vector(p.Cout), accumulate, random, Close(p.N * p.Output.Voxels)));
            }

            Compare(operands, (backend, t) =>
                backend.TransposedConvBackwardWeights(p, t["x"], t["dy"], t["dw"], t.Find("db"), accumulate));
        }
    });

    /// <summary>docs/method/networks.md §2.2 (a): one channel, bias 0.5.</summary>
    [Check]
    public void Forward_gives_the_worked_example_with_bias()
    {
        var p = new TransposedConvProblem(1, new(1, 2, 2), 1, 1, new(1, 2, 2));
        Operand[] operands =
        [
            Operand.Input("x", p.InputShape, [1, 2, 3, 4]), Operand.Input("w", p.WeightShape, [1, 2, 3, 4]),
            Operand.Input("b", Shape.Vector(1), [0.5f]), Operand.Output("y", p.OutputShape, Close(p.Cin)),
        ];
        var results = Run(operands, (backend, t) => backend.TransposedConvForward(p, t["x"], t["w"], t["b"], t["y"]));
        RequireClose(
            "y", [1.5, 2.5, 2.5, 4.5, 3.5, 4.5, 6.5, 8.5, 3.5, 6.5, 4.5, 8.5, 9.5, 12.5, 12.5, 16.5], results[3], Close(p.Cin));
    }

    /// <summary>
    /// docs/method/networks.md §2.2 (b): two input channels; the weight (r, cin, cout) interleaves the two 2×2 kernels.
    /// </summary>
    [Check]
    public void Forward_gives_the_worked_example_with_two_channels()
    {
        var p = new TransposedConvProblem(1, new(1, 1, 2), 2, 1, new(1, 2, 2));
        Operand[] operands =
        [
            Operand.Input("x", p.InputShape, [1, 2, -1, 0.5f]),
            Operand.Input("w", p.WeightShape, [1, 0.5f, 0, 1, 0, 1, 1, 0.5f]), Operand.Output("y", p.OutputShape, Close(p.Cin)),
        ];
        var results = Run(operands, (backend, t) => backend.TransposedConvForward(p, t["x"], t["w"], null, t["y"]));
        RequireClose("y", [2, 2, -0.75, 0.5, 2, 2, 0.5, -0.75], results[2], Close(p.Cin));
    }

    private static TransposedConvProblem Shrink(in TransposedConvProblem p) => p with
    {
        Input = new Extent(Math.Min(p.Input.Z, 2), Math.Min(p.Input.Y, 3), Math.Min(p.Input.X, 4)),
        Cin = Math.Min(p.Cin, 33),
        Cout = Math.Min(p.Cout, 40),
    };

    private static Operand Random(string name, Shape shape, Random random) =>
        Operand.Input(name, shape, RandomValues.Uniform(random, shape.Length));
}
