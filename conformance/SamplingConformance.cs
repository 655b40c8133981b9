using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.Conformance;

/// <summary>
/// Augmentation's spatial transform: affine maps with linear interpolation, and splines with elastic displacements.
/// </summary>
public sealed class SamplingConformance(ConformanceTarget target) : ConformanceSuite(target)
{
    /// <summary>Positions are kept to 10⁻⁵ voxels by the coarsest device, and values lie 2 apart at most.</summary>
    private const double ImageTolerance = 1e-4;

    /// <summary>Patch, initial patch, the box's place in it, each slice on its own, channels, second label.</summary>
    private static readonly (
        Extent Patch, Extent Initial, Extent Origin, Extent Box, bool Planar, int Channels, bool Previous)[] Places =
    [
        (new(5, 6, 7), new(9, 10, 8), default, new(9, 10, 8), false, 1, false),      // the box is the whole initial patch
        (new(5, 6, 7), new(9, 10, 8), new(2, 0, 3), new(6, 7, 5), false, 2, true),   // a part: the rest is padding
        (new(4, 5, 6), new(2, 3, 7), default, new(2, 3, 7), false, 1, false),        // borders that mirror each other
        (new(3, 6, 5), new(3, 9, 8), new(1, 2, 0), new(2, 6, 8), true, 2, true),     // each slice on its own
        (new(1, 7, 6), new(1, 10, 9), default, new(1, 10, 9), true, 1, false),       // 2D
        (new(4, 5, 6), new(8, 8, 8), default, default, false, 2, true),              // the box is empty
        (Extent.One, new(3, 3, 3), default, new(3, 3, 3), false, 1, false),
        (new(2, 3, 37), new(4, 6, 45), new(1, 0, 4), new(3, 6, 38), false, 1, false), // rows of several vectors and a rest
    ];

    [Check]
    public void Affine_sampling_matches_float64_reference() => ForEach(Places, (place, random) =>
    {
        var (differ, all) = (0, 0);
        for (var draw = 0; draw < 4; draw++)
        {
            var sample = new Sample(Map(place, random), random, place.Previous);
            using var reference = new ReferenceBackend();
            var (expected, actual) = (sample.Affine(reference), sample.Affine(Device));
            RequireClose("image", expected.Image, actual.Image);
            differ += Differences(expected, actual);
            all += expected.Labels.Length;
        }

        RequireFew(differ, all);
    });

    [Check]
    public void Spline_sampling_matches_float64_reference() => ForEach(Places, (place, random) =>
    {
        var (differ, all) = (0, 0);
        foreach (var strength in new[] { 0f, 30f, 200f })
        {
            var sample = new Sample(Map(place, random), random, place.Previous);
            using var reference = new ReferenceBackend();
            var elastic = strength > 0 ? Elastic(random, strength) : null;
            var (expected, actual) = (sample.Spline(reference, elastic), sample.Spline(Device, elastic));
            RequireClose("image", expected.Image, actual.Image);
            differ += Differences(expected, actual);
            all += expected.Labels.Length;
        }

        RequireFew(differ, all);
    });

    /// <summary>Without visible displacements the comparison above would prove nothing.</summary>
    [Check]
    public void Displacements_move_the_patch()
    {
        var random = NewRandom();
        var sample = new Sample(Map(Places[0], random), random, withPrevious: false);
        var (still, moved) = (sample.Spline(Device, null), sample.Spline(Device, Elastic(random, 200)));
        Require.True(
            still.Image.Zip(moved.Image).Count(pair => Math.Abs(pair.First - pair.Second) > 0.05) > still.Image.Length / 4);
    }

    /// <summary>
    /// Several threads at once, concurrently with one of the backend's operations, give the same bytes as one thread.
    /// </summary>
    [Check]
    public void Samples_may_be_taken_from_any_thread()
    {
        var random = NewRandom();
        var samples = Enumerable.Range(0, 6).Select(i =>
        {
            var place = Places[i];
            return (
                Sample: new Sample(Map(place, random), random, place.Previous),
                Elastic: i % 2 == 0 ? Elastic(random, 100) : null);
        }).ToArray();
        var alone = samples.Select(s => (s.Sample.Affine(Device), s.Sample.Spline(Device, s.Elastic))).ToArray();
        var failures = new string?[samples.Length];
        var threads = samples.Select((s, i) => new Thread(() =>
        {
            for (var round = 0; round < 5; round++)
            {
                var ((affine, spline), (a, b)) = (alone[i], (s.Sample.Affine(Device), s.Sample.Spline(Device, s.Elastic)));
                failures[i] ??= affine.SameAs(a) && spline.SameAs(b) ? null : $"sample {i} differs";
            }
        })).ToArray();
        foreach (var thread in threads)
        {
            thread.Start();
        }

        using var x = new GuardedTensor(Device, Shape.Vector(1000), RandomValues.Uniform(random, 1000));
        for (var i = 0; i < 50; i++)
        {
            Device.Axpby(0.5f, x.Tensor, 0.5f, x.Tensor);
        }

        foreach (var thread in threads)
        {
            thread.Join();
        }

        Require.All(failures, failure => Require.True(failure is null, failure ?? string.Empty));
    }

    [Check]
    public void Lengths_that_do_not_fit_are_refused()
    {
        var p = Map(Places[0], NewRandom());
        int box = (int)p.Box.Voxels, patch = (int)p.Patch.Voxels;
        Require.Throws<ShapeException>(() => Device.SampleAffine(
            p, new(new float[box - 1], new short[box], default), new(new float[patch], new short[patch], default)));
        Require.Throws<ShapeException>(() => Device.SampleAffine(
            p, new(new float[box], new short[box], default), new(new float[patch], new short[patch + 1], default)));
        Require.Throws<ShapeException>(() => Device.SampleSpline(
            new SplineSampling(p, default, p.Initial, 0, null), new(new float[box], new short[box], default),
            new(new float[patch], new short[patch], new short[patch])));
    }

    private static AffineSampling Map(
        (Extent Patch, Extent Initial, Extent Origin, Extent Box, bool Planar, int Channels, bool Previous) place, Random random)
    {
        var (sine, cosine) = Math.SinCos((random.NextDouble() - 0.5) * Math.PI);
        var scale = 0.7 + (0.7 * random.NextDouble());
        VoxelPosition y = new(0, scale * cosine, scale * sine), x = new(0, -scale * sine, scale * cosine);
        if (place.Planar)
        {
            return new(place.Patch, place.Initial, place.Origin, place.Box, place.Channels, true, new(1, 0, 0), y, x);
        }

        // A rotation in the plane, then one about the last axis.
        var (s, c) = Math.SinCos((random.NextDouble() - 0.5) * Math.PI);
        VoxelPosition Turned(VoxelPosition v) => new((c * v.Z) - (s * v.Y), (s * v.Z) + (c * v.Y), v.X);
        return new(
            place.Patch, place.Initial, place.Origin, place.Box, place.Channels, false, Turned(new(scale, 0, 0)),
            Turned(y), Turned(x));
    }

    private static ElasticDisplacement Elastic(Random random, float strength)
    {
        var kernel = new float[9];
        for (var i = 0; i < kernel.Length; i++)
        {
            kernel[i] = (float)Math.Exp(-(i - 4) * (i - 4) / 4.0) / 3.5f;
        }

        return new(new UniformDraws((ulong)random.NextInt64(), (ulong)random.Next(1000)), kernel, strength / 100);
    }

    private static void RequireClose(string name, float[] expected, float[] actual) =>
        RequireClose(name, Array.ConvertAll(expected, v => (double)v), actual, new Tolerance(0, Absolute: ImageTolerance));

    private static int Differences(Patch expected, Patch actual) =>
        expected.Labels.Zip(actual.Labels).Count(pair => pair.First != pair.Second);

    /// <summary>
    /// Where two labels' weights are equal to seven digits, or a position lies on the border to as many, rounding may decide.
    /// </summary>
    private static void RequireFew(int differ, int all) =>
        Require.True(differ <= 1 + (all / 500), $"{differ} of {all} labels differ");

    private sealed record Patch(float[] Image, short[] Labels)
    {
        public bool SameAs(Patch other) =>
            Image.AsSpan().SequenceEqual(other.Image) && Labels.AsSpan().SequenceEqual(other.Labels);
    }

    /// <summary>A map and random voxels; both labels of a sampled patch are kept one behind the other.</summary>
    private sealed class Sample(AffineSampling map, Random random, bool withPrevious)
    {
        private readonly float[] image = RandomValues.Uniform(random, map.Box.Voxels * map.Channels);
        private readonly short[] labels = [.. Enumerable.Range(0, (int)map.Box.Voxels).Select(i => (short)((i / 4 % 4) - 1))];
        private readonly short[] previous =
            [.. Enumerable.Range(0, withPrevious ? (int)map.Box.Voxels : 0).Select(i => (short)(i / 5 % 3))];

        public Patch Affine(Backend backend)
        {
            var (patch, split) = NewPatch();
            backend.SampleAffine(
                map, new(image, labels, previous), new(patch.Image, patch.Labels.AsSpan(..split), patch.Labels.AsSpan(split..)));
            return patch;
        }

        public Patch Spline(Backend backend, ElasticDisplacement? elastic)
        {
            var (patch, split) = NewPatch();
            backend.SampleSpline(
                new SplineSampling(map, default, map.Initial, PreviousPadding: 0, elastic), new(image, labels, previous),
                new(patch.Image, patch.Labels.AsSpan(..split), patch.Labels.AsSpan(split..)));
            return patch;
        }

        private (Patch Patch, int Split) NewPatch()
        {
            var voxels = (int)map.Patch.Voxels;
            var patch = new Patch(new float[voxels * map.Channels], new short[withPrevious ? 2 * voxels : voxels]);
            Array.Fill(patch.Image, float.NaN);
            Array.Fill(patch.Labels, short.MaxValue);
            return (patch, voxels);
        }
    }
}
