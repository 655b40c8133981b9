namespace SharpSeg.AutoPlanner;

/// <summary>What a stream of random numbers is for. The numbers are part of every run's identity: never renumber.</summary>
public enum RandomPurpose
{
    /// <summary>Training samples: case, patch, augmentation.</summary>
    Training = 1,

    /// <summary>Validation samples: case and patch.</summary>
    Validation = 2,

    /// <summary>Initial weights.</summary>
    Weights = 3,
}
