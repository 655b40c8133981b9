using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Cpu.Convolution;
using SharpSeg.Kernels.Cpu.Normalization;
using SharpSeg.Kernels.Cpu.Threading;
using SharpSeg.Kernels.Cpu.Winograd;

namespace SharpSeg.Kernels.Cpu;

internal sealed unsafe partial class CpuBackend<TLanes, TVector>
{
    /// <inheritdoc/>
    public ConvolutionVariant Variant { get; set; }

    /// <inheritdoc/>
    public ConvolutionVariant ChoiceFor(in ConvProblem p, bool weightGradient) => Choose(
        new TapProblem
        {
            N = p.N,
            C = p.Cin,
            C2 = p.Cin2,
            Input = p.Input,
            Grid = p.Output,
            Step = p.Stride,
            First = new Extent(-p.Padding.Z, -p.Padding.Y, -p.Padding.X),
            Window = p.Kernel,
            Output = p.Output,
            OutputStep = Extent.One,
            Cout = p.Cout,
        },
        weightGradient);

    /// <inheritdoc/>
    protected override void ConvForwardCore(in ConvProblem p, Tensor x, Tensor? x2, Tensor w, Tensor? b, Tensor y)
    {
        RunConvolution(
            Forward(p, x, x2) with { Y = At(y), Output = p.Output, OutputStep = Extent.One },
            AsStored(w, p.Kernel, p.CinTotal, p.Cout), AtOrNull(b), accumulate: false);
    }

    /// <inheritdoc/>
    protected override void ConvBackwardDataCore(
        in ConvProblem p, Tensor dy, Tensor w, Tensor? dx, bool accumulate, Tensor? dx2, bool accumulate2)
    {
        if (dx is not null && dx2 is not null && TryBackwardDataOfBoth(p, dy, w, dx, accumulate, dx2, accumulate2))
        {
            return;
        }

        if (dx is not null)
        {
            BackwardData(p, dy, w, dx, 0, p.Cin, accumulate);
        }

        if (dx2 is not null)
        {
            BackwardData(p, dy, w, dx2, p.Cin, p.Cin2, accumulate2);
        }
    }

    /// <inheritdoc/>
    protected override void ConvBackwardWeightsCore(
        in ConvProblem p, Tensor x, Tensor? x2, Tensor dy, Tensor dw, Tensor? db, bool accumulate)
    {
        // The gradient lies on the output's grid, as the forward pass's y does.
        var problem = Forward(p, x, x2) with { Output = p.Output, OutputStep = Extent.One };
        var variant = Choose(problem, weightGradient: true);
        if (variant == ConvolutionVariant.Direct)
        {
            if (DirectGradientWork<TLanes, TVector>.IsCheaperSwapped(problem))
            {
                var swapped = problem with { X = At(dy), C = problem.Cout, Cout = problem.C };
                RunGradient(swapped, problem.X, swap: true, accumulate, At(dw));
            }
            else
            {
                RunGradient(problem, At(dy), swap: false, accumulate, At(dw));
            }
        }
        else if (variant == ConvolutionVariant.Gather)
        {
            RunGatherGradient(problem, At(dy), accumulate, At(dw));
        }
        else if (variant == ConvolutionVariant.WinogradLine)
        {
            RunWithScratch(WinogradLineGradientWork<TLanes, TVector>.Plan(problem, At(dy), accumulate, At(dw), team.Count));
        }
        else
        {
            RunWinogradGradient(problem, variant == ConvolutionVariant.WinogradWide, At(dy), accumulate, At(dw));
        }

        if (db is not null)
        {
            SumOverVoxels(dy, db, accumulate);
        }
    }

    /// <inheritdoc/>
    protected override void TransposedConvForwardCore(in TransposedConvProblem p, Tensor x, Tensor w, Tensor? b, Tensor y)
    {
        var source = AsStored(w, p.Stride, p.Cin, p.Cout);
        RunWithScratch(TransposedConvWork<TLanes, TVector>.Plan(p, At(x), Pack(source), AtOrNull(b), At(y), team.Count));
    }

    /// <inheritdoc/>
    protected override void TransposedConvBackwardDataCore(
        in TransposedConvProblem p, Tensor dy, Tensor w, Tensor dx, bool accumulate)
    {
        var source = AsStored(w, p.Stride, p.Cin, p.Cout) with { Transposed = true, Outputs = p.Cin };
        RunConvolution(Gather(p, dy) with { Y = At(dx), Output = p.Input, OutputStep = Extent.One }, source, null, accumulate);
    }

    /// <inheritdoc/>
    protected override void TransposedConvBackwardWeightsCore(
        in TransposedConvProblem p, Tensor x, Tensor dy, Tensor dw, Tensor? db, bool accumulate)
    {
        RunWithScratch(TransposedGradientWork<TLanes, TVector>.Plan(p, At(x), At(dy), accumulate, At(dw), team.Count));
        if (db is not null)
        {
            SumOverVoxels(dy, db, accumulate);
        }
    }

    /// <summary>Weights as they are stored: a matrix of inputs by outputs for every tap.</summary>
    private static PackWeightsWork<TLanes, TVector> AsStored(Tensor w, Extent kernel, int inputs, int outputs) => new()
    {
        W = At(w),
        Kernel = kernel,
        Rows = inputs,
        Columns = outputs,
        Outputs = outputs,
        Window = kernel,
        KernelStep = Extent.One,
    };

    private static TapProblem Forward(in ConvProblem p, Tensor x, Tensor? x2) => new()
    {
        N = p.N,
        X = At(x),
        C = p.Cin,
        X2 = AtOrNull(x2),
        C2 = p.Cin2,
        Input = p.Input,
        Grid = p.Output,
        Step = p.Stride,
        First = new Extent(-p.Padding.Z, -p.Padding.Y, -p.Padding.X),
        Window = p.Kernel,
        Cout = p.Cout,
    };

    /// <summary>The output side of a transposed convolution, gathered onto its input's grid.</summary>
    private static TapProblem Gather(in TransposedConvProblem p, Tensor dy) => new()
    {
        N = p.N,
        X = At(dy),
        C = p.Cout,
        Input = p.Output,
        Grid = p.Input,
        Step = p.Stride,
        Window = p.Stride,
        Cout = p.Cin,
    };

    /// <summary>
    /// dx at the positions i ≡ r (mod stride) is a stride-1 convolution of dy, one problem per residue r; with stride 2, pairs of
    /// outputs may need fewer products.
    /// </summary>
    private void BackwardData(in ConvProblem p, Tensor dy, Tensor w, Tensor dx, int rowFirst, int channels, bool accumulate)
    {
        if (ChoosesPairs(p, channels))
        {
            BackwardDataByPairs(p, dy, w, dx, rowFirst, channels, accumulate);
            return;
        }

        for (var number = 0; number < Residues(p).Voxels; number++)
        {
            var problem = Residue(p, number, channels, out var highest) with { X = At(dy), Y = At(dx) };
            var source = AsStored(w, p.Kernel, p.CinTotal, p.Cout) with
            {
                Transposed = true,
                RowFirst = rowFirst,
                Outputs = channels,
                Window = problem.Window,
                KernelFirst = highest,
                KernelStep = new Extent(-p.Stride.Z, -p.Stride.Y, -p.Stride.X),
            };
            RunConvolution(problem, source, null, accumulate);
        }
    }

    /// <summary>Residues of the stride that positions of the input have.</summary>
    private static Extent Residues(in ConvProblem p) => new(
        Math.Min(p.Stride.Z, p.Input.Z), Math.Min(p.Stride.Y, p.Input.Y), Math.Min(p.Stride.X, p.Input.X));

    /// <summary>
    /// The problem of the positions i ≡ r (mod stride), with the taps k ≡ r + padding (mod stride) in falling order from
    /// <paramref name="highest"/>: o = (i + padding − k)/stride rises as k falls.
    /// </summary>
    private static TapProblem Residue(in ConvProblem p, int number, int channels, out Extent highest)
    {
        var count = Residues(p);
        var residue = new Extent(number / count.X / count.Y, number / count.X % count.Y, number % count.X);
        Extent window = default, first = default, grid = default;
        highest = default;
        for (var axis = 0; axis < 3; axis++)
        {
            int s = p.Stride[axis], k = p.Kernel[axis], shifted = residue[axis] + p.Padding[axis];
            var top = k - 1 - ((((k - 1 - shifted) % s) + s) % s);
            var taps = top < 0 ? 0 : (top / s) + 1;
            window = window.With(axis, taps);
            highest = highest.With(axis, top);
            first = first.With(axis, taps == 0 ? 0 : (shifted - top) / s);
            grid = grid.With(axis, (p.Input[axis] - residue[axis] + s - 1) / s);
        }

        return new TapProblem
        {
            N = p.N,
            C = p.Cout,
            Input = p.Output,
            Grid = grid,
            Step = Extent.One,
            First = first,
            Window = window,
            Output = p.Input,
            OutputStep = p.Stride,
            OutputFirst = residue,
            Cout = channels,
        };
    }

    private bool ChoosesPairs(in ConvProblem p, int channels)
    {
        if (Variant != ConvolutionVariant.Automatic || !WinogradStrideDataWork<TLanes, TVector>.Fits(p))
        {
            return Variant == ConvolutionVariant.WinogradStride && WinogradStrideDataWork<TLanes, TVector>.Fits(p);
        }

        var residues = 0.0;
        for (var number = 0; number < Residues(p).Voxels; number++)
        {
            residues += ConvolutionCost<TLanes, TVector>.Cheapest(
                Residue(p, number, channels, out _), weightGradient: false, SharedCache.IsFast).Cost;
        }

        return ConvolutionCost<TLanes, TVector>.StrideData(p, channels) < residues;
    }

    private void BackwardDataByPairs(
        in ConvProblem p, Tensor dy, Tensor w, Tensor dx, int rowFirst, int channels, bool accumulate)
    {
        var pack = new PackStrideDataWeightsWork<TLanes, TVector>
        {
            Source = new()
            {
                W = At(w),
                Kernel = p.Kernel,
                Rows = p.CinTotal,
                Columns = p.Cout,
                Transposed = true,
                RowFirst = rowFirst,
                Outputs = channels,
            },
            Stride = p.Stride.Z,
        };
        pack.Packed = weights.Reserve(pack.PackedLength);
        pack.Scratch = perWorker.Reserve(pack.ScratchPerWorker * team.Count);
        team.Run(pack.Chunks, pack);
        RunWithScratch(WinogradStrideDataWork<TLanes, TVector>.Plan(
            p, At(dy), pack.Packed, At(dx), channels, accumulate, team.Count));
    }

    private ConvolutionVariant Choose(in TapProblem problem, bool weightGradient) => Variant switch
    {
        ConvolutionVariant.Automatic => ConvolutionCost<TLanes, TVector>.Choose(problem, weightGradient),
        ConvolutionVariant.Gather => ConvolutionVariant.Gather,
        ConvolutionVariant.FewOutputs => !weightGradient && FewOutputsConvWork<TLanes, TVector>.Fits(problem)
            ? Variant
            : ConvolutionVariant.Direct,
        ConvolutionVariant.WinogradLine => (weightGradient
            ? WinogradLineGradientWork<TLanes, TVector>.Fits(problem)
            : WinogradLineWork<TLanes, TVector>.Fits(problem))
            ? Variant
            : ConvolutionVariant.Direct,
        ConvolutionVariant.WinogradStride => !weightGradient && WinogradStrideWork<TLanes, TVector>.Fits(problem)
            ? Variant
            : ConvolutionVariant.Direct,
        _ => WinogradTiles.Fits(problem) ? Variant : ConvolutionVariant.Direct,
    };

    private void RunConvolution(in TapProblem problem, in PackWeightsWork<TLanes, TVector> source, float* bias, bool accumulate)
    {
        var variant = Choose(problem, weightGradient: false);
        if (variant == ConvolutionVariant.Direct)
        {
            RunDirect(problem, Pack(source), bias, accumulate);
        }
        else if (variant == ConvolutionVariant.Gather)
        {
            RunGather(problem, source, bias, accumulate);
        }
        else if (variant == ConvolutionVariant.FewOutputs)
        {
            RunWithScratch(FewOutputsConvWork<TLanes, TVector>.Plan(problem, source, bias, accumulate));
        }
        else if (variant == ConvolutionVariant.WinogradLine)
        {
            RunWithScratch(WinogradLineWork<TLanes, TVector>.Plan(problem, source, bias, accumulate, team.Count));
        }
        else if (variant == ConvolutionVariant.WinogradStride)
        {
            var pack = new PackStrideWeightsWork<TLanes, TVector> { Source = source };
            pack.Packed = weights.Reserve(pack.PackedLength);
            team.Run(pack.Chunks, pack);
            RunWithScratch(WinogradStrideWork<TLanes, TVector>.Plan(problem, pack.Packed, bias, team.Count));
        }
        else
        {
            RunWinograd(problem, variant == ConvolutionVariant.WinogradWide, source, bias, accumulate);
        }
    }

    /// <summary>
    /// Both gradients as one Winograd convolution, which transforms dy once, if the problem has the form and the first input's
    /// channels fill whole blocks.
    /// </summary>
    private bool TryBackwardDataOfBoth(
        in ConvProblem p, Tensor dy, Tensor w, Tensor dx, bool accumulate, Tensor dx2, bool accumulate2)
    {
        if (p.Stride != Extent.One || p.Cin % PackWeightsWork<TLanes, TVector>.Block != 0)
        {
            return false;
        }

        var problem = new TapProblem
        {
            N = p.N,
            X = At(dy),
            C = p.Cout,
            Input = p.Output,
            Grid = p.Input,
            Step = Extent.One,
            First = new Extent(-p.Padding.Z, -p.Padding.Y, -p.Padding.X),
            Window = p.Kernel,
            Y = At(dx),
            Y2 = At(dx2),
            CoutFirst = p.Cin,
            Output = p.Input,
            OutputStep = Extent.One,
            Cout = p.CinTotal,
        };
        var variant = Choose(problem, weightGradient: false);
        if (variant is not (ConvolutionVariant.Winograd or ConvolutionVariant.WinogradWide))
        {
            return false;
        }

        var source = new PackWeightsWork<TLanes, TVector>
        {
            W = At(w),
            Kernel = p.Kernel,
            Rows = p.CinTotal,
            Columns = p.Cout,
            Transposed = true,
            Outputs = p.CinTotal,
        };
        RunWinograd(problem, variant == ConvolutionVariant.WinogradWide, source, null, accumulate, accumulate2);
        return true;
    }

    private float* Pack(PackWeightsWork<TLanes, TVector> work)
    {
        work.Packed = weights.Reserve(Math.Max(16, work.PackedLength));
        team.Run(work.Chunks, work);
        return work.Packed;
    }

    private void RunWithScratch<TWork>(TWork work)
        where TWork : unmanaged, IScratchWork
    {
        work.UseScratch(perWorker.Reserve(work.ScratchPerWorker * team.Count));
        team.Run(work.Chunks, work);
    }

    private void RunDirect(in TapProblem problem, float* packed, float* bias, bool accumulate)
    {
        var work = DirectConvWork<TLanes, TVector>.Plan(problem, packed, bias, accumulate, team.Count);
        if (work.ScratchPerWorker > 0)
        {
            work.UseScratch(perWorker.Reserve(work.ScratchPerWorker * team.Count));
        }

        team.Run(work.Chunks, work);
    }

    private void RunGather(in TapProblem problem, in PackWeightsWork<TLanes, TVector> source, float* bias, bool accumulate)
    {
        RunWithScratch(GatherConvWork<TLanes, TVector>.Plan(problem, source, bias, accumulate, team.Count));
    }

    private void RunGatherGradient(in TapProblem problem, float* g, bool accumulate, float* dw)
    {
        RunWithScratch(GatherGradientWork<TLanes, TVector>.Plan(problem, g, accumulate, dw, team.Count));
    }

    private void RunGradient(in TapProblem problem, float* g, bool swap, bool accumulate, float* dw)
    {
        var work = DirectGradientWork<TLanes, TVector>.Plan(problem, g, team.Count);
        work.UseScratch(
            shared.Reserve(work.Parts * work.PartLength), perWorker.Reserve(Math.Max(16, work.ScratchPerWorker * team.Count)));
        team.Run(work.Chunks, work);
        team.Run(work.Tiles, new SumGradientPartsWork<TLanes, TVector>
        {
            Sums = shared.Reserve(work.Parts * work.PartLength),
            Parts = work.Parts,
            PartLength = work.PartLength,
            Run = work.RunLength,
            TileRows = work.TileRows,
            Cin = problem.CTotal,
            Cout = problem.Cout,
            Swap = swap,
            Accumulate = accumulate,
            Dw = dw,
        });
    }

    /// <summary>
    /// Sums per channel. Where the channels would leave lanes empty, as many voxels as there are lanes count as one voxel of
    /// whole vectors, whose sums are added at the end.
    /// </summary>
    private void SumOverVoxels(Tensor x, Tensor sum, bool accumulate)
    {
        var channels = x.Shape.C;
        var side = channels < TLanes.Count ? TLanes.Count : 1;
        var columns = channels * side;
        var rows = x.Length / columns;
        var perChunk = (int)Math.Clamp((1 << 16) / columns, 16, 1024);
        var chunks = checked((int)((rows + perChunk - 1) / perChunk));
        var pitch = (columns + TLanes.Count - 1) / TLanes.Count * TLanes.Count;
        var partial = shared.Reserve(Math.Max(1, (long)chunks * pitch));
        team.Run(chunks, new ChannelSumWork<TLanes, TVector>(At(x), rows, columns, perChunk, partial, pitch));
        float* source = At(x), target = At(sum);
        for (var c = 0; c < channels; c++)
        {
            double total = accumulate ? target[c] : 0;
            for (var chunk = 0; chunk < chunks; chunk++)
            {
                for (var column = c; column < columns; column += channels)
                {
                    total += partial[((long)chunk * pitch) + column];
                }
            }

            for (var i = (rows * columns) + c; i < x.Length; i += channels)
            {
                total += source[i];
            }

            target[c] = (float)total;
        }
    }
}
