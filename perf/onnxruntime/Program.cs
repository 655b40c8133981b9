using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using Microsoft.ML.OnnxRuntime;

namespace SharpSeg.Perf.OnnxRuntime;

/// <summary>
/// Runs an ONNX file in ONNX Runtime on the processor, <c>THREADS</c> its only argument, by the protocol of
/// <c>perf/pytorch/worker.py</c>: its version first, then an answer in one line to every request in one line.
/// <para><c>{"model", "input", "shape", "output": …}</c> loads the file, reads the input's values from a file, runs once and
/// writes the output's values to another → <c>{}</c>. <c>{"run": n}</c> → <c>{"ms": […]}</c>. <c>{"peak": true}</c> →
/// <c>{"bytes": …}</c>, the highest resident memory since the model was asked for, less what there was before.</para>
/// </summary>
internal static class Program
{
    private static int Main(string[] args)
    {
        try
        {
            Serve(int.Parse(args[0], CultureInfo.InvariantCulture));
            return 0;
        }
        catch (Exception exception)
        {
            Console.Error.WriteLine(exception.Message.ReplaceLineEndings(" ")); // the other side shows the last line
            return 1;
        }
    }

    private static void Serve(int threads)
    {
        using var options = new SessionOptions
        {
            IntraOpNumThreads = threads,
            InterOpNumThreads = 1,
            ExecutionMode = ExecutionMode.ORT_SEQUENTIAL,
            GraphOptimizationLevel = GraphOptimizationLevel.ORT_ENABLE_ALL,
        };
        Model? model = null;
        long before = 0;
        Console.WriteLine(OrtEnv.Instance().GetVersionString());
        while (Console.ReadLine() is { } line)
        {
            using var request = JsonDocument.Parse(line);
            if (request.RootElement.TryGetProperty("run", out var runs))
            {
                Answer(new { ms = Enumerable.Range(0, runs.GetInt32()).Select(_ => model!.Time()).ToArray() });
            }
            else if (request.RootElement.TryGetProperty("peak", out _))
            {
                Answer(new { bytes = Resident("VmHWM:") - before });
            }
            else
            {
                model?.Dispose();
                model = null;
                ForgetPeak();
                before = Resident("VmRSS:");
                model = new Model(request.RootElement, options);
                Answer(new { });
            }
        }

        model?.Dispose();
    }

    private static void Answer(object answer) => Console.WriteLine(JsonSerializer.Serialize(answer));

    private static void ForgetPeak()
    {
        try
        {
            File.WriteAllText("/proc/self/clear_refs", "5");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Not every system has it: the peak is then that of the process.
        }
    }

    /// <summary>A line of Linux's account of this process, bytes; 0 on other systems.</summary>
    private static long Resident(string key)
    {
        const string Account = "/proc/self/status";
        var line = File.Exists(Account)
            ? File.ReadLines(Account).FirstOrDefault(line => line.StartsWith(key, StringComparison.Ordinal))
            : null;
        return line is null ? 0 : long.Parse(line.Split((char[])[' ', '\t'], StringSplitOptions.RemoveEmptyEntries)[1],
            CultureInfo.InvariantCulture) * 1024;
    }

    /// <summary>A loaded file with its input.</summary>
    private sealed class Model : IDisposable
    {
        private readonly InferenceSession session;
        private readonly RunOptions run = new();
        private readonly Dictionary<string, OrtValue> inputs;

        public Model(JsonElement request, SessionOptions options)
        {
            session = new InferenceSession(request.GetProperty("model").GetString()!, options);
            var values = MemoryMarshal.Cast<byte, float>(File.ReadAllBytes(request.GetProperty("input").GetString()!)).ToArray();
            var shape = request.GetProperty("shape").EnumerateArray().Select(extent => extent.GetInt64()).ToArray();
            inputs = new() { [session.InputNames[0]] = OrtValue.CreateTensorValueFromMemory(values, shape) };
            using var outputs = session.Run(run, inputs, session.OutputNames);
            File.WriteAllBytes(
                request.GetProperty("output").GetString()!,
                MemoryMarshal.AsBytes(outputs[0].GetTensorDataAsSpan<float>()).ToArray());
        }

        /// <summary>Milliseconds of one run.</summary>
        public double Time()
        {
            var start = Stopwatch.GetTimestamp();
            session.Run(run, inputs, session.OutputNames).Dispose();
            return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        }

        public void Dispose()
        {
            foreach (var input in inputs.Values)
            {
                input.Dispose();
            }

            run.Dispose();
            session.Dispose();
        }
    }
}
