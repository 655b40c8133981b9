using SharpSeg.Conformance;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;
using Xunit;

namespace SharpSeg.Engine.Tests;

/// <summary>
/// The tolerance for factors of bfloat16 (2 % of the largest value, and 0.01 for tensors in which terms of size 1 cancel) lets
/// them be rounded, and finds what a kernel may lose.
/// </summary>
public sealed class PlantedProductErrors()
    : ConformanceSuite(new ConformanceTarget(new ReferenceBackend(), ProductTolerance: 2e-2)), IDisposable
{
    private const int Repeats = 20;
    private static readonly Extent Cube = new(3, 3, 3);

    /// <summary>
    /// Layers, and in how many of twenty draws a weight of the last input channel that counts as 0 must be found: in all, but for
    /// a single output, where the term itself may be below the tolerance.
    /// </summary>
    public static TheoryData<ConvProblem, int> Layers => new()
    {
        { new(1, Extent.One, 33, 0, 1, Extent.One, Extent.One), 14 },
        { new(1, Extent.One, 5, 0, 7, Cube, Extent.One), Repeats },
        { new(1, new(2, 3, 4), 33, 0, 4, Cube, Extent.One), Repeats },
        { new(1, new(3, 4, 5), 16, 32, 8, new(1, 3, 3), new(1, 2, 2)), Repeats },
        { new(2, new(1, 1, 5), 3, 0, 5, new(1, 1, 3), Extent.One), Repeats },
    };

    public void Dispose() => Device.Dispose();

    [Theory]
    [MemberData(nameof(Layers))]
    public void A_lost_input_channel_is_found(ConvProblem p, int atLeast) => Assert.InRange(
        Found(p, weights => weights.Select((w, i) => i / p.Cout % p.CinTotal == p.CinTotal - 1 ? 0 : w)), atLeast, Repeats);

    [Theory]
    [MemberData(nameof(Layers))]
    public void A_lost_tap_is_found(ConvProblem p, int _) => Assert.Equal(Repeats, Found(p, weights =>
    {
        var ofTap = p.CinTotal * p.Cout;
        var centre = (int)(p.Kernel.Voxels / 2);
        return weights.Select((w, i) => i / ofTap == centre ? 0 : w);
    }));

    [Theory]
    [MemberData(nameof(Layers))]
    public void Rounded_factors_are_no_error(ConvProblem p, int _) =>
        Assert.Equal(0, Found(p, weights => weights.Select(w => ElementType.Bf16.Rounded(w)), ElementType.Bf16));

    /// <summary>In how many draws it is reported that the device computes with other weights and rounded inputs.</summary>
    private int Found(ConvProblem p, Func<float[], IEnumerable<float>> planted, ElementType inputs = ElementType.Fp32)
    {
        var found = 0;
        for (var seed = 0; seed < Repeats; seed++)
        {
            var random = new Random(seed);
            Operand InputOf(string name, Shape shape) => Operand.Input(name, shape, RandomValues.Uniform(random, shape.Length));
            List<Operand> operands =
            [
                InputOf("x", p.InputShape), InputOf("w", p.WeightShape),
                Operand.Output("y", p.OutputShape, Products(1e-4, p.CinTotal * p.Kernel.Voxels)),
            ];
            if (p.Cin2 > 0)
            {
                operands.Add(InputOf("x2", p.Input2Shape));
            }

            try
            {
                Compare(operands, (backend, t) =>
                {
                    Tensor Changed(Tensor tensor, Func<float[], IEnumerable<float>> change)
                    {
                        var values = new float[tensor.Length];
                        backend.Download(tensor, values);
                        var changed = new Tensor(backend.Allocate(tensor.Length), 0, tensor.Shape);
                        backend.Upload([.. change(values)], changed);
                        return changed;
                    }

                    Tensor Input(Tensor tensor) =>
                        Changed(tensor, values => values.Select(value => inputs.Rounded(value)));
                    if (!ReferenceEquals(backend, Device))
                    {
                        backend.ConvForward(p, t["x"], t.Find("x2"), t["w"], null, t["y"]);
                        return;
                    }

                    var x2 = t.Find("x2") is { } second ? Input(second) : (Tensor?)null;
                    backend.ConvForward(p, Input(t["x"]), x2, Changed(t["w"], planted), null, t["y"]);
                });
            }
            catch (ConformanceException)
            {
                found++;
            }
        }

        return found;
    }
}
