using System.Runtime.ExceptionServices;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;
using SharpSeg.Engine.Training;

namespace SharpSeg.AutoPlanner.Batches;

/// <summary>
/// Hands out the batches of a training run and makes the following ones in the background while the network works.
/// <para>A batch depends on the seed and its own name (training or validation, epoch, iteration) alone: not on the number of
/// threads, nor on what was asked for before. Batches are prefetched in the order of a training loop; asking for another one is
/// allowed and only throws the prefetched work away.</para>
/// <para>Threads take single samples, so that several of them finish one batch soon, and the caller helps instead of waiting
/// idly. <see cref="Get"/> is for one thread at a time.</para>
/// </summary>
internal sealed class BatchLoader : IDisposable
{
    /// <summary>Batches that exist at a time by default: prefetched, handed out, and one whose upload is under way.</summary>
    public const int MostBatches = LoaderSettings.UsualPrefetch + 2;

    /// <summary>Samples that are made at a time by default: one per background thread, and the caller's.</summary>
    public const int MostBuilders = LoaderSettings.UsualWorkers + 1;

    private readonly object gate = new(); // guards everything below; pulsed whenever any of it changes
    private readonly List<Pending> pending = []; // in the order of the training loop
    private readonly Stack<Batch> free = new();
    private BatchKey next;
    private int trainingIterations; // of the epoch under way, which under a time budget differ from epoch to epoch
    private bool started;
    private bool stopping;

    private readonly LoaderSettings settings;
    private readonly IReadOnlyList<ICaseSource> training;
    private readonly IReadOnlyList<ICaseSource> validation;
    private readonly Shape imageShape;
    private readonly Shape[] targetShapes;
    private readonly SampleBuilder ownBuilder;
    private readonly Thread[] workers;

    /// <summary>Starts the background threads; they begin to work with the first <see cref="Get"/>.</summary>
    /// <param name="training">Cases of the training part of the fold; the loader does not dispose of them.</param>
    /// <param name="validation">Cases of the validation part; may be empty if no validation batch is asked for.</param>
    /// <param name="settings">Patch, batch size, augmentation, targets, seed, threads.</param>
    /// <exception cref="SharpSegException">There is no training case, or a case does not fit the settings.</exception>
    public BatchLoader(IReadOnlyList<ICaseSource> training, IReadOnlyList<ICaseSource> validation, LoaderSettings settings)
    {
        if (training.Count == 0)
        {
            throw new SharpSegException("the fold has no training case", "check the train lists of the split file");
        }

        foreach (var source in training.Concat(validation))
        {
            Check(source, settings);
        }

        this.settings = settings;
        this.training = training;
        this.validation = validation;
        trainingIterations = settings.TrainingIterations;
        var patch = settings.Geometry.Patch;
        imageShape = Shape.Activation(settings.BatchSize, patch, settings.Channels + settings.CascadeLabels.Count);
        var channels = new SupervisionTargets(settings.Regions, settings.IgnoreLabel).Channels;
        targetShapes = [.. settings.OutputScales.Select(
            s => Shape.Activation(settings.BatchSize, SupervisionTargets.SizeOf(patch, s), channels))];
        if (settings.UnlabelledHeads.Count > 0)
        {
            targetShapes = [.. targetShapes, Backend.UnlabelledShape(settings.BatchSize, settings.Heads)];
        }

        ownBuilder = new SampleBuilder(settings, training, validation);
        workers = new Thread[settings.Workers];
        for (var i = 0; i < workers.Length; i++)
        {
            workers[i] =
                new Thread(Work) { IsBackground = true, Name = $"batch loader {i}", Priority = ThreadPriority.BelowNormal };
            workers[i].Start();
        }
    }

    /// <summary>
    /// Time that <see cref="Get"/> has kept its caller, making samples itself or waiting: what prefetching did not hide.
    /// </summary>
    public TimeSpan WaitingTime { get; private set; }

    /// <summary>The named batch. Dispose it once it is uploaded, so that its memory is used again.</summary>
    /// <param name="isTraining">Training (augmented) or validation.</param>
    /// <param name="epoch">0-based epoch.</param>
    /// <param name="iteration">0-based iteration within the epoch's training or validation.</param>
    /// <exception cref="SharpSegException">A case cannot be read, or there is no validation case.</exception>
    public Batch Get(bool isTraining, int epoch, int iteration)
    {
        ObjectDisposedException.ThrowIf(stopping, this);
        if (!isTraining && validation.Count == 0)
        {
            throw new SharpSegException("the fold has no validation case", "check the val lists of the split file");
        }

        var begin = TimeProvider.System.GetTimestamp();
        var wanted = Find(new BatchKey(isTraining, epoch, iteration));
        while (TakeSampleOf(wanted, out var sample))
        {
            Build(ownBuilder, wanted, sample);
        }

        WaitingTime += TimeProvider.System.GetElapsedTime(begin);
        if (wanted.Error is { } error)
        {
            wanted.Batch.Dispose();
            ExceptionDispatchInfo.Throw(error);
        }

        return wanted.Batch;
    }

    /// <summary>Training batches of an epoch in order.</summary>
    /// <param name="epoch">0-based epoch.</param>
    /// <param name="first">Iteration of the first batch.</param>
    /// <param name="end">The iteration after the last one.</param>
    /// <param name="cancel">Once cancelled, no batch is offered ahead.</param>
    public IBatchSource TrainingBatches(int epoch, int first, int end, CancellationToken cancel)
    {
        lock (gate)
        {
            trainingIterations = end;
        }

        return new EpochBatches(this, epoch, first, end, cancel);
    }

    /// <summary>Stops the threads. Batches that were handed out stay valid.</summary>
    public void Dispose()
    {
        lock (gate)
        {
            stopping = true;
            Monitor.PulseAll(gate);
        }

        foreach (var worker in workers)
        {
            worker.Join();
        }
    }

    private static void Check(ICaseSource source, LoaderSettings settings)
    {
        if (source.Channels != settings.Channels)
        {
            throw new SharpSegException(
                $"case `{source.Id}`: {source.Channels} preprocessed image channels, expected {settings.Channels}",
                "preprocess the dataset again");
        }

        if (settings.CascadeLabels.Count > 0 && !source.HasPreviousStage)
        {
            throw new SharpSegException(
                $"case `{source.Id}`: no segmentation of the previous cascade stage",
                "finish all folds of 3d_lowres with their validation before the cascade");
        }
    }

    private Pending Find(BatchKey key)
    {
        lock (gate)
        {
            while (pending.Count > 0 && pending[0].Key != key)
            {
                Abandon(pending[0]);
                pending.RemoveAt(0);
            }

            if (pending.Count == 0)
            {
                next = key;
                OpenNext();
            }

            started = true;
            Monitor.PulseAll(gate);
            return pending[0];
        }
    }

    // For the caller of Get: a sample of its own batch; false once the batch is complete and out of the queue.
    private bool TakeSampleOf(Pending wanted, out int sample)
    {
        lock (gate)
        {
            while (wanted.NextSample == settings.BatchSize && wanted.Done < settings.BatchSize)
            {
                Monitor.Wait(gate);
            }

            if (wanted.Done < settings.BatchSize)
            {
                sample = wanted.NextSample++;
                return true;
            }

            pending.Remove(wanted);
            Monitor.PulseAll(gate);
            sample = -1;
            return false;
        }
    }

    // For the threads: the first sample in the queue that no thread has taken; false when the loader stops.
    private bool TakeAnySample(out Pending from, out int sample)
    {
        lock (gate)
        {
            while (!stopping)
            {
                foreach (var batch in pending)
                {
                    if (batch.NextSample < settings.BatchSize)
                    {
                        (from, sample) = (batch, batch.NextSample++);
                        return true;
                    }
                }

                if (started && pending.Count < settings.PrefetchedBatches)
                {
                    OpenNext();
                }
                else
                {
                    Monitor.Wait(gate);
                }
            }

            (from, sample) = (null!, -1);
            return false;
        }
    }

    private void Work()
    {
        var builder = new SampleBuilder(settings, training, validation);
        while (TakeAnySample(out var from, out var sample))
        {
            Build(builder, from, sample);
        }
    }

    private void Build(SampleBuilder builder, Pending batch, int sample)
    {
        Exception? error = null;
        try
        {
            builder.Build(batch.Key, sample, batch.Batch);
        }
        catch (Exception e)
        {
            error = e; // thrown again by the Get that asks for this batch
        }

        lock (gate)
        {
            batch.Error ??= error;
            batch.Done++;
            if (batch.Abandoned && batch.Done == batch.NextSample)
            {
                batch.Batch.Dispose();
            }

            Monitor.PulseAll(gate);
        }
    }

    private void OpenNext()
    {
        if (!free.TryPop(out var batch))
        {
            batch = new Batch(imageShape, targetShapes, GiveBack);
        }

        batch.Reuse();
        pending.Add(new Pending(next, batch));
        next = next.Next(trainingIterations, validation.Count == 0 ? 0 : settings.ValidationIterations);
    }

    private static void Abandon(Pending batch)
    {
        batch.Abandoned = true;
        if (batch.Done == batch.NextSample)
        {
            batch.Batch.Dispose(); // otherwise the last thread that works on it does
        }
    }

    private void GiveBack(Batch batch)
    {
        lock (gate)
        {
            if (!stopping)
            {
                free.Push(batch);
            }
        }
    }

    private sealed class EpochBatches(BatchLoader loader, int epoch, int first, int end, CancellationToken cancel) : IBatchSource
    {
        private int iteration = first;

        public bool HasNext => iteration < end && !cancel.IsCancellationRequested;

        public IBatch TakeNext() => loader.Get(isTraining: true, epoch, iteration++);
    }

    /// <summary>A batch under way.</summary>
    private sealed class Pending(BatchKey key, Batch batch)
    {
        public BatchKey Key { get; } = key;

        public Batch Batch { get; } = batch;

        /// <summary>Samples handed to threads so far.</summary>
        public int NextSample { get; set; }

        /// <summary>Samples finished.</summary>
        public int Done { get; set; }

        /// <summary>No longer wanted.</summary>
        public bool Abandoned { get; set; }

        public Exception? Error { get; set; }
    }
}
