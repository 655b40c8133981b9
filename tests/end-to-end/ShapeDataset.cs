using System.Globalization;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.EndToEnd.Tests;

/// <summary>
/// A dataset whose classes no threshold tells apart: a ball, its core and rim labelled, among plates of one voxel's thickness
/// that are as bright and as large as it. In a dataset of two channels every plate is a second ball instead, which the other
/// channel does not show.
/// </summary>
internal sealed record ShapeDataset
{
    public const short Rim = 1, Core = 2, Ignored = 3;

    public required Extent Size { get; init; }

    public Spacing Spacing { get; init; } = new(1, 1, 1);

    public int Cases { get; init; } = 5;

    public int Channels { get; init; } = 1;

    public string Ending { get; init; } = ".nii.gz";

    /// <summary>Regions `whole` and `core` instead of labels `rim` and `core`.</summary>
    public bool Regions { get; init; }

    /// <summary>A corner of every case is not annotated, though another ball may be there.</summary>
    public bool Ignore { get; init; }

    /// <summary>Largest distance from the ball's centre, voxels; along a coarse axis fewer.</summary>
    public double Radius { get; init; } = 5.5;

    /// <summary>An eighth of the ball is missing, so that no mirroring leaves it as it is.</summary>
    public bool Notched { get; init; }

    /// <summary>Even cases show the rim alone, odd ones the core alone: the other class is 0 in their label maps.</summary>
    public bool Partial { get; init; }

    /// <summary>dataset.json says which case shows what.</summary>
    public bool SaysSo { get; init; } = true;

    /// <summary>Writes the dataset in nnU-Net's raw format.</summary>
    public string Write(string folder)
    {
        Directory.CreateDirectory(Path.Combine(folder, "imagesTr"));
        Directory.CreateDirectory(Path.Combine(folder, "labelsTr"));
        for (var i = 0; i < Cases; i++)
        {
            var (images, labels) = Case(i);
            WriteImages(folder, $"case_{i}", images);
            if (Partial)
            {
                labels = [.. labels.Select(label => label == (i % 2 == 0 ? Rim : Core) ? label : (short)0)];
            }

            ImageFile.WriteLabels(
                Path.Combine(folder, "labelsTr", $"case_{i}{Ending}"), labels, TinyDataset.Geometry(Size, Spacing),
                highestLabel: 3);
        }

        var names = string.Join(
            ", ", Enumerable.Range(0, Ending == ".png" ? 3 : Channels)
                .Select(c => $"\"{c}\": \"{(Ending == ".png" ? "rgb_to_0_1" : "T1")}\""));
        var first = Regions ? "whole" : "rim";
        var labelled = string.Join(
            ", ", Enumerable.Range(0, Cases).Select(i => $"\"case_{i}\": [\"{(i % 2 == 0 ? first : "core")}\"]"));
        var labelNames = Regions ? """ "whole": [1, 2], "core": 2""" : """ "rim": 1, "core": 2""";
        File.WriteAllText(Path.Combine(folder, "dataset.json"), $$"""
            {"channel_names": { {{names}} }, "labels": {"background": 0,{{labelNames}}{{(Ignore ? ", \"ignore\": 3" : "")}}},
             {{(Regions ? "\"regions_class_order\": [1, 2]," : "")}} {{(Partial && SaysSo ? $"\"labelled\": {{{labelled}}}," : "")}} "numTraining": {{Cases.ToString(CultureInfo.InvariantCulture)}}, "file_ending": "{{Ending}}"}
            """);
        return folder;
    }

    /// <summary>Channels and labels of a case.</summary>
    public (float[][] Images, short[] Labels) Case(int index)
    {
        var random = new Random(1000 + index);
        var labels = new short[Size.Voxels];
        var images = Enumerable.Range(0, Channels).Select(_ => new float[Size.Voxels]).ToArray();
        var centre = Place(random);
        var size = labels.Length;
        for (var i = 0; i < size; i++)
        {
            var (distance, at) = (Distance(i, centre), At(i));
            if (Notched && at[0] > centre[0] && at[1] > centre[1] && at[2] > centre[2])
            {
                continue;
            }

            labels[i] = distance > Radius ? (short)0 : distance > 0.7 * Radius ? Rim : Core;
        }

        for (var k = 0; k < 2; k++)
        {
            // As far from the ball as there is room.
            var other = Enumerable.Range(0, 30).Select(_ => Place(random)).MaxBy(place => Distance(Index(place), centre))!;
            var axis = random.Next(Size.Z == 1 ? 1 : 0, 3);
            for (var i = 0; i < size; i++)
            {
                var shown = Channels > 1
                    ? Distance(i, other) <= Radius
                    : Math.Abs(At(i)[axis] - other[axis]) < 1 && Distance(i, other) <= 1.3 * Radius;
                if (shown && labels[i] == 0)
                {
                    images[Channels > 1 ? k % Channels : 0][i] = 1;
                }
            }
        }

        for (var i = 0; i < size; i++)
        {
            foreach (var image in images)
            {
                image[i] = 100 + (100 * (labels[i] != 0 ? 1 : image[i])) + (float)(60 * (random.NextDouble() - 0.5));
            }

            var at = At(i);
            if (Ignore && at[1] < Size.Y / 4 && at[2] < Size.X / 4 && labels[i] == 0)
            {
                labels[i] = Ignored;
            }
        }

        return (images, labels);
    }

    private void WriteImages(string folder, string id, float[][] images)
    {
        if (Ending == ".png")
        {
            byte[] samples = [.. images[0].SelectMany(value => Enumerable.Repeat((byte)value, 3))];
            Png.Write(Path.Combine(folder, "imagesTr", $"{id}_0000.png"), Size.X, Size.Y, 3, samples);
            return;
        }

        for (var c = 0; c < Channels; c++)
        {
            ImageFile.WriteFloats(
                Path.Combine(folder, "imagesTr", $"{id}_{c:0000}{Ending}"), images[c], TinyDataset.Geometry(Size, Spacing));
        }
    }

    private int[] Place(Random random)
    {
        int[] centre = new int[3];
        for (var axis = 0; axis < 3; axis++)
        {
            var margin = Math.Min((int)Math.Ceiling(Radius / Step(axis)), (Size[axis] - 1) / 2);
            centre[axis] = random.Next(margin, Math.Max(margin + 1, Size[axis] - margin));
        }

        return centre;
    }

    private int Index(int[] at) => (((at[0] * Size.Y) + at[1]) * Size.X) + at[2];

    private int[] At(int index) => [index / (Size.Y * Size.X), index / Size.X % Size.Y, index % Size.X];

    private double Distance(int index, int[] centre)
    {
        var at = At(index);
        return Math.Sqrt(Enumerable.Range(0, 3).Sum(axis => Math.Pow((at[axis] - centre[axis]) * Step(axis), 2)));
    }

    private double Step(int axis) => axis == 0 ? Spacing.Z : axis == 1 ? Spacing.Y : Spacing.X;
}
