using System.Text.RegularExpressions;
using SharpSeg.Conformance;
using SharpSeg.Engine.Autograd;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Losses;
using SharpSeg.Engine.Networks;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.Engine.Tests.Networks;

/// <summary>
/// Forward, loss and backward of a fixture network in float64, by the fill rule of docs/method/networks.md §10.
/// </summary>
internal sealed partial class FixtureRun : IDisposable
{
    private readonly ReferenceBackend backend = new();
    private readonly Network network;

    public FixtureRun(NetworkPlan plan, Extent patch, bool recompute)
    {
        network = Network.Build(plan, backend, seed: 1);
        Tensors = Group(network.Parameters.Parameters);
        for (var t = 0; t < Tensors.Count; t++)
        {
            Fill(Tensors[t], t);
        }

        using var pool = new BufferPool(backend);
        var tape = new Tape(backend, pool, recording: true, recompute);
        var x = pool.Rent(Shape.Activation(1, patch, 1));
        backend.Write(x, [.. Enumerable.Range(0, (int)x.Length).Select(n => Math.Sin(0.37 * n))]);
        var outputs = network.Forward(tape, tape.Input(x), allOutputs: true);
        var targets = outputs.Select(o => Target(pool, patch, o.Shape.Spatial)).ToList();
        Foreground = [.. targets.Select(t => (int)backend.Read(t).Sum())];
        Logits = [.. outputs.Select(o => ClassMajor(o.Value))];

        var weights = network.LossWeights;
        OutputLosses = [.. outputs.Select((o, i) => LossOf(o, targets[i], pool))];
        Loss = SegmentationLoss.Evaluate(tape, outputs, targets, new LossOptions(weights, Regions: false, BatchDice: true)).Total;
        tape.Backward();
        tape.Clear();
        foreach (var t in targets)
        {
            pool.Return(t);
        }

        pool.Return(x);
        BytesLeft = pool.InUseBytes;
    }

    public long BytesLeft { get; }

    /// <summary>A network of the page by its name, F1 to F7, with the input size that belongs to it.</summary>
    public static FixtureRun Named(string name, bool recompute) => name switch
    {
        "F1" => new(FixturePlans.F1, new(1, 4, 4), recompute),
        "F2" => new(FixturePlans.F2, new(2, 4, 4), recompute),
        "F3" => new(FixturePlans.F3, new(1, 4, 4), recompute),
        "F4" => new(FixturePlans.F4, new(4, 4, 4), recompute),
        "F5" => new(FixturePlans.F5, new(1, 4, 4), recompute),
        "F6" => new(FixturePlans.F6, new(1, 16, 16), recompute),
        "F7" => new(FixturePlans.F7, new(1, 64, 64), recompute),
        _ => throw new ArgumentOutOfRangeException(nameof(name), name, "no such network"),
    };

    /// <summary>Weight of every output in the loss.</summary>
    public IReadOnlyList<float> LossWeights => network.LossWeights;

    /// <summary>Parameters in walk order; UNet++'s divided weights count as one tensor.</summary>
    public IReadOnlyList<IReadOnlyList<Parameter>> Tensors { get; }

    public long ParameterCount => network.Parameters.Count;

    public double Loss { get; }

    /// <summary>Unweighted loss of every output.</summary>
    public IReadOnlyList<double> OutputLosses { get; }

    /// <summary>Foreground voxels of every target.</summary>
    public IReadOnlyList<int> Foreground { get; }

    /// <summary>Logits of every output, class by class.</summary>
    public IReadOnlyList<double[]> Logits { get; }

    public double GradientNorm => Math.Sqrt(Enumerable.Range(0, Tensors.Count).Sum(t => Gradient(t).Sum(g => g * g)));

    /// <summary>Gradient of a tensor in nnU-Net's order; zeros if it has none.</summary>
    public double[] Gradient(int t)
    {
        var parts = Tensors[t];
        var result = new double[parts.Sum(p => p.Shape.Length)];
        foreach (var part in parts.Where(p => p.HasGradient))
        {
            var values = backend.Read(part.Gradient);
            for (var i = 0; i < values.Length; i++)
            {
                result[WalkIndex(parts, part, i)] = values[i];
            }
        }

        return result;
    }

    public void Dispose()
    {
        network.Dispose();
        backend.Dispose();
    }

    private static List<IReadOnlyList<Parameter>> Group(IReadOnlyList<Parameter> parameters) =>
        [.. parameters.GroupBy(p => PartSuffix().Replace(p.Name, ".weight")).Select(g => (IReadOnlyList<Parameter>)[.. g])];

    /// <summary>
    /// Where our element i of a part lies in nnU-Net's whole tensor, written down independently of the engine's own map.
    /// </summary>
    private static int WalkIndex(IReadOnlyList<Parameter> parts, Parameter part, int i)
    {
        var s = part.Shape;
        var volume = s.D0 * s.D1 * s.D2;
        var k = i / (s.D3 * s.D4);
        var cin = i / s.D4 % s.D3;
        var cout = i % s.D4;
        return part.Kind switch
        {
            ParameterKind.ConvolutionWeight =>
                (((cout * parts.Sum(p => p.Shape.D3)) + parts.TakeWhile(p => p != part).Sum(p => p.Shape.D3) + cin) * volume) + k,
            ParameterKind.TransposedConvolutionWeight => (((cin * s.D4) + cout) * volume) + k,
            _ => i,
        };
    }

    private static double ValueOf(ParameterKind kind, int n, int t)
    {
        var s = Math.Sin((0.9 * n) + (0.5 * t) + 0.1);
        return kind switch
        {
            ParameterKind.NormScale => 1 + (0.1 * s),
            ParameterKind.NormShift => 0.1 * s,
            _ => 0.3 * s,
        };
    }

    private void Fill(IReadOnlyList<Parameter> parts, int t)
    {
        foreach (var part in parts)
        {
            backend.Write(
                part.Value,
                [.. Enumerable.Range(0, (int)part.Shape.Length).Select(i => ValueOf(part.Kind, WalkIndex(parts, part, i), t))]);
        }
    }

    /// <summary>
    /// Label 1 where n mod 3 = 0, sub-sampled by nearest neighbours with half-pixel centres
    /// (docs/method/losses-and-optimisers.md §5).
    /// </summary>
    private Tensor Target(BufferPool pool, Extent patch, Extent size)
    {
        var target = pool.Rent(Shape.Activation(1, size, 1));
        var values = new double[target.Length];
        for (var n = 0; n < values.Length; n++)
        {
            var z = Source(n / (size.Y * size.X), size.Z, patch.Z);
            var y = Source(n / size.X % size.Y, size.Y, patch.Y);
            var x = Source(n % size.X, size.X, patch.X);
            values[n] = ((((z * patch.Y) + y) * patch.X) + x) % 3 == 0 ? 1 : 0;
        }

        backend.Write(target, values);
        return target;

        static int Source(int o, int m, int n) => ((2 * o) + 1) * n / (2 * m);
    }

    private double LossOf(Variable logits, Tensor target, BufferPool pool)
    {
        var silent = new Tape(backend, pool, recording: false);
        var value = SegmentationLoss.Evaluate(
            silent, [silent.Input(logits.Value)], [target], new LossOptions([1f], Regions: false, BatchDice: true)).Total;
        silent.Clear();
        return value;
    }

    private double[] ClassMajor(Tensor logits)
    {
        var c = logits.Shape.C;
        var values = backend.Read(logits);
        var voxels = values.Length / c;
        return [.. Enumerable.Range(0, values.Length).Select(i => values[(i % voxels * c) + (i / voxels)])];
    }

    [GeneratedRegex(@"\.weight\.\d+$")]
    private static partial Regex PartSuffix();
}
