using SharpSeg.AutoPlanner;
using SharpSeg.AutoPlanner.Batches.Augmentation;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Preprocessing;
using SharpSeg.AutoPlanner.Tests;
using SharpSeg.AutoPlanner.Training;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Cpu;
using Xunit;

namespace SharpSeg.EndToEnd.Tests;

/// <summary>
/// What the second stage of a cascade is shown, seen from the device: behind the channels of the image one mask per label, and in
/// each of them what the previous stage said of this case at this place, mirrored with the image.
/// </summary>
public sealed class CascadeBatchTests
{
    private const int Batch = 3, Iterations = 6, ValidationIterations = 2, Channels = 2, Labels = 2;
    private static readonly Extent Whole = new(16, 16, 16), Patch = new(8, 8, 8);

    [Theory]
    [InlineData(Profile.Modern)]
    [InlineData(Profile.Classic)]
    public void Every_sample_holds_the_previous_stages_segmentation_of_its_own_case_and_place(Profile profile) =>
        Seeded.Run(random => Check(profile, random));

    private static void Check(Profile profile, Random random)
    {
        var shapes = new ShapeDataset { Size = Whole, Cases = 4, Radius = 3.5, Channels = Channels };
        using var run = new ShapeRun(shapes, profile, "3d_fullres", features: 2, patch: [Patch.Z, Patch.Y, Patch.X]);
        using var folder = new TemporaryFolder();
        string[] ids = [.. run.Job.TrainingCases.Concat(run.Job.ValidationCases)];
        var said = new Dictionary<string, short[]>();
        foreach (var id in ids)
        {
            said[id] = [.. Enumerable.Range(0, (int)Whole.Voxels).Select(_ => (short)random.Next(Labels + 1))];
            PreviousStageFile.Write(folder.Path, id, Whole, said[id]);
        }

        using var backend = new UploadRecorder(
            Cpu.Open(1), (int)(Batch * Patch.Voxels * (Channels + Labels)));
        using (var trainer = new Trainer(
            SecondStage(run.Job, folder.Path), new TrainingSchedule(Batch, 1, Iterations, ValidationIterations), backend,
            resume: false, SilentReporter.Instance))
        {
            trainer.Run(CancellationToken.None);
        }

        Assert.Equal(Iterations + ValidationIterations, backend.Uploads.Count);
        var images = ids.ToDictionary(id => id, id => Image(run.Job.DataFolder, id));
        var seen = new HashSet<(string Id, int Mirrored)>();
        for (var iteration = 0; iteration < backend.Uploads.Count; iteration++)
        {
            var isTraining = iteration < Iterations;
            foreach (var sample in backend.Uploads[iteration].Chunk((int)Patch.Voxels * (Channels + Labels)))
            {
                var (id, start, mirrored) = Find(
                    sample, images, isTraining ? run.Job.TrainingCases : run.Job.ValidationCases, isTraining ? 8 : 1);
                for (var v = 0; v < Patch.Voxels; v++)
                {
                    var label = said[id][At(start, v, mirrored)];
                    Assert.Equal(label == 1 ? 1f : 0f, sample[(v * (Channels + Labels)) + Channels]);
                    Assert.Equal(label == 2 ? 1f : 0f, sample[(v * (Channels + Labels)) + Channels + 1]);
                }

                seen.Add((id, mirrored));
            }
        }

        Assert.True(seen.Select(sample => sample.Id).Distinct().Count() > 1, "one case alone was seen");
        Assert.True(seen.Select(sample => sample.Mirrored).Distinct().Count() > 1, "nothing was mirrored");
    }

    /// <summary>Another run's second stage, narrow and shallow, whose augmentation only mirrors.</summary>
    private static TrainingJob SecondStage(TrainingJob job, string previousStage) => job with
    {
        PreviousStageFolder = previousStage,
        Variant = job.Variant with
        {
            Without = AugmentationSwitches.PartsOf(AugmentationRecipe.For(job.Plans.Profile)) & ~AugmentationParts.Mirroring,
        },
        Configuration = job.Configuration with
        {
            PreviousStage = "3d_lowres",
            Architecture = job.Configuration.Architecture with
            {
                FeaturesPerStage = [2, 4],
                KernelSizes = [[3, 3, 3], [3, 3, 3]],
                Strides = [[1, 1, 1], [2, 2, 2]],
                EncoderBlocks = [1, 1],
                DecoderBlocks = [1],
            },
        },
    };

    private static float[] Image(string folder, string id)
    {
        using var stored = StoredCase.Open(folder, id);
        Assert.Equal((Whole, Channels), (stored.Shape, stored.Channels));
        var image = new float[Whole.Voxels * Channels];
        stored.ReadImage(default, Whole, image);
        return image;
    }

    /// <summary>The one case, place and mirroring whose image the sample shows.</summary>
    private static (string Id, Extent Start, int Mirrored) Find(
        float[] sample, Dictionary<string, float[]> images, IEnumerable<string> ids, int mirrorings)
    {
        var found = new List<(string, Extent, int)>();
        foreach (var id in ids)
        {
            for (var place = 0; place < Whole.Voxels; place++)
            {
                var start = new Extent(place / (Whole.Y * Whole.X), place / Whole.X % Whole.Y, place % Whole.X);
                if (start.Z + Patch.Z > Whole.Z || start.Y + Patch.Y > Whole.Y || start.X + Patch.X > Whole.X)
                {
                    continue;
                }

                for (var mirrored = 0; mirrored < mirrorings; mirrored++)
                {
                    if (Enumerable.Range(0, (int)Patch.Voxels * Channels).All(i =>
                        sample[(i / Channels * (Channels + Labels)) + (i % Channels)]
                            == images[id][(At(start, i / Channels, mirrored) * Channels) + (i % Channels)]))
                    {
                        found.Add((id, start, mirrored));
                    }
                }
            }
        }

        return Assert.Single(found);
    }

    /// <summary>Where in the case voxel v of a patch comes from.</summary>
    private static int At(Extent start, int v, int mirrored)
    {
        int z = v / (Patch.Y * Patch.X), y = v / Patch.X % Patch.Y, x = v % Patch.X;
        z = start.Z + ((mirrored & 1) != 0 ? Patch.Z - 1 - z : z);
        y = start.Y + ((mirrored & 2) != 0 ? Patch.Y - 1 - y : y);
        x = start.X + ((mirrored & 4) != 0 ? Patch.X - 1 - x : x);
        return (((z * Whole.Y) + y) * Whole.X) + x;
    }

    /// <summary>Keeps what is uploaded with a certain length: the images of batches.</summary>
    private sealed class UploadRecorder(Backend inner, int length) : ForwardingBackend(inner)
    {
        public List<float[]> Uploads { get; } = [];

        protected override void UploadCore(ReadOnlySpan<float> source, Tensor target)
        {
            if (source.Length == length)
            {
                Uploads.Add(source.ToArray());
            }

            base.UploadCore(source, target);
        }
    }
}
