using CommandLine;

namespace SharpSeg.Cli.Options;

[Verb("demo", HelpText = "Make a phantom dataset and run everything on it, in minutes, with nothing to download.")]
[Examples("sharpseg demo", "sharpseg demo -o phantom --max-time 4m --cases 24")]
internal sealed class DemoOptions : TrainingOptions
{
    [Option('o', "output", Default = "sharpseg-demo", HelpText = "Folder to write to.")]
    public string Output { get; set; } = "sharpseg-demo";

    [Option("cases", Default = 40, HelpText = "Number of phantom cases, 24 or more.")]
    public int Cases { get; set; }

    [Option("max-time", Default = "4m", HelpText = "Time for everything, e.g. 8m.")]
    public string MaxTime { get; set; } = "4m";

    [Option("resume", HelpText = "Continue where an interrupted demo stopped.")]
    public bool Resume { get; set; }
}

[Verb("auto", HelpText = "Verify, plan, preprocess, train, predict and score: from a dataset to a ready model.")]
[Examples(
    "sharpseg auto Task04_Hippocampus -o work --max-time 30m",
    "sharpseg auto Task04_Hippocampus -o work -c 2d -f 0 --resume")]
internal sealed class AutoOptions : VariantOptions
{
    [Value(
        0, MetaName = "DATASET", Required = true, HelpText = "Folder in Medical Segmentation Decathlon or nnU-Net raw format.")]
    public string Dataset { get; set; } = "";

    [Option('o', "output", Required = true, HelpText = "Workspace: everything produced for this dataset goes here.")]
    public string Output { get; set; } = "";

    [Option(
        "max-time",
        HelpText = "Time for everything, e.g. 30m or 2h: the schedule is fitted to it. Default: the published schedule.")]
    public string? MaxTime { get; set; }

    [Option(
        'c', "configurations", Separator = ',',
        HelpText = "Configurations, e.g. 2d,3d_fullres, or all that are planned. Default: 3d_fullres where planned, else 2d.")]
    public IEnumerable<string> Configurations { get; set; } = [];

    [Option(
        'f', "folds", Separator = ',',
        HelpText = "Folds, e.g. 0,1,2; all for every fold; every-case for one network on all cases. Default: 0.")]
    public IEnumerable<string> Folds { get; set; } = [];

    [Option("profile", HelpText = ProfileHelp)]
    public string? Profile { get; set; }

    [Option("network", HelpText = NetworkHelp)]
    public string? Network { get; set; }

    [Option("activation", HelpText = ActivationHelp)]
    public string? Activation { get; set; }

    [Option("norm", HelpText = NormHelp)]
    public string? Norm { get; set; }

    [Option("plan", HelpText = NewPlanHelp)]
    public string? Plan { get; set; }

    [Option("memory", HelpText = PlanningChoices.MemoryHelp)]
    public string? Memory { get; set; }

    [Option("mirroring", Default = PlanningChoices.MirroringDefault, HelpText = PlanningChoices.MirroringHelp)]
    public string Mirroring { get; set; } = PlanningChoices.MirroringDefault;

    [Option("group-by", HelpText = PlanningChoices.GroupByHelp)]
    public string? GroupBy { get; set; }

    [Option("resume", HelpText = "Continue where an interrupted run stopped.")]
    public bool Resume { get; set; }
}

[Verb("verify", HelpText = "Check a dataset and report every problem at once.")]
[Examples("sharpseg verify Task04_Hippocampus", "sharpseg verify Dataset004_Hippocampus --fix Dataset004_repaired")]
internal sealed class VerifyOptions : MemoryOptions
{
    [Value(
        0, MetaName = "DATASET", Required = true,
        HelpText = "Dataset folder; or a workspace, whose dataset and folds it means.")]
    public string Dataset { get; set; } = "";

    [Option(
        "fix",
        HelpText =
            "Write a repaired copy to this folder: labels without gaps, which segmentations get back, headers without noise, "
                + "names with _0000, whole numbers as labels.")]
    public string? Fix { get; set; }

    [Option("group-by", HelpText = PlanningChoices.GroupByHelp)]
    public string? GroupBy { get; set; }

    public override (string Message, string? Hint) WhenInterrupted => Fix is null
        ? base.WhenInterrupted
        : ($"interrupted; {Fix}.unfinished holds what is written", "run the same command to continue");
}

[Verb("plan", HelpText = "Measure a dataset and plan its networks.")]
[Examples(
    "sharpseg plan Task04_Hippocampus -o work --explain",
    "sharpseg plan Task04_Hippocampus -o work --network resenc_l --plan large")]
internal sealed class PlanVerbOptions : MemoryOptions
{
    [Value(0, MetaName = "DATASET", HelpText = "Dataset folder; with --fingerprint it is optional and not measured.")]
    public string? Dataset { get; set; }

    [Option('o', "output", Required = true, HelpText = "Workspace.")]
    public string Output { get; set; } = "";

    [Option("profile", HelpText = ProfileHelp)]
    public string? Profile { get; set; }

    [Option("network", HelpText = NetworkHelp)]
    public string? Network { get; set; }

    [Option("activation", HelpText = ActivationHelp)]
    public string? Activation { get; set; }

    [Option("norm", HelpText = NormHelp)]
    public string? Norm { get; set; }

    [Option("plan", HelpText = NewPlanHelp)]
    public string? Plan { get; set; }

    [Option("memory", HelpText = PlanningChoices.MemoryHelp)]
    public string? Memory { get; set; }

    [Option("mirroring", Default = PlanningChoices.MirroringDefault, HelpText = PlanningChoices.MirroringHelp)]
    public string Mirroring { get; set; } = PlanningChoices.MirroringDefault;

    [Option("group-by", HelpText = PlanningChoices.GroupByHelp)]
    public string? GroupBy { get; set; }

    [Option("spacing", Separator = ',', HelpText = "Target spacing z,y,x in mm, instead of the planned one.")]
    public IEnumerable<double> Spacing { get; set; } = [];

    [Option("explain", HelpText = "Print each decision: the rule, its inputs and its result.")]
    public bool Explain { get; set; }

    [Option("fingerprint", HelpText = "Plan from this fingerprint file alone (SharpSeg's or nnU-Net's).")]
    public string? Fingerprint { get; set; }

    [Option("dataset-json", HelpText = "The dataset.json that belongs to the fingerprint.")]
    public string? DatasetJson { get; set; }

    public override (string Message, string? Hint) WhenInterrupted =>
        ("interrupted; no plan was written", "run the same command to start again");
}

[Verb("preprocess", HelpText = "Crop, normalise and resample all cases of a planned dataset.")]
[Examples("sharpseg preprocess work", "sharpseg preprocess work -c 2d")]
internal sealed class PreprocessOptions : MemoryOptions
{
    [Value(0, MetaName = "WORK", Required = true, HelpText = "Workspace that `plan` made.")]
    public string Work { get; set; } = "";

    [Option(
        'c', "configuration", Separator = ',', HelpText = "Configurations, e.g. 2d,3d_fullres; default: all that are planned.")]
    public IEnumerable<string> Configurations { get; set; } = [];

    [Option("plan", HelpText = PlanHelp)]
    public string? Plan { get; set; }

    public override (string Message, string? Hint) WhenInterrupted =>
        ("interrupted; the finished cases are kept", "run the same command to continue");
}

[Verb("train", HelpText = "Train folds of a configuration, or of all, and score their validation cases.")]
[Examples(
    "sharpseg train work -c 3d_fullres -f 0,1", "sharpseg train work -c 2d -f 1 --max-time 2h --save-probabilities",
    "sharpseg train work --all --devices cuda:0,cuda:1")]
internal sealed class TrainOptions : VariantOptions, IKeepsProbabilities
{
    [Value(0, MetaName = "WORK", Required = true, HelpText = "Workspace with preprocessed data.")]
    public string Work { get; set; } = "";

    [Option("plan", HelpText = PlanHelp)]
    public string? Plan { get; set; }

    [Option('c', "configuration", HelpText = "Configuration; default: 3d_fullres.")]
    public string? Configuration { get; set; }

    [Option('f', "folds", Separator = ',', HelpText = "Folds, e.g. 0,1,4; every-case for one network on all cases. Default: 0.")]
    public IEnumerable<string> Folds { get; set; } = [];

    [Option(
        "all", HelpText = "Train every fold of every planned configuration, or of the one that -c names, in the right order.")]
    public bool All { get; set; }

    [Option(
        "pretrained",
        HelpText = "Start from this network: a model.zip, or a checkpoint. What has the same name and shape is loaded.")]
    public string? Pretrained { get; set; }

    [Option(
        "body-rate",
        HelpText = "With --pretrained: learning rate of everything but the heads, in parts of the heads'. Default: 0.1.")]
    public double? BodyRate { get; set; }

    [Option("max-time", HelpText = "Fit the schedule to this time, e.g. 2h; several runs share it.")]
    public string? MaxTime { get; set; }

    [Option("epochs", HelpText = "Number of epochs instead of the published 1000.")]
    public int? Epochs { get; set; }

    [Option("iterations", HelpText = "Iterations per epoch instead of 250.")]
    public int? Iterations { get; set; }

    [Option("batch", HelpText = "Batch size instead of the plan's.")]
    public int? Batch { get; set; }

    [Option("resume", HelpText = "Continue from the last checkpoint.")]
    public bool Resume { get; set; }

    [Option(
        "save-probabilities",
        HelpText = "Keep the class probabilities of the validation cases: `find-best` averages them to compare ensembles.")]
    public bool SaveProbabilities { get; set; }

    [Option("full-probabilities", HelpText = IKeepsProbabilities.FullHelp)]
    public bool FullProbabilities { get; set; }
}

[Verb("predict", HelpText = "Segment new scans with a trained model.")]
[Examples(
    "sharpseg predict work -i imagesTs -o segmentations",
    "sharpseg predict work -i cohort -o segmented --devices cuda:0,cuda:1",
    "sharpseg predict model.zip -i scan.nii.gz -o segmentation.nii.gz")]
internal sealed class PredictOptions : ComputeOptions, IKeepsProbabilities, IUsesDevices
{
    [Value(0, MetaName = "WORK", Required = true, HelpText = "Workspace with trained folds, or a model.zip that `export` wrote.")]
    public string Work { get; set; } = "";

    [Option(
        'i', "input", Required = true,
        HelpText = "Scans: a folder, or files; - reads their names from standard input, one a line.")]
    public IEnumerable<string> Input { get; set; } = [];

    [Option(
        'o', "output", Required = true,
        HelpText = "Folder for the segmentations; for one scan also a file, e.g. segmentation.nii.gz.")]
    public string Output { get; set; } = "";

    [Option(
        'c', "configuration",
        HelpText =
            "Configuration, without postprocessing; default: the choice of `find-best`, else the one that is trained, in profile "
                + "classic with the postprocessing that the training labels decide.")]
    public string? Configuration { get; set; }

    [Option("plan", HelpText = PlanHelp)]
    public string? Plan { get; set; }

    [Option(
        'f', "folds", Separator = ',',
        HelpText = "Folds to average, e.g. 0,1,2; default: those `find-best` used, else all trained ones.")]
    public IEnumerable<string> Folds { get; set; } = [];

    [Option("checkpoint", Default = "final", HelpText = "final, best or latest.")]
    public string Checkpoint { get; set; } = "final";

    [Option("step", Default = 0.5, HelpText = "Largest distance between neighbouring tiles, as a fraction of the patch.")]
    public double Step { get; set; }

    [Option("no-gaussian", HelpText = "Weight all voxels of a tile equally.")]
    public bool NoGaussian { get; set; }

    [Option("no-tta", HelpText = "No mirroring: faster, slightly worse.")]
    public bool NoMirroring { get; set; }

    [Option("prev-stage", HelpText = "Cascade: folder of first-stage segmentations to use instead of predicting them.")]
    public string? PreviousStage { get; set; }

    [Option(
        "save-probabilities", HelpText = "Also write the class probabilities (CASE.probabilities.safetensors), for `ensemble`.")]
    public bool SaveProbabilities { get; set; }

    [Option("full-probabilities", HelpText = IKeepsProbabilities.FullHelp)]
    public bool FullProbabilities { get; set; }

    [Option("no-postprocessing", HelpText = "Skip the postprocessing that `find-best` chose.")]
    public bool NoPostprocessing { get; set; }

    [Option("devices", Separator = ',', HelpText = IUsesDevices.DevicesHelp)]
    public IEnumerable<string> Devices { get; set; } = [];

    [Option("watch", HelpText = "Segment every scan that appears in the folder that -i names, until Ctrl-C.")]
    public bool Watch { get; set; }

    [Option("continue", HelpText = "Skip cases whose segmentation already exists.")]
    public bool Continue { get; set; }

    [Option("part", HelpText = "With --parts: take cases part, part + parts, …; counts from 0.")]
    public int? Part { get; set; }

    [Option("parts", Default = 1, HelpText = "Number of runs among which the cases are divided.")]
    public int Parts { get; set; }

    public override int? PartOfOutput => Parts > 1 ? Part : null;

    public override (string Message, string? Hint) WhenInterrupted =>
        ("interrupted; the segmentations written so far are complete", "run the same command with --continue to resume");
}

[Verb("evaluate", HelpText = "Score segmentations against references.")]
[Examples(
    "sharpseg evaluate segmentations labelsTs -d work/dataset.json --cases",
    "sharpseg evaluate segmentation.nii.gz reference.nii.gz")]
internal sealed class EvaluateOptions : MemoryOptions
{
    [Value(0, MetaName = "PREDICTIONS", Required = true, HelpText = "Folder of segmentations, or one file.")]
    public string Predictions { get; set; } = "";

    [Value(1, MetaName = "REFERENCES", Required = true, HelpText = "Folder of reference segmentations, or one file.")]
    public string References { get; set; } = "";

    [Option(
        'd', "dataset-json", HelpText =
            "dataset.json with the labels; default: beside the predictions or references, for files else the labels in them.")]
    public string? DatasetJson { get; set; }

    [Option('o', "output", HelpText = "Where to write summary.json; default: the predictions folder, for files nowhere.")]
    public string? Output { get; set; }

    [Option("no-surface", HelpText = "Skip HD95 and NSD, which take most of the time.")]
    public bool NoSurface { get; set; }

    [Option("require-all", HelpText = "References without a prediction are an error; by default they are only counted.")]
    public bool RequireAll { get; set; }

    [Option("cases", HelpText = "Also print one row per case.")]
    public bool Cases { get; set; }
}

[Verb("devices", HelpText = "List the devices that this build can compute on, and why a device is missing.")]
[Examples("sharpseg devices", "sharpseg devices --json")]
internal sealed class DevicesOptions : CommonOptions
{
}

[Verb("completion", HelpText = "Print a script that completes verbs and options in a shell.")]
[Examples("sharpseg completion bash", "sharpseg completion powershell")]
internal sealed class CompletionOptions : CommonOptions
{
    [Value(0, MetaName = "SHELL", Required = true, HelpText = "bash, zsh, fish or powershell.")]
    public string Shell { get; set; } = "";
}
