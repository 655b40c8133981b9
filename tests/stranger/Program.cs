using SharpSeg;
using SharpSeg.AutoPlanner.Imaging;

using var model = SegmentationModel.Load(args[0]);
LabelMap labels = model.Predict(MedicalImage.Read(args[1]));
foreach (var (label, name) in labels.Names)
{
    Console.WriteLine($"{name}: {labels.Count(label)} voxels");
}
labels.Write(args[2]);
