using SharpSeg.AutoPlanner.Planning.Fingerprinting;

namespace SharpSeg.AutoPlanner.Planning;

/// <summary>What both profiles read of a dataset besides its fingerprint.</summary>
/// <param name="Fingerprint">The measurements.</param>
/// <param name="DatasetName">Name of the dataset.</param>
/// <param name="ChannelNames">Names of the channels; they decide the normalisation.</param>
/// <param name="LabelEntries">Entries of `labels`: background and ignore included, a region as one.</param>
internal sealed record PlanningFacts(Fingerprint Fingerprint, string DatasetName, IReadOnlyList<string> ChannelNames, int LabelEntries);
