using Xunit;

namespace SharpSeg.EndToEnd.Tests;

/// <summary>
/// A command line that cannot be meant is answered with one line and exit code 2, before anything is read or written.
/// </summary>
public sealed class WrongUsageTests
{
    [Theory]
    [InlineData("unknown verb `trian`, did you mean `train`?", "trian", "x")]
    [InlineData("unknown option `max-tme`, did you mean `max-time`?", "auto", "DATASET", "-o", "WORK", "--max-tme", "1m")]
    [InlineData("option -o/--output is missing", "auto", "DATASET")]
    [InlineData("--max-time soon", "auto", "DATASET", "-o", "WORK", "--max-time", "soon")]
    [InlineData("--max-time 99999999999999d", "auto", "DATASET", "-o", "WORK", "--max-time", "99999999999999d")]
    [InlineData("--folds -1", "auto", "DATASET", "-o", "WORK", "--folds", "-1")]
    [InlineData("--folds all: `all` might mean every fold, or all cases", "train", "WORK", "-f", "all")]
    [InlineData(
        "--folds all: `all` might mean every fold, or all cases", "predict", "WORK", "-i", "a.nii.gz", "-o", "OUT", "-f", "all")]
    [InlineData("--all trains every fold", "train", "WORK", "--all", "-f", "1")]
    [InlineData("--body-rate goes with --pretrained", "train", "WORK", "--body-rate", "0.5")]
    [InlineData("--body-rate 2: must be from 0 to 1", "train", "WORK", "--body-rate", "2", "--pretrained", "m.zip")]
    [InlineData("--profile modren: unknown, did you mean `modern`?", "auto", "DATASET", "-o", "WORK", "--profile", "modren")]
    [InlineData("--device tpu: no such device", "auto", "DATASET", "-o", "WORK", "--device", "tpu")]
    [InlineData("--precision bf17: unknown, did you mean `bf16`?", "auto", "DATASET", "-o", "WORK", "--precision", "bf17")]
    [InlineData(
        "--precision bf16: the device cpu computes in fp32 only", "auto", "DATASET", "-o", "WORK", "--device", "cpu",
        "--precision", "bf16")]
    [InlineData("--threads -2", "auto", "DATASET", "-o", "WORK", "--threads", "-2")]
    [InlineData("--threads 1000000: at most 1024", "auto", "DATASET", "-o", "WORK", "--threads", "1000000")]
    [InlineData("--memory much", "plan", "DATASET", "-o", "WORK", "--memory", "much")]
    [InlineData(
        "--network resenc_q: unknown, did you mean `resenc_m`?", "plan", "DATASET", "-o", "WORK", "--network", "resenc_q")]
    [InlineData(
        "--network stunet_x: unknown, did you mean `stunet_s`?", "auto", "DATASET", "-o", "WORK", "--network", "stunet_x")]
    [InlineData(
        "--network unetpp is of profile modern", "plan", "DATASET", "-o", "WORK", "--network", "unetpp", "--profile", "classic")]
    [InlineData("--spacing", "plan", "DATASET", "-o", "WORK", "--spacing", "1,1")]
    [InlineData("DATASET is missing", "plan", "-o", "WORK")]
    [InlineData("--dataset-json", "plan", "-o", "WORK", "--fingerprint", "fingerprint.json")]
    [InlineData("--epochs 0", "train", "WORK", "--epochs", "0")]
    [InlineData("--max-time chooses", "train", "WORK", "--max-time", "1m", "--batch", "2")]
    [InlineData("--step 2", "predict", "WORK", "-i", "a.nii.gz", "-o", "OUT", "--step", "2")]
    [InlineData("--parts 3: which of them?", "predict", "WORK", "-i", "a.nii.gz", "-o", "OUT", "--parts", "3")]
    [InlineData("--part 3", "predict", "WORK", "-i", "a.nii.gz", "-o", "OUT", "--part", "3", "--parts", "3")]
    [InlineData("--watch takes every scan", "predict", "WORK", "-i", "a", "-o", "OUT", "--watch", "--part", "1", "--parts", "2")]
    [InlineData("--max-memory 2G: only the prediction of a scan", "inspect", "WORK", "--max-memory", "2G")]
    [InlineData("unknown verb `findbest`, did you mean `find-best`?", "findbest", "WORK")]
    [InlineData("--folds first", "find-best", "WORK", "--folds", "first")]
    [InlineData("unknown option `no-ensembles`, did you mean `no-ensemble`?", "find-best", "WORK", "--no-ensembles")]
    [InlineData("`--preset`, known from other tools: here it is `--network`", "plan", "D", "-o", "W", "--preset", "unetpp")]
    [InlineData("here it is `--network` of `auto`, `plan` (e.g. resenc_m", "train", "WORK", "-pl", "nnUNetPlannerResEncM")]
    [InlineData("`-tr`, known from other tools: what trainers change", "train", "WORK", "-tr", "nnUNetTrainer_250epochs")]
    [InlineData("`--c`, known from other tools: here it is `--resume`", "train", "WORK", "--c")]
    [InlineData("here it is `--checkpoint` (final, best or latest)", "predict", "W", "-i", "a.nii.gz", "-o", "O", "-chk", "x.pth")]
    [InlineData("here it is `--no-tta`", "predict", "WORK", "-i", "a.nii.gz", "-o", "OUT", "--disable_tta")]
    [InlineData("here it is `--step`", "predict", "WORK", "-i", "a.nii.gz", "-o", "OUT", "-step_size=0.5")]
    [InlineData("here it is `--device`", "predict", "WORK", "-i", "a.nii.gz", "-o", "OUT", "-device", "cuda")]
    [InlineData("`-npp`, known from other tools: here it is `--threads`", "predict", "W", "-i", "a", "-o", "O", "-npp", "3")]
    [InlineData("it is the first word after the verb", "predict", "-i", "a.nii.gz", "-o", "OUT", "-d", "4")]
    [InlineData("one map of all labels is what `predict` writes", "predict", "W", "-i", "a.nii.gz", "-o", "OUT", "--ml")]
    [InlineData("two or more folders", "ensemble", "WORK", "-o", "OUT")]
    [InlineData("neither --work nor --best is given", "postprocess", "WORK", "-o", "OUT")]
    [InlineData(
        "--work and --best exclude each other", "postprocess", "DATASET", "-o", "OUT", "--work", "WORK", "--best", "best.json")]
    [InlineData("option -o/--output is missing", "export", "WORK")]
    [InlineData("an argument is empty", "verify", "")]
    [InlineData("`2d` and `1`: 2 words too many for `train`", "train", "WORK", "2d", "1")]
    [InlineData("`B`: a word too many for `verify`", "verify", "DATASET", "B")]
    [InlineData("`extra`: a word too many for `devices`", "devices", "extra")]
    [InlineData(
        "`scan.nii.gz` and `zz`: 2 words too many for `predict`", "predict", "m.zip", "scan.nii.gz", "zz", "-i", "a.nii.gz",
        "-o", "OUT")]
    [InlineData("`x`: a word too many for `demo`", "demo", "x")]
    [InlineData("`x`: a word too many for `auto`", "auto", "DATASET", "x", "-o", "WORK")]
    [InlineData("`x`: a word too many for `plan`", "plan", "DATASET", "x", "-o", "WORK")]
    [InlineData("`2d`: a word too many for `preprocess`", "preprocess", "WORK", "2d")]
    [InlineData("`x`: a word too many for `evaluate`", "evaluate", "OUT", "OUT", "x")]
    [InlineData("`x`: a word too many for `find-best`", "find-best", "WORK", "x")]
    [InlineData("`x`: a word too many for `postprocess`", "postprocess", "OUT", "x", "-o", "OUT", "-w", "WORK")]
    [InlineData("`x`: a word too many for `export`", "export", "WORK", "x", "-o", "model.zip")]
    [InlineData("--resume=false: --resume takes no value", "train", "WORK", "--resume=false")]
    [InlineData("`false`: a word too many for `train`", "train", "WORK", "--resume", "false")]
    [InlineData("option --max-time needs a value", "train", "WORK", "--max-time")]
    [InlineData("option --local needs a value", "jobs", "train", "WORK", "--local")]
    [InlineData("option -f needs a value", "predict", "WORK", "-i", "a.nii.gz", "-f", "-o", "OUT")]
    [InlineData("option --max-memory needs a value", "predict", "WORK", "-i", "a", "--max-memory", "--device=cpu", "-o", "OUT")]
    [InlineData("option -f/--folds is given twice", "train", "WORK", "-f", "0", "-f", "1")]
    [InlineData("WORK is missing", "train")]
    [InlineData("PREDICTIONS and REFERENCES are missing", "evaluate")]
    [InlineData("REFERENCES is missing", "evaluate", "OUT")]
    [InlineData("WORK and option -i/--input and option -o/--output are missing", "predict")]
    [InlineData("unknown verb `trian`, did you mean `train`?", "help", "trian")]
    [InlineData("`bench` needs the sources", "bench", "kernels")]
    [InlineData("unknown option `seed`", "predict", "WORK", "-i", "a.nii.gz", "-o", "OUT", "--seed", "1")]
    [InlineData("--dataset-json", "plan", "DATASET", "-o", "WORK", "--dataset-json", "dataset.json")]
    [InlineData("--folds first", "predict", "WORK", "-i", "a.nii.gz", "-o", "OUT", "-f", "first")]
    [InlineData("--folds ../1", "export", "WORK", "-o", "model.zip", "-f", "../1")]
    [InlineData("--checkpoint worst", "predict", "WORK", "-i", "a.nii.gz", "-o", "OUT", "--checkpoint", "worst")]
    public void Wrong_usage_is_one_clear_error(string says, params string[] arguments)
    {
        using var folder = new TemporaryFolder();
        string[] placed =
            [.. arguments.Select(argument => argument is "DATASET" or "WORK" or "OUT" ? folder.At(argument) : argument)];
        SharpSegProcess.Run(placed).AssertError(2, says);
        Assert.Empty(Directory.GetFileSystemEntries(folder.Path));
    }

    [Theory]
    [InlineData("did you mean `sharpseg train WORK -c 2d -f 1`?", "train", "WORK", "2d", "1")]
    [InlineData("did you mean `sharpseg devices`? usage: sharpseg devices [options]", "devices", "extra")]
    [InlineData("write `-f 0,1`", "train", "WORK", "-f", "0", "--folds=1")]
    [InlineData("write `-i a.nii.gz b.nii.gz`", "predict", "WORK", "-i", "a.nii.gz", "-o", "OUT", "-i", "b.nii.gz")]
    [InlineData("it takes one value: `-c 2d` or `-c 3d_fullres`", "train", "WORK", "-c2d", "-c", "3d_fullres", "-f", "0")]
    [InlineData("write --resume once", "train", "WORK", "--resume", "--resume")]
    [InlineData("-f took `WORK`, did you mean `sharpseg train WORK -f 0 --resume`?", "train", "-f", "0", "WORK", "--resume")]
    [InlineData("-c took `W`, did you mean `sharpseg jobs train W -c 2d`?", "jobs", "train", "-c", "2d", "W")]
    [InlineData("-i took `W`, did you mean `sharpseg predict W -o OUT -i a b`?", "predict", "-o", "OUT", "-i", "a", "b", "W")]
    [InlineData("usage: sharpseg evaluate PREDICTIONS REFERENCES [options]", "evaluate")]
    [InlineData("MODEL -i INPUT -o OUTPUT --parts PARTS [options]", "jobs", "predict", "WORK", "-i", "SCANS", "-o", "OUT")]
    public void A_word_too_many_or_an_option_given_twice_is_answered_with_the_right_form(string hint, params string[] arguments)
    {
        var outcome = SharpSegProcess.Run(arguments);
        outcome.AssertErrorWithHint(2);
        Assert.Contains(hint, outcome.Errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(2, "WORK is missing", "train", "--json")]
    [InlineData(2, "unknown verb `trian`, did you mean `train`?", "trian", "--json")]
    [InlineData(1, "`no such 例 \u202e folder`", "evaluate", "no such 例 \u202e folder", "x", "--json")]
    public void Json_says_the_error_and_the_hint(int code, string says, params string[] arguments)
    {
        var outcome = SharpSegProcess.Run(arguments);
        Assert.Equal(code, outcome.Code);
        Assert.Contains(says, (string)outcome.Json()["error"]!, StringComparison.Ordinal);
        Assert.NotEqual("", (string)outcome.Json()["hint"]!);
        Assert.DoesNotContain("u0060", outcome.Output, StringComparison.Ordinal);
        Assert.DoesNotContain('\u202e', outcome.Output);
        outcome.AssertErrorWithHint(code);
    }

    [Fact]
    public void After_two_dashes_json_is_a_word() => Assert.Equal("", SharpSegProcess.Run("verify", "--", "--json").Output);

    [Fact]
    public void Without_a_verb_the_help_is_shown()
    {
        var outcome = SharpSegProcess.Run();
        Assert.Equal(2, outcome.Code);
        Assert.Contains("auto", outcome.Errors, StringComparison.Ordinal);
        Assert.Equal("", outcome.Output);
    }

    [Fact]
    public void Help_and_version_are_no_errors()
    {
        Assert.Contains("predict", SharpSegProcess.Succeed("--help").Output, StringComparison.Ordinal);
        Assert.Contains("--max-time", SharpSegProcess.Succeed("auto", "--help").Output, StringComparison.Ordinal);
        Assert.StartsWith("sharpseg ", SharpSegProcess.Succeed("--version").Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Devices_names_the_processor()
    {
        var json = SharpSegProcess.Succeed("devices", "--json").Json();
        Assert.Contains(json["devices"]!.AsArray(), device => (string?)device!["name"] == "cpu");
    }
}
