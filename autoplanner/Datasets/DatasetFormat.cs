namespace SharpSeg.AutoPlanner.Datasets;

/// <summary>How a dataset lies on disk (docs/method/datasets.md §1 to §4).</summary>
public enum DatasetFormat
{
    /// <summary>Medical Segmentation Decathlon: cases listed in dataset.json, one file with all channels each.</summary>
    Decathlon,

    /// <summary>nnU-Net v2 raw folder: imagesTr/CASE_0000.ext, labelsTr/CASE.ext.</summary>
    NnUnetV2,

    /// <summary>nnU-Net v1 raw folder: file names as in v2, dataset.json as in the Decathlon.</summary>
    NnUnetV1,

    /// <summary>nnU-Net v2's dataset.json with every file listed under `dataset`.</summary>
    CaseList,
}
