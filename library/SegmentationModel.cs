using SharpSeg.AutoPlanner;
using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Inference;
using SharpSeg.AutoPlanner.Steps;
using SharpSeg.AutoPlanner.Workspaces;
using SharpSeg.Engine.Backends;
using SharpSeg.Kernels.Cpu;

namespace SharpSeg;

/// <summary>
/// A trained model that segments scans, in memory or from file to file. Its networks stay loaded, of a model of several parts as
/// many as fit into memory. Calls from several threads are served one after the other.
/// </summary>
public sealed class SegmentationModel : IDisposable
{
    private readonly Lock gate = new();
    private readonly UnpackedModel? unpacked;
    private readonly Backend backend;
    private readonly LoadedNetworks networks;
    private readonly PredictionRequest request;
    private readonly DatasetDescription description;
    private readonly Action<string>? warn;
    private bool disposed;

    private SegmentationModel(string path, SegmentationModelOptions options, CancellationToken cancel)
    {
        warn = options.OnWarning;
        try
        {
            unpacked = Directory.Exists(path) ? null : UnpackedModel.Open(path, cancel);
            backend = ComputeDevice.Open(options.Device, options.Precision, options.Threads, warn);
            networks = new LoadedNetworks(backend, Cpu.Open);
            request = options.Request(unpacked?.Work ?? new Workspace(path), unpacked?.Parts);
            description = request.Work.ReadDescription();
            ScanPrediction.Load(request, networks, new ProgressReporter(null, warn));
        }
        catch (Exception error)
        {
            networks?.Dispose();
            backend?.Dispose();
            unpacked?.Dispose();
            switch (error)
            {
                case SharpSegException known when unpacked is not null:
                    throw unpacked.InWordsOfTheFile(known);
                case IOException or UnauthorizedAccessException:
                    throw OfFiles(error);
                default:
                    throw;
            }
        }
    }

    /// <summary>Names of the channels that a scan must have, in order.</summary>
    public IReadOnlyList<string> Channels => description.ChannelNames;

    /// <summary>Name of each label but the background's, which is 0 unless the dataset's own files have another value.</summary>
    public IReadOnlyDictionary<int, string> Labels => description.Labels.OriginalNames;

    /// <summary>The device that computes, in words.</summary>
    public string Device => backend.Description;

    /// <summary>Loads a model and its networks.</summary>
    /// <param name="path">A model.zip, as <c>sharpseg export</c> or <c>import</c> write it, or a workspace.</param>
    /// <param name="options">Device and choice of networks.</param>
    /// <param name="cancellationToken">Stops the loading; nothing is left.</param>
    /// <exception cref="SharpSegException">No such file, no model, a damaged one, or no such device.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static SegmentationModel Load(
        string path, SegmentationModelOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return new SegmentationModel(path, options ?? new(), cancellationToken);
    }

    /// <summary>Segments a scan in memory.</summary>
    /// <param name="scan">The scan, with the model's <see cref="Channels"/>; it is not changed.</param>
    /// <param name="progress">Receives progress after every group of tiles, on the calling thread's behalf.</param>
    /// <param name="cancellationToken">Stops between tiles.</param>
    /// <returns>Labels on the scan's own grid.</returns>
    /// <exception cref="SharpSegException">The scan does not fit the model, or the device failed.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public LabelMap Predict(
        MedicalImage scan, IProgress<SegmentationProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(scan);
        return Guarded(progress, reporter => new LabelMap(
            ScanPrediction.Segment(request, scan, networks, reporter, cancellationToken), description.Labels));
    }

    /// <summary>Segments a file, or every scan of a folder.</summary>
    /// <param name="input">A scan, a DICOM series, or a folder of scans, named as in training.</param>
    /// <param name="output">For one scan a file with the ending of an image; else a folder, which is made.</param>
    /// <param name="progress">Receives progress after every group of tiles.</param>
    /// <param name="cancellationToken">Stops between tiles; what is written is whole.</param>
    /// <returns>The files written.</returns>
    /// <exception cref="SharpSegException">An input does not fit the model, or an output may not be written.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public IReadOnlyList<string> Predict(
        string input, string output, IProgress<SegmentationProgress>? progress = null,
        CancellationToken cancellationToken = default) => Predict([input], output, progress, cancellationToken);

    /// <summary>Segments files: the channels of one scan, or several scans.</summary>
    /// <param name="inputs">Scans, and folders of them; the channels of a scan are named SCAN_0000, SCAN_0001, ….</param>
    /// <param name="output">For one scan a file with the ending of an image; else a folder, which is made.</param>
    /// <param name="progress">Receives progress after every group of tiles.</param>
    /// <param name="cancellationToken">Stops between tiles; what is written is whole.</param>
    /// <returns>The files written.</returns>
    /// <exception cref="SharpSegException">An input does not fit the model, or an output may not be written.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public IReadOnlyList<string> Predict(
        IReadOnlyList<string> inputs, string output, IProgress<SegmentationProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        ArgumentException.ThrowIfNullOrEmpty(output);
        return Guarded(progress, reporter => PredictionRun.Execute(
            request with { Inputs = inputs, Output = output }, networks, reporter, cancellationToken));
    }

    /// <summary>Frees the networks and the device.</summary>
    public void Dispose()
    {
        lock (gate)
        {
            if (!disposed)
            {
                disposed = true;
                networks.Dispose();
                backend.Dispose();
                unpacked?.Dispose();
            }
        }
    }

    private T Guarded<T>(IProgress<SegmentationProgress>? progress, Func<IReporter, T> work)
    {
        lock (gate)
        {
            ObjectDisposedException.ThrowIf(disposed, this);
            try
            {
                var reporter = new ProgressReporter(progress, warn);
                reporter.Stage("predict");
                return work(reporter);
            }
            catch (SharpSegException error) when (unpacked is not null)
            {
                throw unpacked.InWordsOfTheFile(error);
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                throw OfFiles(error);
            }
        }
    }

    private static SharpSegException OfFiles(Exception error) =>
        new(error.Message, "check the file or folder, its permissions and the free space", error);
}
