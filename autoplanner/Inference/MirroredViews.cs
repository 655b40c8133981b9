using SharpSeg.Engine.Autograd;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Networks;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Inference;

/// <summary>
/// What a network says of tiles, averaged over their mirrored views (docs/method/inference.md §5): the tiles as they are, and
/// flipped along every subset of some axes; each answer is flipped back.
/// </summary>
/// <param name="pool">Memory of the networks and their answers.</param>
/// <param name="axes">Axes (0 = z, 1 = y, 2 = x) to mirror; none for the plain view alone.</param>
/// <param name="averageProbabilities">Probabilities are averaged, as in the classic profile; else logits.</param>
/// <param name="sigmoid">Heads are regions.</param>
internal sealed class MirroredViews(BufferPool pool, IReadOnlyList<int> axes, bool averageProbabilities, bool sigmoid)
{
    private readonly List<(bool Z, bool Y, bool X)> flips = SubsetsOf(axes);

    /// <summary>The mean answer, in memory that goes back to the pool.</summary>
    /// <param name="network">The network.</param>
    /// <param name="input">Tiles (n, z, y, x, c).</param>
    /// <returns>Logits or probabilities (n, z, y, x, heads).</returns>
    public Tensor Mean(Network network, Tensor input)
    {
        var backend = pool.Backend;
        var mean = pool.Rent(Shape.Activation(input.Shape.N, input.Shape.Spatial, network.Plan.OutputChannels));
        var view = flips.Count > 1 ? pool.Rent(input.Shape) : input;
        var unflipped = flips.Count > 1 ? pool.Rent(mean.Shape) : mean;
        foreach (var (index, (z, y, x)) in flips.Index())
        {
            var flip = z || y || x;
            var source = input;
            if (flip)
            {
                backend.Flip(input, z, y, x, view);
                source = view;
            }

            var tape = new Tape(backend, pool, recording: false);
            var logits = network.Forward(tape, tape.Input(source), allOutputs: false)[0];
            if (averageProbabilities)
            {
                backend.Probabilities(logits.Value, sigmoid, logits.Value);
            }

            var answer = logits.Value;
            if (flip)
            {
                backend.Flip(answer, z, y, x, unflipped);
                answer = unflipped;
            }

            backend.Axpby(1f / flips.Count, answer, index == 0 ? 0 : 1, mean);
            tape.Done(logits);
        }

        if (flips.Count > 1)
        {
            pool.Return(view);
            pool.Return(unflipped);
        }

        return mean;
    }

    /// <summary>The empty subset first.</summary>
    private static List<(bool Z, bool Y, bool X)> SubsetsOf(IReadOnlyList<int> axes)
    {
        var subsets = new List<(bool, bool, bool)>();
        for (var bits = 0; bits < 8; bits++)
        {
            var allowed = true;
            for (var axis = 0; axis < 3; axis++)
            {
                allowed &= (bits >> axis & 1) == 0 || axes.Contains(axis);
            }

            if (allowed)
            {
                subsets.Add(((bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0));
            }
        }

        return subsets;
    }
}
