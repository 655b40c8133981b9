using System.Diagnostics;
using SharpSeg.AutoPlanner.Batches;
using SharpSeg.AutoPlanner.Inference;
using SharpSeg.AutoPlanner.Training;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Optimizers;
using SharpSeg.Engine.Training;

namespace SharpSeg.AutoPlanner.Steps;

/// <summary>
/// What one training step and one predicted tile cost on this machine, measured on random data with a throw-away network before a
/// schedule is fitted to a time.
/// </summary>
/// <param name="SecondsPerStep">One training step at <see cref="TrainingSchedule.ProbeBatch"/>, median.</param>
/// <param name="SecondsPerTile">One tile, one view through the network in prediction.</param>
public sealed record SpeedProbe(double SecondsPerStep, double SecondsPerTile)
{
    private const int WarmUpSteps = 2, MeasuredSteps = 3;

    /// <summary>The same machine, slower by a factor.</summary>
    public SpeedProbe SlowedDown(double factor) => new(SecondsPerStep * factor, SecondsPerTile * factor);

    /// <summary>The same machine where a recipe leaves fewer axes to mirror, and so fewer views of a tile.</summary>
    /// <param name="job">The run; all its axes were measured.</param>
    /// <param name="recipe">Its recipe.</param>
    public SpeedProbe With(TrainingJob job, TrainingRecipe? recipe) => this with
    {
        SecondsPerTile = SecondsPerTile / (1 << (job.MirrorAxes.Count - job.MirrorAxesWith(recipe).Count)),
    };

    /// <summary>Measures; takes about six steps.</summary>
    /// <exception cref="OperationCanceledException">Cancelled between two of them.</exception>
    public static SpeedProbe Measure(TrainingJob job, Backend backend, InferenceOptions inference, CancellationToken cancel)
    {
        var configuration = job.Configuration;
        var batch = TrainingSchedule.ProbeBatch(configuration.BatchSize, configuration.Is2D);
        using var network = TrainingParts.BuildNetwork(job, backend);
        using var optimizer = new SgdNesterov(network.Parameters);
        var random = new CounterRandom(job.Seed);
        var images = new float[batch * configuration.Patch.Voxels * network.Plan.InputChannels];
        for (var i = 0; i < images.Length; i++)
        {
            images[i] = random.NextFloat();
        }

        var options = TrainingParts.Options(job, network, batch);
        var channels = options.Loss.TargetChannels(network.Plan.OutputChannels);
        float[][] targets =
        [
            .. network.OutputScales.Select(
                scale => new float[batch * SupervisionTargets.SizeOf(configuration.Patch, scale).Voxels * channels]),
        ];
        if (job.Description.Labels.Partial.Any)
        {
            targets = [.. targets, new float[Backend.UnlabelledShape(batch, network.Plan.OutputChannels).Length]];
        }

        double[] seconds = new double[MeasuredSteps];
        using (var step = new TrainingStep(network, optimizer, configuration.Patch, batch, options))
        {
            for (var i = -WarmUpSteps; i < MeasuredSteps; i++)
            {
                cancel.ThrowIfCancellationRequested();
                var begin = Stopwatch.GetTimestamp();
                step.Run(images, targets, learningRate: 0);
                if (i >= 0)
                {
                    seconds[i] = Stopwatch.GetElapsedTime(begin).TotalSeconds;
                }
            }
        }

        Array.Sort(seconds);
        var tile = images.AsSpan(0, (int)configuration.Patch.Voxels * network.Plan.InputChannels).ToArray();
        using var predictor = new Predictor(
            backend, [network], configuration, job.Plans.Profile, job.Description.Labels.HasRegions, job.MirrorAxes, inference);
        PredictTile(tile);
        var start = Stopwatch.GetTimestamp();
        PredictTile(tile);
        var passes = Predictor.ForwardPasses(configuration.Patch, configuration, inference, job.MirrorAxes.Count, folds: 1);
        return new SpeedProbe(seconds[MeasuredSteps / 2], Stopwatch.GetElapsedTime(start).TotalSeconds / passes);

        void PredictTile(float[] tile)
        {
            using var outputs = predictor.Predict(tile, configuration.Patch, cancel);
            backend.Synchronize();
        }
    }
}
