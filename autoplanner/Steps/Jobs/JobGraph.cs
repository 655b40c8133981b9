using System.Globalization;

namespace SharpSeg.AutoPlanner.Steps.Jobs;

/// <summary>What a word of a task's command stands for.</summary>
internal enum JobWordKind
{
    /// <summary>Itself.</summary>
    Literal,

    /// <summary>The folder that the jobs belong to, as the machine sees it that runs the task; the text follows it.</summary>
    Folder,

    /// <summary>What the task of an array has of its own: a fold, a configuration, a part.</summary>
    Item,

    /// <summary>The device; the text is its name, but for a machine that shares its devices among tasks.</summary>
    Device,

    /// <summary>Bytes of the task's memory.</summary>
    Memory,

    /// <summary>Number of the task's threads.</summary>
    Cpus,
}

/// <summary>One word of the command that a task runs.</summary>
/// <param name="Kind">What it stands for.</param>
/// <param name="Text">See <see cref="JobWordKind"/>.</param>
internal sealed record JobWord(JobWordKind Kind, string Text)
{
    /// <summary>A word that is the same for every task.</summary>
    public static implicit operator JobWord(string text) => new(JobWordKind.Literal, text);

    /// <summary>The folder, or what lies in it.</summary>
    public static JobWord Folder(string rest = "") => new(JobWordKind.Folder, rest);

    /// <summary>The task's own word.</summary>
    public static JobWord Item { get; } = new(JobWordKind.Item, "");

    /// <summary>What the task is given, so that a command that plans its memory and threads keeps to it.</summary>
    public static JobWord Memory { get; } = new(JobWordKind.Memory, "");

    /// <inheritdoc cref="Memory"/>
    public static JobWord Cpus { get; } = new(JobWordKind.Cpus, "");
}

/// <summary>A task of an array.</summary>
/// <param name="Index">Its number in the array: of folds and parts their own.</param>
/// <param name="Text">Its own word, e.g. a fold or a configuration.</param>
/// <param name="IsDone">What it makes is there already.</param>
internal sealed record JobItem(int Index, string Text, bool IsDone = false);

/// <summary>What an array waits for: one task of another one, or all of them.</summary>
/// <param name="Stage">Name of the other array.</param>
/// <param name="Index">Of the task; null for all.</param>
internal sealed record JobNeed(string Stage, int? Index = null);

/// <summary>What each task of an array is given.</summary>
/// <param name="MemoryBytes">Memory of the host.</param>
/// <param name="Cpus">Threads.</param>
/// <param name="Time">Longest time at a stretch, as Slurm writes it, e.g. <c>24:00:00</c>.</param>
/// <param name="TimeSource">From what the time follows.</param>
/// <param name="Gres">Devices, as Slurm writes them, e.g. <c>gpu:1</c>; null for none.</param>
internal sealed record JobResources(long MemoryBytes, int Cpus, string Time, string TimeSource, string? Gres)
{
    /// <summary>What is given, with its time.</summary>
    public static JobResources Of(JobShare share, JobTime time, string? gres = null) =>
        new(share.MemoryBytes, share.Cpus, time.Text, time.Source, gres);

    /// <summary>The word of a command that says what is given; null if it says something else.</summary>
    public string? Word(JobWord word) => word.Kind switch
    {
        JobWordKind.Memory => MemoryBytes.ToString(CultureInfo.InvariantCulture),
        JobWordKind.Cpus => Cpus.ToString(CultureInfo.InvariantCulture),
        _ => null,
    };
}

/// <summary>Tasks that differ in one word: a job array.</summary>
/// <param name="Name">Its name, of letters, digits, <c>_ . -</c>; also its script's.</param>
/// <param name="Items">The tasks.</param>
/// <param name="Command">What each runs: a verb of this program with its words.</param>
/// <param name="Needs">What must have ended well before.</param>
/// <param name="Resources">What each task is given.</param>
internal sealed record JobStage(
    string Name, IReadOnlyList<JobItem> Items, IReadOnlyList<JobWord> Command, IReadOnlyList<JobNeed> Needs,
    JobResources Resources)
{
    /// <summary>Its tasks.</summary>
    public IEnumerable<JobTask> Tasks => Items.Select(item => new JobTask(this, item));

    /// <summary>Whether another array would do the same with the same, whatever either is given for it.</summary>
    public bool DoesTheSameAs(JobStage other) =>
        Name == other.Name && Command.SequenceEqual(other.Command) && Needs.SequenceEqual(other.Needs);

    /// <summary>What the command says that another one does not, e.g. <c>--epochs 7 --loss ce</c>; empty for nothing.</summary>
    public string SaysBeyond(JobStage other) => string.Join(' ', Phrases().Except(other.Phrases()));

    /// <summary>The options with their values, and what stands before them.</summary>
    private List<string> Phrases()
    {
        var phrases = new List<string> { "" };
        foreach (var (_, text) in Command.Where(word => word.Kind is JobWordKind.Literal or JobWordKind.Device))
        {
            if (text.StartsWith('-'))
            {
                phrases.Add(text);
            }
            else
            {
                phrases[^1] = $"{phrases[^1]} {text}".TrimStart();
            }
        }

        return phrases;
    }
}

/// <summary>One task.</summary>
/// <param name="Stage">Its array.</param>
/// <param name="Item">Which of it.</param>
internal sealed record JobTask(JobStage Stage, JobItem Item)
{
    /// <summary>Its name, e.g. <c>train-2d_3</c>.</summary>
    public string Name => FormattableString.Invariant($"{Stage.Name}_{Item.Index}");

    /// <summary>Whether another task would do the same with the same, whatever either is given for it.</summary>
    public bool DoesTheSameAs(JobTask other) =>
        Name == other.Name && Item.Text == other.Item.Text && Stage.DoesTheSameAs(other.Stage);

    /// <summary>The words of its command on a machine.</summary>
    /// <param name="folder">The jobs' folder there.</param>
    /// <param name="device">The device to use; null leaves it to the command.</param>
    public IReadOnlyList<string> Words(string folder, string? device = null) =>
    [
        .. Stage.Command.Select(word => word.Kind switch
        {
            JobWordKind.Folder => folder + word.Text,
            JobWordKind.Item => Item.Text,
            JobWordKind.Device => device ?? word.Text,
            _ => Stage.Resources.Word(word) ?? word.Text,
        }),
    ];
}

/// <summary>
/// Tasks with what they wait for, in an order in which each comes after what it needs. It says nothing about where they run:
/// <see cref="SlurmJobs"/> hands them to a cluster, <see cref="LocalJobs"/> runs them on this machine.
/// </summary>
/// <param name="Stages">The arrays, in order.</param>
internal sealed record JobGraph(IReadOnlyList<JobStage> Stages)
{
    /// <summary>All tasks, in order.</summary>
    public IEnumerable<JobTask> Tasks => Stages.SelectMany(stage => stage.Tasks);

    /// <summary>An array by its name; null if there is none.</summary>
    public JobStage? Stage(string name) => Stages.FirstOrDefault(stage => stage.Name == name);

    /// <summary>A task by its name; null if there is none.</summary>
    public JobTask? Task(string name) => Tasks.FirstOrDefault(task => task.Name == name);

    /// <summary>The tasks that a task waits for.</summary>
    public IEnumerable<JobTask> NeedsOf(JobTask task) => task.Stage.Needs.SelectMany(need =>
        Stage(need.Stage)!.Tasks.Where(other => need.Index is null || other.Item.Index == need.Index));
}
