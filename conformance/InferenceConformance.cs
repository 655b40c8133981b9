using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.Conformance;

/// <summary>What prediction needs beyond the network: weighted tiles, arg max, probabilities.</summary>
public sealed class InferenceConformance(ConformanceTarget target) : ConformanceSuite(target)
{
    /// <summary>
    /// A few float32 roundings and one exponential; the absolute part is for terms of size 1 that cancel in a tensor of one
    /// element.
    /// </summary>
    private static readonly Tolerance Close = new(2e-6, Absolute: 2e-7);

    private const int TinyWidth = 40;                     // beyond two vectors of 16 lanes

    private IEnumerable<Shape> Shapes
    {
        get
        {
            Shape[] small =
            [
                Shape.Activation(1, Extent.One, 1), Shape.Activation(2, new(1, 3, 5), 2), Shape.Activation(1, new(3, 5, 7), 3),
                Shape.Activation(2, new(2, 3, 3), 4), Shape.Activation(1, new(1, 5, 7), 16),
                Shape.Activation(1, new(3, 2, 5), 17),
                Shape.Activation(1, new(1, 2, 3), 33),
            ];
            Shape[] large = [Shape.Activation(1, new(17, 19, 23), 3), Shape.Activation(2, new(5, 7, 11), 105)];
            return TinyShapesOnly ? small : [.. small, .. large];
        }
    }

    private static IEnumerable<(Extent Volume, Shape Tile, int Sample, Extent Origin)> Tiles
    {
        get
        {
            var random = NewRandom();
            yield return (new(5, 6, 7), Shape.Activation(1, new(5, 6, 7), 3), 0, new(0, 0, 0));
            yield return (new(5, 6, 7), Shape.Activation(2, new(3, 4, 5), 2), 1, new(2, 2, 2));
            yield return (new(1, 9, 8), Shape.Activation(3, new(1, 4, 4), 17), 2, new(0, 5, 0));
            yield return (Extent.One, Shape.Activation(1, Extent.One, 33), 0, new(0, 0, 0));
            for (var i = 0; i < 6; i++)
            {
                var volume = new Extent(random.Next(1, 7), random.Next(1, 8), random.Next(1, 9));
                var tile = new Extent(random.Next(1, volume.Z + 1), random.Next(1, volume.Y + 1), random.Next(1, volume.X + 1));
                var origin = new Extent(
                    random.Next(volume.Z - tile.Z + 1), random.Next(volume.Y - tile.Y + 1), random.Next(volume.X - tile.X + 1));
                var samples = random.Next(1, 4);
                yield return (volume, Shape.Activation(samples, tile, random.Next(1, 20)), random.Next(samples), origin);

                // Across the borders of the volume; at least a voxel lies inside.
                var wide = new Extent(random.Next(1, 6), random.Next(1, 8), random.Next(1, TinyWidth));
                yield return (volume, Shape.Activation(samples, wide, random.Next(1, 20)), random.Next(samples), new Extent(
                    random.Next(1 - wide.Z, volume.Z), random.Next(1 - wide.Y, volume.Y), random.Next(1 - wide.X, volume.X)));
            }
        }
    }

    [Check]
    public void BlendAdd_matches_float64_reference() => ForEach(Tiles, (item, random) =>
    {
        var (volume, tile, sample, origin) = item;
        Operand[] operands =
        [
            Values("tile", tile, random), Values("weights", Shape.Activation(1, tile.Spatial, 1), random),
            Values("sum", Shape.Activation(1, volume, tile.C), random) with { Written = true, Tolerance = Close },
            Values("weightSum", Shape.Activation(1, volume, 1), random) with { Written = true, Tolerance = Close },
        ];
        Compare(operands, (backend, t) => backend.BlendAdd(t["tile"], sample, t["weights"], origin, t["sum"], t["weightSum"]));
    });

    /// <summary>Whatever the weights, tiles of one constant that cover a volume are blended to that constant.</summary>
    [Check]
    public void Blending_a_constant_returns_it()
    {
        var random = NewRandom();
        var (volume, tile, channels, constant) = (new Extent(3, 5, 7), new Extent(2, 3, 4), 3, 0.7f);
        var tileShape = Shape.Activation(1, tile, channels);
        var constants = new float[tileShape.Length];
        Array.Fill(constants, constant);
        Operand[] operands =
        [
            Operand.Input("tile", tileShape, constants),
            Operand.Input(
                "weights", Shape.Activation(1, tile, 1), RandomValues.Uniform(random, tile.Voxels, radius: 0.9, centre: 1)),
            Operand.InOut("sum", Shape.Activation(1, volume, channels), new float[volume.Voxels * channels], Close),
            Operand.InOut("weightSum", Shape.Activation(1, volume, 1), new float[volume.Voxels], Close),
        ];
        var results = Run(operands, (backend, t) =>
        {
            foreach (var z in new[] { 0, 1 })
            {
                foreach (var y in new[] { 0, 2 })
                {
                    foreach (var x in new[] { 0, 2, 3 })
                    {
                        backend.BlendAdd(t["tile"], 0, t["weights"], new Extent(z, y, x), t["sum"], t["weightSum"]);
                    }
                }
            }

            backend.DivideByWeights(t["sum"], t["weightSum"]);
        });
        RequireClose("sum", Enumerable.Repeat((double)constant, results[2].Length).ToArray(), results[2], Close);
    }

    [Check]
    public void DivideByWeights_matches_float64_reference() => ForEach(Shapes, (shape, random) =>
    {
        var weights = Shape.Activation(shape.N, shape.Spatial, 1);
        Operand[] operands =
        [
            Values("x", shape, random) with { Written = true, Tolerance = Close },
            Operand.Input("divisor", weights, RandomValues.Uniform(random, weights.Length, radius: 0.9, centre: 1)),
        ];
        Compare(operands, (backend, t) => backend.DivideByWeights(t["x"], t["divisor"]));
    });

    [Check]
    public void ArgMax_finds_the_lowest_index_of_the_highest_channel() => ForEach(Shapes, (shape, random) =>
    {
        var indices = Shape.Activation(shape.N, shape.Spatial, 1);
        foreach (var ties in new[] { false, true })
        {
            // Few distinct values, some negative, make ties the rule.
            var values = ties
                ? Array.ConvertAll(RandomValues.Whole(random, shape.Length, 3), v => v - 2f)
                : RandomValues.Uniform(random, shape.Length);
            Operand[] operands = [Operand.Input("x", shape, values), Operand.Output("y", indices, Tolerance.Exact)];
            Compare(operands, (backend, t) => backend.ArgMax(t["x"], t["y"]));
        }
    });

    [Check]
    public void Probabilities_match_float64_reference() => ForEach(Shapes, (shape, random) =>
    {
        foreach (var sigmoid in new[] { false, true })
        {
            foreach (var radius in new[] { 1.0, 20.0 })
            {
                Operand[] operands = [Values("x", shape, random, radius), Operand.Output("y", shape, Close)];
                Compare(operands, (backend, t) => backend.Probabilities(t["x"], sigmoid, t["y"]));
            }

            Operand[] inPlace = [Values("x", shape, random, 3) with { Written = true, Tolerance = Close }];
            Compare(inPlace, (backend, t) => backend.Probabilities(t["x"], sigmoid, t["x"]));
        }
    });

    /// <summary>exp(1000) is infinite; the probabilities are not.</summary>
    [Check]
    public void Probabilities_survive_extreme_logits()
    {
        var shape = Shape.Activation(1, new(1, 1, 2), 3);
        foreach (var sigmoid in new[] { false, true })
        {
            Operand[] operands =
            [
                Operand.Input("x", shape, [1000f, -1000f, 999f, -1e30f, -1000f, -1000f]), Operand.Output("y", shape, Close),
            ];
            Compare(operands, (backend, t) => backend.Probabilities(t["x"], sigmoid, t["y"]));
        }
    }

    [Check]
    public void Tiles_beyond_the_volume_are_refused()
    {
        using var tile = new GuardedTensor(Device, Shape.Activation(1, new(1, 2, 2), 1), new float[4]);
        using var volume = new GuardedTensor(Device, Shape.Activation(1, new(1, 3, 3), 1), new float[9]);
        Require.Throws<ShapeException>(
            () => Device.BlendAdd(tile.Tensor, 0, tile.Tensor, new(0, 3, 0), volume.Tensor, volume.Tensor));
        Require.Throws<ShapeException>(
            () => Device.BlendAdd(tile.Tensor, 0, tile.Tensor, new(0, 0, -3), volume.Tensor, volume.Tensor));
        Require.Throws<ShapeException>(
            () => Device.BlendAdd(tile.Tensor, 1, tile.Tensor, new(0, 0, 0), volume.Tensor, volume.Tensor));
    }

    private static Operand Values(string name, Shape shape, Random random, double radius = 1) =>
        Operand.Input(name, shape, RandomValues.Uniform(random, shape.Length, radius));
}
