namespace SharpSeg.Engine.Networks;

/// <summary>The network families (docs/method/networks.md §4 to §8).</summary>
public enum NetworkFamily
{
    /// <summary>nnU-Net v2's default: two convolutions per stage, deep supervision.</summary>
    PlainUNet,

    /// <summary>The first nnU-Net: no biases in up-sampling and head, one head.</summary>
    ClassicUNet,

    /// <summary>nnU-Net v2's residual presets M, L and XL.</summary>
    ResidualEncoderUNet,

    /// <summary>UNet++: nested, densely connected decoders, all heads at full resolution.</summary>
    UNetPlusPlus,

    /// <summary>STU-Net: residual encoder and decoder, designed for pre-training and transfer.</summary>
    StuNet,
}
