using SharpSeg.Engine.Autograd;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Networks;

namespace SharpSeg.Engine.Training;

/// <summary>
/// Recordings of a training pass, on devices that make some (<see cref="Backend.Record"/>): every pass of a size launches the
/// same operations on the same memory, because a pool places them alike each time. Of what changes from pass to pass, the batch
/// has two places on the device, each with a recording of its own, and the loss's scale changes seldom, which makes them anew.
/// </summary>
/// <param name="parameters">Those whose gradients a pass computes.</param>
/// <param name="pool">Where a pass has its memory.</param>
/// <param name="enabled">False: every pass is launched operation by operation.</param>
internal sealed class PassRecordings(ParameterStore parameters, BufferPool pool, bool enabled) : IDisposable
{
    private readonly Dictionary<BatchInputs, (Recording Pass, List<Parameter> Reached)> recordings =
        new(ReferenceEqualityComparer.Instance);

    // Of the latest pass that was launched: kernels have been loaded and chosen since, and memory was where it is.
    private (float Scale, int Allocations, long Lent)? launched;
    private bool refused = !enabled;

    /// <summary>Whether the latest pass was a recording's.</summary>
    public bool WasReplayed { get; private set; }

    /// <summary>Runs a pass.</summary>
    /// <param name="inputs">Where its batch lies.</param>
    /// <param name="gradientScale">The only number in it that changes.</param>
    /// <param name="launch">Launches it.</param>
    public void Run(BatchInputs inputs, float gradientScale, Action launch)
    {
        WasReplayed = !refused && launched == (gradientScale, pool.Allocations, pool.InUseBytes) && Replay(inputs, launch);
        if (!WasReplayed)
        {
            Dispose();
            launch();
            launched = (gradientScale, pool.Allocations, pool.InUseBytes);
        }
    }

    /// <summary>Forgets all of them.</summary>
    public void Dispose()
    {
        foreach (var (pass, _) in recordings.Values)
        {
            pass.Dispose();
        }

        recordings.Clear();
    }

    private bool Replay(BatchInputs inputs, Action launch)
    {
        var isKnown = recordings.TryGetValue(inputs, out var recording);
        if (!isKnown)
        {
            var takeBack = pool.Mark();
            if (parameters.Backend.Record(launch) is not { } pass)
            {
                takeBack();
                refused = true;
                return false;
            }

            recording = (pass, [.. parameters.Parameters.Where(p => p.HasGradient)]);
            recordings.Add(inputs, recording);
        }

        if (!recording.Pass.Replay())
        {
            refused = !isKnown;
            return false;
        }

        parameters.ForgetGradients();
        foreach (var parameter in recording.Reached)
        {
            parameter.ContributeGradient();
        }

        return true;
    }
}
