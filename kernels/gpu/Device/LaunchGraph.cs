using ILGPU.Runtime;
using SharpSeg.Engine.Backends;

namespace SharpSeg.Kernels.Gpu.Device;

/// <summary>Launches that a stream has recorded, as a graph of the driver's.</summary>
internal sealed class LaunchGraph : Recording
{
    private readonly IGraphDriver driver;
    private readonly AcceleratorStream stream;
    private readonly Func<bool> isValid;
    private nint executable;

    private LaunchGraph(IGraphDriver driver, AcceleratorStream stream, nint executable, Func<bool> isValid) =>
        (this.driver, this.stream, this.executable, this.isValid) = (driver, stream, executable, isValid);

    /// <summary>Records what work asks a stream for.</summary>
    /// <param name="driver">The driver.</param>
    /// <param name="stream">The stream; any but the default one.</param>
    /// <param name="work">Launches kernels, which have all been loaded before.</param>
    /// <param name="isValid">Whether all memory is still where it was.</param>
    /// <returns>Null if the driver fails at any of it; the stream then is as before.</returns>
    public static LaunchGraph? Record(IGraphDriver driver, AcceleratorStream stream, Action work, Func<bool> isValid)
    {
        if (driver.BeginCapture(stream) != 0)
        {
            return null;
        }

        var (isWhole, executable) = (false, (nint)0);
        try
        {
            work();
            isWhole = true;
        }
        catch (AcceleratorException)
        {
            // The driver does not record one of the calls. If it cannot do it at all, it will say so again without a recording.
        }
        finally
        {
            var hasEnded = driver.EndCapture(stream, out var graph) == 0;
            if (isWhole && hasEnded && driver.Instantiate(graph, out var made) == 0)
            {
                executable = made;
            }

            if (graph != 0)
            {
                driver.DestroyGraph(graph);
            }
        }

        return executable == 0 ? null : new LaunchGraph(driver, stream, executable, isValid);
    }

    /// <inheritdoc/>
    public override bool Replay() => executable != 0 && isValid() && driver.Launch(executable, stream) == 0;

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing && executable != 0)
        {
            driver.DestroyExecutable(executable);
            executable = 0;
        }
    }
}
