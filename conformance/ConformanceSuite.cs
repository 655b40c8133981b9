using System.Globalization;
using System.Text;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.Conformance;

/// <summary>
/// What all conformance classes share: the backend under test, the seed, and the comparison of one operation with
/// <see cref="ReferenceBackend"/>. Public methods marked <see cref="CheckAttribute"/> throw <see cref="ConformanceException"/>
/// when the backend is wrong; <see cref="ConformanceChecks"/> lists and runs them, for the tests of every backend and for
/// <c>bench --check</c>.
/// <para>Shapes and values are fresh random ones in every run. A failure prints the seed; the environment variable
/// <c>SHARPSEG_TEST_SEED</c> sets it.</para>
/// </summary>
/// <param name="target">The backend under test and what may be demanded of it.</param>
public abstract class ConformanceSuite(ConformanceTarget target)
{
    private const string SeedVariable = "SHARPSEG_TEST_SEED";
    private const float SmallestNormal = 1.17549435e-38f;

    private static readonly int Seed =
        int.TryParse(
            Environment.GetEnvironmentVariable(SeedVariable), NumberStyles.Integer, CultureInfo.InvariantCulture, out var seed)
            ? seed
            : Random.Shared.Next();

    /// <summary>An operation on tensors, which are looked up by the names of their operands.</summary>
    protected delegate void Operation(Backend backend, TensorSet tensors);

    /// <summary>The backend under test.</summary>
    protected Backend Device => target.Device;

    /// <summary>Keeps every case to a few hundred voxels and 40 channels.</summary>
    protected bool TinyShapesOnly => target.TinyShapesOnly;

    /// <summary>Cases with more multiply-adds (or, where nothing is multiplied, elements) than this are left out.</summary>
    protected long LargestWork => target.LargestWork;

    /// <summary>
    /// How far this backend may be from the reference in sums of products. Terms of size 1 may cancel to almost nothing in a
    /// tensor of few elements, of which no part can then be demanded: partial sums of n of them are of size √n, and so is what
    /// rounding does to them.
    /// </summary>
    /// <param name="relative">As a share of the largest result, in float32.</param>
    /// <param name="terms">How many products are added up in one result.</param>
    protected Tolerance Products(double relative, double terms) => new(
        Math.Max(relative, target.ProductTolerance),
        Absolute: Math.Max(RoundingOfASum(terms), target.ProductTolerance / 2));

    /// <summary>What float32 may do to a sum of terms of size 1 that cancel.</summary>
    protected static double RoundingOfASum(double terms) => 1e-6 * Math.Sqrt(terms);

    /// <summary>
    /// In what the activations of a case are: float32 where the backend keeps them so, else either, more often the narrower.
    /// </summary>
    protected ElementType Kept(Random random) =>
        Device.Activations == ElementType.Fp32 || random.Next(4) == 0 ? ElementType.Fp32 : Device.Activations;

    /// <summary>Operands in elements that are drawn once for all of those named; without names, for all.</summary>
    protected Operand[] Alike(Random random, IEnumerable<Operand> operands, params string[] names)
    {
        var kept = Kept(random);
        return [.. operands.Select(o => names.Length == 0 || names.Contains(o.Name) ? o.In(kept) : o)];
    }

    /// <summary>The generator for drawing the cases of a test.</summary>
    protected static Random NewRandom() => new(Seed);

    /// <summary>Runs a check on every case, each with its own generator, and reports all that fail.</summary>
    protected static void ForEach<TCase>(IEnumerable<TCase> cases, Action<TCase, Random> check)
    {
        const int MostReported = 8;
        var (failures, failed, index) = (new StringBuilder(), 0, 0);
        foreach (var item in cases)
        {
            try
            {
                check(item, new Random(unchecked(Seed + index)));
            }
            catch (Exception exception)
            {
                failed++;
                if (failed <= MostReported)
                {
                    var message = exception is ConformanceException ? exception.Message : exception.ToString();
                    failures.AppendLine(CultureInfo.InvariantCulture, $"{item}: {message}");
                }
            }

            index++;
        }

        Require.True(index > 0, "no case is small enough: the test would check nothing");
        Require.True(failed == 0, $"{failed} of {index} cases; repeat with {SeedVariable}={Seed}\n{failures}");
    }

    /// <summary>
    /// Runs an operation on the reference, and twice on the backend under test, and checks: written operands agree with the
    /// reference, read operands and guards are untouched, and both runs give the same bytes even though the outputs contained
    /// different values beforehand.
    /// </summary>
    protected void Compare(IReadOnlyList<Operand> operands, Operation operation)
    {
        var expected = RunOnReference(operands, operation);
        var first = RunOnDevice(operands, operation, poison: float.NaN);
        var second = RunOnDevice(operands, operation, poison: float.MaxValue);
        for (var i = 0; i < operands.Count; i++)
        {
            var operand = operands[i];
            RequireClose(operand.Name, expected[i], first[i], operand.Tolerance);
            for (var e = 0; e < first[i].Length; e++)
            {
                if (BitConverter.SingleToInt32Bits(first[i][e]) != BitConverter.SingleToInt32Bits(second[i][e]))
                {
                    throw new ConformanceException(
                        $"{operand.Name}{operand.Shape}[{e}] is {first[i][e]:R} in one run and {second[i][e]:R} in the next");
                }
            }
        }
    }

    /// <summary>
    /// Runs an operation on the backend under test and returns the contents of its operands afterwards, in their order.
    /// </summary>
    protected float[][] Run(IReadOnlyList<Operand> operands, Operation operation) => RunOnDevice(operands, operation, float.NaN);

    /// <summary>Throws unless every value is within the tolerance of the expected one.</summary>
    protected static void RequireClose(string name, double[] expected, float[] actual, Tolerance tolerance)
    {
        var largest = 0.0;
        foreach (var value in expected)
        {
            largest = Math.Max(largest, Math.Abs(value));
        }

        var (worst, worstError, count) = (-1, 0.0, 0);
        for (var i = 0; i < expected.Length; i++)
        {
            if (actual[i] == (float)expected[i] || (float.IsNaN(actual[i]) && double.IsNaN(expected[i])))
            {
                continue;
            }

            // float.Epsilon-sized differences are not errors: a backend may flush denormals to zero.
            var scale = tolerance.PerElement ? Math.Abs(expected[i]) : largest;
            var error = Math.Abs(actual[i] - expected[i]);
            var rounding = tolerance.Rounding * Math.Abs(expected[i]);
            if (!(error <= (tolerance.Relative * scale) + rounding + tolerance.Absolute + SmallestNormal))
            {
                count++;
                if (worst < 0 || error > worstError || (double.IsNaN(error) && !double.IsNaN(worstError)))
                {
                    (worst, worstError) = (i, error);
                }
            }
        }

        if (worst >= 0)
        {
            throw new ConformanceException(
                $"{name}[{worst}] is {actual[worst]:R}, expected {expected[worst]:R} (off by {worstError:E1}, largest value "
                    + $"{largest:G4}, " +
                $"tolerance {tolerance.Relative:E0}{(tolerance.PerElement ? " per element" : string.Empty)}); {count} of "
                    + $"{expected.Length} are off");
        }
    }

    private double[][] RunOnReference(IReadOnlyList<Operand> operands, Operation operation)
    {
        using var reference = new ReferenceBackend(Device.Activations);
        var tensors = operands.ToDictionary(
            o => o.Name, o => new Tensor(reference.Allocate(o.Element.Words(o.Shape.Length)), 0, o.Shape, o.Element));
        foreach (var operand in operands)
        {
            if (operand.Values is not null)
            {
                reference.Write(tensors[operand.Name], [.. operand.Values.Select(value => (double)value)]);
            }
        }

        operation(reference, new TensorSet(tensors));
        return operands.Select(o => reference.Read(tensors[o.Name])).ToArray();
    }

    private float[][] RunOnDevice(IReadOnlyList<Operand> operands, Operation operation, float poison)
    {
        var tensors = new Dictionary<string, GuardedTensor>();
        try
        {
            foreach (var operand in operands)
            {
                var values = operand.Values;
                if (values is null)
                {
                    values = new float[operand.Shape.Length];
                    Array.Fill(values, poison);
                }

                tensors.Add(operand.Name, new GuardedTensor(Device, operand.Shape, values, operand.Element));
            }

            operation(Device, new TensorSet(tensors.ToDictionary(t => t.Key, t => t.Value.Tensor)));
            return operands.Select(o => tensors[o.Name].Read(o.Name)).ToArray();
        }
        finally
        {
            foreach (var tensor in tensors.Values)
            {
                tensor.Dispose();
            }
        }
    }
}
