using CommandLine;
using SharpSeg.AutoPlanner.Training;

namespace SharpSeg.Cli.Options;

/// <summary>Where jobs run, and what each is given.</summary>
internal abstract class JobsOptions : CommonOptions
{
    [Option("dry-run", HelpText = "Only write the scripts, for a look or a change; `bash jobs/submit.sh` submits them.")]
    public bool DryRun { get; set; }

    [Option("local", HelpText = "Run the same tasks on this machine, so many processes at a time, over its devices.")]
    public int? Local { get; set; }

    [Option(
        "devices", Separator = ',',
        HelpText =
            "Devices of this machine that the tasks share, e.g. cuda:0,cuda:1; one named twice runs two tasks at a time. Implies "
                + "--local with one process for each.")]
    public IEnumerable<string> Devices { get; set; } = [];

    public override (string Message, string? Hint) WhenInterrupted =>
        ("interrupted; the state of every task is saved", "run the same command to continue");
}

/// <summary>The verbs that look at jobs that were begun.</summary>
internal abstract class JobsFolderOptions : CommonOptions
{
    [Value(0, MetaName = "FOLDER", Required = true, HelpText = "Workspace, or output folder, with jobs.")]
    public string Folder { get; set; } = "";
}

/// <summary>What each job of a new graph is given.</summary>
internal abstract class NewJobsOptions : JobsOptions
{
    [Option(
        "time",
        HelpText =
            "Longest time of a job at a stretch, e.g. 24:00:00. Default: of training as epochs or `jobs measure` say, else a day.")]
    public string? Time { get; set; }

    [Option("gres", HelpText = "Devices of a job that trains or predicts, e.g. gpu:1. Default: none, the processor.")]
    public string? Gres { get; set; }

    [Option("mem", HelpText = "Memory of every job, e.g. 16G. Default: what the plan needs; of predictions 16G, to which they keep.")]
    public string? Memory { get; set; }

    [Option("cpus", HelpText = "Threads of every job. Default: as many as its work keeps busy.")]
    public int? Cpus { get; set; }

    [Option("throttle", HelpText = "Most tasks of an array that run at once.")]
    public int? Throttle { get; set; }

    [Option("slurm", HelpText = "Options of sbatch, passed on, e.g. \"--partition=long --account=lab\".")]
    public string? Slurm { get; set; }

    [Option("site", HelpText = "JSON file with what a site wants of every job: docs/guide/slurm.md.")]
    public string? Site { get; set; }

    [Option("device", Default = "auto", HelpText = "auto, cpu, or a name from `sharpseg devices`.")]
    public string Device { get; set; } = "auto";
}

[Verb("jobs train", HelpText = "Train folds × configurations as jobs: on Slurm, or by processes of this machine.")]
[Examples(
    "sharpseg jobs train work --time 24:00:00 --gres gpu:1",
    "sharpseg jobs train work -c 2d,3d_fullres -f 0,1 --dry-run",
    "sharpseg jobs train work --local 2",
    "sharpseg jobs train work --devices cuda:0,cuda:1")]
internal sealed class JobsTrainOptions : NewJobsOptions, IKeepsProbabilities
{
    /// <summary>Options of `train` and `auto` that `jobs train` does not have, with what is done instead.</summary>
    public static IReadOnlyDictionary<string, string> Refused { get; } = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["configuration"] = "-c/--configurations names them",
        ["all"] = "all folds of all configurations are the default",
        ["resume"] = "jobs go on by themselves; the same command given again submits what is missing",
        ["threads"] = "--cpus says how many threads every job has",
        ["max-memory"] = "--mem says how much memory every job has",
        ["output"] = "the workspace that `plan` made comes first: jobs train WORK",
        ["profile"] = Planned,
        ["network"] = Planned,
        ["activation"] = Planned,
        ["norm"] = Planned,
        ["memory"] = Planned,
        ["mirroring"] = Planned,
        ["group-by"] = Planned,
    };

    private const string Planned = "it is part of the plan: `sharpseg plan DATASET -o WORK` has it, --plan NAME keeps several";

    [Value(0, MetaName = "WORK", Required = true, HelpText = "Workspace that `plan` made.")]
    public string Work { get; set; } = "";

    [Option("plan", HelpText = PlanHelp)]
    public string? Plan { get; set; }

    [Option(
        'c', "configurations", Separator = ',', HelpText = "Configurations, e.g. 2d,3d_fullres; default: all that are planned.")]
    public IEnumerable<string> Configurations { get; set; } = [];

    [Option(
        'f', "folds", Separator = ',',
        HelpText = "Folds, e.g. 0,1,4; every-case for one network on all cases. Default: all folds.")]
    public IEnumerable<string> Folds { get; set; } = [];

    [Option("pretrained", HelpText = "Start from this network: a model.zip, or a checkpoint.")]
    public string? Pretrained { get; set; }

    [Option("body-rate", HelpText = "With --pretrained: rate of everything but the heads, in parts of the heads'.")]
    public double? BodyRate { get; set; }

    [Option("epochs", HelpText = "Number of epochs instead of the published 1000.")]
    public int? Epochs { get; set; }

    [Option("iterations", HelpText = "Iterations per epoch instead of 250.")]
    public int? Iterations { get; set; }

    [Option("batch", HelpText = "Batch size instead of the plan's.")]
    public int? Batch { get; set; }

    [Option("max-time", HelpText = "Fit the schedule of every run to this time, e.g. 2h.")]
    public string? MaxTime { get; set; }

    [Option("loss", HelpText = VariantOptions.LossHelp)]
    public string? Loss { get; set; }

    [Option("augmentation", Separator = ',', HelpText = VariantOptions.AugmentationHelp)]
    public IEnumerable<string> Augmentation { get; set; } = [];

    [Option("no-deep-supervision", HelpText = VariantOptions.DeepSupervisionHelp)]
    public bool NoDeepSupervision { get; set; }

    [Option("foreground-share", HelpText = VariantOptions.ForegroundHelp)]
    public double? ForegroundShare { get; set; }

    [Option("balance-classes", HelpText = VariantOptions.BalanceHelp)]
    public bool BalanceClasses { get; set; }

    [Option("recipe", HelpText = VariantOptions.RecipeHelp)]
    public string? Recipe { get; set; }

    [Option(
        "save-probabilities",
        HelpText = "Keep the class probabilities of all validation cases; those of pairs that are compared are kept anyway.")]
    public bool SaveProbabilities { get; set; }

    [Option("full-probabilities", HelpText = IKeepsProbabilities.FullHelp)]
    public bool FullProbabilities { get; set; }

    [Option("precision", HelpText = "As in `train`: fp32, tf32, bf16, fp16, bf16-activations or fp16-activations.")]
    public string? Precision { get; set; }

    [Option(
        "seed", Default = TrainingJob.DefaultSeed,
        HelpText = "Seed of weights and sampling. Same seed, device and threads: same bytes.")]
    public ulong Seed { get; set; }
}

[Verb("jobs predict", HelpText = "Segment a cohort as jobs, in parts, and check that nothing is missing.")]
[Examples(
    "sharpseg jobs predict model.zip -i cohort -o segmented --parts 50 --gres gpu:1",
    "sharpseg jobs predict work -i cohort -o segmented --parts 8 --local 2")]
internal sealed class JobsPredictOptions : NewJobsOptions
{
    [Value(0, MetaName = "MODEL", Required = true, HelpText = "A model.zip, or a workspace with trained folds.")]
    public string Model { get; set; } = "";

    [Option('i', "input", Required = true, HelpText = "Scans: a folder, or files.")]
    public IEnumerable<string> Input { get; set; } = [];

    [Option('o', "output", Required = true, HelpText = "Folder for the segmentations, and for the jobs.")]
    public string Output { get; set; } = "";

    [Option("parts", Required = true, HelpText = "Number of jobs among which the scans are divided.")]
    public int Parts { get; set; }

    [Option("plan", HelpText = PlanHelp)]
    public string? Plan { get; set; }

    [Option('c', "configuration", HelpText = "Configuration, without postprocessing; default: as in `predict`.")]
    public string? Configuration { get; set; }

    [Option('f', "folds", Separator = ',', HelpText = "Folds to average; default: as in `predict`.")]
    public IEnumerable<string> Folds { get; set; } = [];

    [Option("step", HelpText = "Largest distance between neighbouring tiles, as a fraction of the patch.")]
    public double? Step { get; set; }

    [Option("no-tta", HelpText = "No mirroring: faster, slightly worse.")]
    public bool NoMirroring { get; set; }

    [Option("no-postprocessing", HelpText = "Skip the postprocessing that `find-best` chose.")]
    public bool NoPostprocessing { get; set; }

    [Option("save-probabilities", HelpText = "Also write the class probabilities, for `ensemble`.")]
    public bool SaveProbabilities { get; set; }
}

[Verb("jobs status", HelpText = "Show how the jobs of a folder stand, and why one failed.")]
[Examples("sharpseg jobs status work", "sharpseg jobs status segmented --json")]
internal sealed class JobsStatusOptions : JobsFolderOptions;

[Verb("jobs logs", HelpText = "Print what a job printed: the one that failed first, or the one named.")]
[Examples("sharpseg jobs logs work", "sharpseg jobs logs work train-2d_3")]
internal sealed class JobsLogsOptions : JobsFolderOptions
{
    [Value(1, MetaName = "TASK", HelpText = "A task as `jobs status` calls it, or an array of them.")]
    public string? Task { get; set; }
}

[Verb("jobs cancel", HelpText = "Take all jobs of a folder out of the queue; those that run save their state.")]
[Examples("sharpseg jobs cancel work", "sharpseg jobs cancel segmented --json")]
internal sealed class JobsCancelOptions : JobsFolderOptions;

[Verb("jobs resubmit", HelpText = "Submit again what is neither done nor in the queue.")]
[Examples("sharpseg jobs resubmit work --failed --mem x1.5", "sharpseg jobs resubmit work --time x2")]
internal sealed class JobsResubmitOptions : JobsOptions
{
    [Value(0, MetaName = "FOLDER", Required = true, HelpText = "Workspace, or output folder, with jobs.")]
    public string Folder { get; set; } = "";

    [Option("failed", HelpText = "Only what failed, and what waits for it.")]
    public bool Failed { get; set; }

    [Option("mem", HelpText = "Memory for arrays with a failure: a factor, e.g. x1.5, or a size, e.g. 12G.")]
    public string? Memory { get; set; }

    [Option("time", HelpText = "Time for arrays with a failure: a factor, e.g. x2, or a time, e.g. 48:00:00.")]
    public string? Time { get; set; }
}

[Verb("jobs measure", HelpText = "Measure a training step, from which jobs take their time; on a node of the kind that trains.")]
[Examples("sharpseg jobs measure work", "sharpseg jobs measure work -c 2d,3d_fullres --threads 8")]
internal sealed class JobsMeasureOptions : ComputeOptions
{
    [Value(0, MetaName = "WORK", Required = true, HelpText = "Workspace that `plan` made; it need not be preprocessed.")]
    public string Work { get; set; } = "";

    [Option("plan", HelpText = PlanHelp)]
    public string? Plan { get; set; }

    [Option(
        'c', "configurations", Separator = ',', HelpText = "Configurations, e.g. 2d,3d_fullres; default: all that are planned.")]
    public IEnumerable<string> Configurations { get; set; } = [];

    public override (string Message, string? Hint) WhenInterrupted =>
        ("interrupted; what was measured is recorded", "run the same command again");
}

[Verb("jobs check", HelpText = "Check that every scan of a cohort has its segmentation.")]
[Examples("sharpseg jobs check segmented -i cohort", "sharpseg jobs check segmented -i cohort --json")]
internal sealed class JobsCheckOptions : CommonOptions
{
    [Value(0, MetaName = "FOLDER", Required = true, HelpText = "Folder of segmentations.")]
    public string Folder { get; set; } = "";

    [Option('i', "input", Required = true, HelpText = "Scans: a folder, or files.")]
    public IEnumerable<string> Input { get; set; } = [];
}

[Verb("jobs task", HelpText = "Run one task of a graph, as its script does: jobs task FOLDER TASK --id ID -- VERB …")]
[Examples(
    "sharpseg jobs task work train-2d_3 --id 5b2f -- train work -c 2d -f 3 --resume",
    "sharpseg jobs task out check_0 --id 5b2f -- jobs check out -i cohort")]
internal sealed class JobsTaskOptions : JobsFolderOptions
{
    [Value(1, MetaName = "TASK", Required = true, HelpText = "Its name.")]
    public string Task { get; set; } = "";

    [Option("id", Required = true, HelpText = "Of the folder's jobs, in jobs/graph.json.")]
    public string Id { get; set; } = "";

    /// <summary>The command behind `--`; not an option.</summary>
    public IReadOnlyList<string> Command { get; set; } = [];

    public override (string Message, string? Hint) WhenInterrupted => ("interrupted while waiting; nothing was begun", null);
}
