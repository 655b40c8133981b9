using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Cpu.Convolution;
using SharpSeg.Perf.Measuring;

namespace SharpSeg.Perf.Benches;

/// <summary>The three passes of convolutions, at shapes that occur in planned networks, and of transposed convolutions.</summary>
internal sealed class ConvolutionBench(Backend backend, Peer? peer, Report report, BenchOptions options)
{
    private static readonly Extent Cube = new(3, 3, 3);
    private static readonly Extent Plane = new(1, 3, 3);
    private static readonly Extent Fine = new(40, 56, 40);

    private static readonly ConvProblem[] Problems =
    [
        new(2, Fine, 1, 0, 32, Cube, Extent.One),
        new(2, Fine, 32, 0, 32, Cube, Extent.One),
        new(2, Fine, 64, 0, 32, Cube, Extent.One),
        new(2, Fine, 32, 0, 64, Cube, new(2, 2, 2)),
        new(2, new(20, 28, 20), 64, 0, 64, Cube, Extent.One),
        new(2, new(10, 14, 10), 128, 0, 128, Cube, Extent.One),
        new(2, new(5, 7, 5), 256, 0, 256, Cube, Extent.One),
        new(1, new(128, 128, 128), 32, 0, 32, Cube, Extent.One),
        new(1, new(8, 8, 8), 320, 0, 320, Cube, Extent.One),
        new(2, new(20, 256, 224), 32, 0, 32, Plane, Extent.One),
        new(12, new(1, 256, 256), 32, 0, 32, Plane, Extent.One),
        new(2, Fine, 30, 0, 30, Cube, Extent.One),
        new(2, Fine, 32, 0, 3, Extent.One, Extent.One),
    ];

    private static readonly TransposedConvProblem[] Transposed =
    [
        new(2, new(20, 28, 20), 64, 32, new(2, 2, 2)),
        new(2, new(5, 7, 5), 256, 128, new(2, 2, 2)),
    ];

    private static readonly string[] Passes = ["forward", "backward data", "backward weights"];

    // For devices slower than any GPU: a trial of the program, not a measurement.
    private static readonly ConvProblem[] TinyProblems =
    [
        new(1, new(3, 4, 5), 1, 0, 8, Cube, Extent.One), new(1, new(3, 4, 5), 8, 0, 8, Cube, new(1, 2, 2)),
        new(1, new(2, 4, 5), 8, 0, 3, Extent.One, Extent.One),
    ];

    private static readonly TransposedConvProblem[] TinyTransposed = [new(1, new(2, 3, 2), 8, 4, new(2, 2, 2))];

    /// <summary>Runs all.</summary>
    public void Run()
    {
        foreach (var p in options.Tiny ? TinyProblems : Problems)
        {
            var shape = $"{p.N}, {p.Cin}→{p.Cout}, {p.Input}, {p.Kernel}, /{p.Stride}";
            if (Passes.Any(pass => report.Wants("conv", shape, pass)))
            {
                Convolution(p, shape);
            }
        }

        foreach (var p in options.Tiny ? TinyTransposed : Transposed)
        {
            var shape = $"{p.N}, {p.Cin}→{p.Cout}, {p.Input}, ×{p.Stride}";
            if (Passes.Any(pass => report.Wants("transposed", shape, pass)))
            {
                TransposedConvolution(p, shape);
            }
        }
    }

    private void Convolution(ConvProblem p, string shape)
    {
        using var operands = new Operands(backend);
        Func<Tensor> x = operands.Rotating(p.InputShape), y = operands.Rotating(p.OutputShape);
        Tensor w = operands.Single(p.WeightShape, 0.05f), b = operands.Single(Shape.Vector(p.Cout));
        Tensor dw = operands.Single(p.WeightShape), db = operands.Single(Shape.Vector(p.Cout));
        Measure("forward", "conv forward", () => backend.ConvForward(p, x(), null, w, b, y()));
        Measure("backward data", "conv backward data", () => backend.ConvBackwardData(p, y(), w, x(), accumulate: false));
        Measure(
            "backward weights", "conv backward weights", () =>
                backend.ConvBackwardWeights(p, x(), null, y(), dw, db, accumulate: false));

        // The other variants too. The percentage of the peak that direct sums reach shows how good the inner loop is.
        void Others(IVariantChoice choice, string pass, string? chosen, Action ours)
        {
            ReadOnlySpan<ConvolutionVariant> others = options.AllVariants
                ? Enum.GetValues<ConvolutionVariant>()
                : [ConvolutionVariant.Direct];
            foreach (var variant in others)
            {
                if (variant.ToString() == chosen
                    || variant == ConvolutionVariant.Automatic || (!options.AllVariants && pass != "forward"))
                {
                    continue;
                }

                choice.Variant = variant;
                var (milliseconds, _) = Duel.Run(ours, null, options.Seconds);
                choice.Variant = ConvolutionVariant.Automatic;
                report.Add("conv", $"{pass}, {variant}", shape, variant.ToString(), milliseconds, p.MinimumWork, null);
            }
        }

        void Measure(string pass, string operation, Action ours)
        {
            if (!report.Wants("conv", shape, pass))
            {
                return;
            }

            peer?.Prepare(new
            {
                op = "conv",
                pass,
                n = p.N,
                cin = p.Cin,
                cout = p.Cout,
                size = p.Input.ToArray(),
                kernel = p.Kernel.ToArray(),
                stride = p.Stride.ToArray(),
            });
            var (milliseconds, theirs) = Duel.Run(Finished(ours), peer is null ? null : peer.Time, options.Seconds);
            var variant = Variants.Of(backend, operation, p);
            report.Add("conv", pass, shape, variant, milliseconds, p.MinimumWork, theirs);
            if (backend is IVariantChoice choice)
            {
                Others(choice, pass, variant, ours);
            }
        }
    }

    private void TransposedConvolution(TransposedConvProblem p, string shape)
    {
        using var operands = new Operands(backend);
        Func<Tensor> x = operands.Rotating(p.InputShape), y = operands.Rotating(p.OutputShape);
        Tensor w = operands.Single(p.WeightShape, 0.05f), b = operands.Single(Shape.Vector(p.Cout));
        Tensor dw = operands.Single(p.WeightShape), db = operands.Single(Shape.Vector(p.Cout));
        Measure("forward", () => backend.TransposedConvForward(p, x(), w, b, y()));
        Measure("backward data", () => backend.TransposedConvBackwardData(p, y(), w, x(), accumulate: false));
        Measure("backward weights", () => backend.TransposedConvBackwardWeights(p, x(), y(), dw, db, accumulate: false));

        void Measure(string pass, Action ours)
        {
            if (!report.Wants("transposed", shape, pass))
            {
                return;
            }

            peer?.Prepare(new
            {
                op = "transposed",
                pass,
                n = p.N,
                cin = p.Cin,
                cout = p.Cout,
                size = p.Input.ToArray(),
                stride = p.Stride.ToArray(),
            });
            var (milliseconds, theirs) = Duel.Run(Finished(ours), peer is null ? null : peer.Time, options.Seconds);
            report.Add(
                "transposed", pass, shape, Variants.Of(backend, $"transposed conv {pass}", p), milliseconds,
                p.MinimumWork, theirs);
        }
    }

    /// <summary>The operation, including the wait for its end: a GPU only queues it.</summary>
    private Action Finished(Action operation) => () =>
    {
        operation();
        backend.Synchronize();
    };
}
