using SharpSeg.Engine.Autograd;
using SharpSeg.Engine.Networks;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.Engine.Optimizers;

/// <summary>
/// Moves the parameters of a network against their gradients. Parameters without a gradient in this step are skipped completely;
/// neighbours that have taken the same number of steps are updated by one launch.
/// </summary>
public abstract class Optimizer : IDisposable
{
    private readonly List<(string Name, DeviceBuffer Buffer)> moments = [];
    private readonly int[] steps;

    /// <summary>Starts with zero moments.</summary>
    /// <param name="parameters">The parameters to train.</param>
    /// <param name="weightDecay">λ, coupled L2 on every parameter, biases and norms included
    /// (docs/method/losses-and-optimisers.md §7).</param>
    protected Optimizer(ParameterStore parameters, float weightDecay)
    {
        Parameters = parameters;
        WeightDecay = weightDecay;
        steps = new int[parameters.Parameters.Count];
    }

    /// <summary>The parameters that are trained.</summary>
    public ParameterStore Parameters { get; }

    /// <summary>λ of the coupled weight decay.</summary>
    public float WeightDecay { get; }

    /// <summary>Steps taken by each parameter, in the store's order; 0 = not yet stepped. Part of a checkpoint.</summary>
    public IReadOnlyList<int> StepCounts => steps;

    /// <summary>
    /// The moments, one tensor per parameter and kind, named <c>parameter.kind</c>, in a fixed order. Part of a checkpoint.
    /// </summary>
    public IEnumerable<(string Name, Parameter Parameter, Tensor Value)> State =>
        from moment in moments
        from parameter in Parameters.Parameters
        select ($"{parameter.Name}.{moment.Name}", parameter, new Tensor(moment.Buffer, parameter.Offset, parameter.Shape));

    /// <summary>One step.</summary>
    /// <param name="learningRate">η, before each parameter's factor.</param>
    /// <param name="gradientScale">Factor on every gradient first: clipping.</param>
    public void Step(float learningRate, float gradientScale)
    {
        foreach (var run in Parameters.Runs(p => (p.LearningRateFactor, StepsOf(p))))
        {
            for (var i = run.First; i <= run.Last; i++)
            {
                steps[i]++;
            }

            var rate = learningRate * Parameters.Parameters[run.First].LearningRateFactor;
            StepRun(run, rate, gradientScale, steps[run.First]);
        }
    }

    /// <summary>Restores the step counts of a checkpoint.</summary>
    /// <exception cref="ArgumentException">The number of counts is not that of the parameters.</exception>
    public void RestoreStepCounts(IReadOnlyList<int> counts)
    {
        if (counts.Count != steps.Length || counts.Any(c => c < 0))
        {
            throw new ArgumentException(
                $"{steps.Length} step counts of 0 or more are needed, {counts.Count} given", nameof(counts));
        }

        for (var i = 0; i < steps.Length; i++)
        {
            steps[i] = counts[i];
        }
    }

    /// <summary>Frees the moments.</summary>
    public void Dispose()
    {
        foreach (var (_, buffer) in moments)
        {
            Parameters.Backend.Free(buffer);
        }

        moments.Clear();
        GC.SuppressFinalize(this);
    }

    /// <summary>Updates one run of parameters.</summary>
    protected abstract void StepRun(in ParameterRun run, float learningRate, float gradientScale, int stepCount);

    /// <summary>Adds a moment: a buffer as long as the parameters', filled with zeros.</summary>
    protected DeviceBuffer AddMoment(string name)
    {
        var buffer = Parameters.AllocateTwin();
        moments.Add((name, buffer));
        return buffer;
    }

    private int StepsOf(Parameter parameter) => steps[parameter.Index];
}
