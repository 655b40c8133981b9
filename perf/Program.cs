using System.Globalization;
using SharpSeg.AutoPlanner;
using SharpSeg.AutoPlanner.Workspaces;
using SharpSeg.Cli;
using SharpSeg.Engine.Backends;
using SharpSeg.Kernels.Gpu;
using SharpSeg.Perf.Benches;
using SharpSeg.Perf.Measuring;
using SharpSeg.Perf.Onnx;

namespace SharpSeg.Perf;

/// <summary>
/// The benchmarks: <c>kernels | step | inference | preprocess [--json FILE] [--device D] [--precision P] [--threads N] [--only
/// TEXT] [--seconds S] [--no-pytorch]</c>. Prints a table; every row shows the device's limit measured in the same run and, where
/// PyTorch can be imported and has the device (cpu or cuda:N), PyTorch's time on the same shape, measured in alternation.
/// <para><c>check</c> and <c>--check</c> compare the device with the float64 reference first. <c>kernels --emit-ptx DIR --arch
/// sm_80</c> writes the PTX of every GPU kernel instead, <c>registers</c> shows what the assembler makes of it, <c>pack</c> makes
/// an archive for a machine with nothing but a driver.</para>
/// </summary>
internal static class Program
{
    private const string Usage =
        """
        usage: bench [kernels] [step] [inference] [preprocess] [options]
               bench plan WORK [-c CONFIGURATION] [--plan NAME] [options]
               bench compare BEFORE.json AFTER.json
               bench kernels --emit-ptx DIR [--arch sm_80]
               bench registers --device cuda:0
               bench roofline
               bench traffic
               bench pack -o FILE.tar.xz
               bench summary FOLDER

        Measures on this machine, beside its own limits and, where it can be imported, PyTorch (both take turns).
          kernels      convolutions, norms, losses, optimisers: about 80 rows
          step         whole training steps of five planned networks
          inference    prediction of a tile
          preprocess   resampling and augmentation
          plan WORK    every layer of a workspace's own plan, with its patch and batch: forward and backward, each checked
                       against the float64 reference, its gradient against what it is the derivative of; then a whole step
          check        no times: the conformance suite, and whole training steps, resampled volumes and augmented
                       patches, beside the float64 reference, on every kind of kernel the device has
          compare      two results side by side: what differs by more than single runs do
          registers    registers, spills and shared memory of every GPU kernel, as the driver and ptxas made them
          roofline     what a training step of the 128³ plan costs at least, layer by layer, on an A100 and an H100
          traffic      what the GPU kernels of that step move by their own account, beside what they must
          pack         one archive for a bare GPU machine: benchmark, command line and .NET, with a script that measures
                       everything there within five minutes (docs/gpu); --runtime linux-x64 (default) or linux-arm64
          summary      all results in a folder as one table
        Without a word: all four, which takes the better part of an hour.

        options:
          --only TEXT        rows (or checks) whose name or shape contains the text; may be given several times
          --seconds S        time for each row and side; default 1
          --json FILE        also write the results, with commit, limits and load of the machine, row by row
          --device D         cpu (default), cuda:0, opencl:0, …: `sharpseg devices` lists them
          --precision P      fp32, tf32, bf16, fp16, bf16-activations or fp16-activations on a GPU
          --threads N        threads of the processor; default: all
          --variants         time every variant of a convolution
          --check            first what check does
          --no-pytorch       do not compare with PyTorch
          --onnxruntime      inference beside ONNX Runtime instead, for machines without PyTorch: in a checkout, whose first
                             such run fetches its package (160 MB); outputs are compared before anything is timed

        examples:
          bench kernels --only "32→32" --seconds 0.3 --no-pytorch
          bench step --json after.json
          bench inference --onnxruntime --threads 1 --only hippocampus
          bench plan work -c 3d_fullres --seconds 0.3 --no-pytorch --json layers.json
          bench compare before.json after.json

        columns: ms = median; ± % = half the distance of the quartiles (beside the ratio: of the ratio); load = of the machine
        at the end of the row; % limit = of the multiply-add peak or the copy
        bandwidth, whichever binds (Winograd may exceed 100, and so may data that stay in the cache); ratio = PyTorch's (or
        ONNX Runtime's) time by ours
        """;

    private static int Main(string[] args)
    {
        OutputEncoding.BeUtf8();
        CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
        if (args.Contains("--help") || args.Contains("-h") || args is ["help", ..])
        {
            Console.WriteLine(Usage);
            return 0;
        }

        try
        {
            if (args is ["compare", .. var files])
            {
                return files is [var before, var after]
                    ? Compare(before, after)
                    : throw new UsageException("compare takes two files: compare BEFORE.json AFTER.json");
            }

            switch (args)
            {
                case ["pack", .. var packed]:
                    return Pack.Run(PackOptions.Parse(packed));
                case ["roofline", .. var more]:
                    return more is []
                        ? Roofline.Print(Console.Out)
                        : throw new UsageException($"roofline stands alone: it has no use for {more[0]}");
                case ["traffic", .. var more]:
                    return more is []
                        ? Traffic.Print(Console.Out)
                        : throw new UsageException($"traffic stands alone: it has no use for {more[0]}");
                case ["summary", .. var folders]:
                    return folders is [var results]
                        ? Summary.Print(results, Console.Out)
                        : throw new UsageException("summary takes the folder of results: summary FOLDER");
            }

            var options = BenchOptions.Parse(args);
            return options.PtxFolder is { } folder ? EmitPtx(folder, options.Architecture)
                : options.Registers ? Registers.Run(options) : Run(options);
        }
        catch (DeviceException exception) when (exception is not GpuOutOfMemoryException)
        {
            return Fail(new Failure(exception.Message, "--device cpu always works"));
        }
        catch (Exception exception)
        {
            return Fail(Failure.Of(exception));
        }
    }

    private static int Fail(Failure failure)
    {
        var hint = failure.Hint
            ?? (failure.ExitCode == ExitCodes.WrongUsage ? "`bench --help` explains words and options" : null);
        Console.Error.WriteLine($"error: {Readable.Line(failure.Message)}");
        if (hint is not null)
        {
            Console.Error.WriteLine($"hint: {Readable.Line(hint)}");
        }

        return failure.ExitCode;
    }

    private static int Compare(string before, string after)
    {
        Comparison.Print(before, after, Console.Out);
        return 0;
    }

    private static int EmitPtx(string folder, string architecture)
    {
        try
        {
            OutputFolder.Check(folder);
        }
        catch (SharpSegException error)
        {
            throw new SharpSegException(error.Message, "choose another folder with --emit-ptx", error);
        }

        var files = Gpu.EmitPtx(folder, architecture);
        Console.WriteLine($"{files.Count} kernels written to {folder} for {architecture}");
        return 0;
    }

    private static Peer? FindPeer(BenchOptions options, BenchDevice device, Backend backend)
    {
        var threads = ((IMachineLimits)backend).Threads;
        if (options.OnnxRuntime)
        {
            return OnnxRuntime.Start(threads);
        }

        if (!options.PyTorch || device.IsSlow || !device.IsKnownToPyTorch)
        {
            return null;
        }

        var peer = PyTorch.Start(device.Name, backend.ProductPrecision.Split('-')[0], threads);
        if (peer is null && options.Benches.Contains("inference"))
        {
            Console.Error.WriteLine("no Python with PyTorch here; `bench inference --onnxruntime` compares with ONNX Runtime");
        }

        return peer;
    }

    private static int Run(BenchOptions options)
    {
        Console.Error.WriteLine(
            $"plan: {string.Join(", ", options.Benches.DefaultIfEmpty("check"))}, {options.Seconds:0.##} s a row and side"
                + (options.OnnxRuntime ? ", ONNX Runtime beside it"
                    : options.PyTorch ? ", PyTorch beside it where it can be imported" : "")
                + "; Ctrl-C ends it");
        ResultFile.RequireWritable(options.Json);
        var device = BenchDevice.Find(options.Device, options.Threads, options.Precision);
        using var backend = device.Open();
        device = device.Judged(backend);
        options = options with { Tiny = device.IsSlow };
        using var peer = FindPeer(options, device, backend);
        PlanBench? plan = null;
        var check = options.Check ? DeviceCheck.Run(device, backend, text => options.Wants(text)) : null;
        var report = new Report(backend, peer, options) { Check = check };
        if (check is { Variants.Count: > 0 } && options.Benches.Count == 0)
        {
            report.Begin();
        }

        foreach (var (i, bench) in options.Benches.Index())
        {
            var only = options.Only.Count > 0 ? $", only {string.Join(" or ", options.Only)}" : "";
            Console.Error.WriteLine($"[{i + 1}/{options.Benches.Count}] {bench}{only}");
            switch (bench)
            {
                case "kernels":
                    new ConvolutionBench(backend, peer, report, options).Run();
                    new PointwiseBench(backend, peer, report, options).Run();
                    break;
                case "step":
                    new StepBench(device, peer, report, options).Run();
                    break;
                case "plan":
                    plan = new PlanBench(device, backend, peer, report, options);
                    plan.Run();
                    break;
                case "inference":
                    new InferenceBench(device, peer, report, options).Run();
                    break;
                default:
                    new PreprocessBench(peer, report, options).Run();
                    new AugmentationBench(peer, report, options).Run();
                    break;
            }
        }

        if (report.Rows.Count == 0 && check is null or { Variants: [] })
        {
            throw new UsageException(
                $"--only {string.Join(" or ", options.Only)}: no {(options.Benches.Count == 0 ? "check" : "row")} of "
                    + $"{string.Join(", ", options.Benches.DefaultIfEmpty("the suites"))} has this in its name");
        }

        report.PrintSummary();
        if (check is not null)
        {
            DeviceCheck.Finish(check);
        }

        report.Complete();
        return check is { Passed: false } || plan is { Wrong: > 0 } ? 1 : 0;
    }
}
