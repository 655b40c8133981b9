using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Inference;
using SharpSeg.Engine.Backends;

namespace SharpSeg.AutoPlanner.Steps;

/// <summary>
/// Networks that stay loaded from one prediction to the next, as long as the next asks for the same ones. Of a model of several
/// parts only one is kept: they do not all fit into a device's memory.
/// </summary>
/// <param name="backend">Where the networks run and their outputs are resampled; stays the caller's.</param>
/// <param name="openProcessor">Opens the processor, which preprocesses, with a number of threads; 0 = all cores.</param>
public sealed class LoadedNetworks(Backend backend, Func<int, Backend> openProcessor) : IDisposable
{
    private LoadedMembers? members;
    private string? files;

    /// <summary>Where the networks run.</summary>
    public Backend Backend => backend;

    /// <inheritdoc/>
    public void Dispose()
    {
        members?.Dispose();
        members = null;
    }

    /// <summary>The networks of a choice, which stay this object's.</summary>
    /// <exception cref="SharpSegException">A checkpoint is damaged or of another plan.</exception>
    internal LoadedMembers Load(ModelChoice choice, DatasetDescription description, PredictionRequest request)
    {
        var wanted = string.Join('\n', choice.Members.SelectMany(FilesOf).Append(
            $"{request.Options} {request.Probabilities} {request.Budget.Bytes}"));
        if (members is null || files != wanted)
        {
            Dispose(); // first: two models need not fit side by side
            members = new LoadedMembers(choice, description, backend, openProcessor, request);
            files = wanted;
        }

        return members;
    }

    // A network that was trained again meanwhile is loaded again.
    private static IEnumerable<string> FilesOf(ModelMember member) =>
        member.Checkpoints.Select(path => $"{path} {File.GetLastWriteTimeUtc(path).Ticks}")
            .Concat(member.FirstStage is { } first ? FilesOf(first) : []);
}

/// <summary>The loaded networks of a choice.</summary>
internal sealed class LoadedMembers : IDisposable
{
    private readonly List<PredictingMember> members = [];
    private readonly SavedProbabilities saved;

    public LoadedMembers(
        ModelChoice choice, DatasetDescription description, Backend backend, Func<int, Backend> openProcessor,
        PredictionRequest request)
    {
        saved = request.Probabilities;
        try
        {
            foreach (var member in choice.Members)
            {
                members.Add(new PredictingMember(
                    member, description, backend, openProcessor, request.Options, PredictionRun.Share(request.Budget, choice),
                    request.Scratch ?? request.Folder, request.Watch));
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The labels of a scan; also its probabilities, where a file for them is named.</summary>
    /// <param name="id">For messages.</param>
    /// <param name="geometry">The scan's.</param>
    /// <param name="scan">The scan, read anew for every stage and member; the image is worked on in place.</param>
    /// <param name="labels">Of the model.</param>
    /// <param name="advanced">Called with how much of the scan is predicted, 0..1.</param>
    /// <param name="given">Reads the given segmentation of a cascade's first stage; null where none is given.</param>
    /// <param name="probabilities">File for the probabilities, or null.</param>
    /// <param name="cancel">Stops between tiles.</param>
    public short[] Segment(
        string id, ImageGeometry geometry, ScanSource scan, LabelScheme labels, Action<double> advanced,
        Func<LabelImage>? given, string? probabilities, CancellationToken cancel)
    {
        given ??= () => throw new InvalidOperationException("a cascade without its first stage");
        foreach (var (m, member) in members.Index())
        {
            member.Advanced = part => advanced((m + part) / members.Count);
        }

        if (members.Count == 1 && probabilities is null)
        {
            return members[0].Segment(id, geometry, scan, given, cancel); // on a device, outputs need not leave it
        }

        var maps = new List<PredictedMaps>();
        try
        {
            foreach (var member in members)
            {
                maps.Add(member.Probabilities(id, geometry, scan, given, cancel));
                if (members.Count > 1)
                {
                    maps[^1].MoveToHost(); // the next member needs the device
                }
            }

            var mean = new AveragedMaps(maps);
            var segmentation = maps.Count == 1 ? maps[0].Segmentation() : LabelDecision.Of(mean, labels);
            if (probabilities is not null)
            {
                ProbabilityFile.Write(probabilities, id, mean, labels, saved);
            }

            return segmentation;
        }
        finally
        {
            maps.ForEach(map => map.Dispose());
        }
    }

    public void Dispose() => members.ForEach(member => member.Dispose());
}
