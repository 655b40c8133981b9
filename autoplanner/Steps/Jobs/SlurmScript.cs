using System.Globalization;
using System.Text;
using SharpSeg.AutoPlanner.Workspaces;

namespace SharpSeg.AutoPlanner.Steps.Jobs;

/// <summary>
/// The scripts of a graph, for sbatch and for people. What comes from names is quoted, and none of it stands in a line that
/// Slurm itself parses.
/// </summary>
internal static class SlurmScript
{
    private const int SecondsToSave = 120; // before the time limit; an iteration ends and the state is written
    private const int LeastShareToSave = 4; // of a short limit, one part in so many

    /// <summary>The script of an array.</summary>
    /// <param name="plan">The graph.</param>
    /// <param name="folder">Where it is kept.</param>
    /// <param name="stage">The array.</param>
    /// <param name="indices">Which of its tasks are to run.</param>
    public static string Of(JobPlan plan, JobFolder folder, JobStage stage, IReadOnlyList<int> indices)
    {
        var text = new StringBuilder("#!/usr/bin/env bash\n");
        text.Append($"# {stage.Name}: {Tasks(stage, indices)}. Written by `sharpseg {ShellWord.Comment(plan.Verb)}`.\n");
        text.Append("# Edit it, then `bash jobs/submit.sh`. SIGUSR1, sent before the time limit, saves and requeues.\n");
        text.Append($"# Time: {ShellWord.Comment(stage.Resources.TimeSource)}.\n");
        var name = ShellWord.Name(Path.GetFileName(folder.Owner) is { Length: > 0 } owner ? owner : "work");
        var resources = stage.Resources;
        var hasPlaces = plan.Site.Paths.Groups.Count > 0;
        Option($"--job-name={name}.{stage.Name}");
        Option($"--array={Array(indices)}{(plan.Site.Throttle is { } most ? Invariant($"%{most}") : "")}");
        Option($"--time={resources.Time}");
        Option(Invariant($"--mem={(resources.MemoryBytes + (1 << 20) - 1) >> 20}M"));
        Option(Invariant($"--cpus-per-task={resources.Cpus}"));
        var limit = SlurmTime.Parse(resources.Time).TotalSeconds;
        Option(Invariant($"--signal=B:USR1@{Math.Max(1, (int)Math.Min(SecondsToSave, limit / LeastShareToSave))}"));
        Option("--requeue");
        Option("--open-mode=append");
        Option(hasPlaces ? "--output=/dev/null" : $"--output=jobs/logs/{stage.Name}_%a.log");
        Option("--kill-on-invalid-dep=yes");
        if (resources.Gres is { } gres)
        {
            Option($"--gres={gres}");
        }

        foreach (var options in resources.Gres is null ? plan.Site.Slurm : plan.Site.Slurm.Concat(plan.Site.GpuSlurm))
        {
            Option(options);
        }

        text.Append("set -euo pipefail\n\n");
        text.Append("index=$SLURM_ARRAY_TASK_ID\n");
        if (hasPlaces)
        {
            // Slurm would open the log before anybody knows where the folder is on this node.
            var candidates = plan.Site.Paths.Candidates(folder.Owner).Select(ShellWord.Quote);
            text.Append($"export {PlaceNames.Variable}={ShellWord.Quote(plan.Site.Paths.Text)}\n");
            text.Append($"for folder in \"${{SHARPSEG_JOBS_FOLDER:-}}\" {string.Join(' ', candidates)}; do\n");
            text.Append("    [[ -n $folder && -d $folder/jobs ]] && break\ndone\n");
            text.Append($"exec >>\"$folder/jobs/logs/{stage.Name}_$index.log\" 2>&1\n");
        }
        else
        {
            text.Append($"folder=${{SHARPSEG_JOBS_FOLDER:-{ShellWord.Quote(folder.Owner)}}}\n");
        }

        if (stage.Command.Contains(JobWord.Item))
        {
            var isIndex = stage.Items.All(item => item.Text == item.Index.ToString(CultureInfo.InvariantCulture));
            var items = stage.Items.Select(item => Invariant($"[{item.Index}]={ShellWord.Quote(item.Text)}"));
            text.Append(isIndex ? "item=$index\n" : $"items=({string.Join(' ', items)})\nitem=${{items[$index]}}\n");
        }

        text.Append("export DOTNET_PROCESSOR_COUNT=${SLURM_CPUS_PER_TASK:-1}\n");
        foreach (var line in plan.Site.Setup)
        {
            text.Append(line).Append('\n');
        }

        text.Append($"\nexec {string.Join(' ', plan.Program.Select(ShellWord.Quote))} \\\n");
        text.Append($"    jobs task \"$folder\" \"{stage.Name}_$index\" --id {ShellWord.Quote(plan.Id)} -- \\\n");
        text.Append($"    {string.Join(' ', stage.Command.Select(word => Word(word, resources)))}\n");
        return text.ToString();

        void Option(string option) => text.Append($"#SBATCH {option}\n");
    }

    /// <summary>The script that hands the arrays over, in order, each with what it waits for.</summary>
    /// <param name="plan">The graph.</param>
    /// <param name="todo">The tasks that are to run.</param>
    /// <param name="inQueue">Ids of tasks that wait or run already, by name.</param>
    public static string Submit(JobPlan plan, IReadOnlyList<JobTask> todo, IReadOnlyDictionary<string, string> inQueue)
    {
        var text = new StringBuilder(
            $$"""
            #!/usr/bin/env bash
            # Submits the arrays in order, each with what it waits for. Written by `sharpseg {{ShellWord.Comment(plan.Verb)}}`.
            set -euo pipefail
            cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
            if [[ jobs/submitted -nt jobs/submit.sh ]]; then
                echo "error: jobs/submit.sh has submitted already; the command that wrote it, given again, writes what is missing" >&2
                exit 1
            fi
            mkdir -p jobs/logs
            declare -A ids

            # submit NAME TASKS [OPTIONS…]: hands jobs/NAME.sh to Slurm and notes its id for `sharpseg jobs status`.
            submit() {
                local name=$1 tasks=$2 id
                shift 2
                id=$(sbatch --parsable --chdir={{(plan.Site.Paths.Groups.Count > 0 ? "/" : "\"$PWD\"")}} "$@" "jobs/$name.sh")
                ids[$name]=${id%%;*}
                printf '%s\t%s\t%s\n' "$name" "${ids[$name]}" "$tasks" >>jobs/submitted
            }


            """.ReplaceLineEndings("\n"));
        foreach (var stage in plan.Graph.Stages)
        {
            int[] indices = [.. todo.Where(task => task.Stage.Name == stage.Name).Select(task => task.Item.Index)];
            if (indices.Length == 0)
            {
                continue;
            }

            string[] needs = [.. stage.Needs.SelectMany(need => References(plan.Graph, need, todo, inQueue)).Distinct()];
            text.Append($"submit {stage.Name} {Array(indices)}");
            text.Append(needs.Length > 0 ? $" --dependency=afterok:{string.Join(':', needs)}\n" : "\n");
        }

        return text.ToString();
    }

    /// <summary>Tasks as sbatch lists them, e.g. <c>0-2,4</c>.</summary>
    internal static string Array(IReadOnlyList<int> indices)
    {
        var parts = new List<string>();
        int[] sorted = [.. indices.Order()];
        for (var i = 0; i < sorted.Length;)
        {
            var end = i;
            while (end + 1 < sorted.Length && sorted[end + 1] == sorted[end] + 1)
            {
                end++;
            }

            parts.Add(end == i ? Invariant($"{sorted[i]}") : Invariant($"{sorted[i]}-{sorted[end]}"));
            i = end + 1;
        }

        return string.Join(',', parts);
    }

    /// <summary>What a need refers to: arrays of this submission, and tasks that are in the queue already.</summary>
    private static IEnumerable<string> References(
        JobGraph graph, JobNeed need, IReadOnlyList<JobTask> todo, IReadOnlyDictionary<string, string> inQueue)
    {
        var stage = graph.Stage(need.Stage)!;
        int[] ours = [.. todo.Where(task => task.Stage.Name == stage.Name).Select(task => task.Item.Index)];
        if (need.Index is null && ours.Length > 0)
        {
            yield return $"${{ids[{stage.Name}]}}";
        }

        foreach (var task in stage.Tasks.Where(task => need.Index is null || task.Item.Index == need.Index))
        {
            if (need.Index is { } index && ours.Contains(index))
            {
                yield return Invariant($"${{ids[{stage.Name}]}}_{index}");
            }
            else if (inQueue.GetValueOrDefault(task.Name) is { } job)
            {
                yield return job;
            }
        }
    }

    private static string Tasks(JobStage stage, IReadOnlyList<int> indices) =>
        indices.Count == 1 && stage.Items.Count == 1 ? "one task" : $"tasks {Array(indices)} of {stage.Items.Count}";

    private static string Word(JobWord word, JobResources given) => word.Kind switch
    {
        JobWordKind.Folder => $"\"$folder\"{(word.Text.Length == 0 ? "" : ShellWord.Quote(word.Text))}",
        JobWordKind.Item => "\"$item\"",
        _ => given.Word(word) ?? ShellWord.Quote(word.Text),
    };

    private static string Invariant(FormattableString text) => FormattableString.Invariant(text);
}
