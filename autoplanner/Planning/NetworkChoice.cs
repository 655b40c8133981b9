using SharpSeg.Engine.Networks;

namespace SharpSeg.AutoPlanner.Planning;

/// <summary>
/// A network that can be planned, by the one name under which a user asks for it (docs/method/networks.md §1): the generation of
/// rules, the planner's preset, and the family where it is not the preset's own.
/// </summary>
/// <param name="Name">The name on the command line.</param>
/// <param name="Profile">Which generation of rules plans it.</param>
/// <param name="Preset">Budget of profile `modern`.</param>
/// <param name="Family">A family other than the preset's; null = the preset's.</param>
/// <param name="StuNet">Size of an STU-Net; null for the others.</param>
public sealed record NetworkChoice(
    string Name, Profile Profile = Profile.Modern, PresetName Preset = PresetName.Default, NetworkFamily? Family = null,
    StuNetVariant? StuNet = null)
{
    /// <summary>nnU-Net v2's default, the plain U-Net.</summary>
    public static NetworkChoice UNet { get; } = new("unet");

    /// <summary>The first papers' U-Net, with their profile.</summary>
    public static NetworkChoice Classic { get; } = new("classic", Profile.Classic);

    /// <summary>All networks.</summary>
    public static IReadOnlyList<NetworkChoice> All { get; } =
    [
        UNet,
        new("resenc", Preset: PresetName.ResEnc),
        new("resenc_m", Preset: PresetName.ResEncM),
        new("resenc_l", Preset: PresetName.ResEncL),
        new("resenc_xl", Preset: PresetName.ResEncXL),
        new("unetpp", Family: NetworkFamily.UNetPlusPlus),
        .. StuNetVariant.All.Select(size =>
            new NetworkChoice($"stunet_{size.Name.ToLowerInvariant()}", Family: NetworkFamily.StuNet, StuNet: size)),
        Classic,
    ];

    /// <summary>In profile `classic`: what the second paper (2019) does otherwise (docs/method/planning.md §4).</summary>
    public bool SecondPaper { get; init; }

    /// <summary>Plain ReLUs instead of leaky ones (docs/method/networks.md §2.7).</summary>
    public bool PlainRelu { get; init; }

    /// <summary>Batch instead of instance normalisation (docs/method/networks.md §2.7).</summary>
    public bool BatchNorm { get; init; }

    /// <summary>Options that plan this network.</summary>
    public PlannerOptions Options() => new()
    {
        Profile = Profile,
        Preset = Preset,
        Family = Family,
        StuNetVariant = StuNet ?? StuNetVariant.S,
        SecondPaper = SecondPaper,
        PlainRelu = PlainRelu,
        BatchNorm = BatchNorm,
    };
}
