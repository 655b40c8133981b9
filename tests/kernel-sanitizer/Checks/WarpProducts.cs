using SharpSeg.Kernels.Gpu.Device;

namespace SharpSeg.KernelSanitizer;

/// <summary>
/// The products of matrices (mma.sync) of a warp. All its threads must come to each, but none waits for the others there: it
/// leaves its operands, gets a mark in place of the sums, and goes on. Only who looks at the sums waits until all have come. A
/// kernel adds up many products before it looks, so its threads take turns once for all of them.
/// <para>That all threads come to the same products, in the same order among barriers and exchanges, is checked when products
/// are computed and, for those that nobody looks at, when the group ends.</para>
/// </summary>
internal sealed class WarpProducts(GroupRun group, List<Lane> lanes, int start)
{
    /// <summary>Words that a thread gives: four of a, two of b.</summary>
    internal const int WordsPerLane = 6;

    /// <summary>Sums of a thread.</summary>
    internal const int SumsPerLane = 4;

    private const int Warp = GroupRun.WarpSize;
    private const int Batch = 32;       // so many are left, then a thread waits for the others
    private const int Kept = 2 * Batch; // the others may be one batch behind
    private readonly uint[] words = new uint[Kept * Warp * WordsPerLane];
    private readonly Place[] places = new Place[Kept * Warp];
    private readonly float[] products = new float[Kept * Warp * SumsPerLane];
    private readonly int[] made = new int[Warp];
    private readonly int[] added = new int[Warp];
    private readonly List<Float4>[] sums = [.. Enumerable.Range(0, Warp).Select(_ => new List<Float4>())];
    private int multiplied;

    /// <summary>A group begins.</summary>
    internal void Forget()
    {
        if (made.AsSpan().ContainsAnyExcept(0))
        {
            made.AsSpan().Clear();
            added.AsSpan().Clear();
            multiplied = 0;
            Array.ForEach(sums, list => list.Clear());
        }
    }

    /// <summary>
    /// A thread comes to a product: leaves what it adds to and its operands, and gets the mark of its new sums.
    /// </summary>
    internal Float4 Add(Lane lane, PtxInstructions.Numbers numbers, Float4 c, ReadOnlySpan<uint> operands, SourceLine site)
    {
        var own = lane.Index - start;
        var number = made[own];
        if (number % Batch == 0 && number > 0)
        {
            AddUp(lane, number);
        }

        var at = (number % Kept * Warp) + own;
        operands.CopyTo(words.AsSpan(at * WordsPerLane, WordsPerLane));
        places[at] = new Place(numbers, site, group.Epoch, lane.Collectives);
        sums[own].Add(c);
        made[own]++;
        return Float4.Pending(number);
    }

    /// <summary>The sums that stand behind a mark.</summary>
    internal Float4 Sums(Lane lane, int number)
    {
        if (added[lane.Index - start] <= number)
        {
            AddUp(lane, number + 1);
        }

        return sums[lane.Index - start][number];
    }

    /// <summary>Whether all threads of the warp have come to so many products.</summary>
    internal bool HaveCome(int count) => made.All(m => m >= count);

    /// <summary>The group ends: all threads have come to the same products.</summary>
    internal void RequireAlike()
    {
        if (made.Any(m => m != made[0]))
        {
            throw KernelFaultException.Divergent(
                $"mma.sync: threads {start} to {start + Warp - 1} came to {made.Min()} to {made.Max()} products");
        }

        for (var number = multiplied; number < made[0]; number++)
        {
            RequireAlike(number);
        }
    }

    private void AddUp(Lane lane, int count)
    {
        var own = lane.Index - start;
        group.AwaitProducts(lane, this, count, places[((count - 1) % Kept * Warp) + own].Site);
        for (; multiplied < count; multiplied++)
        {
            RequireAlike(multiplied);
            var at = multiplied % Kept * Warp;
            PtxInstructions.Multiply(
                places[at].Numbers, new WarpOperands(words, at * WordsPerLane),
                products.AsSpan(at * SumsPerLane, Warp * SumsPerLane));
        }

        for (ref var number = ref added[own]; number < count; number++)
        {
            var c = sums[own][number];
            if (c.IsPending(out var before))
            {
                c = sums[own][before];
            }

            var product = products.AsSpan(((number % Kept * Warp) + own) * SumsPerLane);
            sums[own][number] =
                new Float4 { X = c.X + product[0], Y = c.Y + product[1], Z = c.Z + product[2], W = c.W + product[3] };
        }
    }

    private void RequireAlike(int number)
    {
        var at = number % Kept * Warp;
        for (var i = 1; i < Warp; i++)
        {
            if (places[at + i] != places[at])
            {
                throw KernelFaultException.Divergent(
                    $"mma.sync number {number} of threads {lanes[start].Index} and {start + i}: one at {places[at].Site}, the "
                        + $"other at {places[at + i].Site}, or with other barriers or exchanges before it");
            }
        }
    }

    /// <summary>What must be the same for all threads: instruction, line, and what they waited at before.</summary>
    private readonly record struct Place(PtxInstructions.Numbers Numbers, SourceLine Site, ulong Epoch, int Collectives);
}
