using SharpSeg.Kernels.Cpu.Convolution;
using SharpSeg.Kernels.Cpu.Winograd;

namespace SharpSeg.Kernels.Cpu;

internal sealed unsafe partial class CpuBackend<TLanes, TVector>
{
    private void RunWinograd(
        in TapProblem problem, bool wide, in PackWeightsWork<TLanes, TVector> source, float* bias, bool accumulate,
        bool accumulateSecond = false)
    {
        var work = WinogradConvWork<TLanes, TVector>.Plan(
            problem, wide, bias, accumulate, accumulateSecond, team.Count);
        var u = weights.Reserve(work.WeightsLength);
        var transform =
            new WinogradWeightsWork<TLanes, TVector> { Source = source, Wide = wide, U = u, PointPitch = work.WeightsPitch };
        var scratch = Math.Max(work.ScratchPerWorker, transform.ScratchPerWorker) * team.Count;
        transform.Scratch = perWorker.Reserve(scratch);
        team.Run(transform.Chunks, transform);
        work.UseMemory(u, work.Batched ? shared.Reserve(work.SharedLength) : null, transform.Scratch);
        if (!work.Batched)
        {
            work.Prepare(WinogradConvWork<TLanes, TVector>.Step.Fused, 0, work.TileCount);
            team.Run(work.Chunks, work);
            return;
        }

        for (var first = 0; first < work.TileCount; first += work.SliceSize)
        {
            var count = Math.Min(work.SliceSize, work.TileCount - first);
            work.Prepare(WinogradConvWork<TLanes, TVector>.Step.Input, first, count);
            team.Run(work.Chunks, work);
            work.Prepare(WinogradConvWork<TLanes, TVector>.Step.Multiply, first, count);
            team.Run(work.Chunks, work);
            work.Prepare(WinogradConvWork<TLanes, TVector>.Step.Output, first, count);
            team.Run(work.Chunks, work);
        }
    }

    private void RunWinogradGradient(in TapProblem problem, bool wide, float* g, bool accumulate, float* dw)
    {
        var work = WinogradGradientWork<TLanes, TVector>.Plan(problem, wide, g, team.Count);
        var sums = weights.Reserve(work.PartLength * work.Parts);
        work.UseMemory(
            sums, work.Batched ? shared.Reserve(work.SharedLength) : null, perWorker.Reserve(work.ScratchPerWorker * team.Count));
        if (work.Batched)
        {
            for (var first = 0; first < work.TileCount; first += work.SliceSize)
            {
                var count = Math.Min(work.SliceSize, work.TileCount - first);
                work.Prepare(WinogradConvWork<TLanes, TVector>.Step.Input, first, count);
                team.Run(work.Chunks, work);
                work.Prepare(WinogradConvWork<TLanes, TVector>.Step.Multiply, first, count);
                team.Run(work.Chunks, work);
            }
        }
        else
        {
            work.Prepare(WinogradConvWork<TLanes, TVector>.Step.Fused, 0, work.TileCount);
            team.Run(work.Chunks, work);
        }

        var sum = new WinogradGradientSumWork<TLanes, TVector>
        {
            Sums = sums,
            Parts = work.Parts,
            PartLength = work.PartLength,
            Deep = problem.Window.Z == 3,
            Wide = wide,
            Cin = problem.CTotal,
            Cout = problem.Cout,
            Accumulate = accumulate,
            Dw = dw,
        };
        team.Run(sum.Chunks, sum);
    }
}
