using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Demo;

/// <summary>
/// One made-up scan with its truth. A bent, tilted ellipsoid is split by a curved surface into two touching structures, "head"
/// (1) and "tail" (2). Around it lie round distractors of the same brightness, all under a smooth texture, a bias field and
/// noise: brightness alone does not tell the structures apart, shape and position must be learnt.
/// </summary>
/// <param name="Extent">Voxels (z, y, x).</param>
/// <param name="Spacing">mm (z, y, x).</param>
/// <param name="Image">Brightness, arbitrary units, row-major (z, y, x).</param>
/// <param name="Labels">0 background, 1 head, 2 tail.</param>
internal sealed record PhantomCase(Extent Extent, Spacing Spacing, float[] Image, short[] Labels)
{
    // arbitrary units
    private const double Background = 100, HeadBrightness = 150, TailBrightness = 130, DistractorBrightness = 140;
    private const double NoiseSigma = 7, TextureAmplitude = 7, BiasAmplitude = 0.15;
    private const double MostTilt = 0.25; // rad

    /// <summary>Makes a case; the same seed always gives the same voxels.</summary>
    public static PhantomCase Create(int seed)
    {
        var random = new Random(seed); // seeded Random is stable across .NET versions
        double Uniform(double low, double high) => low + ((high - low) * random.NextDouble());

        var spacing = new Spacing(Round(Uniform(0.9, 1.2)), Round(Uniform(0.9, 1.2)), Round(Uniform(0.9, 1.2)));
        var extent = new Extent(random.Next(32, 41), random.Next(40, 51), random.Next(32, 41));
        double[] sizeMm = [extent.Z * spacing.Z, extent.Y * spacing.Y, extent.X * spacing.X];
        double[] centre = [.. sizeMm.Select(s => (s / 2) + Uniform(-4, 4))];
        double[] radii = [Uniform(6, 7.5), Uniform(12, 15), Uniform(6, 8)]; // mm
        var frame = Rotation(Uniform(-MostTilt, MostTilt), Uniform(-MostTilt, MostTilt), Uniform(-MostTilt, MostTilt));
        double bend = Uniform(-0.03, 0.03), split = Uniform(-2, 2), splitCurve = Uniform(-0.05, 0.05);
        var distractors = Distractors(random, sizeMm, centre, radii);
        var texture = new SmoothField(random, waves: 24, shortestMm: 8);
        var bias = new SmoothField(random, waves: 3, shortestMm: 60);

        var image = new float[extent.Voxels];
        var labels = new short[extent.Voxels];
        var p = new double[3]; // mm, reused for every voxel
        var i = 0;
        for (var z = 0; z < extent.Z; z++)
        {
            for (var y = 0; y < extent.Y; y++)
            {
                for (var x = 0; x < extent.X; x++, i++)
                {
                    (p[0], p[1], p[2]) = (z * spacing.Z, y * spacing.Y, x * spacing.X);
                    var label = Structure(p, centre, frame, radii, bend, split, splitCurve);
                    var brightness = label switch
                    {
                        1 => HeadBrightness,
                        2 => TailBrightness,
                        _ => IsInAny(distractors, p) ? DistractorBrightness : Background,
                    };
                    brightness += TextureAmplitude * texture.At(p);
                    brightness *= 1 + (BiasAmplitude * bias.At(p));
                    image[i] = (float)Math.Max(0, brightness + (NoiseSigma * Gaussian(random)));
                    labels[i] = label;
                }
            }
        }

        return new PhantomCase(extent, spacing, image, labels);
    }

    private static bool IsInAny(List<Ball> balls, double[] p)
    {
        foreach (var ball in balls)
        {
            if (ball.Contains(p))
            {
                return true;
            }
        }

        return false;
    }

    private static short Structure(
        double[] p, double[] centre, double[,] frame, double[] radii, double bend, double split, double splitCurve)
    {
        var q = new double[3];
        for (var r = 0; r < 3; r++)
        {
            q[r] = (frame[r, 0] * (p[0] - centre[0])) + (frame[r, 1] * (p[1] - centre[1])) + (frame[r, 2] * (p[2] - centre[2]));
        }

        q[0] -= bend * q[1] * q[1]; // the long axis is a parabola, not a line
        var inside = Square(q[0] / radii[0]) + Square(q[1] / radii[1]) + Square(q[2] / radii[2]);
        if (inside > 1)
        {
            return 0;
        }

        return (short)(q[1] < split + (splitCurve * q[2] * q[2]) ? 1 : 2);
    }

    private static List<Ball> Distractors(Random random, double[] sizeMm, double[] centre, double[] radii)
    {
        var balls = new List<Ball>();
        for (var attempt = 0; attempt < 200 && balls.Count < 6; attempt++)
        {
            double[] c = [.. sizeMm.Select(s => random.NextDouble() * s)];
            var radius = 2.5 + (3 * random.NextDouble());
            var distance = Math.Sqrt(c.Select((v, axis) => Square((v - centre[axis]) / (radii[axis] + radius + 2))).Sum());
            if (distance > 1.15)
            {
                balls.Add(new Ball(c, radius));
            }
        }

        return balls;
    }

    private static double[,] Rotation(double a, double b, double c)
    {
        double ca = Math.Cos(a), sa = Math.Sin(a), cb = Math.Cos(b), sb = Math.Sin(b), cc = Math.Cos(c), sc = Math.Sin(c);
        return new[,]
        {
            { cb * cc, -cb * sc, sb },
            { (sa * sb * cc) + (ca * sc), (-sa * sb * sc) + (ca * cc), -sa * cb },
            { (-ca * sb * cc) + (sa * sc), (ca * sb * sc) + (sa * cc), ca * cb },
        };
    }

    private static double Square(double v) => v * v;

    private static double Round(double spacingMm) => Math.Round(spacingMm, 2);

    private static double Gaussian(Random random) =>
        Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());

    private sealed record Ball(double[] CentreMm, double RadiusMm)
    {
        public bool Contains(double[] p) =>
            Square(p[0] - CentreMm[0]) + Square(p[1] - CentreMm[1]) + Square(p[2] - CentreMm[2]) < RadiusMm * RadiusMm;
    }

    /// <summary>A sum of plane waves with random directions, scaled to a standard deviation of about one.</summary>
    private sealed class SmoothField
    {
        private readonly double[][] waves; // each: wave vector (rad/mm) z, y, x and phase

        public SmoothField(Random random, int waves, double shortestMm)
        {
            this.waves = new double[waves][];
            for (var w = 0; w < waves; w++)
            {
                double[] direction = [Gaussian(random), Gaussian(random), Gaussian(random)];
                var length = Math.Sqrt(direction.Sum(Square)) + 1e-9;
                var k = 2 * Math.PI / (shortestMm * (1 + (3 * random.NextDouble()))) / length;
                this.waves[w] = [direction[0] * k, direction[1] * k, direction[2] * k, 2 * Math.PI * random.NextDouble()];
            }
        }

        public double At(double[] p)
        {
            var sum = 0.0;
            foreach (var w in waves)
            {
                sum += Math.Cos((w[0] * p[0]) + (w[1] * p[1]) + (w[2] * p[2]) + w[3]);
            }

            return sum * Math.Sqrt(2.0 / waves.Length);
        }
    }
}
