using SharpSeg.AutoPlanner.Planning;

namespace SharpSeg.AutoPlanner.Batches.Augmentation;

/// <summary>
/// The table of docs/method/augmentation.md §1: how likely each step is, and what its parameters are drawn from. Probabilities
/// are per sample; "per channel" is a second draw for each image channel of a chosen sample. 0 switches a step off.
/// </summary>
internal sealed record AugmentationRecipe
{
    /// <summary>Elastic deformation, per sample.</summary>
    public double Elastic { get; init; }

    /// <summary>Strength α in voxels, in 3D and in the plane, drawn from U(0, this).</summary>
    public (double Space, double Plane) ElasticStrength { get; init; } = (900, 200);

    /// <summary>Smoothness σ of the deformation in voxels.</summary>
    public RandomRange ElasticSmoothness { get; init; } = RandomRange.Uniform(9, 13);

    /// <summary>Rotation about all axes at once, per sample.</summary>
    public double Rotation { get; init; } = 0.2;

    /// <summary>Scaling, one factor for all axes, per sample. Factors above 1 make objects smaller.</summary>
    public double Scaling { get; init; } = 0.2;

    /// <summary>Scaling factors.</summary>
    public RandomRange ScalingRange { get; init; } = RandomRange.Uniform(0.7, 1.4);

    /// <summary>Interpolate images with cubic B-splines and transform in the classic order; otherwise linearly.</summary>
    public bool CubicSpline { get; init; }

    /// <summary>Gaussian noise, per sample.</summary>
    public double Noise { get; init; }

    /// <summary>Standard deviation of the noise.</summary>
    public RandomRange NoiseSigma { get; init; } = RandomRange.Uniform(0, 0.1);

    /// <summary>Gaussian blur, per sample.</summary>
    public double Blur { get; init; }

    /// <summary>Gaussian blur, per channel of a chosen sample.</summary>
    public double BlurPerChannel { get; init; } = 0.5;

    /// <summary>Width of the blur in voxels, for each channel and axis.</summary>
    public RandomRange BlurSigma { get; init; } = RandomRange.Uniform(0.5, 1);

    /// <summary>Multiplicative brightness, per sample.</summary>
    public double Brightness { get; init; }

    /// <summary>Brightness factors, for each channel.</summary>
    public RandomRange BrightnessRange { get; init; } = RandomRange.AroundOne(0.75, 1.25);

    /// <summary>Contrast, per sample.</summary>
    public double Contrast { get; init; }

    /// <summary>Contrast factors, for each channel.</summary>
    public RandomRange ContrastRange { get; init; } = RandomRange.AroundOne(0.75, 1.25);

    /// <summary>Simulated low resolution, per sample.</summary>
    public double LowResolution { get; init; }

    /// <summary>Simulated low resolution, per channel of a chosen sample.</summary>
    public double LowResolutionPerChannel { get; init; } = 0.5;

    /// <summary>Size of the low-resolution image relative to the patch.</summary>
    public RandomRange LowResolutionZoom { get; init; } = RandomRange.Uniform(0.5, 1);

    /// <summary>Gamma of the inverted image, per sample.</summary>
    public double InvertedGamma { get; init; }

    /// <summary>Gamma, per sample.</summary>
    public double Gamma { get; init; } = 0.3;

    /// <summary>Exponents of both gamma steps, for each channel.</summary>
    public RandomRange GammaRange { get; init; } = RandomRange.AroundOne(0.7, 1.5);

    /// <summary>Mirroring, per sample and allowed axis.</summary>
    public double MirrorPerAxis { get; init; } = 0.5;

    /// <summary>Cascade: morphological change of the previous stage's masks, per sample.</summary>
    public double CascadeMorphology { get; init; } = 0.4;

    /// <summary>Cascade: removal of a component of the previous stage's masks, per sample.</summary>
    public double CascadeRemoval { get; init; } = 0.2;

    /// <summary>Cascade: each of the two corruptions, per label of a chosen sample.</summary>
    public double CascadePerLabel { get; init; } = 0.5;

    /// <summary>Cascade: visit the labels in random order when removing components.</summary>
    public bool CascadeRemovalShuffled { get; init; } = true;

    /// <summary>The published recipe of a generation.</summary>
    public static AugmentationRecipe For(Profile profile) => profile == Profile.Classic
        ? new AugmentationRecipe
        {
            Elastic = 0.2,
            ScalingRange = RandomRange.AroundOne(0.85, 1.25),
            CubicSpline = true,
            CascadePerLabel = 1,
            CascadeRemovalShuffled = false,
        }
        : new AugmentationRecipe
        {
            Noise = 0.1,
            Blur = 0.2,
            Brightness = 0.15,
            Contrast = 0.15,
            LowResolution = 0.25,
            InvertedGamma = 0.1,
        };
}

/// <summary>A range that a factor is drawn from (docs/method/augmentation.md §1).</summary>
/// <param name="Low">Smallest factor.</param>
/// <param name="High">Largest factor.</param>
/// <param name="TwoSided">
/// T(low, high): below and above 1 are equally likely, whatever the widths. Otherwise U(low, high): uniform.
/// </param>
internal readonly record struct RandomRange(double Low, double High, bool TwoSided)
{
    /// <summary>U(low, high).</summary>
    public static RandomRange Uniform(double low, double high) => new(low, high, false);

    /// <summary>T(low, high), low &lt; 1 &lt; high.</summary>
    public static RandomRange AroundOne(double low, double high) => new(low, high, true);

    /// <summary>Draws a factor.</summary>
    public double Draw(CounterRandom random)
    {
        if (!TwoSided)
        {
            return random.NextDouble(Low, High);
        }

        return random.NextBool(0.5) ? random.NextDouble(Low, 1) : random.NextDouble(1, High);
    }
}
