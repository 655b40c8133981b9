using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Volumes;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Inference;

/// <summary>
/// All maps of a case as <see cref="CompactMap"/>s: of classes that exclude each other the highest of every voxel, of regions all
/// (docs/method/inference.md §8).
/// </summary>
internal static class CompactMaps
{
    /// <summary>Planes of one map that follow each other, as codes.</summary>
    private delegate void CodedPlanes(int head, int first, ReadOnlySpan<ushort> codes);

    /// <summary>Of regions, which do not exclude each other, all are kept.</summary>
    public static bool TakesHighest(LabelScheme labels) => !labels.HasRegions && labels.HeadCount > HighestClasses.Kept;

    /// <summary>What a map is where the network has seen nothing: background.</summary>
    public static ushort Outside(int head, bool hasRegions) => head == 0 && !hasRegions ? CompactMap.One : (ushort)0;

    /// <summary>Bytes of a plane's codes.</summary>
    public static long PlaneBytes(Extent extent) => (long)sizeof(ushort) * extent.Y * extent.X;

    /// <summary>Packs every map into its file.</summary>
    /// <param name="path">What is written in the end, for messages.</param>
    /// <param name="maps">The maps; those that come in slabs are read twice.</param>
    /// <param name="labels">Number and kind of the classes.</param>
    /// <param name="files">One per map.</param>
    /// <exception cref="SharpSegException">They are no probabilities, or too many.</exception>
    public static void Pack(string path, IProbabilityMaps maps, LabelScheme labels, List<FileStream> files)
    {
        var extent = maps.Extent;
        var slab = (long)maps.PlanesAtOnce * extent.Y * extent.X;
        if (PlaneBytes(extent) > Array.MaxLength || (TakesHighest(labels) && slab * HighestClasses.Kept > Array.MaxLength))
        {
            throw new SharpSegException(
                $"`{path}`: {extent} voxels (z, y, x) are too many for compact probabilities", "take --full-probabilities");
        }

        var (map, codes) = (new float[slab], new ushort[slab]);
        var highest = TakesHighest(labels) ? new HighestClasses(slab) : null;
        var plane = new byte[PlaneBytes(extent)];
        var boxes = files.Select((_, head) => new CompactMapBox(extent, Outside(head, labels.HasRegions))).ToArray();
        var writers = new CompactMapWriter?[maps.Heads];

        // What is kept of a map is known when all of it was seen: maps that come in slabs are asked for twice.
        if (maps.PlanesAtOnce < extent.Z)
        {
            EachMap(Grow);
            EachMap(Append);
        }
        else
        {
            EachMap((head, first, values) =>
            {
                Grow(head, first, values);
                Append(head, first, values);
            });
        }

        void Grow(int head, int first, ReadOnlySpan<ushort> values) => boxes[head].Add(first, values);

        void Append(int head, int first, ReadOnlySpan<ushort> values)
        {
            var writer = writers[head] ??= new CompactMapWriter(files[head], extent, boxes[head].Box);
            var area = extent.Y * extent.X;
            for (var at = 0; at < values.Length; at += area)
            {
                writer.Write(first++, values.Slice(at, area), plane);
            }

            if (first < extent.Z)
            {
                return;
            }

            writer.Dispose();
            if (files[head].Length > int.MaxValue)
            {
                throw new SharpSegException(
                    $"`{path}`: {labels.ClassName(head)} alone takes {MemoryBudget.Text(files[head].Length)}, compact "
                        + $"probabilities of a class {MemoryBudget.Text(int.MaxValue)} at the most",
                    "take --full-probabilities");
            }
        }

        void EachMap(CodedPlanes take)
        {
            foreach (var planes in maps.Slabs())
            {
                highest?.Clear();
                var values = map.AsSpan(0, (int)planes.Size.Voxels);
                var coded = codes.AsSpan(0, values.Length);
                for (var head = 0; head < maps.Heads; head++)
                {
                    maps.Read(head, planes.Origin.Z, values);
                    Code(head, values, coded);
                    if (highest is null)
                    {
                        take(head, planes.Origin.Z, coded);
                    }
                    else
                    {
                        highest.Add(head, coded);
                    }
                }

                for (var head = 0; highest is not null && head < maps.Heads; head++)
                {
                    highest.Read(head, coded);
                    take(head, planes.Origin.Z, coded);
                }
            }
        }

        void Code(int head, ReadOnlySpan<float> values, Span<ushort> coded)
        {
            for (var voxel = 0; voxel < values.Length; voxel++)
            {
                coded[voxel] = CompactMap.CodeOf(values[voxel]) ?? throw new SharpSegException(
                    $"`{path}`: the network's answer {values[voxel]} for {labels.ClassName(head)} is no probability",
                    "the model is damaged, or the image holds values far beyond those of training");
            }
        }
    }
}
