using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.Conformance;

/// <summary>The sizes on which convolutions are compared: a list of known difficult ones, then random ones.</summary>
internal static class ConvolutionProblems
{
    private static readonly int[] Extents = [1, 2, 3, 4, 5, 7, 8, 9, 11, 13, 16, 17, 19];
    private static readonly int[] Channels = [1, 2, 3, 4, 5, 8, 13, 16, 17, 24, 30, 32, 33, 40, 48, 64];
    private static readonly int[] Kernels = [1, 3, 3, 3, 5, 7];
    private static readonly int[] Strides = [1, 1, 1, 2, 2, 3];

    /// <summary>Listed and random problems with at most the given number of multiply-adds.</summary>
    public static IEnumerable<ConvProblem> All(Random random, bool tiny, long largestWork) =>
        Listed().Concat(Drawn(random, tiny ? 6 : 14, Math.Min(largestWork, 20_000_000), tiny))
            .Select(p => tiny ? Shrink(p) : p)
            .Distinct()
            .Where(p => MultiplyAdds(p) <= largestWork);

    /// <summary>Half the operations of one pass.</summary>
    public static long MultiplyAdds(in ConvProblem p) => p.MinimumWork.Flops / 2;

    private static IEnumerable<ConvProblem> Listed()
    {
        Extent cube3 = new(3, 3, 3), plane3 = new(1, 3, 3), one = Extent.One, two = new(2, 2, 2), plane2 = new(1, 2, 2);

        // One voxel, one channel, borders that meet.
        yield return new(1, one, 1, 0, 1, one, one);
        yield return new(1, one, 5, 0, 7, cube3, one);
        yield return new(1, one, 5, 0, 7, cube3, two);
        yield return new(1, two, 16, 0, 16, cube3, two);
        yield return new(3, new(2, 3, 1), 4, 0, 6, new(7, 7, 7), one);

        // The usual layers of a U-Net, at channel counts that do and do not fill vectors.
        yield return new(1, new(5, 7, 3), 1, 0, 1, cube3, one);
        yield return new(1, new(7, 11, 13), 1, 0, 32, cube3, one);
        yield return new(2, new(5, 7, 13), 4, 0, 30, cube3, one);
        yield return new(1, new(8, 8, 8), 32, 0, 32, cube3, one);
        yield return new(1, new(6, 10, 17), 16, 0, 16, cube3, one);
        yield return new(1, new(3, 5, 67), 32, 0, 32, cube3, one);
        yield return new(1, new(5, 6, 7), 30, 0, 30, cube3, one);
        yield return new(1, new(7, 9, 11), 30, 0, 33, cube3, two);
        yield return new(2, new(5, 6, 7), 48, 0, 64, cube3, plane2);
        yield return new(1, new(8, 10, 12), 32, 0, 64, cube3, two);
        yield return new(1, new(4, 4, 4), 128, 0, 160, cube3, one);
        yield return new(1, new(3, 5, 4), 33, 0, 1, cube3, one);

        // 2D and anisotropic.
        yield return new(2, new(1, 11, 13), 3, 0, 30, plane3, one);
        yield return new(3, new(1, 23, 19), 32, 0, 32, plane3, one);
        yield return new(1, new(5, 19, 23), 17, 0, 5, plane3, plane2);
        yield return new(1, new(19, 5, 6), 8, 0, 24, new(3, 1, 1), new(2, 1, 1));
        yield return new(1, new(2, 40, 41), 16, 0, 32, plane3, one);
        yield return new(1, new(1, 1, 31), 33, 0, 30, new(1, 1, 3), one);

        // Wide kernels, strides that are mixed or wider than the kernel.
        yield return new(1, new(7, 8, 9), 4, 0, 12, new(5, 5, 5), one);
        yield return new(1, new(9, 8, 7), 2, 0, 9, new(7, 7, 7), two);
        yield return new(1, new(6, 5, 9), 16, 0, 16, new(1, 5, 7), new(1, 2, 1));
        yield return new(1, new(10, 11, 12), 6, 0, 10, cube3, new(3, 3, 3));
        yield return new(1, new(8, 9, 10), 3, 0, 4, cube3, new(4, 1, 5));
        yield return new(1, new(9, 9, 9), 4, 0, 4, one, new(3, 2, 1));

        // 1×1×1: heads and residual skips.
        yield return new(1, new(4, 5, 37), 64, 0, 3, one, one);
        yield return new(2, new(3, 7, 11), 32, 0, 2, one, one);
        yield return new(1, new(9, 9, 9), 32, 0, 64, one, two);
        yield return new(1, new(5, 7, 9), 30, 0, 33, one, one);
        yield return new(1, new(3, 5, 7), 5, 0, 32, one, one); // by data: a few outputs

        // Two inputs, split where a vector ends and where it does not.
        yield return new(1, new(6, 7, 8), 32, 32, 32, cube3, one);
        yield return new(1, new(5, 6, 7), 30, 30, 30, cube3, one);
        yield return new(1, new(4, 6, 9), 7, 10, 33, cube3, one);
        yield return new(2, new(3, 5, 7), 16, 48, 16, plane3, one);
        yield return new(1, new(5, 5, 5), 1, 2, 4, one, one);
        yield return new(1, new(7, 7, 7), 20, 12, 40, cube3, new(2, 1, 2));
        yield return new(1, new(4, 4, 4), 64, 1, 64, cube3, one);
    }

    private static IEnumerable<ConvProblem> Drawn(Random random, int count, long largestWork, bool tiny)
    {
        while (count > 0)
        {
            var p = new ConvProblem(
                random.Next(1, 4), Three(Extents), One(Channels), random.Next(5) < 2 ? One(Channels) : 0, One(Channels),
                Three(Kernels),
                Three(Strides));
            if (MultiplyAdds(tiny ? Shrink(p) : p) <= largestWork)
            {
                count--;
                yield return p;
            }
        }

        int One(int[] choices) => choices[random.Next(choices.Length)];

        Extent Three(int[] choices) => new(One(choices), One(choices), One(choices));
    }

    /// <summary>At most 3×4×5 voxels and 40 channels, preserving what is unusual about the shape.</summary>
    private static ConvProblem Shrink(in ConvProblem p) => p with
    {
        N = Math.Min(p.N, 2),
        Input = new Extent(Math.Min(p.Input.Z, 3), Math.Min(p.Input.Y, 4), Math.Min(p.Input.X, 5)),
        Cin = Math.Min(p.Cin, 33),
        Cin2 = Math.Min(p.Cin2, 32),
        Cout = Math.Min(p.Cout, 40),
    };
}
