using SharpSeg.AutoPlanner.Training;
using SharpSeg.AutoPlanner.Workspaces;

namespace SharpSeg.AutoPlanner.Steps;

/// <summary>A network that others start from: a checkpoint, or one of a model file's, unpacked while this lives.</summary>
public sealed class PretrainedModel : IDisposable
{
    private readonly string path;
    private readonly double bodyRate;
    private readonly UnpackedModel? model;
    private readonly ModelChoice? choice;

    private PretrainedModel(string path, double bodyRate, UnpackedModel? model, ModelChoice? choice) =>
        (this.path, this.bodyRate, this.model, this.choice) = (path, bodyRate, model, choice);

    /// <summary>Opens one.</summary>
    /// <param name="path">A model.zip, ours or imported, or a checkpoint of ours.</param>
    /// <param name="bodyRate">Learning rate of everything but the heads, in parts of the heads'.</param>
    /// <param name="cancel">Stops unpacking; nothing is left.</param>
    /// <exception cref="SharpSegException">
    /// There is none, or the model is damaged or of several parts; a damaged checkpoint shows when a run starts from it.
    /// </exception>
    public static PretrainedModel Open(string path, double bodyRate, CancellationToken cancel)
    {
        if (path.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase))
        {
            return File.Exists(path)
                ? new PretrainedModel(path, bodyRate, null, null)
                : throw new SharpSegException($"`{path}`: no such file", "name a model.zip or a checkpoint");
        }

        var model = UnpackedModel.Open(path, cancel);
        try
        {
            return model.Parts.Count == 0
                ? new PretrainedModel(
                    path, bodyRate, model, ModelChoice.Of(model.Work, model.Work.ReadDescription().Labels, null, [], "final"))
                : throw new SharpSegException(
                    $"`{path}` is a model of {model.Parts.Count} parts", "import one of them alone, and start from that");
        }
        catch (SharpSegException error)
        {
            model.Dispose();
            throw model.InWordsOfTheFile(error);
        }
    }

    /// <summary>
    /// The network to start a configuration from: that of the same name if the model predicts with one, else its first; its first
    /// fold.
    /// </summary>
    public PretrainedStart For(string configuration)
    {
        if (choice is null)
        {
            return new(path, Path.GetFileName(path), bodyRate);
        }

        var member = choice.Members.FirstOrDefault(member => member.Configuration.Name == configuration) ?? choice.Members[0];
        return new(
            member.Checkpoints[0], $"{Path.GetFileName(path)}: {member.Configuration.Name}, fold {member.Folds[0]}", bodyRate);
    }

    /// <summary>Removes what was unpacked.</summary>
    public void Dispose() => model?.Dispose();
}
