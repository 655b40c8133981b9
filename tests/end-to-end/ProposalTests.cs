using System.Text.Json.Nodes;
using Xunit;

namespace SharpSeg.EndToEnd.Tests;

/// <summary>Folders that are nearly datasets, and nnU-Net's names for datasets, are answered with what to do.</summary>
public sealed class ProposalTests
{
    [Fact]
    public void A_folder_without_dataset_json_gets_one_proposed_that_works()
    {
        using var folder = new TemporaryFolder();
        var dataset = TinyDataset.Write(folder.At("dataset"), cases: 4, channels: 2);
        var before = File.ReadAllText(Path.Combine(dataset, "dataset.json"));
        File.Delete(Path.Combine(dataset, "dataset.json"));
        var outcome = SharpSegProcess.Run("verify", dataset, "--json");
        Assert.Equal(1, outcome.Code);
        Assert.False(File.Exists(Path.Combine(dataset, "dataset.json")));
        var proposal = outcome.Json()["proposal"]!;
        Assert.Equal(2, proposal["channel_names"]!.AsObject().Count);
        Assert.Equal(3, proposal["labels"]!.AsObject().Count);
        Assert.Contains("\"numTraining\": 4", SharpSegProcess.Run("verify", dataset).Output, StringComparison.Ordinal);
        File.WriteAllText(Path.Combine(dataset, "dataset.json"), proposal.ToJsonString());
        SharpSegProcess.Succeed("verify", dataset);

        // Images without a channel's number are listed by name.
        File.Delete(Path.Combine(dataset, "dataset.json"));
        foreach (var file in Directory.GetFiles(Path.Combine(dataset, "imagesTr"), "*_0001.nii.gz"))
        {
            File.Delete(file);
        }

        foreach (var file in Directory.GetFiles(Path.Combine(dataset, "imagesTr")))
        {
            File.Move(file, file.Replace("_0000", "", StringComparison.Ordinal));
        }

        File.WriteAllText(
            Path.Combine(dataset, "dataset.json"),
            SharpSegProcess.Run("verify", dataset, "--json").Json()["proposal"]!.ToJsonString());
        SharpSegProcess.Succeed("verify", dataset);
        SharpSegProcess.Succeed("plan", dataset, "-o", folder.At("work"));
        Assert.NotEqual(before, File.ReadAllText(Path.Combine(dataset, "dataset.json")));
    }

    [Fact]
    public void Labels_with_gaps_are_named_instead_of_proposed()
    {
        using var folder = new TemporaryFolder();
        var dataset = TinyDataset.Write(folder.At("dataset"), cases: 4);
        File.Delete(Path.Combine(dataset, "dataset.json"));
        TinyDataset.Rewrite(TinyDataset.Label(dataset, "case_1"), bytes =>
        {
            for (var i = 352; i < bytes.Length; i++)
            {
                bytes[i] = (byte)(bytes[i] == 1 ? 255 : 0);
            }

            return bytes;
        });
        var outcome = SharpSegProcess.Run("verify", dataset, "--json");
        Assert.Null(outcome.Json()["proposal"]);
        Assert.Contains("0, 1, 2, 255", SharpSegProcess.Run("verify", dataset).Output, StringComparison.Ordinal);
    }

    [Fact]
    public void NnU_Nets_numbers_and_folders_are_answered_with_the_path()
    {
        using var folder = new TemporaryFolder();
        var raw = folder.At("nnUNet_raw");
        TinyDataset.Write(Path.Combine(raw, "Dataset004_Hippocampus"), cases: 4);
        TinyDataset.Write(Path.Combine(raw, "Dataset027_ACDC"), cases: 4);
        File.Delete(Path.Combine(raw, "Dataset027_ACDC", "dataset.json"));
        Assert.Contains("Dataset004_…", Hint("4"), StringComparison.Ordinal);
        Assert.Contains("Dataset004_Hippocampus", Hint(raw), StringComparison.Ordinal);
        Assert.Contains("Dataset027_ACDC", Hint(raw), StringComparison.Ordinal);
        SharpSegProcess.Run("plan", raw, "-o", folder.At("work")).AssertErrorWithHint(1, "there is no dataset.json");
        Assert.False(Directory.Exists(folder.At("work", "runs")));

        static string Hint(string typed) => string.Concat(
            SharpSegProcess.Run("verify", typed, "--json").Json()["findings"]!.AsArray().Select(item => (string?)item!["hint"]));
    }
}
