namespace SharpSeg.Cli;

/// <summary>
/// Options that fingers know from nnU-Net (both versions) and TotalSegmentator, and what they are here. They are looked for
/// before the parser sees the words: it would read <c>-chk best</c> as <c>-c hk</c>.
/// </summary>
internal static class ForeignOptions
{
    private const string Threads = "one number of threads serves reading, preprocessing and writing";
    private const string FirstWord = "it is the first word after the verb, a folder (of a model also model.zip)";
    private const string Speed =
        "a plan decides: give `plan` a coarser --spacing or a smaller --network; `predict` is faster with --no-tta, --step 0.7";

    /// <summary>As typed; our long name, where there is one; what else should be known.</summary>
    private static readonly (string[] Typed, string? Own, string? More)[] Known =
    [
        (["--preset", "-pl", "-planner"], "network", "e.g. resenc_m or unetpp"),
        (["-p", "-plans", "-plans_name", "-overwrite_plans_name"], "plan", null),
        (["-gpu_memory_target"], "memory", null),
        (["-overwrite_target_spacing"], "spacing", null),
        (["--verify_dataset_integrity"], null, "`sharpseg verify DATASET` checks a dataset"),
        (["-d", "-dataset", "-t", "-task", "-m", "-ta", "--task"], null, FirstWord),
        (["-tr", "-trainer"], null,
            "what trainers change, options of `train` say (--epochs, --loss, --augmentation, …); networks, `plan --network`"),
        (["--c", "--continue_training"], "resume", null),
        (["--npz", "--save_npz", "--save_probabilities", "-z"], "save-probabilities", null),
        (["--val", "--validation_only"], null, "a fold is scored at its end; --resume of a finished one scores it again"),
        (["--val_best", "-chk", "--chk", "-checkpoint"], "checkpoint", "final, best or latest"),
        (["-pretrained", "-pretrained_weights"], "pretrained", null),
        (["-num_gpus"], "devices", "their names, as `sharpseg devices` lists them"),
        (["--disable_checkpointing"], null, "checkpoints are always written, so that a run can go on"),
        (["--fp32", "--disable_mixed_precision"], "precision", "e.g. --precision fp32"),
        (["--disable_tta", "-tta", "--tta"], "no-tta", null),
        (["-step_size", "--step_size"], "step", null),
        (["-prev_stage_predictions", "-l", "--lowres_segmentations"], "prev-stage", null),
        (["-num_parts", "--num_parts"], "parts", null),
        (["-part_id", "--part_id"], "part", null),
        (["-device", "-gpu", "--gpu"], "device", null),
        (["--continue_prediction"], "continue", null),
        (["--overwrite_existing"], null, "segmentations that exist are replaced, unless --continue is given"),
        (["--disable_progress_bar"], "quiet", null),
        (["-npp", "-nps", "-np", "-npfp", "-nr", "-ns", "-num_processes", "-num_threads_preprocessing",
            "-num_threads_nifti_save", "--num_threads_preprocessing", "--num_threads_nifti_save", "--nr_thr_resamp",
            "--nr_thr_saving"], "threads", Threads),
        (["--fast", "--fastest", "-ff"], null, Speed),
        (["-ml", "--ml"], null, "one map of all labels is what `predict` writes"),
        (["-rs", "--roi_subset"], null, "all labels of the model are written into one map; take those that you want from it"),
        (["--preview"], null, "`sharpseg report` and `sharpseg trace` draw pictures"),
        (["--force_split", "-fs"], "max-memory", "a scan is cut as far as it must be"),
        (["-djfile", "--djfile"], "dataset-json", null),
        (["--disable_ensembling"], "no-ensemble", null),
    ];

    /// <summary>Refuses the first foreign option of a command line, naming ours.</summary>
    /// <param name="verb">The verb; an option that it has is no foreign one.</param>
    /// <param name="verbs">All verbs, of which some may have what this one has not.</param>
    /// <param name="arguments">As typed, the verb included.</param>
    /// <exception cref="UsageException">There is one.</exception>
    public static void Refuse(Type verb, IReadOnlyList<Type> verbs, IEnumerable<string> arguments)
    {
        foreach (var argument in arguments.TakeWhile(argument => argument != "--"))
        {
            var typed = argument.Split('=')[0];
            var (names, own, more) = Array.Find(Known, option => option.Typed.Contains(typed, StringComparer.Ordinal));
            if (names is null || Has(verb, typed))
            {
                continue;
            }

            throw new UsageException(
                $"unknown option `{typed}`, known from other tools: "
                    + (own is null ? more : Ours(verb, verbs, own) + (more is null ? "" : $" ({more})")),
                UnusedWords.UsageAndHelp(verb));
        }
    }

    private static string Ours(Type verb, IReadOnlyList<Type> verbs, string name)
    {
        if (Has(verb, $"--{name}"))
        {
            return $"here it is `--{name}`";
        }

        var others = verbs.Where(other => Has(other, $"--{name}")).Select(other => $"`{UnusedWords.VerbName(other)}`").Take(3);
        return $"here it is `--{name}` of {string.Join(", ", others)}";
    }

    private static bool Has(Type verb, string typed) => UnusedWords.Options(verb).Any(pair =>
        typed == $"--{pair.Option.LongName}"
        || (pair.Option.ShortName.Length > 0 && typed == $"-{pair.Option.ShortName}"));
}
