using SharpSeg.AutoPlanner.Inference;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Networks;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Cpu;
using Xunit;

namespace SharpSeg.EndToEnd.Tests;

/// <summary>
/// How often a voxel is predicted, counted on the device: eight mirrored views of each of the eight tiles that overlap in the
/// interior, 64 as the first nnU-Net paper says, and as often again with every fold.
/// </summary>
public sealed class PredictionCountTests
{
    private static readonly Extent Tile = new(8, 8, 8), Image = new(24, 20, 16);

    [Theory]
    [InlineData(1, true, 64)]
    [InlineData(5, true, 320)]
    [InlineData(1, false, 8)]
    public void A_voxel_in_the_interior_is_predicted_64_times_by_every_fold(int folds, bool mirroring, int expected)
    {
        var shapes = new ShapeDataset { Size = new Extent(16, 16, 16), Cases = 4, Radius = 3.5 };
        using var run = new ShapeRun(shapes, Profile.Modern, "3d_fullres", features: 2, patch: [Tile.Z, Tile.Y, Tile.X]);
        var configuration = run.Job.Configuration with
        {
            Architecture = run.Job.Configuration.Architecture with
            {
                FeaturesPerStage = [2, 4],
                KernelSizes = [[3, 3, 3], [3, 3, 3]],
                Strides = [[1, 1, 1], [2, 2, 2]],
                EncoderBlocks = [1, 1],
                DecoderBlocks = [1],
            },
        };
        using var backend = new CountingBackend(Cpu.Open(2), run.Job.Description.Labels.HeadCount);
        var plan = configuration.NetworkFor(Profile.Modern, run.Job.Description);
        Network[] networks = [.. Enumerable.Range(0, folds).Select(fold => Network.Build(plan, backend, (ulong)fold))];
        using (var predictor = new Predictor(
            backend, networks, configuration, Profile.Modern, sigmoid: false, [0, 1, 2],
            new InferenceOptions(Mirroring: mirroring)))
        {
            using var outputs = predictor.Predict(new float[Image.Voxels * plan.InputChannels], Image);
        }

        Array.ForEach(networks, network => network.Dispose());
        Assert.Equal(mirroring ? 8 : 1, backend.Views);
        var counts = backend.Counts;
        var interior = 0;
        for (var z = 0; z < Image.Z; z++)
        {
            for (var y = 0; y < Image.Y; y++)
            {
                for (var x = 0; x < Image.X; x++)
                {
                    // Half a tile from every border two tiles overlap on each axis, nearer to it one.
                    var overlaps = Overlaps(z, Image.Z, Tile.Z) * Overlaps(y, Image.Y, Tile.Y) * Overlaps(x, Image.X, Tile.X);
                    var count = counts[(((z * Image.Y) + y) * Image.X) + x];
                    Assert.Equal(overlaps * expected / 8, count);
                    interior += count == expected ? 1 : 0;
                }
            }
        }

        Assert.Equal((Image.Z - Tile.Z) * (Image.Y - Tile.Y) * (Image.X - Tile.X), interior);
    }

    private static int Overlaps(int at, int image, int tile) => at >= tile / 2 && at < image - (tile / 2) ? 2 : 1;

    /// <summary>Counts for every voxel the network's answers that are added to it.</summary>
    private sealed class CountingBackend(Backend inner, int heads) : ForwardingBackend(inner)
    {
        private readonly HashSet<(bool Z, bool Y, bool X)> flips = [(false, false, false)];
        private int passes;      // through the network since tiles were last added
        private bool adding;

        public int[] Counts { get; } = new int[Image.Voxels];

        public int Views => flips.Count;

        protected override void ConvForwardCore(in ConvProblem p, Tensor x, Tensor? x2, Tensor w, Tensor? b, Tensor y)
        {
            if (y.Shape.C == heads) // only the head has as many channels
            {
                passes = adding ? 1 : passes + 1;
                adding = false;
            }

            base.ConvForwardCore(p, x, x2, w, b, y);
        }

        protected override void FlipCore(Tensor x, bool alongZ, bool alongY, bool alongX, Tensor y)
        {
            flips.Add((alongZ, alongY, alongX));
            base.FlipCore(x, alongZ, alongY, alongX, y);
        }

        protected override void BlendAddCore(
            Tensor tile, int sample, Tensor weights, Extent origin, Tensor sum, Tensor weightSum)
        {
            adding = true;
            for (var z = 0; z < Tile.Z; z++)
            {
                for (var y = 0; y < Tile.Y; y++)
                {
                    for (var x = 0; x < Tile.X; x++)
                    {
                        Counts[((((origin.Z + z) * Image.Y) + origin.Y + y) * Image.X) + origin.X + x] += passes;
                    }
                }
            }

            base.BlendAddCore(tile, sample, weights, origin, sum, weightSum);
        }
    }
}
