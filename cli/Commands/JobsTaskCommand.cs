using System.Text.Json.Nodes;
using SharpSeg.AutoPlanner.Steps.Jobs;
using SharpSeg.AutoPlanner.Workspaces;
using SharpSeg.Cli.Options;

namespace SharpSeg.Cli.Commands;

/// <summary><c>sharpseg jobs task</c>: one task of a graph, which is any other command, with its record.</summary>
internal static class JobsTaskCommand
{
    /// <summary>Runs the command behind `--`.</summary>
    /// <param name="options">Which task.</param>
    /// <param name="run">Runs a command line in this process and returns its exit code.</param>
    /// <param name="reporter">Hears the command.</param>
    /// <param name="interruption">Asks it to stop.</param>
    public static Answer Run(
        JobsTaskOptions options, Func<string[], int> run, ConsoleReporter reporter, Interruption interruption)
    {
        // Paths of the machine that submitted, as this one sees them.
        var places = PlaceNames.OfThisMachine();
        string[] command = JobsWords.Join([.. options.Command.Select(
            word => Path.IsPathFullyQualified(word) ? places.Here(word) : word)]);
        if (command is [] or ["jobs task", ..])
        {
            throw new UsageException(
                "the task's command is missing", "it stands behind `--`, as in the scripts of a folder's jobs");
        }

        interruption.WaitForTheEnd();
        var code = TaskRun.Execute(
            options.Folder, options.Task, options.Id,
            watch =>
            {
                reporter.Listener = watch;
                return (run(command), reporter.LastError);
            },
            () => interruption.IsOutOfTime, reporter, interruption.Token);
        return new Answer("", new JsonObject { ["exit_code"] = code }) { ExitCode = code };
    }
}
