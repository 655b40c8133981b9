using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;
using SharpSeg.Perf.Measuring;

namespace SharpSeg.Perf.Benches;

/// <summary>Operations bound by memory: norm, loss, sums, optimiser, tiles.</summary>
internal sealed class PointwiseBench(Backend backend, Peer? peer, Report report, BenchOptions options)
{
    private static readonly Extent Fine = new(40, 56, 40);

    /// <summary>Runs all.</summary>
    public void Run()
    {
        if (options.Tiny)
        {
            Norm(new(2, new(3, 4, 5), 8, 0.01f));
            Loss(new LossProblem(1, new(3, 4, 5), 3, Regions: false, BatchDice: false));
            Flat(1000);
            Tiles(new Extent(4, 5, 6), 3);
            return;
        }

        foreach (var p in new InstanceNormProblem[] { new(2, Fine, 32, 0.01f), new(2, new(10, 14, 10), 128, 0.01f),
            new(1, new(128, 128, 128), 32, 0.01f) })
        {
            Norm(p);
        }

        Loss(new LossProblem(2, Fine, 3, Regions: false, BatchDice: false));
        Flat(6_000_000);
        Tiles(new Extent(128, 128, 128), 3);
    }

    private void Norm(InstanceNormProblem p)
    {
        var shape = $"{p.N}, {p.Spatial}, {p.C}";
        if (!report.Wants("norm", shape))
        {
            return;
        }

        using var operands = new Operands(backend);
        Func<Tensor> x = operands.Rotating(p.ActivationShape), y = operands.Rotating(p.ActivationShape);

        // A separate gradient: fed with its own results, a backward pass would soon work on denormal numbers, at a tenth of the
        // speed.
        var dy = operands.Rotating(p.ActivationShape);
        Tensor mean = operands.Single(p.StatisticsShape), rstd = operands.Single(p.StatisticsShape);
        Tensor gamma = operands.Single(p.ParameterShape), beta = operands.Single(p.ParameterShape);
        Tensor dgamma = operands.Single(p.ParameterShape), dbeta = operands.Single(p.ParameterShape);
        var bytes = p.ActivationShape.Length * sizeof(float);
        void Forward()
        {
            var input = x();
            backend.InstanceNormStatistics(p, input, mean, rstd);
            backend.InstanceNormApply(p, input, mean, rstd, gamma, beta, y());
        }

        void Backward() => backend.InstanceNormBackward(p, dy(), x(), mean, rstd, gamma, beta, y(), dgamma, dbeta, false);
        Measure("norm forward", shape, Forward, new Work(9 * bytes / 4, 3 * bytes), Torch("norm", "forward", p));
        Measure(
            "norm forward+backward", shape, () =>
            {
                Forward();
                Backward();
            },
            new Work(30 * bytes / 4, 8 * bytes), Torch("norm", "forward + backward", p));
        Measure(
            "norm statistics", shape, () =>
                backend.InstanceNormStatistics(p, x(), mean, rstd), new Work(4 * bytes / 4, bytes), null);
        Measure(
            "norm apply", shape, () =>
                backend.InstanceNormApply(p, x(), mean, rstd, gamma, beta, y()), new Work(5 * bytes / 4, 2 * bytes), null);
        Measure("norm backward", shape, Backward, new Work(21 * bytes / 4, 5 * bytes), null);
    }

    private void Loss(LossProblem p)
    {
        var shape = $"{p.N}, {p.Spatial}, {p.C}";
        if (!report.Wants("loss", shape))
        {
            return;
        }

        using var operands = new Operands(backend);
        Tensor logits = operands.Single(p.LogitsShape), target = operands.Single(p.TargetShape),
        sums = operands.Single(p.SumsShape);
        var gradient = operands.Single(p.LogitsShape);
        backend.Fill(target, 1f);
        Measure("loss forward", shape, () => backend.SegmentationLossForward(p, logits, target, sums), p.MinimumWork, null);
        Measure(
            "loss backward", shape, () =>
                backend.SegmentationLossBackward(p, logits, target, sums, 1f, gradient), p.MinimumWork, null);
    }

    private void Flat(int length)
    {
        var shape = $"{length}";
        if (!report.Wants("flat", "sgd", "adam", "add"))
        {
            return;
        }

        using var operands = new Operands(backend);
        var vector = Shape.Vector(length);
        Func<Tensor> a = operands.Rotating(vector), b = operands.Rotating(vector), c = operands.Rotating(vector);
        Tensor m = operands.Single(vector), v = operands.Single(vector);
        backend.Fill(v, 1f);
        long bytes = 4L * length;
        Measure(
            "sgd step", shape, () =>
                backend.SgdStep(new SgdStep(1e-3f, 0.99f, 3e-5f), a(), b(), c()), new Work(7L * length, 5 * bytes),
            TorchFlat("sgd", length));
        Measure(
            "adam step", shape, () => backend.AdamStep(new AdamStep(1e-3f, 1, 3e-5f, false), a(), b(), m, v, null),
            new Work(12L * length, 7 * bytes), null);
        Measure(
            "add", shape, () => backend.Axpby(0.5f, a(), 1f, b()), new Work(2L * length, 3 * bytes), TorchFlat("add", length));
        Measure(
            "leaky add", shape, () => backend.AddLeakyReluForward(a(), b(), 0.01f, c()), new Work(2L * length, 3 * bytes), null);
        Measure(
            "sum of squares", shape, () =>
                backend.SumOfSquares(a()), new Work(2L * length, bytes), TorchFlat("sum of squares", length));
        Measure("copy", shape, () => backend.Copy(a(), b()), new Work(0, 2 * bytes), null);
    }

    private void Tiles(Extent patch, int classes)
    {
        if (!report.Wants("tiles", "blend", "flip"))
        {
            return;
        }

        using var operands = new Operands(backend);
        var shape = Shape.Activation(1, patch, classes);
        Tensor tile = operands.Single(shape), weights = operands.Single(Shape.Activation(1, patch, 1)),
        flipped = operands.Single(shape);
        Tensor sum = operands.Single(shape), total = operands.Single(Shape.Activation(1, patch, 1));
        long bytes = 4 * shape.Length, one = 4 * patch.Voxels;
        Measure(
            "blend tile", $"{patch}, {classes}", () => backend.BlendAdd(tile, 0, weights, default, sum, total),
            new Work(2 * shape.Length, (3 * bytes) + (3 * one)), null);
        Measure("flip", $"{patch}, {classes}", () => backend.Flip(tile, true, true, true, flipped), new Work(0, 2 * bytes), null);
        Measure("argmax", $"{patch}, {classes}", () => backend.ArgMax(tile, total), new Work(shape.Length, bytes + one), null);
        Measure(
            "softmax", $"{patch}, {classes}", () =>
                backend.Probabilities(tile, false, flipped), new Work(10 * shape.Length, 2 * bytes), null);
    }

    private Func<int, double[]?>? Torch(string op, string pass, InstanceNormProblem p)
    {
        peer?.Prepare(new { op, pass, n = p.N, c = p.C, size = p.Spatial.ToArray() });
        return peer is null ? null : peer.Time;
    }

    private Func<int, double[]?>? TorchFlat(string pass, int length)
    {
        peer?.Prepare(new { op = "pointwise", pass, length });
        return peer is null ? null : peer.Time;
    }

    private void Measure(string op, string shape, Action ours, Work work, Func<int, double[]?>? theirs)
    {
        var (milliseconds, their) = Duel.Run(
            () =>
            {
                ours();
                backend.Synchronize();
            },
            theirs, options.Seconds);
        report.Add("pointwise", op, shape, null, milliseconds, work, their);
    }
}
