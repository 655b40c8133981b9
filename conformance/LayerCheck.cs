using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.Conformance;

/// <summary>How far a device's layer is from what is right.</summary>
/// <param name="Error">Largest difference to the float64 reference, as a part of the largest value.</param>
/// <param name="Gradient">Difference between the backward pass and what it is the derivative of, relative.</param>
public readonly record struct LayerErrors(double Error, double Gradient);

/// <summary>
/// Checks a layer at its real size, with the kernel variant that this size gets. The float64 reference computes a corner of it: a
/// window of the input, of which it knows every output whose inputs lie inside, the image's border among them; of a
/// normalisation some channels. Gradients are checked over everything: a convolution is linear, so ⟨y, y⟩ = ⟨x, dx⟩ = ⟨w, dw⟩ for
/// dy = y; a normalisation against the central difference along dx.
/// </summary>
/// <param name="backend">The device.</param>
public sealed class LayerCheck(Backend backend)
{
    private const long MostTaps = 100_000_000;   // multiply-adds of a reference window
    private const int LargestWindow = 8;         // voxels along an axis
    private const int Channels = 4;              // of a normalisation
    private const double Step = 1e-3;            // of the central difference, in parts of the values' spread

    private readonly Random random = new(1);

    /// <summary>The three passes of a convolution.</summary>
    /// <param name="p">Its sizes.</param>
    public LayerErrors Of(ConvProblem p)
    {
        var window = Window(p);
        var part = p with { N = 1, Input = window };
        var two = p.Cin2 > 0;
        float[] x = Values(p.InputShape), x2 = two ? Values(p.Input2Shape) : [];
        var w = Values(p.WeightShape, 1 / Math.Sqrt((double)p.CinTotal * p.Kernel.Voxels));
        using var on = new Device(backend);
        Tensor tx = on.Of(p.InputShape, x), tw = on.Of(p.WeightShape, w), ty = on.Of(p.OutputShape);
        var tx2 = two ? on.Of(p.Input2Shape, x2) : null;
        backend.ConvForward(p, tx, tx2, tw, null, ty);
        var y = on.Read(ty);
        using var exact = new Device(new ReferenceBackend());
        var own = exact.Backend;
        Tensor rx = exact.Of(part.InputShape, Crop(x, p.Input, p.Cin, window)), rw = exact.Of(part.WeightShape, w);
        Tensor ry = exact.Of(part.OutputShape);
        var rx2 = two ? exact.Of(part.Input2Shape, Crop(x2, p.Input, p.Cin2, window)) : null;
        own.ConvForward(part, rx, rx2, rw, null, ry);

        // Outputs whose inputs lie inside the window, or beyond the image itself.
        bool Knows(Extent o) => Along(axis => window[axis] == p.Input[axis]
            || (o[axis] * p.Stride[axis]) + p.Kernel[axis] - 1 - p.Padding[axis] < window[axis]);
        float[] Known(float[] outputs) => Masked(outputs, part.Output, p.Cout, Knows);
        var error = Difference(Known(exact.Read(ry)), Known(Crop(y, p.Output, p.Cout, part.Output)));

        // dy = y for the inner products.
        Tensor tdx = on.Of(p.InputShape), tdw = on.Of(p.WeightShape);
        var tdx2 = two ? on.Of(p.Input2Shape) : null;
        backend.ConvBackwardData(p, ty, tw, tdx, false, tdx2, false);
        backend.ConvBackwardWeights(p, tx, tx2, ty, tdw, null, false);
        var energy = Dot(y, y);
        var throughData = Dot(x, on.Read(tdx)) + (tdx2 is null ? 0 : Dot(x2, on.Read(tdx2)));
        var gradient = Math.Max(Math.Abs(energy - throughData), Math.Abs(energy - Dot(w, on.Read(tdw)))) / energy;

        // For the reference dy is y at the outputs that it knows, and 0 elsewhere: nothing beyond the window takes part.
        var known = Known(Crop(y, p.Output, p.Cout, part.Output));
        var sparse = new float[p.OutputShape.Length];
        Paste(known, part.Output, sparse, p.Output, p.Cout);
        backend.Upload(sparse, ty);
        own.Upload(known, ry);
        backend.ConvBackwardData(p, ty, tw, tdx, false, tdx2, false);
        backend.ConvBackwardWeights(p, tx, tx2, ty, tdw, null, false);
        Tensor rdx = exact.Of(part.InputShape), rdw = exact.Of(part.WeightShape);
        var rdx2 = two ? exact.Of(part.Input2Shape) : null;
        own.ConvBackwardData(part, ry, rw, rdx, false, rdx2, false);
        own.ConvBackwardWeights(part, rx, rx2, ry, rdw, null, false);
        error = Math.Max(error, Difference(exact.Read(rdx), Crop(on.Read(tdx), p.Input, p.Cin, window)));
        error = rdx2 is null ? error
            : Math.Max(error, Difference(exact.Read(rdx2), Crop(on.Read(tdx2!), p.Input, p.Cin2, window)));
        return new(Math.Max(error, Difference(exact.Read(rdw), on.Read(tdw))), gradient);
    }

    /// <summary>The three passes of a transposed convolution.</summary>
    /// <param name="p">Its sizes.</param>
    public LayerErrors Of(TransposedConvProblem p)
    {
        var window = Least(p.Input, LargestWindow / 2);
        var part = p with { N = 1, Input = window };
        float[] x = Values(p.InputShape), w = Values(p.WeightShape, 1 / Math.Sqrt(p.Cin));
        using var on = new Device(backend);
        Tensor tx = on.Of(p.InputShape, x), tw = on.Of(p.WeightShape, w), ty = on.Of(p.OutputShape);
        backend.TransposedConvForward(p, tx, tw, null, ty);
        var y = on.Read(ty);
        using var exact = new Device(new ReferenceBackend());
        var own = exact.Backend;
        Tensor rx = exact.Of(part.InputShape, Crop(x, p.Input, p.Cin, window)), rw = exact.Of(part.WeightShape, w);
        Tensor ry = exact.Of(part.OutputShape);
        own.TransposedConvForward(part, rx, rw, null, ry);
        var error = Difference(exact.Read(ry), Crop(y, p.Output, p.Cout, part.Output));

        Tensor tdx = on.Of(p.InputShape), tdw = on.Of(p.WeightShape);
        backend.TransposedConvBackwardData(p, ty, tw, tdx, false);
        backend.TransposedConvBackwardWeights(p, tx, ty, tdw, null, false);
        var energy = Dot(y, y);
        var dx = on.Read(tdx);
        var gradient = Math.Max(Math.Abs(energy - Dot(x, dx)), Math.Abs(energy - Dot(w, on.Read(tdw)))) / energy;

        var inside = Crop(y, p.Output, p.Cout, part.Output);
        var sparse = new float[p.OutputShape.Length];
        Paste(inside, part.Output, sparse, p.Output, p.Cout);
        backend.Upload(sparse, ty);
        backend.TransposedConvBackwardWeights(p, tx, ty, tdw, null, false);
        own.Upload(inside, ry);
        Tensor rdx = exact.Of(part.InputShape), rdw = exact.Of(part.WeightShape);
        own.TransposedConvBackwardData(part, ry, rw, rdx, false);
        own.TransposedConvBackwardWeights(part, rx, ry, rdw, null, false);
        error = Math.Max(error, Difference(exact.Read(rdx), Crop(dx, p.Input, p.Cin, window)));
        return new(Math.Max(error, Difference(exact.Read(rdw), on.Read(tdw))), gradient);
    }

    /// <summary>Forward and backward of a normalisation.</summary>
    /// <param name="p">Its sizes.</param>
    public LayerErrors Of(InstanceNormProblem p)
    {
        float[] x = Values(p.ActivationShape), dy = Values(p.ActivationShape);
        float[] gamma = [.. Values(p.ParameterShape).Select(value => 1 + (value / 2))], beta = Values(p.ParameterShape);
        using var on = new Device(backend);
        var y = Normalize(on, p, x, gamma, beta, dy, out var dx);
        var few = Math.Min(Channels, p.C);
        var part = p with { N = 1, C = few };
        using var exact = new Device(new ReferenceBackend());
        float[] Some(float[] values) => Enumerable.Range(0, (int)p.Spatial.Voxels)
            .SelectMany(v => Enumerable.Range(0, few).Select(c => values[((long)v * p.C) + c])).ToArray();
        var ry = Normalize(exact, part, Some(x), gamma[..few], beta[..few], Some(dy), out var rdx);
        var error = Math.Max(Difference(ry, Some(y)), Difference(rdx, Some(dx)));
        var length = Math.Sqrt(Dot(dx, dx) / dx.Length);
        if (!(length > 0) || p.Spatial.Voxels == 1)
        {
            return new(error, 0); // one voxel: the output does not depend on the input
        }

        double Loss(double step) =>
            Dot(dy, Normalize(on, p, [.. x.Zip(dx, (a, b) => (float)(a + (step * b / length)))], gamma, beta, null, out _));
        var along = Dot(dx, dx) / length;
        return new(error, Math.Abs(((Loss(Step) - Loss(-Step)) / (2 * Step)) - along) / along);
    }

    private static float[] Normalize(
        Device on, InstanceNormProblem p, float[] x, float[] gamma, float[] beta, float[]? dy, out float[] dx)
    {
        using var scope = new Device(on.Backend);
        Tensor tx = scope.Of(p.ActivationShape, x), ty = scope.Of(p.ActivationShape);
        Tensor mean = scope.Of(p.StatisticsShape), rstd = scope.Of(p.StatisticsShape);
        Tensor tg = scope.Of(p.ParameterShape, gamma), tb = scope.Of(p.ParameterShape, beta);
        on.Backend.InstanceNormStatistics(p, tx, mean, rstd);
        on.Backend.InstanceNormApply(p, tx, mean, rstd, tg, tb, ty);
        dx = [];
        if (dy is not null)
        {
            Tensor tdx = scope.Of(p.ActivationShape), tdy = scope.Of(p.ActivationShape, dy);
            Tensor dgamma = scope.Of(p.ParameterShape), dbeta = scope.Of(p.ParameterShape);
            on.Backend.InstanceNormBackward(p, tdy, tx, mean, rstd, tg, tb, tdx, dgamma, dbeta, false);
            dx = scope.Read(tdx);
        }

        return scope.Read(ty);
    }

    private static Extent Window(ConvProblem p)
    {
        for (var edge = LargestWindow; ; edge--)
        {
            var window = Least(p.Input, edge);
            if (window.Voxels * p.Kernel.Voxels * p.CinTotal * p.Cout <= MostTaps || edge <= 4)
            {
                return window;
            }
        }
    }

    private static Extent Least(Extent size, int edge) =>
        new(Math.Min(size.Z, edge), Math.Min(size.Y, edge), Math.Min(size.X, edge));

    private static bool Along(Func<int, bool> holds) => holds(0) && holds(1) && holds(2);

    private static float[] Crop(float[] values, Extent size, int channels, Extent window)
    {
        var part = new float[window.Voxels * channels];
        Move(size, window, channels, (whole, inside, length) => Array.Copy(values, whole, part, inside, length));
        return part;
    }

    private static void Paste(float[] part, Extent window, float[] values, Extent size, int channels) =>
        Move(size, window, channels, (whole, inside, length) => Array.Copy(part, inside, values, whole, length));

    private static void Move(Extent size, Extent window, int channels, Action<long, long, int> row)
    {
        for (var z = 0; z < window.Z; z++)
        {
            for (var y = 0; y < window.Y; y++)
            {
                row(
                    (((long)z * size.Y) + y) * size.X * channels, (((long)z * window.Y) + y) * window.X * channels,
                    window.X * channels);
            }
        }
    }

    private static float[] Masked(float[] values, Extent size, int channels, Func<Extent, bool> keeps)
    {
        var kept = (float[])values.Clone();
        for (var v = 0; v < size.Voxels; v++)
        {
            if (!keeps(new(v / (size.Y * size.X), v / size.X % size.Y, v % size.X)))
            {
                kept.AsSpan(v * channels, channels).Clear();
            }
        }

        return kept;
    }

    /// <summary>The largest difference, as a part of the largest expected value.</summary>
    private static double Difference(float[] expected, float[] actual)
    {
        double largest = 0, difference = 0;
        for (var i = 0; i < expected.Length; i++)
        {
            largest = Math.Max(largest, Math.Abs((double)expected[i]));
            var here = Math.Abs(expected[i] - (double)actual[i]);
            difference = Math.Max(difference, double.IsNaN(here) ? double.PositiveInfinity : here);
        }

        return largest > 0 ? difference / largest : difference;
    }

    private static double Dot(float[] a, float[] b)
    {
        var sum = 0.0;
        for (var i = 0; i < a.Length; i++)
        {
            sum += (double)a[i] * b[i];
        }

        return sum;
    }

    private float[] Values(Shape shape, double scale = 1)
    {
        var values = new float[shape.Length];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = (float)(((2 * random.NextDouble()) - 1) * scale);
        }

        return values;
    }

    /// <summary>Tensors of a device, freed together.</summary>
    private sealed class Device(Backend backend) : IDisposable
    {
        private readonly List<DeviceBuffer> buffers = [];

        public Backend Backend => backend;

        public Tensor Of(Shape shape, float[]? values = null)
        {
            var buffer = backend.Allocate(shape.Length);
            buffers.Add(buffer);
            var tensor = new Tensor(buffer, 0, shape);
            if (values is null)
            {
                backend.Fill(tensor, float.NaN); // what is not written shows
            }
            else
            {
                backend.Upload(values, tensor);
            }

            return tensor;
        }

        public float[] Read(Tensor tensor)
        {
            var values = new float[tensor.Length];
            backend.Download(tensor, values);
            return values;
        }

        public void Dispose() => buffers.ForEach(backend.Free);
    }
}
