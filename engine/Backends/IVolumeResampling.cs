using SharpSeg.Engine.Tensors;

namespace SharpSeg.Engine.Backends;

/// <summary>
/// Volume operations that a backend may offer beside the contract: bringing network outputs back to an image's grid without carrying them
/// through the host. A backend without them leaves that to the caller's own code on the processor. Volumes are (1, z, y, x, 1) unless
/// said otherwise; operations run in order with the backend's others. No output may overlap an input.
/// </summary>
public interface IVolumeResampling
{
    /// <summary>volume ← one channel of maps (1, z, y, x, c).</summary>
    void TakeChannel(Tensor maps, int channel, Tensor volume);

    /// <summary>
    /// Resamples one axis with half-pixel centres (docs/method/preprocessing.md §4.3, §4.4): output j of m lies at (j + 0.5)·n/m
    /// − 0.5 of the n inputs; outside them the edge value continues. The other axes of both volumes agree.
    /// </summary>
    /// <param name="source">Volume.</param>
    /// <param name="axis">0 = z, 1 = y, 2 = x.</param>
    /// <param name="order">0 nearest, 1 linear, 3 interpolating cubic B-spline, not yet clipped.</param>
    /// <param name="target">Volume of the wanted size.</param>
    void ResampleAxis(Tensor source, int axis, int order, Tensor target);

    /// <summary>Cuts back what a spline overshot: clips target to the range of source, or each slice to the range of the source's slice.</summary>
    /// <param name="source">What was resampled.</param>
    /// <param name="axis">Axis whose slices are clamped separately, equally many in both volumes; null: the whole volume.</param>
    /// <param name="target">Clipped in place.</param>
    void ClipToRange(Tensor source, int? axis, Tensor target);

    /// <summary>Where volume &gt; best (everywhere if <paramref name="first"/>): best ← volume, labels ← label.</summary>
    void KeepHighest(Tensor volume, float label, bool first, Tensor best, Tensor labels);

    /// <summary>Where volume &gt; threshold: labels ← label.</summary>
    void MarkAbove(Tensor volume, float threshold, float label, Tensor labels);
}
