using CommandLine;
using SharpSeg.AutoPlanner.Steps.Reports;

namespace SharpSeg.Cli.Options;

[Verb(
    "find-best",
    HelpText = "Choose the best configuration or pair of configurations by cross-validation, and its postprocessing.")]
[Examples("sharpseg find-best work", "sharpseg find-best work -f 0,1 --trained-only")]
internal sealed class FindBestOptions : MemoryOptions
{
    [Value(0, MetaName = "WORK", Required = true, HelpText = "Workspace with trained folds.")]
    public string Work { get; set; } = "";

    [Option('f', "folds", Separator = ',', HelpText = "Compare on these folds only, e.g. 0,1; default: all folds of the splits.")]
    public IEnumerable<string> Folds { get; set; } = [];

    [Option(
        "plan", Separator = ',', HelpText = "Compare these plans only, e.g. default,resenc_l; default: all of the workspace.")]
    public IEnumerable<string> Plans { get; set; } = [];

    [Option("no-ensemble", HelpText = "Compare single configurations only; pairs need `train --save-probabilities`.")]
    public bool NoEnsemble { get; set; }

    [Option("trained-only", HelpText = "Ignore planned configurations whose folds are not all trained.")]
    public bool TrainedOnly { get; set; }

    [Option("no-postprocessing", HelpText = "Do not choose postprocessing steps.")]
    public bool NoPostprocessing { get; set; }

    public override (string Message, string? Hint) WhenInterrupted =>
        ("interrupted; best.json is whole: as it was, or the new choice", "run the same command to start the comparison again");
}

[Verb(
    "compare",
    HelpText = "Show trained runs side by side: what differs, their Dice, whether the difference is clear, their cost.")]
[Examples(
    "sharpseg compare work/runs/2d/fold_0 work/plans/ce/runs/2d/fold_0",
    "sharpseg compare work/runs/2d/fold_0 work/runs/3d_fullres/fold_0 --cases")]
internal sealed class CompareOptions : CommonOptions
{
    [Value(
        0, MetaName = "RUNS", Required = true,
        HelpText = "Two or more run folders, WORK/runs/CONFIGURATION/fold_K; the others are compared with the first.")]
    public IEnumerable<string> Runs { get; set; } = [];

    [Option("cases", HelpText = "Also print the Dice of every case.")]
    public bool Cases { get; set; }
}

[Verb("ensemble", HelpText = "Average the probabilities of several predictions of the same scans.")]
[Examples(
    "sharpseg ensemble from_2d from_3d -o averaged", "sharpseg ensemble from_2d from_3d -o averaged -d work/dataset.json",
    "sharpseg ensemble from_3d -o elsewhere --like Task04_Hippocampus/imagesTs")]
internal sealed class EnsembleOptions : MemoryOptions, IKeepsProbabilities
{
    [Value(
        0, MetaName = "FOLDERS", Required = true,
        HelpText = "Two or more folders that `predict --save-probabilities` wrote; one with --like.")]
    public IEnumerable<string> Folders { get; set; } = [];

    [Option(
        "like",
        HelpText = "Write the segmentations on the grids of these scans, wherever they lie in the patient: a folder with a scan "
            + "of each case, or one scan. Default: on the predicted scans' own.")]
    public string? Like { get; set; }

    [Option('o', "output", Required = true, HelpText = "Folder for the segmentations.")]
    public string Output { get; set; } = "";

    [Option('d', "dataset-json", HelpText = "dataset.json with the labels; default: in the first folder or above it.")]
    public string? DatasetJson { get; set; }

    [Option("save-probabilities", HelpText = "Also write the averaged probabilities.")]
    public bool SaveProbabilities { get; set; }

    [Option("full-probabilities", HelpText = IKeepsProbabilities.FullHelp)]
    public bool FullProbabilities { get; set; }

    public override (string Message, string? Hint) WhenInterrupted =>
        ("interrupted; the segmentations written so far are complete", "run the same command to write them all again");
}

[Verb("postprocess", HelpText = "Apply the postprocessing that `find-best` chose to a folder of segmentations.")]
[Examples("sharpseg postprocess averaged -o final -w work", "sharpseg postprocess averaged -o final -b best.json")]
internal sealed class PostprocessOptions : MemoryOptions
{
    [Value(0, MetaName = "FOLDER", Required = true, HelpText = "Folder of segmentations.")]
    public string Folder { get; set; } = "";

    [Option('o', "output", Required = true, HelpText = "Folder for the postprocessed segmentations.")]
    public string Output { get; set; } = "";

    [Option('w', "work", HelpText = "Workspace whose best.json holds the choice.")]
    public string? Work { get; set; }

    [Option('b', "best", HelpText = "The best.json itself.")]
    public string? Best { get; set; }

    [Option(
        'd', "dataset-json", HelpText = "dataset.json with the labels; default: the workspace's, else in FOLDER or above it.")]
    public string? DatasetJson { get; set; }

    public override (string Message, string? Hint) WhenInterrupted =>
        ("interrupted; the segmentations written so far are complete", "run the same command to write them all again");
}

[Verb("import", HelpText = "Make a model of one that nnU-Net v2 trained.")]
[Examples(
    "sharpseg import Dataset004_Hippocampus -o model.zip",
    "sharpseg import Dataset004_Hippocampus -o model.zip -c 3d_fullres -f 0,1,2")]
internal sealed class ImportOptions : CommonOptions
{
    [Value(
        0, MetaName = "MODEL", Required = true, HelpText =
            "Folder TRAINER__PLANS__CONFIGURATION or DatasetNNN_NAME, or a zip of it; several become the parts of one model.")]
    public IEnumerable<string> Models { get; set; } = [];

    [Option('o', "output", Required = true, HelpText = "The model to write: model.zip, or a new workspace.")]
    public string Output { get; set; } = "";

    [Option(
        'c', "configuration", Separator = ',', HelpText = "Configurations, e.g. 2d,3d_fullres; default: all that are trained.")]
    public IEnumerable<string> Configurations { get; set; } = [];

    [Option(
        'f', "folds", Separator = ',',
        HelpText = "Folds, e.g. 0,1,2, or all: the one network on all cases; default: all numbered ones.")]
    public IEnumerable<string> Folds { get; set; } = [];

    [Option("checkpoint", Default = "final", HelpText = "final, best or latest.")]
    public string Checkpoint { get; set; } = "final";

    [Option(
        "orientation", HelpText =
            "RAS: turn scans to RAS before prediction and results back, as TotalSegmentator does. Default: as the plans say.")]
    public string? Orientation { get; set; }

    [Option("merge", HelpText = "For several models: JSON file with the number of each structure; default: numbered in order.")]
    public string? Merge { get; set; }
}

[Verb(
    "inspect",
    HelpText = "Show what a plan or a model consists of: configurations, layers, parameters, operations, memory, folds.")]
[Examples("sharpseg inspect work", "sharpseg inspect model.zip --scan scan.nii.gz")]
internal sealed class InspectOptions : MemoryOptions
{
    [Value(0, MetaName = "MODEL", Required = true, HelpText = "A planned workspace, or model.zip.")]
    public string Model { get; set; } = "";

    [Option("plan", HelpText = "Show this plan only; default: all of the workspace.")]
    public string? Plan { get; set; }

    [Option("scan", HelpText = "A scan: say how much memory its prediction takes.")]
    public string? Scan { get; set; }
}

[Verb("report", HelpText = "Write one page to look at: worst cases, scores, curves, plan, time, settings.")]
[Examples("sharpseg report work", "sharpseg report segmentations -o report.html --images imagesTs")]
internal sealed class ReportOptions : CommonOptions
{
    [Value(
        0, MetaName = "SOURCE", Required = true,
        HelpText = "A workspace, a folder of segmentations that `evaluate` has scored, or its summary.json.")]
    public string Source { get; set; } = "";

    [Option('o', "output", HelpText = "The page, e.g. report.html; report.json goes beside it. Default: in SOURCE.")]
    public string? Output { get; set; }

    [Option(
        "pictures", Default = ReportRequest.DefaultPictures,
        HelpText = "How many cases to draw: the worst ones and the median.")]
    public int Pictures { get; set; }

    [Option("images", HelpText = "Scored segmentations: folder of the scans; default: found through dataset.json.")]
    public string? Images { get; set; }

    [Option('d', "dataset-json", HelpText = "Scored segmentations: dataset.json with the labels; default: beside or above them.")]
    public string? DatasetJson { get; set; }
}

[Verb("trace", HelpText = "Show what each step makes of one case, from the scan to the segmentation: a page, and every volume.")]
[Examples("sharpseg trace work hippocampus_001 -o trace", "sharpseg trace work scan.nii.gz -o trace -c 3d_fullres -f 0")]
internal sealed class TraceOptions : TrainingOptions
{
    [Value(0, MetaName = "WORK", Required = true, HelpText = "Workspace with trained folds.")]
    public string Work { get; set; } = "";

    [Value(1, MetaName = "CASE", Required = true, HelpText = "A case of the workspace's dataset, or a scan: its file, or its folder.")]
    public string Case { get; set; } = "";

    [Option('o', "output", Required = true, HelpText = "Folder for trace.html and the volumes.")]
    public string Output { get; set; } = "";

    [Option('c', "configuration", HelpText = "Configuration; default: as `predict`.")]
    public string? Configuration { get; set; }

    [Option("plan", HelpText = PlanHelp)]
    public string? Plan { get; set; }

    [Option('f', "folds", Separator = ',', HelpText = "Folds to average; default: as `predict`.")]
    public IEnumerable<string> Folds { get; set; } = [];

    public override (string Message, string? Hint) WhenInterrupted =>
        ("interrupted; the volumes written so far are complete", "run the same command again");
}

[Verb("export", HelpText = "Write a trained model to one file that predicts on any machine.")]
[Examples("sharpseg export work -o model.zip", "sharpseg export work -o model.zip -c 2d -f 0,1")]
internal sealed class ExportOptions : CommonOptions
{
    [Value(0, MetaName = "WORK", Required = true, HelpText = "Workspace with trained folds.")]
    public string Work { get; set; } = "";

    [Option('o', "output", Required = true, HelpText = "The file, e.g. model.zip.")]
    public string Output { get; set; } = "";

    [Option(
        'c', "configuration",
        HelpText = "Configuration, without postprocessing; default: the choice of `find-best`, else the one that is trained.")]
    public string? Configuration { get; set; }

    [Option("plan", HelpText = PlanHelp)]
    public string? Plan { get; set; }

    [Option(
        'f', "folds", Separator = ',', HelpText = "Folds, e.g. 0,1,2; default: those `find-best` used, else all trained ones.")]
    public IEnumerable<string> Folds { get; set; } = [];
}
