using System.Reflection;
using CommandLine;
using SharpSeg.Cli;
using SharpSeg.Cli.Options;
using SharpSeg.Tests;
using Xunit;

namespace SharpSeg.EndToEnd.Tests;

/// <summary>Help says what a verb is for and how it is called, and is true.</summary>
public sealed class HelpTests
{
    private static readonly Type[] Verbs = [
        .. typeof(CommonOptions).Assembly.GetTypes().Where(type => type.IsSubclassOf(typeof(CommonOptions)) && !type.IsAbstract)];

    public static TheoryData<string> Names => [.. Verbs.Select(UnusedWords.VerbName)];

    [Fact]
    public void The_list_names_every_verb_and_those_of_the_launcher()
    {
        var page = SharpSegProcess.Succeed("-h").Output;
        Assert.Equal(page, SharpSegProcess.Succeed("--help").Output);
        Assert.Equal(page, SharpSegProcess.Succeed("help").Output);
        Assert.All(
            [.. Verbs.Select(UnusedWords.VerbName), "bench", "test"], name =>
                Assert.Contains($"\n  {name} ", page, StringComparison.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Every_verb_has_usage_a_sentence_two_examples_and_options(string name)
    {
        var verb = Array.Find(Verbs, type => UnusedWords.VerbName(type) == name)!;
        var page = new HelpPages(Verbs).Of(verb);
        Assert.Contains($"\nusage: sharpseg {name}", page, StringComparison.Ordinal);
        var examples = verb.GetCustomAttribute<ExamplesAttribute>()!.Commands;
        Assert.InRange(examples.Count, 2, 4);
        Assert.All(examples, example => Assert.Contains($"\n  {example}\n", page, StringComparison.Ordinal));
        Assert.All(
            verb.GetProperties().Select(property => property.GetCustomAttribute<OptionAttribute>()).OfType<OptionAttribute>(),
            option => Assert.Contains($"--{option.LongName} ", page, StringComparison.Ordinal));
        Assert.All(page.Split('\n'), line => Assert.InRange(line.Length, 0, 80));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void The_examples_are_right(string name)
    {
        var verb = Array.Find(Verbs, type => UnusedWords.VerbName(type) == name)!;
        using var parser = new Parser(settings => settings.HelpWriter = null);
        foreach (var example in verb.GetCustomAttribute<ExamplesAttribute>()!.Commands)
        {
            var words = example.Split(' ');
            Assert.Equal("sharpseg", words[0]);
            var (arguments, _) = JobsWords.Split(JobsWords.Join(words[1..]));
            Assert.Equal(name, arguments[0]);
            var options = Assert.IsAssignableFrom<CommonOptions>(
                Assert.IsAssignableFrom<Parsed<object>>(parser.ParseArguments(arguments, Verbs)).Value);
            Assert.IsType(verb, options);
            UnusedWords.Refuse(options, arguments);
        }
    }

    [Theory]
    [InlineData("help", "train")]
    [InlineData("train", "-h")]
    [InlineData("train", "work", "--nonsense", "--help")]
    public void The_page_of_a_verb_is_found_in_every_way(params string[] arguments) =>
        Assert.Equal(SharpSegProcess.Succeed("train", "--help").Output, SharpSegProcess.Succeed(arguments).Output);

    [Fact]
    public void The_verbs_of_the_launcher_are_explained() =>
        Assert.StartsWith("usage: ./sharpseg bench", SharpSegProcess.Succeed("help", "bench").Output, StringComparison.Ordinal);

    [Fact]
    public void The_reference_in_the_docs_is_what_the_program_prints()
    {
        var page = File.ReadAllText(Path.Combine(Checkout.Root, "docs", "commands.md")).ReplaceLineEndings("\n");
        Assert.True(
            page == SharpSegProcess.Succeed("help", "--markdown").Output, "run `./sharpseg help --markdown > docs/commands.md`");
    }
}
