using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.Conformance;

/// <summary>Element-wise operations, block sums and repeats, mirroring.</summary>
public sealed class PointwiseConformance(ConformanceTarget target) : ConformanceSuite(target)
{
    /// <summary>
    /// A few float32 roundings of values of the same size; the absolute part is for terms of size 1 that cancel in a tensor of
    /// one element.
    /// </summary>
    private static readonly Tolerance Close = new(1e-6, Absolute: 1e-6);

    private IEnumerable<Shape> Shapes
    {
        get
        {
            var random = NewRandom();
            Shape[] listed =
            [
                Shape.Vector(1), Shape.Vector(2), Shape.Vector(15), Shape.Vector(16), Shape.Vector(17), Shape.Vector(31),
                Shape.Vector(33),
                Shape.Activation(2, new(3, 5, 7), 1), Shape.Activation(1, new(1, 7, 11), 30),
                Shape.Activation(2, new(2, 3, 5), 33),
                Shape.Activation(1, new(4, 4, 4), 32), Shape.Activation(1, new(1, 1, 13), 3),
            ];
            Shape[] large = TinyShapesOnly ? [] : [Shape.Activation(2, new(13, 17, 19), 17), Shape.Vector(200_003)];
            var drawn = Enumerable.Range(0, 4).Select(_ =>
                Shape.Activation(
                    random.Next(1, 3), new(random.Next(1, 6), random.Next(1, 7), random.Next(1, 9)), random.Next(1, 20)));
            return [.. listed, .. large, .. drawn];
        }
    }

    private static IEnumerable<(Shape Coarse, Extent Block)> Blocks
    {
        get
        {
            var random = NewRandom();
            (Shape, Extent)[] listed =
            [
                (Shape.Activation(1, Extent.One, 1), new(2, 2, 2)),
                (Shape.Activation(1, new(3, 2, 5), 16), new(2, 2, 2)),
                (Shape.Activation(2, new(3, 1, 5), 30), new(1, 2, 2)),
                (Shape.Activation(2, new(1, 5, 3), 33), new(1, 2, 2)),
                (Shape.Activation(1, new(2, 3, 2), 7), new(3, 1, 2)),
                (Shape.Activation(1, new(2, 3, 4), 8), Extent.One),
                (Shape.Activation(1, new(1, 1, 11), 1), new(1, 1, 4)),
            ];
            var drawn = Enumerable.Range(0, 5).Select(_ => (
                Shape.Activation(
                    random.Next(1, 3), new(random.Next(1, 4), random.Next(1, 5), random.Next(1, 6)), random.Next(1, 20)),
                new Extent(random.Next(1, 3), random.Next(1, 4), random.Next(1, 4)))).ToArray();
            return [.. listed, .. drawn];
        }
    }

    [Check]
    public void Axpby_matches_float64_reference() => ForEach(Shapes, (shape, random) =>
    {
        foreach (var (a, b) in new[] { (1f, 1f), (1f, 0f), (0.3f, -1.7f), (0f, 0.5f), (-2f, 0f) })
        {
            var operands = Alike(random, [Values("x", shape, random), Operand.Sum("y", shape, b != 0, random, Close)]);
            Compare(operands, (backend, t) => backend.Axpby(a, t["x"], b, t["y"]));
        }
    });

    [Check]
    public void AddLeakyRelu_forward_matches_float64_reference() => ForEach(Shapes, (shape, random) =>
    {
        var operands = Alike(
            random, [Values("a", shape, random), Values("b", shape, random), Operand.Output("y", shape, Close)]);
        Compare(operands, (backend, t) => backend.AddLeakyReluForward(t["a"], t["b"], 0.01f, t["y"]));
    });

    [Check]
    public void AddLeakyRelu_forward_in_place_matches_float64_reference() => ForEach(Shapes, (shape, random) =>
    {
        foreach (var place in new[] { "a", "b" })
        {
            var operands = Alike(random, new[] { Values("a", shape, random), Values("b", shape, random) }
                .Select(o => o.Name == place ? o with { Written = true, Tolerance = Close } : o));
            Compare(operands, (backend, t) => backend.AddLeakyReluForward(t["a"], t["b"], 0.2f, t[place]));
        }
    });

    [Check]
    public void AddLeakyRelu_backward_matches_float64_reference() => ForEach(Shapes, (shape, random) =>
    {
        var y = Values("y", shape, random);
        y.Values![0] = 0f;                                                // at exactly 0 the derivative is the slope
        var operands = Alike(random, [Values("dy", shape, random), y, Operand.Output("d", shape, Close)]);
        Compare(operands, (backend, t) => backend.AddLeakyReluBackward(t["dy"], t["y"], 0.01f, t["d"]));
        var inPlace = Alike(random, [Values("dy", shape, random) with { Written = true, Tolerance = Close }, y]);
        Compare(inPlace, (backend, t) => backend.AddLeakyReluBackward(t["dy"], t["y"], 0.01f, t["dy"]));
    });

    [Check]
    public void BlockSum_matches_float64_reference() => ForEach(Blocks, (item, random) =>
    {
        var (coarse, block) = item;
        foreach (var accumulate in new[] { false, true })
        {
            var scale = accumulate ? 1f : 1f / block.Voxels;
            var operands = Alike(
                random, [Values("x", Fine(coarse, block), random), Operand.Sum("y", coarse, accumulate, random, Close)]);
            Compare(operands, (backend, t) => backend.BlockSum(t["x"], block, scale, t["y"], accumulate));
        }
    });

    [Check]
    public void BlockRepeat_matches_float64_reference() => ForEach(Blocks, (item, random) =>
    {
        var (coarse, block) = item;
        foreach (var accumulate in new[] { false, true })
        {
            var scale = accumulate ? 1f / block.Voxels : 1f;
            var operands = Alike(
                random, [Values("x", coarse, random), Operand.Sum("y", Fine(coarse, block), accumulate, random, Close)]);
            Compare(operands, (backend, t) => backend.BlockRepeat(t["x"], block, scale, t["y"], accumulate));
        }
    });

    [Check]
    public void Flip_moves_values_unchanged() => ForEach(Shapes.Where(s => s.Spatial.Voxels > 1), (shape, random) =>
    {
        for (var axes = 0; axes < 8; axes++)
        {
            var (z, y, x) = ((axes & 4) != 0, (axes & 2) != 0, (axes & 1) != 0);
            Operand[] operands = [Values("x", shape, random), Operand.Output("y", shape, Tolerance.Exact)];
            Compare(operands, (backend, t) => backend.Flip(t["x"], z, y, x, t["y"]));
        }
    });

    /// <summary>
    /// docs/method/networks.md §2.4: average pooling of 1..16 over 2×2. §2.3: nearest up-sampling of [0, 1, 2] by 2.
    /// </summary>
    [Check]
    public void Pooling_and_upsampling_give_the_worked_examples()
    {
        var square = Shape.Activation(1, new(1, 4, 4), 1);
        var half = Shape.Activation(1, new(1, 2, 2), 1);
        Operand[] pooling =
        [
            Operand.Input("x", square, [.. Enumerable.Range(1, 16).Select(i => (float)i)]), Operand.Output("y", half, Close),
        ];
        var pooled = Run(
            pooling, (backend, t) => backend.BlockSum(t["x"], new Extent(1, 2, 2), 0.25f, t["y"], accumulate: false));
        RequireClose("y", [3.5, 5.5, 11.5, 13.5], pooled[1], Close);

        Operand[] upsampling =
        [
            Operand.Input("x", Shape.Activation(1, new(1, 1, 3), 1), [0, 1, 2]),
            Operand.Output("y", Shape.Activation(1, new(1, 1, 6), 1), Close),
        ];
        var repeated = Run(
            upsampling, (backend, t) => backend.BlockRepeat(t["x"], new Extent(1, 1, 2), 1f, t["y"], accumulate: false));
        RequireClose("y", [0, 0, 1, 1, 2, 2], repeated[1], Tolerance.Exact);
    }

    [Check]
    public void Tensors_that_do_not_fit_together_are_refused()
    {
        using var four = new GuardedTensor(Device, Shape.Activation(1, new(1, 2, 2), 1), new float[4]);
        using var five = new GuardedTensor(Device, Shape.Vector(5), new float[5]);
        Require.Throws<ShapeException>(() => Device.Axpby(1, four.Tensor, 1, five.Tensor));
        Require.Throws<ShapeException>(() => Device.BlockSum(five.Tensor, new Extent(1, 1, 1), 1, four.Tensor, false));
        Require.Throws<ShapeException>(() => Device.Flip(four.Tensor, true, false, false, five.Tensor));
    }

    private static Shape Fine(Shape coarse, Extent block) => Shape.Activation(coarse.N, coarse.Spatial.Times(block), coarse.C);

    private static Operand Values(string name, Shape shape, Random random) =>
        Operand.Input(name, shape, RandomValues.Uniform(random, shape.Length));
}
