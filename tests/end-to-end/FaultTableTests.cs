using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using SharpSeg.AutoPlanner.Inference;
using SharpSeg.AutoPlanner.Workspaces;
using SharpSeg.Engine.Tensors;
using SharpSeg.Tests;
using Xunit;

namespace SharpSeg.EndToEnd.Tests;

/// <summary>
/// Every fault of every file × every verb that reads it: exit code 1, one line that names the file, and nothing else changed.
/// The table is docs/faults.md.
/// </summary>
[Collection(TrainedWorkspaceTests.Refusals)]
public sealed class FaultTableTests(TrainedWorkspace trained)
{
    private const string Page = "docs/faults.md";

    public static TheoryData<string, string, string> Rows
    {
        get
        {
            var rows = new TheoryData<string, string, string>();
            foreach (var file in DamagedFile.All)
            {
                foreach (var fault in file.Faults.Keys)
                {
                    Array.ForEach(file.Commands, command => rows.Add(file.Name, fault, command));
                }
            }

            return rows;
        }
    }

    public static TheoryData<string, string> PipeRows
    {
        get
        {
            var rows = new TheoryData<string, string>();
            foreach (var file in DamagedFile.All)
            {
                Array.ForEach(file.Commands, command => rows.Add(file.Name, command));
            }

            return rows;
        }
    }

    [Theory]
    [MemberData(nameof(Rows))]
    public void A_fault_is_one_line_that_names_the_file(string name, string fault, string command)
    {
        using var folder = new TemporaryFolder();
        var file = Array.Find(DamagedFile.All, file => file.Name == name)!;
        Prepare(folder, file);
        var path = Placed(folder, file.At);
        File.WriteAllBytes(path, file.Faults[fault](File.ReadAllBytes(path)));
        var before = FolderSnapshot.Of(folder.Path);

        var outcome = InProcess.Run([.. command.Split(' ').Select(word => Placed(folder, word))]);

        AssertRefused(folder, name, command, outcome);
        before.AssertNothingLost();
    }

    /// <summary>Opening a pipe waits for somebody who writes to it.</summary>
    [TheoryWith(Needs.NamedPipes)]
    [MemberData(nameof(PipeRows))]
    public void A_pipe_in_place_of_the_file_is_not_opened(string name, string command)
    {
        using var folder = new TemporaryFolder();
        var file = Array.Find(DamagedFile.All, file => file.Name == name)!;
        Prepare(folder, file);
        var path = Placed(folder, file.At);
        var before = FolderSnapshot.Of(folder.Path);
        var aside = folder.At("aside");
        File.Move(path, aside);
        using (var mkfifo = System.Diagnostics.Process.Start("/usr/bin/mkfifo", [path]))
        {
            mkfifo.WaitForExit();
        }

        // Somebody who writes frees a reader that waits, and succeeds in it only then.
        var waited = false;
        using (new Timer(_ => Free(), null, TimeSpan.FromSeconds(30), Timeout.InfiniteTimeSpan))
        {
            var outcome = InProcess.Run([.. command.Split(' ').Select(word => Placed(folder, word))]);
            Assert.False(waited, $"`{command}` waited for the pipe");
            AssertRefused(folder, name, command, outcome);
        }

        File.Move(aside, path, overwrite: true);
        before.AssertNothingLost();

        void Free()
        {
            using var writer = new FileStream(path, FileMode.Open, FileAccess.Write);
            waited = true;
        }
    }

    private static void AssertRefused(TemporaryFolder folder, string name, string command, Outcome outcome)
    {
        if (command.StartsWith("verify ", StringComparison.Ordinal))
        {
            Assert.Equal(1, outcome.Code);
            Assert.Contains("error: ", outcome.Output, StringComparison.Ordinal);
            Assert.Contains(name, outcome.Output, StringComparison.Ordinal);
        }
        else
        {
            outcome.AssertError(command.StartsWith("evaluate PRED", StringComparison.Ordinal) ? 3 : 1, name); // 3: some cases
        }

        Assert.All(outcome.Errors.Split('\n'), line => Assert.InRange(line.Length, 0, 700));
        Assert.DoesNotContain('\u001b', outcome.Output + outcome.Errors);
        Assert.False(Path.Exists(folder.At("out", "model.zip")));
        Assert.False(Path.Exists(Path.Combine(Path.GetDirectoryName(folder.Path)!, "evil")));
    }

    [Fact]
    [Trait("Tier", "quick")]
    public void The_table_in_the_docs_is_this_one()
    {
        var text = Table();
        var page = Path.Combine(Checkout.Root, Page);
        if (!File.Exists(page) || File.ReadAllText(page).ReplaceLineEndings("\n") != text)
        {
            var right = Path.Combine(Path.GetTempPath(), "sharpseg-faults.md");
            File.WriteAllText(right, text);
            Assert.Fail($"{Page} is out of date: copy {right} over it");
        }
    }

    private static string Table()
    {
        var text = new StringBuilder(
            $"""
            # Faults and verbs

            What is wrong with a file × the verbs that refuse it, {Rows.Count + PipeRows.Count} rows, each a test (`FaultTableTests`, whose table this page is). Others read some of these files, too: `report` of a
            workspace goes on without a damaged one and names it on the page. The result of every row is the same: exit code 1 (of `evaluate` with other cases that are right: 3), one line that names the file, a hint where there is one, no stack trace, no control character, and no other file changed. `good.zip` is an exported model.
            Further: damaged datasets, [BadDatasetTests](../tests/end-to-end/BadDatasetTests.cs); outputs over inputs,
            [ProtectedInputTests](../tests/end-to-end/ProtectedInputTests.cs); wrong words, [WrongUsageTests](../tests/end-to-end/WrongUsageTests.cs); full disks,
            [OutputTests](../tests/end-to-end/OutputTests.cs); memory that runs out in spite of its plan,
            [MemoryTests](../tests/end-to-end/MemoryTests.cs) and [MemoryLimitTests](../tests/end-to-end/MemoryLimitTests.cs) (`preprocess`, `plan`, `evaluate`, `predict`,
            `train`, `ensemble`, `find-best`, `postprocess`); signals, [InterruptionTests](../tests/end-to-end/InterruptionTests.cs) and
            [KillTests](../tests/end-to-end/KillTests.cs); damaged results and a peer that answers nonsense, `bench`, [BenchTests](../tests/end-to-end/BenchTests.cs);
            files of a workspace that contradict what was preprocessed or trained by them,
            [ContradictionTests](../tests/end-to-end/ContradictionTests.cs); a damaged line of `jobs/submitted`, `jobs status`, [JobStatesTests](../tests/autoplanner/Steps/Jobs/JobStatesTests.cs); spacings that no image has, every
            format, [HeaderSpacingTests](../tests/autoplanner/Imaging/HeaderSpacingTests.cs); ignore labels that no label map holds,
            [LabelSchemeTests](../tests/autoplanner/Datasets/LabelSchemeTests.cs); random damage, `tests/fuzz`; cases that
            people reported elsewhere, with their right results, [ReportedCasesTests](../tests/end-to-end/ReportedCasesTests.cs).

            | file | faults | verbs |
            |---|---|---|

            """);
        foreach (var file in DamagedFile.All)
        {
            text.Append(
                $"| `{file.Name}` | {string.Join("; ", file.Faults.Keys)}; a named pipe "
                    + $"| {string.Join(", ", file.Commands.Select(Verb))} |\n");
        }

        return text.ToString();
    }

    private static string Verb(string command) => command.Split(' ') switch
    {
        [var verb, .. var words] when words.Contains("--pretrained") => $"`{verb} --pretrained`",
        [var verb, .. var words] when words.Contains("--resume") => $"`{verb} --resume`",
        [var verb, .. var words] when words.Contains("--scan") => $"`{verb} --scan`",
        [var verb, ..] => $"`{verb}`",
        [] => "",
    };

    private void Prepare(TemporaryFolder folder, DamagedFile file)
    {
        folder.Copy(trained.Work, "work");
        foreach (var log in new[] { "log.txt", "run.json" })
        {
            File.Delete(folder.At("work", log)); // they grow with every attempt
            File.Delete(folder.At("work", "runs", "3d_fullres", "fold_0", log));
        }

        folder.Copy(trained.Dataset, "dataset");
        folder.Copy(Path.Combine(trained.Dataset, "labelsTr"), "predictions");
        if (file.Name == DamagedFile.Probabilities)
        {
            // beside their segmentations, as `predict --save-probabilities` leaves them
            var labels = new Workspace(folder.At("work")).ReadDescription().Labels;
            foreach (var id in new[] { "case_0", "case_1", "case_2", "case_3", "case_4", "case_5" })
            {
                var maps = new Even(TinyDataset.Size, labels.HeadCount);
                ProbabilityFile.Write(
                    ProbabilityFile.PathOf(folder.At("predictions"), id), id, maps, labels, SavedProbabilities.Full);
            }

            File.Copy(Path.Combine(trained.Dataset, "dataset.json"), folder.At("predictions", "dataset.json"));
            folder.Copy(folder.At("predictions"), "others");
        }

        File.Copy(TinyDataset.Image(trained.Dataset, "case_0"), folder.At("scan.nii.gz"));
        File.Copy(Path.Combine(trained.Work, "fingerprint.json"), folder.At("fingerprint.json"));
        var best = JsonNode.Parse(ProtectedInputTests.Best)!;
        File.WriteAllText(folder.At("best.json"), best.ToJsonString());
        if (file.Name == "best.json")
        {
            File.Copy(folder.At("best.json"), folder.At("work", "best.json"));
        }

        if (file.Name == "good.zip")
        {
            SharpSegProcess.Succeed("export", trained.Work, "-o", folder.At("good.zip"));
        }
    }

    private string Placed(TemporaryFolder folder, string word)
    {
        var cases = Path.GetFileName(Directory.GetDirectories(Path.Combine(trained.Work, "preprocessed"))[0]);
        var places = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["DATASET"] = folder.At("dataset"), ["WORK"] = folder.At("work"), ["CASES"] = cases, ["OUT"] = folder.At("out"),
            ["MODEL"] = folder.At("good.zip"), ["SCAN"] = folder.At("scan.nii.gz"),
            ["FINGERPRINT"] = folder.At("fingerprint.json"), ["OTHERS"] = folder.At("others"),
            ["PREDICTIONS"] = folder.At("predictions"), ["BEST"] = folder.At("best.json"),
            ["LABELS"] = Path.Combine(trained.Dataset, "labelsTr"), ["LABEL"] = TinyDataset.Label(trained.Dataset, "case_0"),
        };

        // At once: the name of a temporary folder is drawn, and may hold one of the words.
        return Regex.Replace(word, "[A-Z]+", match => places.GetValueOrDefault(match.Value, match.Value));
    }

    /// <summary>Every class as probable as the others.</summary>
    private sealed class Even(Extent extent, int heads) : IProbabilityMaps
    {
        public Extent Extent => extent;

        public int Heads => heads;

        public int PlanesAtOnce => extent.Z;

        public void Read(int head, int first, Span<float> target) => target.Fill(1f / heads);
    }
}
