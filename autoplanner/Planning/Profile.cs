namespace SharpSeg.AutoPlanner.Planning;

/// <summary>Which published generation of the method is followed where the two differ.</summary>
public enum Profile
{
    /// <summary>The first nnU-Net papers (2018, 2019): plain U-Net, Adam, plateau schedule, elastic deformation.</summary>
    Classic,

    /// <summary>nnU-Net v2's defaults.</summary>
    Modern,
}
