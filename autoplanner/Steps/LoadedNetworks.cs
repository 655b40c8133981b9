using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Inference;
using SharpSeg.AutoPlanner.Training;
using SharpSeg.Engine.Backends;

namespace SharpSeg.AutoPlanner.Steps;

/// <summary>
/// Networks that stay loaded from one prediction to the next, as long as the next asks for the same ones. Of a model of several
/// parts as many are kept as fit beside what the scan at hand needs; those that were used longest ago go first.
/// </summary>
/// <param name="backend">Where the networks run and their outputs are resampled; stays the caller's.</param>
/// <param name="openProcessor">Opens the processor, which preprocesses, with a number of threads; 0 = all cores.</param>
public sealed class LoadedNetworks(Backend backend, Func<int, Backend> openProcessor) : IDisposable
{
    private readonly List<Kept> kept = []; // the one that was used last is the last

    /// <summary>Where the networks run.</summary>
    public Backend Backend => backend;

    /// <summary>How often networks were loaded, for tests.</summary>
    internal int Loadings { get; private set; }

    /// <inheritdoc/>
    public void Dispose() => Free(kept.Count);

    /// <summary>The networks of a choice, which stay this object's.</summary>
    /// <param name="choice">Which ones.</param>
    /// <param name="description">Channels and labels.</param>
    /// <param name="request">How they predict.</param>
    /// <param name="scanBytes">What predicting the largest scan with them takes, the networks included.</param>
    /// <exception cref="SharpSegException">A checkpoint is damaged or of another plan.</exception>
    internal LoadedMembers Load(
        ModelChoice choice, DatasetDescription description, PredictionRequest request, long scanBytes)
    {
        var files = string.Join('\n', choice.Members.SelectMany(member => FilesOf(member, path => path)));

        // A network that was trained again meanwhile is loaded again.
        var state = string.Join('\n', choice.Members.SelectMany(
            member => FilesOf(member, path => $"{File.GetLastWriteTimeUtc(path).Ticks}")).Append(
            $"{request.Options} {request.Probabilities} {request.Budget.Bytes}"));
        var at = kept.FindIndex(item => item.Files == files);
        var own = at < 0 ? null : kept[at];
        if (own is not null)
        {
            kept.RemoveAt(at);
            if (own.State != state)
            {
                own.Members.Dispose();
                own = null;
            }
        }

        // First make room: two models need not fit side by side.
        var room = Math.Min(request.Budget.Bytes, backend.MemoryBytes) - scanBytes;
        while (kept.Count > 0 && kept.Sum(item => item.Bytes) > room)
        {
            Free(1);
        }

        Loadings += own is null ? 1 : 0;
        own ??= new Kept(
            files, state, new LoadedMembers(choice, description, backend, openProcessor, request),
            choice.Members.Sum(member => BytesOf(member, description)));
        kept.Add(own);
        return own.Members;
    }

    private static IEnumerable<string> FilesOf(ModelMember member, Func<string, string> show) =>
        member.Checkpoints.Select(show).Concat(member.FirstStage is { } first ? FilesOf(first, show) : []);

    private void Free(int count)
    {
        kept.Take(count).ToList().ForEach(item => item.Members.Dispose());
        kept.RemoveRange(0, count);
    }

    /// <summary>What networks take while they wait: what predicting a tile took, and the weights of further folds.</summary>
    private long BytesOf(ModelMember member, DatasetDescription description) =>
        PeakMemory.PredictionBytes(member.Plans.Profile, member.Configuration, description, backend)
            + member.Checkpoints.Skip(1).Sum(path => new FileInfo(path).Length)
            + (member.FirstStage is { } first ? BytesOf(first, description) : 0);

    private sealed record Kept(string Files, string State, LoadedMembers Members, long Bytes);
}

/// <summary>The loaded networks of a choice.</summary>
internal sealed class LoadedMembers : IDisposable
{
    private readonly List<PredictingMember> members = [];
    private readonly SavedProbabilities saved;
    private readonly bool hasOwnMemory;

    public LoadedMembers(
        ModelChoice choice, DatasetDescription description, Backend backend, Func<int, Backend> openProcessor,
        PredictionRequest request)
    {
        saved = request.Probabilities;
        hasOwnMemory = backend.HasOwnMemory;
        try
        {
            foreach (var member in choice.Members)
            {
                members.Add(new PredictingMember(
                    member, description, backend, openProcessor, request.Options, request.Budget,
                    request.Scratch ?? request.Folder, request.Watch, choice.Members.Count > 1 ? choice.Members : null));
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
                maps.Add(member.Probabilities(
                    id, geometry, scan, given, probabilities is null ? SavedProbabilities.None : saved, cancel));
                if (members.Count > 1 && hasOwnMemory)
                {
                    maps[^1].MoveToHost(); // the next member needs the device
                }
            }

            var mean = new AveragedMaps(maps);
            var segmentation = maps.Count == 1 ? maps[0].Segmentation() : LabelDecision.Of(mean, labels);
            MemoryBudget.GiveBack(geometry.Extent.Voxels); // what deciding took
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
