using SharpSeg.Conformance;
using SharpSeg.Engine.Autograd;
using SharpSeg.Engine.Networks;
using SharpSeg.Engine.Optimizers;
using SharpSeg.Engine.Tensors;
using Xunit;

namespace SharpSeg.Engine.Tests.Optimizers;

/// <summary>
/// Which parameters a step moves, and by how much in common. The traces of docs/method/losses-and-optimisers.md §8 are asserted
/// beside that page.
/// </summary>
public sealed class OptimizerTests : IDisposable
{
    private readonly ReferenceBackend backend = new();

    [Fact]
    public void Clipping_scales_all_gradients_by_their_common_norm()
    {
        using var store = Store([0, 0], [0]);
        SetGradient(store.Parameters[0], [9, 12]);
        SetGradient(store.Parameters[1], [8]);
        var norm = GradientClipping.GlobalNorm(store);
        Assert.Equal(17.0, norm, 12);
        Assert.Equal(0.705882, GradientClipping.Coefficient(norm, 12.0), 6);
        Assert.Equal(1f, GradientClipping.Coefficient(11.0, 12.0));
    }

    [Fact]
    public void Parameters_without_a_gradient_are_left_alone_and_count_their_own_steps()
    {
        using var store = Store([1], [1], [1]);
        using var adam = new Adam(store);
        Step(store, adam, 0, 1, 2);
        Step(store, adam, 0, 2);
        Assert.Equal([2, 1, 2], adam.StepCounts);
        var before = backend.Read(store.Parameters[1].Value)[0];
        Step(store, adam, 0);
        Assert.Equal(before, backend.Read(store.Parameters[1].Value)[0]);

        // After equally many steps with equal gradients, equal values, whatever happened in between.
        Step(store, adam, 1, 2);
        Step(store, adam, 1);
        Assert.Equal([3, 3, 3], adam.StepCounts);
        Assert.Equal(backend.Read(store.Parameters[0].Value)[0], backend.Read(store.Parameters[1].Value)[0]);
        Assert.Equal(backend.Read(store.Parameters[0].Value)[0], backend.Read(store.Parameters[2].Value)[0]);

        void Step(ParameterStore s, Optimizer optimizer, params int[] reached)
        {
            s.ForgetGradients();
            foreach (var i in reached)
            {
                SetGradient(s.Parameters[i], [0.5]);
            }

            optimizer.Step(1e-3f, 1f);
        }
    }

    /// <summary>
    /// With bias correction both averages of a constant gradient are exact from the first step on: θ moves by η each time.
    /// </summary>
    [Fact]
    public void Adam_moves_by_the_rate_in_every_step_of_a_constant_gradient()
    {
        using var store = Store([1]);
        using var adam = new Adam(store, weightDecay: 0f);
        for (var step = 1; step <= 5; step++)
        {
            store.ForgetGradients();
            SetGradient(store.Parameters[0], [0.5]);
            adam.Step(1e-2f, 1f);
            Assert.Equal(1 - (1e-2 * step), backend.Read(store.Parameters[0].Value)[0], 6);
        }
    }

    [Fact]
    public void A_learning_rate_factor_applies_to_its_parameter_only()
    {
        using var store = Store([1], [1]);
        using var sgd = new SgdNesterov(store, momentum: 0f, weightDecay: 0f);
        store.Parameters[1].LearningRateFactor = 0.5f;
        SetGradient(store.Parameters[0], [1]);
        SetGradient(store.Parameters[1], [1]);
        sgd.Step(0.25f, 1f);
        Assert.Equal(0.75, backend.Read(store.Parameters[0].Value)[0], 7);
        Assert.Equal(0.875, backend.Read(store.Parameters[1].Value)[0], 7);
    }

    [Fact]
    public void State_names_are_those_of_the_parameters()
    {
        using var store = Store([1], [1]);
        using var adam = new Adam(store);
        Assert.Equal(["p0.m", "p1.m", "p0.v", "p1.v", "p0.vmax", "p1.vmax"], adam.State.Select(s => s.Name));
        adam.RestoreStepCounts([4, 5]);
        Assert.Equal([4, 5], adam.StepCounts);
        Assert.Throws<ArgumentException>(() => adam.RestoreStepCounts([1]));
    }

    public void Dispose() => backend.Dispose();

    private ParameterStore Store(params double[][] values)
    {
        var store = new ParameterStore(backend);
        for (var i = 0; i < values.Length; i++)
        {
            store.Declare($"p{i}", Shape.Vector(values[i].Length), ParameterKind.Bias);
        }

        store.Allocate();
        for (var i = 0; i < values.Length; i++)
        {
            backend.Write(store.Parameters[i].Value, values[i]);
        }

        return store;
    }

    private void SetGradient(Parameter parameter, double[] gradient)
    {
        parameter.ContributeGradient();
        backend.Write(parameter.Gradient, gradient);
    }
}
