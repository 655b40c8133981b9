using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.Conformance;

/// <summary>Volumes on other grids: resampling of maps and labels, clipping, the decision for labels.</summary>
public sealed class VolumeConformance(ConformanceTarget target) : ConformanceSuite(target)
{
    /// <summary>Weights and a recursion in float32: some ten roundings.</summary>
    private static readonly Tolerance Close = new(2e-6, Absolute: 2e-7);

    /// <summary>Axis, order, source and outputs along the axis.</summary>
    private IEnumerable<(int Axis, int Order, Extent Source, int To)> Changes
    {
        get
        {
            var random = NewRandom();
            foreach (var order in new[] { 0, 1, 3 })
            {
                for (var axis = 0; axis < 3; axis++)
                {
                    yield return (axis, order, Extent.One, 3);
                    yield return (axis, order, new(5, 4, 7), 1);
                    yield return (axis, order, new(2, 3, 2), 9);
                    yield return (axis, order, new(1, 17, 5), 6);
                    for (var i = 0; i < 4; i++)
                    {
                        yield return (
                            axis, order, new(random.Next(1, 9), random.Next(1, 9), random.Next(1, 9)), random.Next(1, 14));
                    }

                    if (!TinyShapesOnly)
                    {
                        yield return (axis, order, new(7, 37, 41), 29);   // more than a block of lines, and a rest
                        yield return (axis, order, new(19, 13, 131), 23);
                        yield return (axis, order, new(3, 40, 60), 31);
                    }
                }
            }
        }
    }

    /// <summary>Sizes of label maps and which axes take the nearest input.</summary>
    private IEnumerable<LabelResampling> LabelChanges
    {
        get
        {
            var random = NewRandom();
            yield return new(Extent.One, new(2, 3, 4), false, false, false);
            yield return new(new(4, 5, 6), Extent.One, false, false, false);
            yield return new(new(3, 4, 5), new(3, 4, 5), false, false, false);
            yield return new(new(3, 4, 5), new(7, 8, 3), true, true, true);
            foreach (var axis in new[] { -1, 0, 1, 2 })
            {
                for (var i = 0; i < 3; i++)
                {
                    Extent from = new(random.Next(1, 7), random.Next(1, 9), random.Next(1, 22));
                    Extent to = new(random.Next(1, 7), random.Next(1, 9), random.Next(1, 12));
                    yield return new(from, to, axis == 0, axis == 1, axis == 2);
                }
            }

            if (!TinyShapesOnly)
            {
                yield return new(new(5, 70, 33), new(7, 131, 40), false, false, false);
            }
        }
    }

    [Check]
    public void TakeChannel_takes_a_box_of_one_channel() => ForEach(
        new[] { (1, 0), (2, 1), (3, 0), (17, 16) }, (item, random) =>
        {
            var (channels, channel) = item;
            Extent all = new(random.Next(1, 6), random.Next(1, 7), random.Next(1, 8));
            Extent size = new(random.Next(1, all.Z + 1), random.Next(1, all.Y + 1), random.Next(1, all.X + 1));
            Extent origin = new(
                random.Next(all.Z - size.Z + 1), random.Next(all.Y - size.Y + 1), random.Next(all.X - size.X + 1));
            Operand[] operands =
            [
                Values("maps", Shape.Activation(1, all, channels), random),
                Operand.Output("volume", Volume(size), Tolerance.Exact),
            ];
            Compare(operands, (backend, t) => backend.TakeChannel(t["maps"], channel, origin, t["volume"]));
        });

    [Check]
    public void ResampleAxis_matches_float64_reference() => ForEach(Changes, (item, random) =>
    {
        var p = new AxisResampling(item.Axis, item.Order, item.Source[item.Axis], item.To);
        Operand[] operands =
        [
            Values("source", Volume(item.Source), random, 10),
            Operand.Output("target", Volume(item.Source.With(item.Axis, item.To)), item.Order == 0 ? Tolerance.Exact : Close),
        ];
        Compare(operands, (backend, t) => backend.ResampleAxis(p, t["source"], t["target"]));
    });

    /// <summary>Computed slab by slab, from no more of the source than each needs, a target has the same bytes.</summary>
    [Check]
    public void Windows_of_an_axis_change_nothing() => ForEach(Changes, (item, random) =>
    {
        var whole = new AxisResampling(item.Axis, item.Order, item.Source[item.Axis], item.To);
        var first = random.Next(item.To);
        var count = random.Next(1, item.To - first + 1);
        var (from, inputs) = whole.Reach(first, count);
        var values = RandomValues.Uniform(random, item.Source.Voxels, 10);
        var part = Cut(values, item.Source, item.Axis, from, inputs);
        Extent size = item.Source.With(item.Axis, item.To), partSize = item.Source.With(item.Axis, inputs);
        Operand[] operands =
        [
            Operand.Input("source", Volume(item.Source), values), Operand.Output("target", Volume(size), Close),
            Operand.Input("part", Volume(partSize), part),
            Operand.Output("slab", Volume(item.Source.With(item.Axis, count)), Close),
        ];
        var results = Run(operands, (backend, t) =>
        {
            backend.ResampleAxis(whole, t["source"], t["target"]);
            backend.ResampleAxis(whole with { FirstSource = from, FirstTarget = first }, t["part"], t["slab"]);
        });
        Require.True(
            results[3].AsSpan().SequenceEqual(Cut(results[1], size, item.Axis, first, count)), "a slab differs from the whole");
    });

    /// <summary>docs/method/preprocessing.md §4.5: four samples on eight outputs, and the spline's clipped ones.</summary>
    [Check]
    public void The_specified_line_is_resampled_as_specified()
    {
        (int Order, bool Clip, double[] Expected)[] cases =
        [
            (0, false, [0, 0, 1, 1, 4, 4, 9, 9]),
            (1, false, [0, .25, .75, 1.75, 3.25, 5.25, 7.75, 9]),
            (3, false, [-.053912, .126686, .623079, 1.476141, 2.920973, 5.34375, 8.068029, 9.414484]),
            (3, true, [0, .126686, .623079, 1.476141, 2.920973, 5.34375, 8.068029, 9]),
        ];
        ForEach(cases, (item, _) =>
        {
            for (var axis = 0; axis < 3; axis++)
            {
                var p = new AxisResampling(axis, item.Order, 4, 8);
                Operand[] operands =
                [
                    Operand.Input("source", Volume(Extent.One.With(axis, 4)), [0, 1, 4, 9]),
                    Operand.Output("target", Volume(Extent.One.With(axis, 8)), Close),
                ];
                var results = Run(operands, (backend, t) =>
                {
                    backend.ResampleAxis(p, t["source"], t["target"]);
                    if (item.Clip)
                    {
                        backend.ClipToRange(t["source"], null, t["target"]);
                    }
                });
                RequireClose("target", item.Expected, results[1], new Tolerance(0, Absolute: 2e-6));
            }
        });
    }

    [Check]
    public void ClipToRange_matches_float64_reference() => ForEach(new int?[] { null, 0, 1, 2 }, (axis, random) =>
    {
        foreach (var width in TinyShapesOnly ? new[] { 1, 5 } : [1, 5, 16, 35])
        {
            Extent from = new(random.Next(1, 6), random.Next(1, 7), width),
            to = new(random.Next(1, 7), random.Next(1, 6), random.Next(1, 20));
            to = axis is { } a ? to.With(a, from[a]) : to;
            Operand[] operands =
            [
                Values("source", Volume(from), random), Values("target", Volume(to), random, 2) with { Written = true },
            ];
            Compare(operands, (backend, t) => backend.ClipToRange(t["source"], axis, t["target"]));
        }
    });

    [Check]
    public void ResampleLabels_matches_float64_reference() => ForEach(LabelChanges, (p, random) =>
    {
        // Blocks of labels, −1 among them, have cells that agree, edges, and corners where three meet.
        var labels = Blocks(p.From, random);
        Operand[] operands =
            [Operand.Input("source", Volume(p.From), labels), Operand.Output("target", Volume(p.To), Tolerance.Exact)];
        Compare(operands, (backend, t) => backend.ResampleLabels(p, t["source"], t["target"]));
    });

    [Check]
    public void Slabs_of_labels_change_nothing() => ForEach(LabelChanges, (p, random) =>
    {
        var first = random.Next(p.To.Z);
        var count = random.Next(1, p.To.Z - first + 1);
        var (from, planes) = p.Along(0).Reach(first, count);
        var labels = Blocks(p.From, random);
        Operand[] operands =
        [
            Operand.Input("source", Volume(p.From), labels), Operand.Output("target", Volume(p.To), Tolerance.Exact),
            Operand.Input("part", Volume(p.From.With(0, planes)), Cut(labels, p.From, 0, from, planes)),
            Operand.Output("slab", Volume(p.To.With(0, count)), Tolerance.Exact),
        ];
        var results = Run(operands, (backend, t) =>
        {
            backend.ResampleLabels(p, t["source"], t["target"]);
            backend.ResampleLabels(p with { FirstSource = from, FirstTarget = first }, t["part"], t["slab"]);
        });
        Require.True(results[3].AsSpan().SequenceEqual(Cut(results[1], p.To, 0, first, count)), "a slab differs from the whole");
    });

    [Check]
    public void The_highest_map_decides_and_the_first_wins_ties() => ForEach(Sizes, (size, random) =>
    {
        // Few distinct values make ties the rule.
        Operand[] operands =
        [
            .. Enumerable.Range(0, 3)
            .Select(i => Operand.Input($"map{i}", Volume(size), RandomValues.Whole(random, size.Voxels, 3))),
            Operand.Output("best", Volume(size), Tolerance.Exact), Operand.Output("labels", Volume(size), Tolerance.Exact),
        ];
        Compare(operands, (backend, t) =>
        {
            backend.KeepHighest(t["map0"], 7, first: true, t["best"], t["labels"]);
            backend.KeepHighest(t["map1"], 2, first: false, t["best"], t["labels"]);
            backend.KeepHighest(t["map2"], 9, first: false, t["best"], t["labels"]);
        });
    });

    [Check]
    public void Later_maps_overwrite_where_they_are_above_the_threshold() => ForEach(Sizes, (size, random) =>
    {
        Operand[] operands =
        [
            Operand.Input("volume", Volume(size), RandomValues.Whole(random, size.Voxels, 3)),
            Operand.InOut("labels", Volume(size), RandomValues.Whole(random, size.Voxels, 5), Tolerance.Exact),
        ];
        Compare(operands, (backend, t) => backend.MarkAbove(t["volume"], 1, 8, t["labels"]));
    });

    [Check]
    public void Sizes_that_do_not_fit_are_refused()
    {
        using var two = new GuardedTensor(Device, Volume(new(1, 1, 2)), new float[2]);
        using var four = new GuardedTensor(Device, Volume(new(1, 1, 4)), new float[4]);
        using var tall = new GuardedTensor(Device, Volume(new(2, 1, 2)), new float[4]);
        var p = new AxisResampling(2, 1, 2, 4);
        Device.ResampleAxis(p, two.Tensor, four.Tensor);
        Require.Throws<ShapeException>(() => Device.ResampleAxis(p with { Order = 2 }, two.Tensor, four.Tensor));
        Require.Throws<ShapeException>(() => Device.ResampleAxis(p with { From = 5 }, two.Tensor, four.Tensor));
        Require.Throws<ShapeException>(() => Device.ResampleAxis(p with { To = 3 }, two.Tensor, four.Tensor));
        Require.Throws<ShapeException>(() => Device.ResampleAxis(p with { Axis = 1 }, two.Tensor, four.Tensor));
        Require.Throws<ShapeException>(
            () => Device.ResampleAxis(p with { Order = 3, From = 3, FirstSource = 1 }, two.Tensor, four.Tensor));
        Require.Throws<ShapeException>(() => Device.TakeChannel(four.Tensor, 0, new(0, 0, 3), two.Tensor));
        Require.Throws<ShapeException>(() => Device.TakeChannel(four.Tensor, 1, default, two.Tensor));
        Require.Throws<ShapeException>(() => Device.ClipToRange(two.Tensor, 0, tall.Tensor));
        Require.Throws<ShapeException>(() => Device.KeepHighest(two.Tensor, 1, true, four.Tensor, four.Tensor));
        Require.Throws<ShapeException>(() => Device.MarkAbove(two.Tensor, 0, 1, four.Tensor));
        var labels = new LabelResampling(new(1, 1, 2), new(2, 1, 2), false, false, false);
        Device.ResampleLabels(labels, two.Tensor, tall.Tensor);
        Require.Throws<ShapeException>(() => Device.ResampleLabels(labels with { FirstTarget = 1 }, two.Tensor, tall.Tensor));
        Require.Throws<ShapeException>(() => Device.ResampleLabels(labels with { From = new(3, 1, 2) }, two.Tensor, tall.Tensor));
    }

    private IEnumerable<Extent> Sizes => TinyShapesOnly
        ? [Extent.One, new(2, 3, 5), new(1, 1, 17)]
        : [Extent.One, new(2, 3, 5), new(1, 1, 17), new(41, 43, 47)];

    private static Shape Volume(Extent size) => Shape.Activation(1, size, 1);

    private static Operand Values(string name, Shape shape, Random random, double radius = 1) =>
        Operand.Input(name, shape, RandomValues.Uniform(random, shape.Length, radius));

    private static float[] Blocks(Extent size, Random random)
    {
        var coarse = RandomValues.Whole(random, 64, 4);
        var values = new float[size.Voxels];
        for (var i = 0; i < values.Length; i++)
        {
            int z = i / size.X / size.Y, y = i / size.X % size.Y, x = i % size.X;
            values[i] = coarse[(z / 2 % 4 * 16) + (y / 2 % 4 * 4) + (x / 3 % 4)] - 1;
        }

        return values;
    }

    /// <summary>Some neighbouring slices across an axis.</summary>
    private static float[] Cut(float[] values, Extent size, int axis, int first, int count)
    {
        var part = new List<float>();
        for (var i = 0; i < values.Length; i++)
        {
            var at = new Extent(i / size.X / size.Y, i / size.X % size.Y, i % size.X)[axis];
            if (at >= first && at < first + count)
            {
                part.Add(values[i]);
            }
        }

        return [.. part];
    }
}
