using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Imaging;

namespace SharpSeg.AutoPlanner.Evaluation;

/// <summary>
/// Scores files of predictions against files of references, cases in parallel (docs/method/evaluation.md §1 to §3).
/// </summary>
public static class Evaluator
{
    private const long LargeCase = 1 << 20;               // voxels, for which bytes a voxel are whole numbers
    private const double SpacingTolerance = 1e-3; // relative; headers store spacings as float32

    /// <summary>
    /// Scores every prediction of a folder; the reference of the same name must exist. References without a prediction are listed
    /// in <see cref="EvaluationSummary.Missing"/>.
    /// </summary>
    /// <param name="predictions">Folder of predicted label files.</param>
    /// <param name="references">Folder of reference label files.</param>
    /// <param name="scheme">The dataset's labels.</param>
    /// <param name="fileEnding">Ending of the files, e.g. ".nii.gz".</param>
    /// <param name="options">What to compute; null for the defaults.</param>
    /// <param name="progress">Called with finished and total cases, one call at a time.</param>
    /// <param name="cancel">Ends at once.</param>
    /// <exception cref="SharpSegException">A file is missing or damaged, or two maps differ in size.</exception>
    public static EvaluationSummary EvaluateFolder(
        string predictions, string references, LabelScheme scheme, string fileEnding, EvaluationOptions? options = null,
        Action<int, int>? progress = null,
        CancellationToken cancel = default)
    {
        options ??= new EvaluationOptions();
        var predicted = CasesIn(predictions, fileEnding);
        var expected = CasesIn(references, fileEnding);
        if (predicted.Count == 0)
        {
            throw new SharpSegException($"`{predictions}`: no file ends in {fileEnding}", "give the folder of predictions");
        }

        foreach (var id in predicted.Where(id => !expected.Contains(id)))
        {
            throw new SharpSegException(
                $"case `{id}`: there is no reference `{id}{fileEnding}` in `{references}`", "give the folder of its label files");
        }

        var missing = expected.Where(id => !predicted.Contains(id)).ToArray();
        if (missing.Length > 0 && options.RequireAll)
        {
            throw new SharpSegException(
                $"`{predictions}`: no prediction for {missing.Length} of {expected.Count} references, the first being "
                    + $"`{missing[0]}`",
                "predict them, or leave out --require-all");
        }

        var cases = predicted.Select(id => new EvaluationCase(
            id, Path.Combine(references, id + fileEnding), Path.Combine(predictions, id + fileEnding)));
        var summary = Evaluate([.. cases], scheme, options, progress, cancel);
        return EvaluationSummary.Of(summary.Classes, summary.Cases, missing, summary.Failed);
    }

    /// <summary>
    /// Labels 1, 2, … up to the highest in either map, each named by its number: what two files without a description can be
    /// scored by.
    /// </summary>
    /// <exception cref="SharpSegException">A file is missing or damaged, or holds no labels that can be told from an image's
    /// values.</exception>
    public static LabelScheme LabelsIn(EvaluationCase item)
    {
        var highest = 0;
        foreach (var file in new[] { item.PredictionFile, item.ReferenceFile })
        {
            var voxels = MemoryBudget.Guard(
                file, MemoryBudget.ProgramBytes + Bytes(ImageFile.ReadGeometry(file).Extent.Voxels, surface: false),
                "use a machine with more memory", () => ImageFile.ReadLabels(file).Voxels);
            if (voxels.Any(label => label is < 0 or > byte.MaxValue))
            {
                throw new SharpSegException(
                    $"`{file}`: values outside 0 to 255; without dataset.json they are not taken for labels",
                    "name it with --dataset-json");
            }

            highest = Math.Max(highest, voxels.Max());
        }

        return highest > 0
            ? new LabelScheme(
                [new("background", [0]), .. Enumerable.Range(1, highest).Select(label => new LabelEntry($"{label}", [label]))])
            : throw new SharpSegException(
                $"`{item.PredictionFile}` and `{item.ReferenceFile}` are all background: there is nothing to score",
                "give other files");
    }

    /// <summary>Scores a list of cases.</summary>
    /// <param name="cases">Names and files.</param>
    /// <param name="scheme">The dataset's labels.</param>
    /// <param name="options">What to compute; null for the defaults.</param>
    /// <param name="progress">Called with finished and total cases, one call at a time.</param>
    /// <param name="cancel">Ends at once.</param>
    /// <exception cref="SharpSegException">A file is missing or damaged, or two maps differ in size.</exception>
    public static EvaluationSummary Evaluate(
        IReadOnlyList<EvaluationCase> cases, LabelScheme scheme, EvaluationOptions? options = null,
        Action<int, int>? progress = null,
        CancellationToken cancel = default)
    {
        options ??= new EvaluationOptions();
        var results = new CaseMetrics?[cases.Count];
        var failures = new CaseFailures(options.KeepGoing ? cases.Count : 1, _ => { });
        var memory = Plan(cases, options);
        OrderedWork.Run(
            cases.Count,
            memory.Workers,
            index =>
            {
                CaseMetrics? metrics = null;
                failures.Try(
                    cases[index].CaseId,
                    () => metrics = memory.Run(index, () => EvaluateCase(cases[index], scheme, options)));
                return metrics;
            },
            (index, metrics) =>
            {
                results[index] = metrics;
                progress?.Invoke(index + 1, cases.Count);
            },
            cancel);
        return EvaluationSummary.Of(
            EvaluatedClass.Of(scheme), [.. results.OfType<CaseMetrics>()], [], failures.AllOrSome());
    }

    /// <summary>
    /// Memory of scoring (docs/method/memory.md §4): both maps, and what reading one takes beside them, or measuring surfaces
    /// afterwards.
    /// </summary>
    /// <param name="voxels">Of a map.</param>
    /// <param name="surface">HD95 and NSD are wanted.</param>
    internal static long Bytes(long voxels, bool surface) =>
        (voxels * sizeof(short)) + Math.Max(
            ImageFile.ReadingBytes(voxels * sizeof(short)),
            (voxels * sizeof(short)) + (surface ? SurfaceDistances.Bytes(voxels) : 0));

    /// <summary>How many cases are scored side by side; refuses one that does not fit alone.</summary>
    private static SideBySide Plan(IReadOnlyList<EvaluationCase> cases, EvaluationOptions options)
    {
        var needs = cases.Select(item => CaseNeed.Of(
            item.CaseId, item.PredictionFile, image => Bytes(image.Extent.Voxels, options.Surface))).ToArray();
        var largest = needs.Length == 0 ? 0 : needs.Max(need => need.Bytes);
        var without = MemoryBudget.SmallProgramBytes
            + (long)((double)largest / Bytes(LargeCase, surface: true) * Bytes(LargeCase, surface: false));
        return SideBySide.Plan(
            needs, options.MaxMemory ?? MemoryBudget.OfMachine(),
            options.Surface
                ? $"score without HD95 and NSD (--no-surface), which needs {MemoryBudget.Text(without)}"
                : "use a machine with more memory",
            options.Info, options.Workers, program: MemoryBudget.SmallProgramBytes);
    }

    /// <summary>Reads both maps of a case and checks that they lie on one grid.</summary>
    /// <param name="item">The case.</param>
    /// <param name="scheme">The dataset's labels; of several ignore labels in the reference one is made.</param>
    internal static (LabelImage Reference, LabelImage Prediction) Load(EvaluationCase item, LabelScheme scheme)
    {
        var reference = SegmentationFile.Read(item.ReferenceFile, scheme);
        scheme.MergeIgnored(reference.Voxels);
        var prediction = SegmentationFile.Read(item.PredictionFile, scheme);
        return reference.Extent == prediction.Extent
            ? (reference, prediction)
            : throw new SharpSegException(
                $"case `{item.CaseId}`: the prediction has {prediction.Extent} voxels (z, y, x), the reference "
                    + $"{reference.Extent}",
                "predictions are scored on the original grid: export them there");
    }

    /// <summary>Mean foreground Dice of a prediction that is in memory; NaN where no class is in either map.</summary>
    /// <param name="caseId">Name of the case.</param>
    /// <param name="prediction">Labels on the reference's grid.</param>
    /// <param name="referenceFile">What it is compared with.</param>
    /// <param name="scheme">The dataset's labels.</param>
    /// <exception cref="SharpSegException">The reference cannot be read, or has another size.</exception>
    internal static double Dice(string caseId, ReadOnlySpan<short> prediction, string referenceFile, LabelScheme scheme)
    {
        var reference = SegmentationFile.Read(referenceFile, scheme);
        scheme.MergeIgnored(reference.Voxels);
        if (reference.Extent.Voxels != prediction.Length)
        {
            throw new SharpSegException(
                $"case `{caseId}`: the prediction has {prediction.Length} voxels, the reference {reference.Extent}",
                "the dataset changed since it was preprocessed: preprocess it again");
        }

        return EvaluationSummary.MeanOfNumbers(
            SegmentationMetrics.Compute(
                reference.Voxels, prediction, reference.Extent, reference.Spacing, scheme, null, scheme.Partial.Of(caseId))
            .Select(metrics => metrics.Dice));
    }

    private static CaseMetrics EvaluateCase(EvaluationCase item, LabelScheme scheme, EvaluationOptions options)
    {
        var (reference, prediction) = Load(item, scheme);
        var warnings = new List<string>();
        if (options.Surface && reference.Geometry.SpacingProblem is { } problem)
        {
            warnings.Add(problem);
        }

        string?[] affines = [reference.Geometry.AffineProblem, prediction.Geometry.AffineProblem];
        warnings.AddRange(affines.OfType<string>().Distinct());
        if (Enumerable.Range(0, 3).Any(axis =>
            Math.Abs(reference.Spacing[axis] - prediction.Spacing[axis]) > SpacingTolerance * reference.Spacing[axis]))
        {
            warnings.Add(
                $"case `{item.CaseId}`: prediction spacing {prediction.Spacing} differs from reference spacing "
                    + $"{reference.Spacing}");
        }

        if (PatientSpace.Displacement(prediction.Geometry, reference.Geometry) is { } displacement)
        {
            warnings.Add(
                $"case `{item.CaseId}`: the prediction lies elsewhere in space than the reference ({displacement}): voxels are "
                    + "compared by their position in the file, so the scores mean nothing unless only the headers are wrong");
        }

        warnings.AddRange(new[] { ("reference", reference), ("prediction", prediction) }
            .Select(map => (What: map.Item1, Values: Foreign(map.Item2.Voxels, scheme))).Where(map => map.Values.Length > 0)
            .Select(map => $"case `{item.CaseId}`: the {map.What} has values that are not among the dataset's labels (0 to "
                + $"{scheme.HighestValue}), which count as background: {map.Values}"));
        var metrics = SegmentationMetrics.Compute(
            reference.Voxels, prediction.Voxels, reference.Extent, reference.Spacing, scheme, options,
            scheme.Partial.Of(item.CaseId));
        return new CaseMetrics(item.CaseId, item.ReferenceFile, item.PredictionFile, metrics) { Warnings = warnings };
    }

    /// <summary>The values of a map that no label has, the first few; empty for none.</summary>
    private static string Foreign(ReadOnlySpan<short> voxels, LabelScheme scheme)
    {
        const int shown = 5;
        var values = new SortedSet<short>();
        foreach (var voxel in voxels)
        {
            if (voxel < 0 || voxel > scheme.HighestValue)
            {
                values.Add(voxel);
            }
        }

        return Counted.First(values, shown);
    }

    /// <summary>Names of the cases whose label files lie in a folder.</summary>
    /// <exception cref="SharpSegException">There is no such folder.</exception>
    internal static SortedSet<string> CasesIn(string folder, string fileEnding)
    {
        if (!Directory.Exists(folder))
        {
            throw new SharpSegException($"`{folder}`: no such folder", "give a folder of label files");
        }

        // Names that start with a dot are the file system's (macOS leaves ._ files beside every image).
        return new SortedSet<string>(
            Directory.EnumerateFiles(folder).Select(file => Path.GetFileName(file))
                .Where(name => name.EndsWith(fileEnding, StringComparison.Ordinal) && !name.StartsWith('.'))
                .Select(name => name[..^fileEnding.Length]),
            StringComparer.Ordinal);
    }
}

/// <summary>A foreground label or region that is scored.</summary>
/// <param name="Key">"2" for a label, "(1, 2, 3)" for a region, as nnU-Net writes them.</param>
/// <param name="Name">Its name in dataset.json.</param>
/// <param name="Labels">The label values that make it up.</param>
public sealed record EvaluatedClass(string Key, string Name, IReadOnlyList<int> Labels)
{
    /// <summary>The classes of a dataset in declared order.</summary>
    public static IReadOnlyList<EvaluatedClass> Of(LabelScheme scheme) =>
    [
        .. scheme.EvaluatedClasses.Select(entry => new EvaluatedClass(
            entry.Values.Count == 1 ? $"{entry.Values[0]}" : $"({string.Join(", ", entry.Values)})", entry.Name, entry.Values)),
    ];
}

/// <summary>What to compute and how.</summary>
public sealed record EvaluationOptions
{
    /// <summary>Compute HD95 and NSD, too.</summary>
    public bool Surface { get; init; }

    /// <summary>Tolerance of NSD in mm, for classes without one of their own.</summary>
    public double ToleranceMm { get; init; } = 1;

    /// <summary>Tolerances in mm by class key.</summary>
    public IReadOnlyDictionary<string, double> ToleranceMmByClass { get; init; } = new Dictionary<string, double>();

    /// <summary>References without a prediction are an error instead of a warning.</summary>
    public bool RequireAll { get; init; }

    /// <summary>A case that cannot be scored is listed in the summary, and the others are scored.</summary>
    public bool KeepGoing { get; init; }

    /// <summary>Maximum number of cores; 0 = all.</summary>
    public int Workers { get; init; }

    /// <summary>Memory that may be taken; null for what the machine has.</summary>
    public MemoryBudget? MaxMemory { get; init; }

    /// <summary>Receives the memory plan.</summary>
    public Action<string>? Info { get; init; }

    /// <summary>NSD's tolerance for a class, mm.</summary>
    public double ToleranceFor(EvaluatedClass item) => ToleranceMmByClass.GetValueOrDefault(item.Key, ToleranceMm);
}

/// <summary>A prediction and what to compare it with.</summary>
/// <param name="CaseId">Name of the case.</param>
/// <param name="ReferenceFile">Label file on the original grid.</param>
/// <param name="PredictionFile">Predicted label file on the same grid.</param>
public sealed record EvaluationCase(string CaseId, string ReferenceFile, string PredictionFile);
