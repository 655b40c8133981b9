using SharpSeg.AutoPlanner.Training;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Training;

/// <summary>log.jsonl is shown and compared; what no training wrote is refused with its line.</summary>
public sealed class TrainingLogTests
{
    internal const string Header =
        """{"configuration":"2d","fold":"0","profile":"modern","network":"PlainUNet","activation":"leaky","norm":"instance","patch":"1×10×12","seed":12345,"device":"CPU","precision":"fp32","train_cases":3,"val_cases":1,"variant":{},"schedule":{"batch_size":2,"epochs":1,"iterations_per_epoch":1,"validation_iterations":1,"time_budget":null}}""";

    internal const string Epoch =
        """{"epoch":0,"iterations":4,"learning_rate":0.01,"train_loss":1.5,"val_loss":1,"pseudo_dice":[0.5,null],"mean_pseudo_dice":0.5,"ema_pseudo_dice":0.5,"seconds":2,"skipped_steps":0}""";

    [Fact]
    public void A_log_is_read()
    {
        using var folder = new TemporaryFolder();
        var log = TrainingLog.Read(Write(folder, Header, Epoch, Epoch));
        Assert.Equal((8, 4.0, 12345UL), (log.Iterations, log.Seconds, log.Seed));
        Assert.Equal([0.5, null], log.Epochs[1].PseudoDice);
    }

    [Theory]
    [InlineData("\"iterations\":4", "\"iterations\":2147483645", "`iterations` cannot be")] // their sum is no int
    [InlineData("\"iterations\":4", "\"iterations\":-4", "`iterations` cannot be")]
    [InlineData("\"iterations\":4", "\"iterations\":1e308", "`iterations` cannot be")]
    [InlineData("\"epoch\":0", "\"epoch\":-1", "`epoch` cannot be")]
    [InlineData("\"seconds\":2", "\"seconds\":\"NaN\"", "`seconds` cannot be")]
    [InlineData("\"seconds\":2", "\"seconds\":-2", "`seconds` cannot be")]
    [InlineData("\"pseudo_dice\":[0.5,null]", "\"pseudo_dice\":null", "`pseudo_dice` cannot be")]
    [InlineData("\"pseudo_dice\":[0.5,null]", "\"pseudo_dice\":\"x\"", "`pseudo_dice` cannot be")]
    [InlineData("\"epoch\":0", "\"\\ud800\":0", "not valid JSON")]
    [InlineData("\"epoch\":0", "\"epoch\":0,\"epoch\":0", "not valid JSON")]
    [InlineData("{", "", "not valid JSON")]
    public void A_line_that_no_training_wrote_is_named(string text, string becomes, string says)
    {
        using var folder = new TemporaryFolder();
        var path = Write(folder, Header, Epoch, Epoch.Replace(text, becomes, StringComparison.Ordinal));
        var error = Assert.Throws<SharpSegException>(() => TrainingLog.Read(path));
        Assert.Equal($"`{path}`: line 3 is damaged: {says}", error.Message);
        Assert.DoesNotContain("System.", error.Message, StringComparison.Ordinal);
    }

    /// <summary>The same values in a checkpoint's state.</summary>
    [Theory]
    [InlineData("\"epoch\":1,", "\"epoch\":-1,")]
    [InlineData("\"records\":[]", "\"records\":null")]
    [InlineData("\"records\":[]", "\"records\":[null]")]
    [InlineData("\"records\":[]", "\"records\":[{\"epoch\":0,\"iterations\":2147483647}]")]
    public void A_state_that_no_training_wrote_is_refused(string text, string becomes)
    {
        const string state = """{"epoch":1,"iteration":2,"epoch_iterations":4,"loss_sum":0.5,"records":[]}""";
        Assert.Equal(2, TrainingState.FromJson(state).TotalIterations);
        Assert.Throws<System.Text.Json.JsonException>(
            () => TrainingState.FromJson(state.Replace(text, becomes, StringComparison.Ordinal)));
    }

    private static string Write(TemporaryFolder folder, params string[] lines)
    {
        var path = folder.File("log.jsonl");
        File.WriteAllText(path, string.Concat(lines.Select(line => line + "\n")));
        return path;
    }
}
