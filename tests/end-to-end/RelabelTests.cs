using SharpSeg.AutoPlanner;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Inference;
using SharpSeg.AutoPlanner.Steps;
using SharpSeg.AutoPlanner.Training;
using SharpSeg.AutoPlanner.Workspaces;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Cpu;
using Xunit;
using Xunit.Abstractions;

namespace SharpSeg.EndToEnd.Tests;

/// <summary>
/// Labels on another grid out of compact probabilities (docs/method/inference.md §9), beside a prediction of the scan on that
/// grid.
/// </summary>
public sealed class RelabelTests(ITestOutputHelper output)
{
    [Fact]
    public void Labels_on_a_finer_grid_are_those_that_are_predicted_there()
    {
        using var folder = new TemporaryFolder();
        using var tiny = new TinyRun(cases: 2, fold: Splits.AllCases);
        using var backend = Cpu.Open();
        var schedule = new TrainingSchedule(BatchSize: 2, Epochs: 10, IterationsPerEpoch: 16, ValidationIterations: 1);
        using (var trainer = new Trainer(tiny.First, schedule, backend, resume: false, SilentReporter.Instance))
        {
            trainer.Run(CancellationToken.None);
        }

        // The same scan between its voxels: half the spacing along x, one slice less at either end of z, y run backwards.
        var scan = MedicalImage.Read(TinyDataset.Image(tiny.Dataset.Folder, "case_0"));
        var (old, size) = (scan.Extent, new Extent(scan.Extent.Z - 2, scan.Extent.Y, (2 * scan.Extent.X) - 1));
        var finer = new float[size.Voxels];
        for (var i = 0; i < finer.Length; i++)
        {
            var (z, y, x) = (1 + (i / (size.Y * size.X)), old.Y - 1 - (i / size.X % size.Y), i % size.X);
            var row = ((z * old.Y) + y) * old.X;
            finer[i] = (scan.Channels[0][row + (x / 2)] + scan.Channels[0][row + ((x + 1) / 2)]) / 2;
        }

        var geometry = new ImageGeometry(
            size, new Spacing(1, 1, 0.5), [0.5, 0, 0, 0, 0, -1, 0, old.Y - 1, 0, 0, 1, 1], "", []);
        Directory.CreateDirectory(folder.At("finer"));
        ImageFile.WriteFloats(folder.At("finer", "case_0_0000.nii.gz"), finer, geometry);

        Predict(TinyDataset.Image(tiny.Dataset.Folder, "case_0"), folder.At("there"), SavedProbabilities.Compact);
        Predict(folder.At("finer", "case_0_0000.nii.gz"), folder.At("direct"), SavedProbabilities.None);
        var file = EnsembleRun.Execute(
            [folder.At("there")], folder.At("out"), tiny.Dataset.Description, SavedProbabilities.None, SilentReporter.Instance,
            default, like: folder.At("finer")).Single();

        var (relabelled, direct) = (ImageFile.ReadLabels(file), ImageFile.ReadLabels(folder.At("direct", "case_0.nii.gz")));
        Assert.Equal(direct.Geometry.Affine, relabelled.Geometry.Affine);
        foreach (var label in new short[] { 1, 2 })
        {
            var both = relabelled.Voxels.Zip(direct.Voxels).Count(pair => pair.First == label && pair.Second == label);
            var dice = 2.0 * both
                / (relabelled.Voxels.Count(voxel => voxel == label) + direct.Voxels.Count(voxel => voxel == label));
            output.WriteLine($"label {label}: {dice:0.000}");
            Assert.True(dice > 0.95, $"label {label}: Dice {dice} with what is predicted there");
        }

        void Predict(string input, string folder, SavedProbabilities saved) => PredictionRun.Execute(
            new PredictionRequest(
                tiny.Work, "3d_fullres", [Splits.AllCases], "final", [input], folder, new InferenceOptions(),
                Probabilities: saved),
            backend, Cpu.Open, SilentReporter.Instance, CancellationToken.None);
    }
}
