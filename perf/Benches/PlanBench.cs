using SharpSeg.AutoPlanner;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Steps;
using SharpSeg.AutoPlanner.Training;
using SharpSeg.AutoPlanner.Workspaces;
using SharpSeg.Cli;
using SharpSeg.Conformance;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;
using SharpSeg.Engine.Training;
using SharpSeg.Perf.Measuring;

namespace SharpSeg.Perf.Benches;

/// <summary>
/// A user's own plan, layer by layer with its own patch and batch: time of forward and backward passes, share of the machine's
/// limit, and whether the device computes what it should (<see cref="LayerCheck"/>); then a whole training step, to see how much
/// of it the layers are. Layers of the same sizes are measured once and counted.
/// </summary>
internal sealed class PlanBench(BenchDevice device, Backend backend, Peer? peer, Report report, BenchOptions options)
{
    // Of the largest value: the conformance suite's tolerance, and what a central difference in float32 is good for.
    private const double Exact = 1e-4, Differenced = 1e-2;

    private double forward, backward;

    /// <summary>Layers whose values or gradients are wrong.</summary>
    public int Wrong { get; private set; }

    /// <summary>Measures and checks.</summary>
    /// <exception cref="UsageException">There is no such plan or configuration.</exception>
    public void Run()
    {
        var work = new Workspace(options.Work!, options.PlanName);
        var plans = work.ReadPlans();
        var description = work.ReadDescription();
        var name = options.Configuration
            ?? (plans.Configurations.ContainsKey("3d_fullres") ? "3d_fullres" : plans.Configurations.Keys.FirstOrDefault())
            ?? throw new SharpSegException($"{work.PlansFile}: it has no configuration", "plan anew with `sharpseg plan`");
        if (!plans.Configurations.ContainsKey(name))
        {
            throw new UsageException($"-c {name}: the plan has {string.Join(", ", plans.Configurations.Keys)}");
        }

        var configuration = plans.Resolve(name);
        MemoryPlan.Require(plans.Profile, configuration, description, backend);
        MemoryBudget.OfMachine().Require(
            TrainingMemory.LearningBytes(plans.Profile, configuration, description, backend, backend.HasOwnMemory),
            work.PlansFile, "a machine with more memory");
        var network = configuration.TrainingNetworkFor(plans.Profile, description);
        var plan = new BenchPlan(name, network, configuration.Patch, configuration.BatchSize);
        var layers = NetworkLayer.Of(network, plan.Patch, plan.BatchSize, network.DeepSupervision);
        Console.WriteLine(
            $"{options.Work}, {plans.PlansName}, {name}: {network.Family}, patch {plan.Patch} (z, y, x), batch {plan.BatchSize}, "
                + $"{layers.Count} operations; error = largest difference to the float64 reference, in parts of the largest value");
        foreach (var (i, group) in layers.CountBy(layer => layer).Index())
        {
            Measure(group.Key, group.Value, isFirst: i == 0);
        }

        if (report.Wants("step"))
        {
            new StepBench(device, peer, report, options).Measure(plan, description.Labels.HasRegions);
        }

        var step = report.Rows.FirstOrDefault(row => row.Group == "step")?.Milliseconds;
        Console.WriteLine(
            $"layers together: forward {forward:F1} ms, backward {backward:F1} ms"
                + (step is { } whole && options.Only.Count == 0 ? $", {100 * (forward + backward) / whole:F0} % of a step" : "")
                + (Wrong == 0 ? "; all agree with the reference" : $"; {Wrong} WRONG"));
    }

    private void Measure(NetworkLayer layer, int count, bool isFirst)
    {
        var times = count > 1 ? $" ×{count}" : "";
        if (layer.Convolution is { } conv)
        {
            var cin = conv.Cin2 > 0 ? $"{conv.Cin}+{conv.Cin2}" : $"{conv.Cin}";
            var shape = $"{conv.N}, {cin}→{conv.Cout}, {conv.Input}, {conv.Kernel}, /{conv.Stride}";
            if (report.Wants($"conv{times}", shape))
            {
                Convolution(conv, shape, times, count, isFirst);
            }
        }
        else if (layer.Transposed is { } up)
        {
            var shape = $"{up.N}, {up.Cin}→{up.Cout}, {up.Input}, ×{up.Stride}";
            if (report.Wants($"transposed{times}", shape))
            {
                Transposed(up, shape, times, count);
            }
        }
        else if (layer.Norm is { } norm)
        {
            var shape = $"{norm.N}, {norm.Spatial}, {norm.C}";
            if (report.Wants($"norm{times}", shape))
            {
                Norm(norm, shape, times, count);
            }
        }
    }

    private void Convolution(ConvProblem p, string shape, string times, int count, bool isFirst)
    {
        var errors = new LayerCheck(backend).Of(p);
        using var operands = new Operands(backend);
        Func<Tensor> x = operands.Rotating(p.InputShape), y = operands.Rotating(p.OutputShape);
        var x2 = p.Cin2 > 0 ? operands.Rotating(p.Input2Shape) : () => null!;
        Tensor w = operands.Single(p.WeightShape, 0.05f), b = operands.Single(Shape.Vector(p.Cout));
        Tensor dw = operands.Single(p.WeightShape), db = operands.Single(Shape.Vector(p.Cout));
        Tensor? Second() => p.Cin2 > 0 ? x2() : null;
        string? Variant(string pass) => Variants.Of(backend, $"conv {pass}", p);
        forward += count * Row(
            $"conv forward{times}", shape, () => backend.ConvForward(p, x(), Second(), w, b, y()), p.MinimumWork, errors,
            () => Variant("forward"));
        if (!isFirst) // nobody needs the gradient of the image
        {
            backward += count * Row(
                $"conv bwd data{times}", shape, () => backend.ConvBackwardData(p, y(), w, x(), false, Second(), false),
                p.MinimumWork, null, () => Variant("backward data"));
        }

        backward += count * Row(
            $"conv bwd weights{times}", shape, () => backend.ConvBackwardWeights(p, x(), Second(), y(), dw, db, false),
            p.MinimumWork, null, () => Variant("backward weights"));
    }

    private void Transposed(TransposedConvProblem p, string shape, string times, int count)
    {
        var errors = new LayerCheck(backend).Of(p);
        using var operands = new Operands(backend);
        Func<Tensor> x = operands.Rotating(p.InputShape), y = operands.Rotating(p.OutputShape);
        Tensor w = operands.Single(p.WeightShape, 0.05f), b = operands.Single(Shape.Vector(p.Cout));
        Tensor dw = operands.Single(p.WeightShape), db = operands.Single(Shape.Vector(p.Cout));
        string? Variant(string pass) => Variants.Of(backend, $"transposed conv {pass}", p);
        forward += count * Row(
            $"transp forward{times}", shape, () => backend.TransposedConvForward(p, x(), w, b, y()), p.MinimumWork, errors,
            () => Variant("forward"));
        backward += count * Row(
            $"transp bwd data{times}", shape, () => backend.TransposedConvBackwardData(p, y(), w, x(), false),
            p.MinimumWork, null, () => Variant("backward data"));
        backward += count * Row(
            $"transp bwd weights{times}", shape, () => backend.TransposedConvBackwardWeights(p, x(), y(), dw, db, false),
            p.MinimumWork, null, () => Variant("backward weights"));
    }

    private void Norm(InstanceNormProblem p, string shape, string times, int count)
    {
        var errors = new LayerCheck(backend).Of(p);
        using var operands = new Operands(backend);
        Func<Tensor> x = operands.Rotating(p.ActivationShape), y = operands.Rotating(p.ActivationShape);
        var dy = operands.Rotating(p.ActivationShape);
        Tensor mean = operands.Single(p.StatisticsShape), rstd = operands.Single(p.StatisticsShape);
        Tensor gamma = operands.Single(p.ParameterShape), beta = operands.Single(p.ParameterShape);
        Tensor dgamma = operands.Single(p.ParameterShape), dbeta = operands.Single(p.ParameterShape);
        var bytes = p.ActivationShape.Length * sizeof(float);
        forward += count * Row(
            $"norm forward{times}", shape, () =>
            {
                var input = x();
                backend.InstanceNormStatistics(p, input, mean, rstd);
                backend.InstanceNormApply(p, input, mean, rstd, gamma, beta, y());
            },
            p.MinimumWork, errors, () => null, Differenced);
        backward += count * Row(
            $"norm backward{times}", shape,
            () => backend.InstanceNormBackward(p, dy(), x(), mean, rstd, gamma, beta, y(), dgamma, dbeta, false),
            new Work(21 * bytes / 4, 5 * bytes), null, () => null);
    }

    /// <summary>Measures and prints a row; milliseconds of one call.</summary>
    private double Row(
        string op, string shape, Action ours, Work work, LayerErrors? errors, Func<string?> variant, double gradient = Exact)
    {
        var (time, _) = Duel.Run(
            () =>
            {
                ours();
                backend.Synchronize();
            },
            null, options.Seconds);
        report.Add("plan", op, shape, variant(), time, work, null);
        if (errors is { } found)
        {
            // Factors in fewer bits are rounded once each, and the rounding is the same in both directions.
            var wrong = !(found.Error <= Math.Max(Exact, BenchDevice.Rounding(backend)))
                || !(found.Gradient <= Math.Max(gradient, BenchDevice.Rounding(backend)));
            Wrong += wrong ? 1 : 0;
            report.AddCheck(found.Error, found.Gradient, wrong);
        }

        return time.Median;
    }
}
