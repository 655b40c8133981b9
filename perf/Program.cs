using System.Globalization;
using SharpSeg.Kernels.Cpu;
using SharpSeg.Perf.Benches;
using SharpSeg.Perf.Measuring;

namespace SharpSeg.Perf;

/// <summary>
/// The benchmarks: <c>kernels | step | inference | preprocess [--json FILE] [--threads N] [--only TEXT] [--seconds S] [--no-pytorch]</c>.
/// Prints a table; every row stands beside the machine's limit measured in the same run and, where PyTorch can be imported, beside
/// PyTorch's time on the same shape, the two taking turns.
/// </summary>
internal static class Program
{
    private const string Usage =
        "usage: bench kernels|step|inference|preprocess [--json FILE] [--device cpu] [--threads N] [--only TEXT] [--seconds S] [--no-pytorch]";

    private static int Main(string[] args)
    {
        CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
        BenchOptions options;
        try
        {
            options = BenchOptions.Parse(args);
        }
        catch (ArgumentException exception)
        {
            Console.Error.WriteLine($"error: {exception.Message}");
            Console.Error.WriteLine(Usage);
            return 2;
        }

        using var backend = Cpu.Open(options.Threads);
        using var torch = options.PyTorch ? PyTorchWorker.Start(((IMachineLimits)backend).Threads) : null;
        var report = new Report(backend, torch);
        foreach (var bench in options.Benches)
        {
            switch (bench)
            {
                case "kernels":
                    new ConvolutionBench(backend, torch, report, options).Run();
                    new PointwiseBench(backend, torch, report, options).Run();
                    break;
                case "step":
                    new StepBench(backend, torch, report, options).Run();
                    break;
                case "inference":
                    new InferenceBench(backend, torch, report, options).Run();
                    break;
                default:
                    new PreprocessBench(torch, report, options).Run();
                    new AugmentationBench(torch, report, options).Run();
                    break;
            }
        }

        report.PrintSummary();
        if (options.Json is not null)
        {
            report.Write(options.Json);
        }

        return 0;
    }
}
