namespace SharpSeg.Conformance;

/// <summary>The specification prints one map per channel; tensors hold the channels of a voxel side by side.</summary>
internal static class ChannelsLast
{
    /// <summary>Maps of one sample, row-major each, as (z, y, x, c).</summary>
    public static double[] FromMaps(params double[][] maps)
    {
        var values = new double[maps.Length * maps[0].Length];
        for (var c = 0; c < maps.Length; c++)
        {
            for (var v = 0; v < maps[c].Length; v++)
            {
                values[(v * maps.Length) + c] = maps[c][v];
            }
        }

        return values;
    }

    /// <summary>The same in float32.</summary>
    public static float[] Floats(params double[][] maps) => ToFloats(FromMaps(maps));

    /// <summary>Rounded to float32.</summary>
    public static float[] ToFloats(double[] values) => Array.ConvertAll(values, v => (float)v);
}
