namespace SharpSeg.AutoPlanner.Steps.Traces;

/// <summary>What a trace says about a station: for a student who knows U-Nets and meets the method for the first time.</summary>
/// <param name="Title">Heading.</param>
/// <param name="What">What happens.</param>
/// <param name="Why">Why it is done.</param>
/// <param name="LookAt">What to look at, and what good and bad look like.</param>
/// <param name="Method">Page and section of the method.</param>
/// <param name="Anchor">The section in links.</param>
/// <param name="Code">The files that do it.</param>
internal sealed record TraceText(
    string Title, string What, string Why, string LookAt, string Method, string Anchor, IReadOnlyList<string> Code)
{
    /// <summary>The text of a station.</summary>
    public static TraceText Of(TraceKind kind) => kind switch
    {
        TraceKind.Raw => new(
            "The scan",
            "The file is read: a grid of numbers, and a header that says how large a voxel is and how the grid lies in the patient. Nothing is changed yet.",
            "Everything that follows needs the size of the voxels: networks see voxels, patients are measured in millimetres.",
            "The letters at the edges are the patient's sides: R right, L left, A front, P back, S head, I feet. If they are wrong here, the file's header is wrong, and so will be everything after it. In MRI the numbers have no unit; in CT they are Hounsfield units: air −1000, water 0.",
            "docs/method/datasets.md §6", "6-nifti-geometry-and-other-formats", ["autoplanner/Imaging/ImageFile.cs", "autoplanner/Imaging/NiftiFormat.cs"]),
        TraceKind.Cropped => new(
            "Cropped",
            "The smallest box that holds all non-zero voxels is cut out. Then the axes are put into the order of the plans, the one with the thickest slices first.",
            "Many scans, above all of the brain with the skull removed, are mostly exact zeros. They tell nothing, cost time, and would pull the mean and the spread of the intensities down.",
            "If nothing changed, the scan has signal everywhere, which is as good. Bad would be a box that cuts off part of the body: that happens only where tissue has the very value 0.",
            "docs/method/preprocessing.md §2", "2-cropping-to-nonzero", ["autoplanner/Volumes/NonZeroCrop.cs", "autoplanner/Preprocessing/Preprocessor.cs"]),
        TraceKind.Normalised => new(
            "Normalised",
            "Intensities are brought to one scale. CT: clipped to the range that the structures have in all training cases, then shifted and scaled by their mean and standard deviation, the same for every case. Everything else: each case by its own mean and standard deviation.",
            "Hounsfield units mean the same in every scanner, so what was learnt about them may be kept. The numbers of an MRI depend on the scanner and the day: only differences within one scan mean something.",
            "The picture looks as before, for it is stretched to black and white anyway. Look at the numbers: about half of them are below 0, few are beyond ±5. A mean far from 0 or a spread far from 1 would mean that this case is unlike those of the training (CT), or that a few extreme voxels rule it (MRI).",
            "docs/method/preprocessing.md §3", "3-normalisation", ["autoplanner/Preprocessing/Normalization.cs"]),
        TraceKind.Resampled => new(
            "Resampled",
            "The case is put on a grid of the target spacing by cubic splines; slices that are much thicker than they are wide are first resampled in their plane, then between slices without inventing anything.",
            "A convolution of 3×3×3 voxels must see the same piece of the body in every case. The target spacing is, roughly, the median of the dataset: half of the cases lose a little detail, half are blown up a little.",
            "Edges must stay where they were: open the file over the scan, its header says where it lies. Good: the same picture, a little finer or coarser. Bad: ringing along bright edges, or steps between slices.",
            "docs/method/preprocessing.md §4", "4-resampling", ["autoplanner/Volumes/Resampling.cs", "autoplanner/Planning/TargetSpacing.cs"]),
        TraceKind.Augmented => new(
            "Five training patches",
            "Training never sees the case whole. It cuts out patches, some at random, some around a voxel of a structure that was drawn by lot, and changes each a little: turned, scaled, noisier, blurrier, brighter, coarser, mirrored. These five are what the loader makes of this case with the seed below; each run draws others.",
            "There are tens or hundreds of cases and millions of weights. A network that sees a structure only one way round, and only this bright, learns the pictures by heart. What could have been another patient's scan is fair; what could not (a liver on the left, where sides matter) is not.",
            "They are shown as the network gets them, mirrored if they are, so no sides are written. The outlines are the reference, changed in the same way as the image. Good: you could still draw the outline yourself. Bad: a patch that no scanner would make. Even grey along a border is padding: 0, the mean, where the patch reaches beyond the case. Open the files over the scan: where a patch was turned, scaled or mirrored, its header says how.",
            "docs/method/augmentation.md §1", "1-steps-in-order", ["autoplanner/Batches/SampleBuilder.cs", "autoplanner/Batches/Augmentation/AugmentationPipeline.cs"]),
        TraceKind.Tiles => new(
            "Tiles and their weights",
            "For prediction the network runs over overlapping tiles, each as large as a training patch, at most half a patch apart. Where tiles overlap, their answers are averaged with weights: a Gaussian bell over the tile, highest in its middle. With mirroring, each tile is predicted once for every way of mirroring it, turned back, and averaged.",
            "At its border a network has seen only one side of things, and its answer is worse there. The bell lets every voxel listen most to the tile in whose middle it lies.",
            "The first picture is the bell over one tile, the second the sum over all tiles: how much each voxel was looked at. The sum is not even, and need not be: it is divided by at the end. Bad would be zeros.",
            "docs/method/inference.md §4", "4-weights", ["autoplanner/Inference/SlidingWindow.cs", "autoplanner/Inference/GaussianWeights.cs", "autoplanner/Inference/Predictor.cs"]),
        TraceKind.Logits => new(
            "Logits",
            "One map per class: the network's raw answer, averaged over tiles, mirrored views and folds. The larger, the more the network votes for the class. (The classic profile averages probabilities here instead.)",
            "Logits are averaged rather than labels, because they say how sure a network is: one sure fold outvotes two unsure ones.",
            "Bright is for, dark is against. Good: a structure's map is bright exactly where the structure is, with a steep edge. Bad: a map that is bright in two places, or grey all over: the network does not know. All maps of a configuration are shown with the same black and white.",
            "docs/method/inference.md §5", "5-mirroring", ["autoplanner/Inference/Predictor.cs", "autoplanner/Inference/NetworkOutputs.cs"]),
        TraceKind.Probabilities => new(
            "Probabilities on the scan's own grid",
            "Each map is resampled back to the cropped scan, made a probability (softmax over the classes; a sigmoid where classes may overlap), and put back into the whole scan: outside the box all is background.",
            "Maps are resampled before they are decided, not labels after: a label has no half-way, and its edges would become stairs.",
            "White is 1, black is 0, and grey is doubt. Good: grey only in a thin line along edges. Bad: broad grey, or a grey structure that the decision will lose entirely, for the background needs only to be a little more probable.",
            "docs/method/inference.md §8", "8-export", ["autoplanner/Inference/PredictedMaps.cs", "autoplanner/Inference/SegmentationExporter.cs"]),
        _ => new(
            "The segmentation",
            "Every voxel gets the class with the highest value (regions: every region above one half, later ones over earlier ones). Then comes the postprocessing that `find-best` chose, if any: mostly to keep only the largest connected piece.",
            "This is what `predict` writes, byte for byte: the trace looked on while it was made.",
            "Compare the outlines with the visible edges. Where the outlines differ from the reference, go back up the page and find the first picture in which it goes wrong: that is where to start.",
            "docs/method/inference.md §8", "8-export", ["autoplanner/Steps/PredictionRun.cs", "autoplanner/Evaluation/PostprocessingDecision.cs"]),
    };
}
