using System.Globalization;
using SharpSeg.Engine.Backends;
using SharpSeg.Kernels.Gpu;
using SharpSeg.Perf.Benches;
using SharpSeg.Perf.Measuring;

namespace SharpSeg.Perf;

/// <summary>
/// The benchmarks: <c>kernels | step | inference | preprocess [--json FILE] [--device D] [--precision P] [--threads N] [--only
/// TEXT] [--seconds S] [--no-pytorch]</c>. Prints a table; every row shows the device's limit measured in the same run and, where
/// PyTorch can be imported and has the device (cpu or cuda:N), PyTorch's time on the same shape, measured in alternation.
/// <para><c>kernels --check</c> runs the conformance suite on the device first. <c>kernels --emit-ptx DIR --arch sm_80</c> writes
/// the PTX of every GPU kernel instead.</para>
/// </summary>
internal static class Program
{
    private const string Usage =
        """
        usage: bench kernels|step|inference|preprocess [--device cpu|cuda:0|opencl:0|…] [--precision fp32|tf32|bf16|fp16] [--check]
                     [--json FILE] [--threads N] [--only TEXT] [--seconds S] [--variants] [--no-pytorch]
               bench kernels --emit-ptx DIR [--arch sm_80]
        """;

    private static int Main(string[] args)
    {
        CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
        if (args.Contains("--help"))
        {
            Console.WriteLine(Usage);
            return 0;
        }

        try
        {
            var options = BenchOptions.Parse(args);
            return options.PtxFolder is { } folder ? EmitPtx(folder, options.Architecture) : Run(options);
        }
        catch (ArgumentException exception)
        {
            Console.Error.WriteLine($"error: {exception.Message}");
            Console.Error.WriteLine(Usage);
            return 2;
        }
        catch (Exception exception)
            when (exception is GpuUnavailableException or DeviceException or IOException or UnauthorizedAccessException)
        {
            Console.Error.WriteLine($"error: {exception.Message}");
            return 1;
        }
    }

    private static int EmitPtx(string folder, string architecture)
    {
        var files = Gpu.EmitPtx(folder, architecture);
        Console.WriteLine($"{files.Count} kernels written to {folder} for {architecture}");
        return 0;
    }

    private static int Run(BenchOptions options)
    {
        var device = BenchDevice.Find(options.Device, options.Threads, options.Precision);
        using var backend = device.Open();
        device = device.Judged(backend);
        options = options with { Tiny = device.IsSlow };
        using var torch = options.PyTorch && !device.IsSlow && device.IsKnownToPyTorch
            ? PyTorchWorker.Start(device.Name, backend.ProductPrecision, ((IMachineLimits)backend).Threads)
            : null;
        var check = options.Check ? DeviceCheck.Run(device, backend, text => options.Wants(text)) : null;
        var report = new Report(backend, torch) { Check = check };
        foreach (var bench in options.Benches)
        {
            switch (bench)
            {
                case "kernels":
                    new ConvolutionBench(backend, torch, report, options).Run();
                    new PointwiseBench(backend, torch, report, options).Run();
                    break;
                case "step":
                    new StepBench(device, torch, report, options).Run();
                    break;
                case "inference":
                    new InferenceBench(device, torch, report, options).Run();
                    break;
                default:
                    new PreprocessBench(torch, report, options).Run();
                    new AugmentationBench(torch, report, options).Run();
                    break;
            }
        }

        report.PrintSummary();
        if (check is not null)
        {
            DeviceCheck.Finish(check);
        }

        if (options.Json is not null)
        {
            report.Write(options.Json);
        }

        return check is { Passed: false } ? 1 : 0;
    }
}
