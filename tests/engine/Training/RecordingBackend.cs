using SharpSeg.EndToEnd.Tests;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.Engine.Tests.Training;

/// <summary>
/// A device that can be recorded, on the processor: while it records, it writes down the operations that it is asked for and runs
/// none of them; replaying runs them, on the same tensors with the same numbers.
/// </summary>
internal sealed class RecordingBackend(Backend inner) : ForwardingBackend(inner)
{
    private List<Action>? recorded;

    /// <summary>Recordings that were made, and not yet disposed of.</summary>
    public int Alive { get; private set; }

    /// <summary>Recordings that were made.</summary>
    public int Made { get; private set; }

    /// <summary>Operations that were asked for, not counting those of a recording when it is replayed.</summary>
    public int Calls { get; private set; }

    /// <summary>Called before the operation that is recorded as this one: fails there.</summary>
    public int? FailsAt { get; set; }

    /// <summary>Recordings cannot be replayed any longer.</summary>
    public bool HasMoved { get; set; }

    public override bool UploadsRunBeside => true;

    protected override Recording? RecordCore(Action work)
    {
        recorded = [];
        try
        {
            work();
            return new Operations(this, recorded);
        }
        catch (DeviceFailureException)
        {
            return null;
        }
        finally
        {
            recorded = null;
        }
    }

    protected override void CopyCore(Tensor source, Tensor target) => Do(() => base.CopyCore(source, target));

    protected override void FillCore(Tensor target, float value) => Do(() => base.FillCore(target, value));

    protected override void ConvForwardCore(in ConvProblem p, Tensor x, Tensor? x2, Tensor w, Tensor? b, Tensor y)
    {
        var problem = p;
        Do(() => base.ConvForwardCore(problem, x, x2, w, b, y));
    }

    protected override void ConvBackwardDataCore(
        in ConvProblem p, Tensor dy, Tensor w, Tensor? dx, bool accumulate, Tensor? dx2, bool accumulate2)
    {
        var problem = p;
        Do(() => base.ConvBackwardDataCore(problem, dy, w, dx, accumulate, dx2, accumulate2));
    }

    protected override void ConvBackwardWeightsCore(
        in ConvProblem p, Tensor x, Tensor? x2, Tensor dy, Tensor dw, Tensor? db, bool accumulate)
    {
        var problem = p;
        Do(() => base.ConvBackwardWeightsCore(problem, x, x2, dy, dw, db, accumulate));
    }

    protected override void TransposedConvForwardCore(in TransposedConvProblem p, Tensor x, Tensor w, Tensor? b, Tensor y)
    {
        var problem = p;
        Do(() => base.TransposedConvForwardCore(problem, x, w, b, y));
    }

    protected override void TransposedConvBackwardDataCore(
        in TransposedConvProblem p, Tensor dy, Tensor w, Tensor dx, bool accumulate)
    {
        var problem = p;
        Do(() => base.TransposedConvBackwardDataCore(problem, dy, w, dx, accumulate));
    }

    protected override void TransposedConvBackwardWeightsCore(
        in TransposedConvProblem p, Tensor x, Tensor dy, Tensor dw, Tensor? db, bool accumulate)
    {
        var problem = p;
        Do(() => base.TransposedConvBackwardWeightsCore(problem, x, dy, dw, db, accumulate));
    }

    protected override void InstanceNormStatisticsCore(in InstanceNormProblem p, Tensor x, Tensor mean, Tensor rstd)
    {
        var problem = p;
        Do(() => base.InstanceNormStatisticsCore(problem, x, mean, rstd));
    }

    protected override void InstanceNormApplyCore(
        in InstanceNormProblem p, Tensor x, Tensor mean, Tensor rstd, Tensor gamma, Tensor beta, Tensor y)
    {
        var problem = p;
        Do(() => base.InstanceNormApplyCore(problem, x, mean, rstd, gamma, beta, y));
    }

    protected override void InstanceNormBackwardCore(
        in InstanceNormProblem p, Tensor dy, Tensor x, Tensor mean, Tensor rstd, Tensor gamma, Tensor beta, Tensor dx,
        Tensor dgamma, Tensor dbeta, bool accumulateParameters)
    {
        var problem = p;
        Do(() => base.InstanceNormBackwardCore(
            problem, dy, x, mean, rstd, gamma, beta, dx, dgamma, dbeta, accumulateParameters));
    }

    protected override void AxpbyCore(float a, Tensor x, float b, Tensor y) => Do(() => base.AxpbyCore(a, x, b, y));

    protected override void AddLeakyReluForwardCore(Tensor a, Tensor b, float slope, Tensor y) =>
        Do(() => base.AddLeakyReluForwardCore(a, b, slope, y));

    protected override void AddLeakyReluBackwardCore(Tensor dy, Tensor y, float slope, Tensor d) =>
        Do(() => base.AddLeakyReluBackwardCore(dy, y, slope, d));

    protected override void BlockSumCore(Tensor x, Extent block, float scale, Tensor y, bool accumulate) =>
        Do(() => base.BlockSumCore(x, block, scale, y, accumulate));

    protected override void BlockRepeatCore(Tensor x, Extent block, float scale, Tensor y, bool accumulate) =>
        Do(() => base.BlockRepeatCore(x, block, scale, y, accumulate));

    protected override void SegmentationLossForwardCore(in LossProblem p, Tensor logits, Tensor target, Tensor sums)
    {
        var problem = p;
        Do(() => base.SegmentationLossForwardCore(problem, logits, target, sums));
    }

    protected override void SegmentationLossBackwardCore(
        in LossProblem p, Tensor logits, Tensor target, Tensor sums, float weight, Tensor dlogits)
    {
        var problem = p;
        Do(() => base.SegmentationLossBackwardCore(problem, logits, target, sums, weight, dlogits));
    }

    protected override void MergeUnlabelledCore(Tensor logits, Tensor unlabelled, bool regions, Tensor merged) =>
        Do(() => base.MergeUnlabelledCore(logits, unlabelled, regions, merged));

    protected override void MergeUnlabelledBackwardCore(
        Tensor logits, Tensor unlabelled, bool regions, Tensor dmerged, Tensor dlogits) =>
        Do(() => base.MergeUnlabelledBackwardCore(logits, unlabelled, regions, dmerged, dlogits));

    protected override void SgdStepCore(in SgdStep options, Tensor theta, Tensor gradient, Tensor velocity)
    {
        var step = options;
        Do(() => base.SgdStepCore(step, theta, gradient, velocity));
    }

    protected override void AdamStepCore(in AdamStep options, Tensor theta, Tensor gradient, Tensor m, Tensor v, Tensor? vmax)
    {
        var step = options;
        Do(() => base.AdamStepCore(step, theta, gradient, m, v, vmax));
    }

    private void Do(Action operation)
    {
        Calls++;
        if (recorded is null)
        {
            operation();
        }
        else if (recorded.Count == FailsAt)
        {
            throw new DeviceFailureException();
        }
        else
        {
            recorded.Add(operation);
        }
    }

    private sealed class DeviceFailureException : Exception;

    private sealed class Operations : Recording
    {
        private readonly RecordingBackend owner;
        private readonly List<Action> operations;
        private bool isDisposed;

        public Operations(RecordingBackend owner, List<Action> operations)
        {
            (this.owner, this.operations) = (owner, operations);
            (owner.Alive, owner.Made) = (owner.Alive + 1, owner.Made + 1);
        }

        public override bool Replay()
        {
            ObjectDisposedException.ThrowIf(isDisposed, this);
            if (!owner.HasMoved)
            {
                operations.ForEach(operation => operation());
            }

            return !owner.HasMoved;
        }

        protected override void Dispose(bool disposing)
        {
            if (!isDisposed)
            {
                owner.Alive--;
            }

            isDisposed = true;
        }
    }
}
