using BitMiracle.LibJpeg.Classic;

namespace SharpSeg.AutoPlanner.Imaging;

/// <summary>
/// JPEG photographs as 2D images, decoded by LibJpeg.NET to the pixels that the Independent JPEG Group's library and so Python's
/// readers give: array (1, y, x), spacing (999, 1, 1), one or three channels. Segmentations are never written as JPEG, which
/// would change labels.
/// </summary>
internal sealed class JpegFormat : ImageFormat
{
    private const long LargestExpansion = 2048; // pixels a byte: an 8×8 block takes two bits at least, sampling of 2×2 included

    /// <inheritdoc/>
    public override string Name => "jpeg";

    /// <inheritdoc/>
    public override IReadOnlyList<string> Endings { get; } = [".jpeg", ".jpg"];

    /// <inheritdoc/>
    public override ImageHeader ReadHeader(string path) => Decode(path, (_, header) => header);

    /// <inheritdoc/>
    public override MedicalImage Read(string path) => Decode(path, (decoder, header) =>
    {
        // The library replicates coarse colours; smoothing them is done here, because its own smoothing is not libjpeg's.
        var isYcc = decoder.Jpeg_color_space == J_COLOR_SPACE.JCS_YCbCr;
        decoder.Do_fancy_upsampling = false;
        if (isYcc)
        {
            decoder.Out_color_space = J_COLOR_SPACE.JCS_YCbCr;
        }

        decoder.jpeg_start_decompress();
        int width = header.Geometry.Extent.X, height = header.Geometry.Extent.Y, count = header.Channels;
        var planes = new byte[count][];
        for (var c = 0; c < count; c++)
        {
            planes[c] = new byte[width * height];
        }

        byte[][] row = [new byte[width * count]];
        for (var y = 0; y < height; y++)
        {
            if (decoder.jpeg_read_scanlines(row, 1) != 1)
            {
                throw Damaged(path, $"row {y} cannot be read");
            }

            for (var i = 0; i < row[0].Length; i++)
            {
                planes[i % count][(y * width) + (i / count)] = row[0][i];
            }
        }

        if (isYcc)
        {
            for (var c = 1; c < count; c++)
            {
                Smooth(planes[c], width, height, Coarseness(decoder, c));
            }

            ToRgb(planes);
        }

        return new MedicalImage(header.Geometry, [.. planes.Select(plane => Array.ConvertAll(plane, value => (float)value))]);
    });

    /// <inheritdoc/>
    public override void WriteLabels(string path, ReadOnlyMemory<short> labels, ImageGeometry geometry, VoxelType type) =>
        throw Unwritable(path);

    /// <inheritdoc/>
    public override void WriteFloats(string path, ReadOnlySpan<float> voxels, ImageGeometry geometry) => throw Unwritable(path);

    /// <summary>Pixels along x and y for each sample of a component.</summary>
    private static (int X, int Y) Coarseness(jpeg_decompress_struct decoder, int component)
    {
        var all = decoder.Comp_info.Take(decoder.Num_components).ToArray();
        return (
            all.Max(c => c.H_samp_factor) / all[component].H_samp_factor,
            all.Max(c => c.V_samp_factor) / all[component].V_samp_factor);
    }

    /// <summary>
    /// Interpolates a component of half the width, or half the width and height, linearly between the centres of its samples,
    /// with libjpeg's rounding (jdsample.c, h2v1_fancy_upsample and h2v2_fancy_upsample). Others stay replicated, as there.
    /// </summary>
    private static void Smooth(byte[] plane, int width, int height, (int X, int Y) coarseness)
    {
        if (coarseness is not ((2, 1) or (2, 2)) || width <= 4)
        {
            return;
        }

        int across = (width + 1) / 2, down = (height + coarseness.Y - 1) / coarseness.Y;
        var samples = new byte[across * down];
        for (var i = 0; i < samples.Length; i++)
        {
            samples[i] = plane[(i / across * coarseness.Y * width) + (i % across * 2)];
        }

        var sums = new int[across]; // of three parts of the nearer row and one of the next
        for (var y = 0; y < height; y++)
        {
            var near = y / coarseness.Y;
            var next = Math.Clamp(y % 2 == 0 ? near - 1 : near + 1, 0, down - 1);
            for (var x = 0; x < across; x++)
            {
                sums[x] = coarseness.Y == 1
                    ? samples[(y * across) + x]
                    : (3 * samples[(near * across) + x]) + samples[(next * across) + x];
            }

            var (shift, left, right) = coarseness.Y == 1 ? (2, 1, 2) : (4, 8, 7);
            for (var x = 0; x < width; x++)
            {
                var i = x / 2;
                var (beside, round) = x % 2 == 0 ? (i - 1, left) : (i + 1, right);
                plane[(y * width) + x] = (byte)(beside < 0 || beside == across
                    ? ((4 * sums[i]) + (coarseness.Y == 1 ? 0 : round)) >> shift
                    : ((3 * sums[i]) + sums[beside] + round) >> shift);
            }
        }
    }

    /// <summary>Luminance and colour differences to red, green, blue (JFIF), with libjpeg's 16-bit fractions.</summary>
    private static void ToRgb(byte[][] planes)
    {
        const int half = 1 << 15;
        // 1.402, 1.772, 0.71414, 0.34414 times 2¹⁶
        const int redOfCr = 91881, blueOfCb = 116130, greenOfCr = 46802, greenOfCb = 22554;
        for (var i = 0; i < planes[0].Length; i++)
        {
            int y = planes[0][i], cb = planes[1][i] - 128, cr = planes[2][i] - 128;
            planes[0][i] = (byte)Math.Clamp(y + (((redOfCr * cr) + half) >> 16), 0, 255);
            planes[1][i] = (byte)Math.Clamp(y + (((-greenOfCb * cb) - (greenOfCr * cr) + half) >> 16), 0, 255);
            planes[2][i] = (byte)Math.Clamp(y + (((blueOfCb * cb) + half) >> 16), 0, 255);
        }
    }

    private T Decode<T>(string path, Func<jpeg_decompress_struct, ImageHeader, T> read)
    {
        using (ByteSource.OpenPlain(path))
        {
            // A missing, empty or unreadable file is told as in every other format.
        }

        try
        {
            using var file = File.OpenRead(path);
            var decoder = new jpeg_decompress_struct(new Strict());
            decoder.jpeg_stdio_src(file);
            decoder.jpeg_read_header(true);
            var channels = decoder.Num_components;
            if (channels is not (1 or 3))
            {
                throw new SharpSegException(
                    $"`{path}`: {channels} colour components; 1 (grey) and 3 are supported", "save it as RGB");
            }

            var extent = CheckedExtent(path, decoder.Image_width, decoder.Image_height, 1);
            if (extent.Voxels > file.Length * LargestExpansion)
            {
                throw Damaged(path, $"it claims {extent.X}×{extent.Y} pixels in {file.Length} bytes");
            }

            return read(decoder, new(new(extent, SliceSpacing(1, 1), [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0], Name, []), channels));
        }
        catch (Exception error) when (error is not (SharpSegException or OutOfMemoryException))
        {
            throw Damaged(path, $"it is no JPEG file, or damaged: {error.Message.ReplaceLineEndings(" ")}", error);
        }
    }

    private static SharpSegException Damaged(string path, string problem, Exception? inner = null) =>
        new($"`{path}`: {problem}", "copy or save it again", inner);

    private static SharpSegException Unwritable(string path) =>
        new($"`{path}`: JPEG changes the values it stores and cannot hold a segmentation", "write .png instead");

    /// <summary>What the library calls a warning means wrong pixels: an error for us. It prints nothing.</summary>
    private sealed class Strict : jpeg_error_mgr
    {
        public override void emit_message(int msg_level)
        {
            if (msg_level < 0)
            {
                error_exit();
            }
        }

        public override void output_message()
        {
        }
    }
}
