using SharpSeg;
using SharpSeg.AutoPlanner.Imaging;

using var model = SegmentationModel.Load(args[0]);
LabelMap labels = model.Predict(MedicalImage.Read(args[1]));
foreach (var name in labels.Names.Values)
{
    Console.WriteLine($"{name}: {labels.Count(name)} voxels");
}
labels.Write(args[2]);
