using System.Globalization;

namespace SharpSeg.Perf.Measuring;

/// <summary>PyTorch as a peer: a Python process (<c>perf/pytorch/worker.py</c>).</summary>
internal static class PyTorch
{
    /// <summary>
    /// Starts the first of <c>$SHARPSEG_PYTHON</c>, python3, /usr/bin/python3 that can import torch and use the device; null if
    /// none can.
    /// </summary>
    /// <param name="device">cpu or cuda:N.</param>
    /// <param name="precision">fp32, tf32, bf16 or fp16: what convolutions may use.</param>
    /// <param name="threads">Threads of the processor.</param>
    public static Peer? Start(string device, string precision, int threads)
    {
        var script = Path.Combine(AppContext.BaseDirectory, "pytorch", "worker.py");
        string[] arguments = [script, threads.ToString(CultureInfo.InvariantCulture), device, precision];
        var named = Environment.GetEnvironmentVariable("SHARPSEG_PYTHON");
        foreach (var python in new[] { named, "python3", "/usr/bin/python3" }.OfType<string>())
        {
            var (peer, why) = Peer.Start("PyTorch", python, arguments);
            if (peer is not null)
            {
                return peer;
            }

            // Most machines have a python3 without torch; whoever names one wants to know why it does not serve.
            if (python == named)
            {
                Console.Error.WriteLine($"SHARPSEG_PYTHON={python} {why}");
            }
        }

        return null;
    }
}
