using System.Runtime.ExceptionServices;
using SharpSeg.Engine.Backends;

namespace SharpSeg.AutoPlanner.Steps;

/// <summary>A device with the name that messages have for it.</summary>
/// <param name="Name">E.g. <c>cuda:0</c>.</param>
/// <param name="Backend">The device; stays the caller's.</param>
public sealed record NamedDevice(string Name, Backend Backend);

/// <summary>
/// Pieces of work on the devices of one machine: each device takes the next piece that is ready, until none is left. A piece that
/// fails keeps only those from running that need it. With one device everything runs in order on the caller's thread and ends
/// with the first failure.
/// </summary>
/// <param name="devices">The devices, each on a thread of its own; one that is there twice does two pieces at a time.</param>
/// <param name="reporter">Receives every device's lines, with its name before them; never two calls at a time.</param>
/// <param name="cancel">Keeps pieces from beginning; those that run are handed it, too.</param>
internal sealed class DeviceWork(IReadOnlyList<NamedDevice> devices, IReporter reporter, CancellationToken cancel)
{
    private enum State
    {
        Left,
        Running,
        Done,
        Failed,
    }

    /// <summary>A piece that may begin.</summary>
    /// <param name="Piece">Which.</param>
    /// <param name="Running">All that run then, this one among them.</param>
    /// <param name="Left">How many have not begun, this one counted.</param>
    internal sealed record Beginning<TPiece>(TPiece Piece, IReadOnlyList<TPiece> Running, int Left);

    /// <summary>Memory for each device's work.</summary>
    /// <param name="whole">What all may take together; null for what the machine has.</param>
    public MemoryBudget? Share(MemoryBudget? whole)
    {
        if (devices.Count == 1)
        {
            return whole;
        }

        whole ??= MemoryBudget.OfMachine();
        return whole with { Bytes = whole.Bytes / devices.Count };
    }

    /// <summary>How many more times a device will begin something.</summary>
    public int Rounds(int left) => (left + devices.Count - 1) / devices.Count;

    /// <summary>Runs all pieces.</summary>
    /// <param name="pieces">The pieces, in an order in which each comes after what it needs.</param>
    /// <param name="needs">Whether the first piece needs the second.</param>
    /// <param name="nameOf">What a piece is called in messages.</param>
    /// <param name="prepare">Called before a piece begins, never two at a time.</param>
    /// <param name="run">Does what was prepared.</param>
    /// <returns>Results in the order of the pieces.</returns>
    /// <exception cref="SharpSegException">Pieces failed; the message names them, and all others are done.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; nothing runs any more.</exception>
    public IReadOnlyList<TResult> Run<TPiece, TPrepared, TResult>(
        IReadOnlyList<TPiece> pieces, Func<TPiece, TPiece, bool> needs, Func<TPiece, string> nameOf,
        Func<Beginning<TPiece>, TPrepared> prepare, Func<TPrepared, Backend, IReporter, TResult> run)
    {
        if (devices is [var only])
        {
            return
            [
                .. pieces.Select(
                    (piece, i) => run(prepare(new(piece, [piece], pieces.Count - i)), only.Backend, reporter)),
            ];
        }

        var gate = new object();
        var states = new State[pieces.Count];
        var results = new TResult[pieces.Count];
        var failures = new SortedDictionary<int, Exception>();
        var words = new string[devices.Count];
        reporter.Stage($"{pieces.Count} pieces of work on {devices.Count} devices");
        var threads = devices.Select((device, d) => new Thread(() => Work(device, d)) { Name = device.Name }).ToArray();
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
        cancel.ThrowIfCancellationRequested();
        string[] leftOut = [.. Where(State.Failed).Except(failures.Keys).Select(i => nameOf(pieces[i]))];
        ThrowIfAny(failures, i => nameOf(pieces[i]), leftOut);
        return results;

        IEnumerable<int> Where(State state) => Enumerable.Range(0, pieces.Count).Where(i => states[i] == state);

        bool NeedsAny(int piece, State state) => Where(state).Any(other => needs(pieces[piece], pieces[other]));

        void Work(NamedDevice device, int d)
        {
            var own = new DeviceReporter(device.Name, reporter, gate, text =>
            {
                words[d] = text;
                var shown = string.Join("; ", words.Where(word => !string.IsNullOrEmpty(word)));
                reporter.Progress((double)Where(State.Done).Count() / pieces.Count, shown);
            });
            while (Next(own) is { } mine)
            {
                try
                {
                    results[mine.Piece] = run(mine.Prepared, device.Backend, own);
                    End(mine.Piece, null, own);
                }
                catch (Exception error)
                {
                    End(mine.Piece, error, own);
                }
            }
        }

        // The next piece that is ready, once there is one; null if nothing will be.
        (int Piece, TPrepared Prepared)? Next(IReporter own)
        {
            lock (gate)
            {
                while (!cancel.IsCancellationRequested && Where(State.Left).Any())
                {
                    // One at a time and in order, so that what needs a piece left out here is left out, too.
                    foreach (var blocked in Where(State.Left).Where(i => NeedsAny(i, State.Failed)))
                    {
                        states[blocked] = State.Failed;
                        own.Warning($"{nameOf(pieces[blocked])} is left out: what it needs has failed");
                    }

                    var ready = Where(State.Left).Where(i => !NeedsAny(i, State.Left) && !NeedsAny(i, State.Running)).ToArray();
                    if (ready.Length == 0)
                    {
                        if (Where(State.Running).Any())
                        {
                            Monitor.Wait(gate);
                        }

                        continue;
                    }

                    var (piece, left) = (ready[0], Where(State.Left).Count());
                    states[piece] = State.Running;
                    try
                    {
                        own.Info($"{nameOf(pieces[piece])} begins");
                        return (piece, prepare(new(pieces[piece], [.. Where(State.Running).Select(i => pieces[i])], left)));
                    }
                    catch (Exception error)
                    {
                        End(piece, error, own);
                    }
                }

                return null;
            }
        }

        void End(int piece, Exception? error, IReporter own)
        {
            lock (gate)
            {
                states[piece] = error is null ? State.Done : State.Failed;
                if (error is null)
                {
                    own.Info($"{nameOf(pieces[piece])} is done");
                }
                else
                {
                    failures[piece] = error;
                    if (!cancel.IsCancellationRequested)
                    {
                        own.Warning($"{nameOf(pieces[piece])} failed: {error.Message}");
                    }
                }

                Monitor.PulseAll(gate);
            }
        }
    }

    /// <summary>All failures as one; what is not the user's to mend comes as it is.</summary>
    private static void ThrowIfAny(SortedDictionary<int, Exception> failures, Func<int, string> nameOf, string[] leftOut)
    {
        if (failures.Values.FirstOrDefault(error => error is not SharpSegException) is { } fault)
        {
            ExceptionDispatchInfo.Throw(fault);
        }

        if (failures.Count > 0)
        {
            var (first, error) = (nameOf(failures.First().Key), (SharpSegException)failures.First().Value);
            var others = failures.Keys.Skip(1).Select(nameOf).ToArray();
            throw new SharpSegException(
                $"{first} failed: {error.Message}" + (others.Length > 0 ? $"; so did {string.Join(", ", others)}" : "")
                    + (leftOut.Length > 0 ? $"; left out: {string.Join(", ", leftOut)}" : ""),
                error.Hint, error);
        }
    }

    /// <summary>What one device reports: several share a screen.</summary>
    private sealed class DeviceReporter(string device, IReporter inner, object gate, Action<string> show) : IReporter
    {
        private string stage = "";

        public void Stage(string name)
        {
            lock (gate)
            {
                stage = name;
                inner.Info($"{device}: {name}");
            }
        }

        public void Progress(double fraction, string detail)
        {
            lock (gate)
            {
                show($"{device}: {stage}, {detail}");
            }
        }

        public void Info(string line)
        {
            lock (gate)
            {
                inner.Info($"{device}: {line}");
            }
        }

        public void Warning(string line)
        {
            lock (gate)
            {
                inner.Warning($"{device}: {line}");
            }
        }

        public void WritesTo(string path, bool isFile = false)
        {
            lock (gate)
            {
                inner.WritesTo(path, isFile);
            }
        }
    }
}
