using System.Globalization;
using SharpSeg.Engine.Autograd;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.Engine.Networks;

/// <summary>
/// All parameters of a network: values in one buffer, gradients in another, in the order of declaration, each on a 64-byte line.
/// Neighbours can then be updated, clipped or cleared by one launch (<see cref="Runs"/>). The padding between them stays 0. A
/// network that only predicts has no gradients, and no memory for them.
/// </summary>
public sealed class ParameterStore(Backend backend) : IDisposable
{
    private readonly List<Parameter> parameters = [];
    private readonly Dictionary<string, Parameter> byName = new(StringComparer.Ordinal);
    private DeviceBuffer? values;
    private DeviceBuffer? gradients;

    /// <summary>The backend that holds the buffers.</summary>
    public Backend Backend => backend;

    /// <summary>All parameters, in order of declaration.</summary>
    public IReadOnlyList<Parameter> Parameters => parameters;

    /// <summary>Number of trainable values, padding not counted (docs/method/networks.md §9).</summary>
    public long Count => parameters
        .Where(p => p.Kind is not (ParameterKind.RunningMean or ParameterKind.RunningVariance)).Sum(p => p.Shape.Length);

    /// <summary>Elements of either buffer, padding included.</summary>
    public long BufferLength { get; private set; }

    /// <summary>The parameter of a name.</summary>
    /// <exception cref="KeyNotFoundException">There is none.</exception>
    public Parameter this[string name] =>
        byName.TryGetValue(name, out var p) ? p : throw new KeyNotFoundException($"the network has no parameter '{name}'");

    /// <summary>Whether there is a parameter of a name.</summary>
    public bool Contains(string name) => byName.ContainsKey(name);

    /// <summary>
    /// Maximal runs of neighbouring parameters that have a gradient and share a key (e.g. the number of steps taken).
    /// </summary>
    public IEnumerable<ParameterRun> Runs<TKey>(Func<Parameter, TKey> key)
        where TKey : IEquatable<TKey>
    {
        for (var first = 0; first < parameters.Count; first++)
        {
            if (!parameters[first].HasGradient)
            {
                continue;
            }

            var last = first;
            while (last + 1 < parameters.Count && parameters[last + 1].HasGradient
                && key(parameters[last + 1]).Equals(key(parameters[first])))
            {
                last++;
            }

            yield return new ParameterRun(
                first, last, parameters[first].Offset, EndOf(parameters[last]) - parameters[first].Offset);
            first = last;
        }
    }

    /// <summary>The values of a run as one vector.</summary>
    public Tensor Values(in ParameterRun run) => View(values!, run);

    /// <summary>The gradients of a run as one vector.</summary>
    public Tensor Gradients(in ParameterRun run) => View(GradientBuffer, run);

    /// <summary>Starts a new step: no parameter has a gradient.</summary>
    public void ForgetGradients()
    {
        foreach (var parameter in parameters)
        {
            parameter.ForgetGradient();
        }
    }

    /// <summary>Frees both buffers.</summary>
    public void Dispose()
    {
        if (values is not null)
        {
            backend.Free(values);
            values = null;
        }

        if (gradients is not null)
        {
            backend.Free(gradients);
            gradients = null;
        }
    }

    /// <summary>Lays a run over any buffer that is as long as the store's own, e.g. a momentum.</summary>
    internal static Tensor View(DeviceBuffer buffer, in ParameterRun run) =>
        new(buffer, run.Offset, Shape.Vector(run.Length));

    /// <summary>A buffer as long as the store's own, filled with zeros.</summary>
    internal DeviceBuffer AllocateTwin()
    {
        var buffer = backend.Allocate(BufferLength);
        backend.Fill(new Tensor(buffer, 0, Shape.Vector(BufferLength)), 0f);
        return buffer;
    }

    internal Parameter Declare(string name, Shape shape, ParameterKind kind, int fanIn = 0, float initialValue = 0f)
    {
        if (values is not null)
        {
            throw new InvalidOperationException("parameters must be declared before their memory is allocated");
        }

        var parameter = new Parameter(parameters.Count, name, shape, kind, fanIn, initialValue);
        parameters.Add(parameter);
        byName.Add(name, parameter);
        return parameter;
    }

    internal void Allocate()
    {
        BufferLength = parameters.Sum(p => Tensor.AlignedLength(p.Shape.Length));
        if (BufferLength > int.MaxValue)
        {
            throw new ShapeException(string.Create(
                CultureInfo.InvariantCulture,
                $"the network has {Count:N0} weights, at most {int.MaxValue:N0} are possible; take fewer features or blocks"));
        }

        values = AllocateTwin();
        var offset = 0L;
        foreach (var parameter in parameters)
        {
            parameter.Place(
                new Tensor(values, offset, parameter.Shape), p => new Tensor(GradientBuffer, p.Offset, p.Shape));
            offset += Tensor.AlignedLength(parameter.Shape.Length);
        }
    }

    /// <summary>Takes the memory of the gradients now, and not in the middle of the first step.</summary>
    internal void AllocateGradients() => _ = GradientBuffer;

    private DeviceBuffer GradientBuffer => gradients ??= AllocateTwin();

    private static long EndOf(Parameter parameter) => parameter.Offset + Tensor.AlignedLength(parameter.Shape.Length);
}

/// <summary>Neighbouring parameters seen as one vector.</summary>
/// <param name="First">Index of the first parameter.</param>
/// <param name="Last">Index of the last parameter.</param>
/// <param name="Offset">First element in the store's buffers.</param>
/// <param name="Length">Elements, padding included.</param>
public readonly record struct ParameterRun(int First, int Last, long Offset, long Length);
