using System.Diagnostics;
using System.Globalization;

namespace SharpSeg.AutoPlanner.Steps.Jobs;

/// <summary>
/// Runs a graph by processes on this machine: the same tasks with the same words as on a cluster, so many at a time, while their
/// memory fits. A failing task keeps only those from running that need it.
/// </summary>
internal static class LocalJobs
{
    /// <summary>Runs the tasks.</summary>
    /// <param name="folder">Where records and logs go.</param>
    /// <param name="plan">The graph.</param>
    /// <param name="todo">The tasks that are to run.</param>
    /// <param name="processes">Most at a time.</param>
    /// <param name="devices">Devices that they share, one each in turn; none leaves the choice to the command.</param>
    /// <param name="reporter">Receives progress.</param>
    /// <param name="cancel">Asks the tasks to stop with their state saved.</param>
    /// <exception cref="OperationCanceledException">Cancelled; all tasks have ended.</exception>
    public static void Run(
        JobFolder folder, JobPlan plan, IReadOnlyList<JobTask> todo, int processes, IReadOnlyList<string> devices,
        IReporter reporter, CancellationToken cancel)
    {
        Directory.CreateDirectory(folder.LogFolder);
        reporter.Stage($"run {Counted.Of(todo.Count, "task")}, {processes} at a time");
        var running = new List<LocalTask>();
        try
        {
            RunAll(folder, plan, todo, processes, devices, running, reporter, cancel);
        }
        catch
        {
            // Nobody would look after them.
            running.ForEach(task => task.Stop());
            running.ForEach(task => task.WaitForEnd());
            throw;
        }
    }

    private static void RunAll(
        JobFolder folder, JobPlan plan, IReadOnlyList<JobTask> todo, int processes, IReadOnlyList<string> devices,
        List<LocalTask> running, IReporter reporter, CancellationToken cancel)
    {
        var memory = MemoryBudget.OfMachine().Bytes;
        var left = todo.ToList();
        var failed = new HashSet<string>(StringComparer.Ordinal);
        var slots = new SortedSet<int>(Enumerable.Range(0, processes));
        while (left.Count + running.Count > 0)
        {
            cancel.ThrowIfCancellationRequested();
            bool IsBlocked(JobTask task) => plan.Graph.NeedsOf(task).Any(need => failed.Contains(need.Name));
            foreach (var blocked in left.Where(IsBlocked).ToArray())
            {
                left.Remove(blocked);
                failed.Add(blocked.Name);
                reporter.Warning($"{blocked.Name} is left out: what it needs has failed");
            }

            bool IsReady(JobTask task) => plan.Graph.NeedsOf(task).All(
                need => left.All(other => other.Name != need.Name) && running.All(other => other.Task.Name != need.Name));
            while (slots.Count > 0 && left.FirstOrDefault(IsReady) is { } next
                && (running.Count == 0
                    || running.Sum(task => task.Task.Stage.Resources.MemoryBytes) + next.Stage.Resources.MemoryBytes <= memory))
            {
                var slot = slots.Min;
                slots.Remove(slot);
                left.Remove(next);
                var device = devices.Count > 0 ? devices[slot % devices.Count] : null;
                running.Add(LocalTask.Start(folder, plan, next, slot, device));
                reporter.Info($"{next.Name} begins");
            }

            if (running.Count > 0)
            {
                Task.WaitAny([.. running.Select(task => task.Ended)], TimeSpan.FromMilliseconds(200));
            }

            foreach (var task in running.Where(task => task.Ended.IsCompleted).ToArray())
            {
                running.Remove(task);
                slots.Add(task.Slot);
                var code = task.WaitForEnd();
                if (task.LogProblem is { } problem)
                {
                    reporter.Warning($"{task.Task.Name}: what it printed is missing in {folder.LogFile(task.Task)}: {problem}");
                }

                if (code == 0)
                {
                    reporter.Info($"{task.Task.Name} is done");
                }
                else if (!cancel.IsCancellationRequested)
                {
                    failed.Add(task.Task.Name);
                    reporter.Warning($"{task.Task.Name} failed: {folder.LogFile(task.Task)}");
                }
            }

            var done = todo.Count - left.Count - running.Count;
            var names = string.Join(", ", running.Select(task => task.Task.Name));
            reporter.Progress((double)done / todo.Count, $"{done}/{todo.Count} tasks, running {names}");
        }
    }

    /// <summary>A task that runs.</summary>
    private sealed class LocalTask
    {
        private readonly Process process;

        private LocalTask(JobTask task, int slot, Process process, FileStream log)
        {
            (Task, Slot, this.process) = (task, slot, process);
            Ended = Copy(log);
        }

        public JobTask Task { get; }

        public int Slot { get; }

        /// <summary>Completes when it has ended and everything it printed is in its log.</summary>
        public Task Ended { get; }

        /// <summary>Why not everything is in its log; null if it is.</summary>
        public string? LogProblem { get; private set; }

        public static LocalTask Start(JobFolder folder, JobPlan plan, JobTask task, int slot, string? device)
        {
            string[] words =
            [
                .. plan.Program, "jobs", "task", folder.Owner, task.Name, "--id", plan.Id, "--",
                .. task.Words(folder.Owner, device),
            ];
            var start = new ProcessStartInfo(words[0], words[1..])
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
                RedirectStandardInput = true,
            };
            start.Environment["DOTNET_PROCESSOR_COUNT"] = task.Stage.Resources.Cpus.ToString(CultureInfo.InvariantCulture);
            var log = new FileStream(folder.LogFile(task), FileMode.Append, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
            try
            {
                var process = Process.Start(start)!;
                process.StandardInput.Close();
                return new LocalTask(task, slot, process, log);
            }
            catch
            {
                log.Dispose();
                throw;
            }
        }

        /// <summary>Asks it to save its state and end.</summary>
        public void Stop()
        {
            if (process.HasExited)
            {
                return;
            }

            if (OperatingSystem.IsWindows())
            {
                process.Kill(); // Windows has no such signal; training loses what came after the last checkpoint
                return;
            }

            // The shell's own: small images have no other.
            Slurm.Ask("/bin/sh", ["-c", string.Create(CultureInfo.InvariantCulture, $"kill -TERM {process.Id}")]);
        }

        /// <summary>Its exit code.</summary>
        public int WaitForEnd()
        {
            Ended.Wait();
            process.WaitForExit();
            var code = process.ExitCode;
            process.Dispose();
            return code;
        }

        private async Task Copy(FileStream log)
        {
            await using (log)
            {
                await System.Threading.Tasks.Task.WhenAll(
                    CopyStream(process.StandardOutput.BaseStream, log), CopyStream(process.StandardError.BaseStream, log));
                await process.WaitForExitAsync();
            }
        }

        private async Task CopyStream(Stream from, FileStream log)
        {
            var buffer = new byte[4096];
            for (int read; (read = await from.ReadAsync(buffer)) > 0;)
            {
                lock (log)
                {
                    try
                    {
                        log.Write(buffer, 0, read);
                    }
                    catch (IOException error)
                    {
                        LogProblem ??= error.Message; // the task goes on, and must not wait for somebody to read what it prints
                    }
                }
            }
        }
    }
}
