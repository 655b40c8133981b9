using System.Diagnostics;
using System.Text.RegularExpressions;
using Xunit;

namespace SharpSeg.EndToEnd.Tests;

public sealed partial class CompletionTests
{
    [Theory]
    [InlineData("bash")]
    [InlineData("zsh")]
    [InlineData("fish")]
    [InlineData("powershell")]
    public void A_script_has_every_verb_and_its_options(string shell)
    {
        var script = SharpSegProcess.Succeed("completion", shell).Output;
        var names = Verb().Matches(SharpSegProcess.Succeed("help").Output).Select(match => match.Groups[1].Value)
            .Where(name => name is not ("bench" or "test")).ToArray();
        Assert.Contains("predict", names);
        Assert.All(names, name => Assert.Contains(name, script, StringComparison.Ordinal));
        Assert.Contains("save-probabilities", script, StringComparison.Ordinal);
        Assert.Contains("max-time", script, StringComparison.Ordinal);
        Assert.DoesNotContain("e.g'", script, StringComparison.Ordinal); // a description that ends in the middle of a sentence
        SharpSegProcess.Run("completion", "tcsh").AssertErrorWithHint(2, "tcsh");
    }

    [FactWith(Needs.Bash)]
    public void Bash_completes_what_is_typed()
    {
        Assert.Equal(["predict"], Completed("sharpseg", "pred"));
        Assert.Equal(["preprocess"], Completed("sharpseg", "prep"));
        Assert.Equal(["--save-probabilities"], Completed("sharpseg", "predict", "work", "--save"));
        Assert.Contains("--body-rate", Completed("sharpseg", "train", "-"));
        Assert.Equal(["--json"], Completed("sharpseg", "devices", "--j"));
        Assert.Equal(["train"], Completed("sharpseg", "jobs", "tr"));
        Assert.Equal(["find-best"], Completed("sharpseg", "help", "fi"));
        Assert.Equal(["fish"], Completed("sharpseg", "completion", "f"));
        Assert.Empty(Completed("sharpseg", "predict", "wo"));
    }

    [GeneratedRegex("^  ([a-z-]+)  ", RegexOptions.Multiline)]
    private static partial Regex Verb();

    private static string[] Completed(params string[] words)
    {
        using var folder = new TemporaryFolder();
        var script = SharpSegProcess.Succeed("completion", "bash").Output;
        File.WriteAllText(
            folder.At("complete.sh"),
            $"{script}\nCOMP_WORDS=({string.Join(' ', words)})\nCOMP_CWORD={words.Length - 1}\n_sharpseg\n"
                + "printf '%s\\n' \"${COMPREPLY[@]}\"\n");
        using var bash = Process.Start(
            new ProcessStartInfo("/bin/bash", [folder.At("complete.sh")]) { RedirectStandardOutput = true })!;
        var output = bash.StandardOutput.ReadToEnd();
        bash.WaitForExit();
        Assert.Equal(0, bash.ExitCode);
        return output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }
}
