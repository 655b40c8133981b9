using ILGPU;
using ILGPU.Runtime;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Gpu.Convolution;
using SharpSeg.Kernels.Gpu.Device;

namespace SharpSeg.Kernels.Gpu.Pointwise;

/// <summary>
/// Between float32 and 16 bits (<see cref="Elements"/>), and the element-wise operations of <see cref="PointwiseKernels"/> and
/// block operations of <see cref="LayoutKernels"/> on arrays of 16 bits.
/// <para>Mapping: one thread per word, so that nobody writes half of one; bound by memory. What a word holds behind the last of
/// an odd number of elements means nothing. Blocks have even channels. Outputs may be inputs where the contract says so.</para>
/// </summary>
internal sealed class HalfKernels(KernelList list)
{
    private readonly GpuKernel<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>>>[] widen =
        list.Add<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>>>(
            tensorCores: false, (ArrayView<float> words, ArrayView<float> to) => KernelCost.Of([words], [to]), WidenBf16,
            WidenFp16);

    private readonly GpuKernel<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>>>[] narrow =
        list.Add<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>>>(
            tensorCores: true, (ArrayView<float> from, ArrayView<float> words) => KernelCost.Of([from], [words]), NarrowBf16,
            NarrowFp16);

    private readonly GpuKernel<Action<AcceleratorStream, KernelConfig, float, ArrayView<float>, float, ArrayView<float>>>[]
        axpby = list.Add<Action<AcceleratorStream, KernelConfig, float, ArrayView<float>, float, ArrayView<float>>>(
            tensorCores: true, (ArrayView<float> x, float b, ArrayView<float> y) =>
                KernelCost.OfWords(x.Length + (b == 0f ? 0 : y.Length), y.Length),
            AxpbyBf16, AxpbyFp16);

    private readonly GpuKernel<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, float,
        ArrayView<float>>>[] addLeakyRelu = list.Add<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>,
        float, ArrayView<float>>>(
            tensorCores: true, (ArrayView<float> a, ArrayView<float> b, ArrayView<float> y) => KernelCost.Of([a, b], [y]),
            AddLeakyReluBf16, AddLeakyReluFp16);

    private readonly GpuKernel<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, float,
        ArrayView<float>>>[] gradient = list.Add<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>,
        float, ArrayView<float>>>(
            tensorCores: true, (ArrayView<float> dy, ArrayView<float> y, ArrayView<float> d) => KernelCost.Of([dy, y], [d]),
            AddLeakyReluGradientBf16, AddLeakyReluGradientFp16);

    private readonly GpuKernel<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, BlockSizes, float,
        int>>[] blockSum = list.Add<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, BlockSizes, float,
        int>>(
            tensorCores: true, (ArrayView<float> fine, ArrayView<float> coarse, int accumulate) =>
                KernelCost.OfWords(fine.Length + (accumulate * coarse.Length), coarse.Length),
            BlockSumBf16, BlockSumFp16);

    private readonly GpuKernel<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, BlockSizes, float,
        int>>[] blockRepeat = list.Add<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, BlockSizes,
        float, int>>(
            tensorCores: true, (ArrayView<float> coarse, ArrayView<float> fine, int accumulate) =>
                KernelCost.OfWords(coarse.Length + (accumulate * fine.Length), fine.Length),
            BlockRepeatBf16, BlockRepeatFp16);

    /// <summary>to ← the elements of the words; to has as many elements as there are.</summary>
    public void LaunchWiden(AcceleratorStream stream, ElementType element, ArrayView<float> words, ArrayView<float> to) =>
        Of(widen, element).Launch(stream, ElementIndex.Over(words.Length), words, to);

    /// <summary>The words of from, rounded.</summary>
    public void LaunchNarrow(AcceleratorStream stream, ElementType element, ArrayView<float> from, ArrayView<float> words) =>
        Of(narrow, element).Launch(stream, ElementIndex.Over(words.Length), from, words);

    /// <summary>y ← a·x + b·y; b = 0 does not read y.</summary>
    public void LaunchAxpby(
        AcceleratorStream stream, ElementType element, float a, ArrayView<float> x, float b, ArrayView<float> y) =>
        Of(axpby, element).Launch(stream, ElementIndex.Over(y.Length), a, x, b, y);

    /// <summary>y ← leaky(a + b).</summary>
    public void LaunchAddLeakyRelu(
        AcceleratorStream stream, ElementType element, ArrayView<float> a, ArrayView<float> b, float slope,
        ArrayView<float> y) =>
        Of(addLeakyRelu, element).Launch(stream, ElementIndex.Over(y.Length), a, b, slope, y);

    /// <summary>d ← dy·(y &gt; 0 ? 1 : slope).</summary>
    public void LaunchAddLeakyReluGradient(
        AcceleratorStream stream, ElementType element, ArrayView<float> dy, ArrayView<float> y, float slope,
        ArrayView<float> d) =>
        Of(gradient, element).Launch(stream, ElementIndex.Over(d.Length), dy, y, slope, d);

    /// <summary>coarse ← scale·(sums of blocks of fine).</summary>
    /// <param name="stream">Where.</param>
    /// <param name="element">bfloat16 or float16.</param>
    /// <param name="s">Sizes, whose channels count words.</param>
    /// <param name="fine">The words of the fine tensor.</param>
    /// <param name="scale">Factor.</param>
    /// <param name="coarse">The words of the coarse tensor.</param>
    /// <param name="accumulate">Add to coarse.</param>
    public void LaunchBlockSum(
        AcceleratorStream stream, ElementType element, in BlockSizes s, ArrayView<float> fine, float scale,
        ArrayView<float> coarse, bool accumulate) =>
        Of(blockSum, element).Launch(
            stream, LayoutKernels.Over(s, Extent.One, coarse.Length), fine, coarse, s, scale, accumulate ? 1 : 0);

    /// <summary>fine ← scale·(coarse, every voxel repeated over its block); sizes as above.</summary>
    public void LaunchBlockRepeat(
        AcceleratorStream stream, ElementType element, in BlockSizes s, ArrayView<float> coarse, float scale,
        ArrayView<float> fine, bool accumulate) =>
        Of(blockRepeat, element).Launch(
            stream, LayoutKernels.Over(s, new Extent(s.BlockZ, s.BlockY, s.BlockX), fine.Length), coarse, fine, s, scale,
            accumulate ? 1 : 0);

    private static GpuKernel<TLaunch> Of<TLaunch>(GpuKernel<TLaunch>[] kernels, ElementType element)
        where TLaunch : Delegate => kernels[element - ElementType.Bf16];

    private static void WidenBf16(ArrayView<float> words, ArrayView<float> to) => Widen(words, to, TileWords.Bf16);

    private static void WidenFp16(ArrayView<float> words, ArrayView<float> to) => Widen(words, to, TileWords.Fp16);

    private static void NarrowBf16(ArrayView<float> from, ArrayView<float> words) => Narrow(from, words, TileWords.Bf16);

    private static void NarrowFp16(ArrayView<float> from, ArrayView<float> words) => Narrow(from, words, TileWords.Fp16);

    private static void AxpbyBf16(float a, ArrayView<float> x, float b, ArrayView<float> y) => Axpby(a, x, b, y, TileWords.Bf16);

    private static void AxpbyFp16(float a, ArrayView<float> x, float b, ArrayView<float> y) => Axpby(a, x, b, y, TileWords.Fp16);

    private static void AddLeakyReluBf16(ArrayView<float> a, ArrayView<float> b, float slope, ArrayView<float> y) =>
        AddLeakyRelu(a, b, slope, y, TileWords.Bf16);

    private static void AddLeakyReluFp16(ArrayView<float> a, ArrayView<float> b, float slope, ArrayView<float> y) =>
        AddLeakyRelu(a, b, slope, y, TileWords.Fp16);

    private static void AddLeakyReluGradientBf16(ArrayView<float> dy, ArrayView<float> y, float slope, ArrayView<float> d) =>
        AddLeakyReluGradient(dy, y, slope, d, TileWords.Bf16);

    private static void AddLeakyReluGradientFp16(ArrayView<float> dy, ArrayView<float> y, float slope, ArrayView<float> d) =>
        AddLeakyReluGradient(dy, y, slope, d, TileWords.Fp16);

    private static void BlockSumBf16(
        ArrayView<float> fine, ArrayView<float> coarse, BlockSizes s, float scale, int accumulate) =>
        BlockSum(fine, coarse, s, scale, accumulate, TileWords.Bf16);

    private static void BlockSumFp16(
        ArrayView<float> fine, ArrayView<float> coarse, BlockSizes s, float scale, int accumulate) =>
        BlockSum(fine, coarse, s, scale, accumulate, TileWords.Fp16);

    private static void BlockRepeatBf16(
        ArrayView<float> coarse, ArrayView<float> fine, BlockSizes s, float scale, int accumulate) =>
        BlockRepeat(coarse, fine, s, scale, accumulate, TileWords.Bf16);

    private static void BlockRepeatFp16(
        ArrayView<float> coarse, ArrayView<float> fine, BlockSizes s, float scale, int accumulate) =>
        BlockRepeat(coarse, fine, s, scale, accumulate, TileWords.Fp16);

    private static void Widen(ArrayView<float> words, ArrayView<float> to, int format)
    {
        var i = ElementIndex.Current;
        if (i < words.Length)
        {
            var word = words[i];
            to[2 * i] = Elements.Lower(word, format);
            if ((2 * i) + 1 < to.Length)
            {
                to[(2 * i) + 1] = Elements.Upper(word, format);
            }
        }
    }

    private static void Narrow(ArrayView<float> from, ArrayView<float> words, int format)
    {
        var i = ElementIndex.Current;
        if (i < words.Length)
        {
            var upper = 0f;
            if ((2 * i) + 1 < from.Length)
            {
                upper = from[(2 * i) + 1];
            }

            words[i] = Elements.Word(from[2 * i], upper, format);
        }
    }

    private static void Axpby(float a, ArrayView<float> x, float b, ArrayView<float> y, int format)
    {
        var i = ElementIndex.Current;
        if (i < y.Length)
        {
            var word = x[i];
            var (lower, upper) = (a * Elements.Lower(word, format), a * Elements.Upper(word, format));
            if (b != 0f)
            {
                var old = y[i];
                lower += b * Elements.Lower(old, format);
                upper += b * Elements.Upper(old, format);
            }

            y[i] = Elements.Word(lower, upper, format);
        }
    }

    private static void AddLeakyRelu(ArrayView<float> a, ArrayView<float> b, float slope, ArrayView<float> y, int format)
    {
        var i = ElementIndex.Current;
        if (i < y.Length)
        {
            var (left, right) = (a[i], b[i]);
            var lower = Elements.Lower(left, format) + Elements.Lower(right, format);
            var upper = Elements.Upper(left, format) + Elements.Upper(right, format);
            y[i] = Elements.Word(lower > 0f ? lower : slope * lower, upper > 0f ? upper : slope * upper, format);
        }
    }

    private static void AddLeakyReluGradient(ArrayView<float> dy, ArrayView<float> y, float slope, ArrayView<float> d, int format)
    {
        var i = ElementIndex.Current;
        if (i < d.Length)
        {
            var (gradient, value) = (dy[i], y[i]);
            d[i] = Elements.Word(
                Elements.Lower(gradient, format) * (Elements.Lower(value, format) > 0f ? 1f : slope),
                Elements.Upper(gradient, format) * (Elements.Upper(value, format) > 0f ? 1f : slope), format);
        }
    }

    // As in LayoutKernels, with words for channels.
    private static void BlockSum(
        ArrayView<float> fine, ArrayView<float> coarse, BlockSizes s, float scale, int accumulate, int format)
    {
        var i = RowIndex.Element;
        var y = RowIndex.Row;
        var plane = (long)RowIndex.Plane;
        if (i >= s.X * s.C || y >= s.Y)
        {
            return;
        }

        var c = i % s.C;
        var x = i / s.C;
        var lower = 0f;
        var upper = 0f;
        for (var bz = 0; bz < s.BlockZ; bz++)
        {
            for (var by = 0; by < s.BlockY; by++)
            {
                for (var bx = 0; bx < s.BlockX; bx++)
                {
                    var row = ((((plane * s.BlockZ) + bz) * s.Y * s.BlockY) + (y * s.BlockY) + by) * s.X * s.BlockX;
                    var word = fine[((row + (x * s.BlockX) + bx) * s.C) + c];
                    lower += Elements.Lower(word, format);
                    upper += Elements.Upper(word, format);
                }
            }
        }

        Store(coarse, (((plane * s.Y) + y) * s.X * s.C) + i, scale * lower, scale * upper, accumulate, format);
    }

    private static void BlockRepeat(
        ArrayView<float> coarse, ArrayView<float> fine, BlockSizes s, float scale, int accumulate, int format)
    {
        var i = RowIndex.Element;
        var y = RowIndex.Row;
        var rowLength = s.X * s.BlockX * s.C;
        if (i >= rowLength || y >= s.Y * s.BlockY)
        {
            return;
        }

        var c = i % s.C;
        var x = i / s.C / s.BlockX;
        var plane = (long)(RowIndex.Plane / s.BlockZ);
        var word = coarse[((((plane * s.Y) + (y / s.BlockY)) * s.X) + x) * s.C + c];
        Store(
            fine, ((((long)RowIndex.Plane * s.Y * s.BlockY) + y) * rowLength) + i, scale * Elements.Lower(word, format),
            scale * Elements.Upper(word, format), accumulate, format);
    }

    private static void Store(ArrayView<float> to, long at, float lower, float upper, int accumulate, int format)
    {
        if (accumulate != 0)
        {
            var old = to[at];
            lower += Elements.Lower(old, format);
            upper += Elements.Upper(old, format);
        }

        to[at] = Elements.Word(lower, upper, format);
    }
}
