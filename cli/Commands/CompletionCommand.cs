using System.Reflection;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using CommandLine;
using SharpSeg.Cli.Options;

namespace SharpSeg.Cli.Commands;

/// <summary><c>sharpseg completion</c>: a script that completes verbs and options in a shell.</summary>
internal static partial class CompletionCommand
{
    private const string Jobs = JobsWords.First;
    private static readonly string[] Shells = ["bash", "zsh", "fish", "powershell"];

    public static Answer Run(CompletionOptions options, IReadOnlyList<Type> verbs)
    {
        var script = options.Shell switch
        {
            "bash" => Bash(verbs),
            "zsh" => Zsh(verbs),
            "fish" => Fish(verbs),
            "powershell" or "pwsh" => PowerShell(verbs),
            var other => throw new UsageException(
                $"{other}: no scripts for this shell", $"one of {string.Join(", ", Shells)}"),
        };
        return new Answer(script, new JsonObject { ["shell"] = options.Shell, ["script"] = script });
    }

    private static string Bash(IReadOnlyList<Type> verbs)
    {
        var cases = string.Concat(verbs.Select(verb => $"        '{Name(verb)}') words='{Words(verb)}' ;;\n"));
        var second = SecondWords(verbs);
        return $$"""
            # eval "$(sharpseg completion bash)", or this text in ~/.local/share/bash-completion/completions/sharpseg
            _sharpseg() {
                local word=${COMP_WORDS[COMP_CWORD]} verb=${COMP_WORDS[1]} words=
                [[ $verb == {{Jobs}} && $COMP_CWORD -gt 1 ]] && verb="{{Jobs}} ${COMP_WORDS[2]}"
                if ((COMP_CWORD == 1)); then
                    words='{{string.Join(' ', FirstWords(verbs))}}'
                elif ((COMP_CWORD == 2)) && [[ $word != -* && " {{string.Join(' ', second.Keys)}} " == *" ${COMP_WORDS[1]} "* ]]; then
                    case ${COMP_WORDS[1]} in
            {{string.Concat(second.Select(pair => $"        {pair.Key}) words='{pair.Value}' ;;\n"))}}        esac
                elif [[ $word == -* ]]; then
                    case $verb in
            {{cases}}        esac
                else
                    COMPREPLY=() # files
                    return
                fi
                COMPREPLY=($(compgen -W "$words" -- "$word"))
            }
            complete -o bashdefault -o default -F _sharpseg sharpseg
            """;
    }

    private static string Zsh(IReadOnlyList<Type> verbs)
    {
        var list = string.Concat(FirstWords(verbs).Select(name => $"        {Quoted($"{name}:{Help(verbs, name)}")}\n"));
        var cases = string.Concat(verbs.Select(verb =>
            $"        '{Name(verb)}') options=({string.Join(' ', Options(verb).Select(option =>
                Quoted($"--{option.LongName}:{Sentence(option.HelpText)}")))}) ;;\n"));
        return $$"""
            #compdef sharpseg
            # eval "$(sharpseg completion zsh)", or this text in a file _sharpseg of a folder of $fpath
            _sharpseg() {
                local -a verbs options
                local verb=$words[2]
                [[ $verb == {{Jobs}} ]] && verb="{{Jobs}} $words[3]"
                verbs=(
            {{list}}    )
                if ((CURRENT == 2)); then
                    _describe verb verbs
                    return
                elif ((CURRENT == 3)) && [[ $PREFIX != -* ]]; then
                    case $words[2] in
            {{string.Concat(SecondWords(verbs).Select(pair => $"        {pair.Key}) compadd {pair.Value}; return ;;\n"))}}        esac
                fi
                case $verb in
            {{cases}}    esac
                if [[ $PREFIX == -* ]]; then
                    _describe -o option options
                else
                    _files
                fi
            }
            compdef _sharpseg sharpseg
            """;
    }

    private static string Fish(IReadOnlyList<Type> verbs)
    {
        var text = new StringBuilder("# sharpseg completion fish > ~/.config/fish/completions/sharpseg.fish\n");
        foreach (var name in FirstWords(verbs))
        {
            text.Append($"complete -c sharpseg -n __fish_use_subcommand -a {name} -d {Quoted(Help(verbs, name))}\n");
        }

        foreach (var (first, words) in SecondWords(verbs))
        {
            // No files, and not after the word is there.
            text.Append($"complete -c sharpseg -n '__fish_seen_subcommand_from {first}; and test (count (commandline -opc)) -eq 2'")
                .Append($" -f -a '{words}'\n");
        }

        foreach (var verb in verbs)
        {
            // A second word is one of the verb's, so every word must have been seen.
            var seen = string.Join("; and ", Name(verb).Split(' ').Select(word => $"__fish_seen_subcommand_from {word}"));
            foreach (var option in Options(verb))
            {
                var letter = option.ShortName.Length > 0 ? $" -s {option.ShortName}" : "";
                text.Append(
                    $"complete -c sharpseg -n '{seen}' -l {option.LongName}{letter} -d {Quoted(Sentence(option.HelpText))}\n");
            }
        }

        return text.ToString();
    }

    private static string PowerShell(IReadOnlyList<Type> verbs)
    {
        var options = string.Concat(verbs.Select(verb => $"        '{Name(verb)}' = '{Words(verb)}'\n"));
        var second = string.Concat(SecondWords(verbs).Select(pair => $"        '{pair.Key}' = '{pair.Value}'\n"));
        return $$"""
            # sharpseg completion powershell | Out-String | Invoke-Expression, for example in $PROFILE
            Register-ArgumentCompleter -Native -CommandName sharpseg, sharpseg.ps1 -ScriptBlock {
                param($word, $ast, $position)
                $typed = @($ast.CommandElements | ForEach-Object { "$_" })
                $done = if ($word) { $typed.Count - 1 } else { $typed.Count }
                $options = @{
            {{options}}    }
                $second = @{
            {{second}}    }
                $verb = if ($typed.Count -gt 1) { $typed[1] } else { '' }
                $words = if ($done -le 1) { '{{string.Join(' ', FirstWords(verbs))}}' }
                    elseif ($done -eq 2 -and $word -notlike '-*' -and $second[$verb]) { $second[$verb] }
                    elseif ($verb -eq '{{Jobs}}') { $options["$verb $($typed[2])"] }
                    elseif ($word -like '-*') { $options[$verb] }
                "$words" -split ' ' | Where-Object { $_ -and $_ -like "$word*" } |
                    ForEach-Object { [System.Management.Automation.CompletionResult]::new($_) }
            }
            """;
    }

    private static string Name(Type verb) => UnusedWords.VerbName(verb);

    private static IEnumerable<string> FirstWords(IReadOnlyList<Type> verbs) =>
        verbs.Select(verb => Name(verb).Split(' ')[0]).Append("help").Distinct();

    /// <summary>What may follow a first word that is no file: to the word, its followers.</summary>
    private static Dictionary<string, string> SecondWords(IReadOnlyList<Type> verbs) => new()
    {
        [Jobs] = string.Join(
            ' ', verbs.Select(verb => Name(verb).Split(' ')).Where(words => words.Length > 1).Select(words => words[1])),
        ["help"] = string.Join(' ', FirstWords(verbs).SkipLast(1)),
        ["completion"] = string.Join(' ', Shells),
    };

    private static string Help(IReadOnlyList<Type> verbs, string name) =>
        verbs.FirstOrDefault(verb => Name(verb) == name)?.GetCustomAttribute<VerbAttribute>()!.HelpText is { } text
            ? Sentence(text)
            : name == Jobs ? "Spread work over a cluster or processes" : "Show the options of a verb";

    private static IEnumerable<OptionAttribute> Options(Type verb) => verb.GetProperties()
        .Select(property => property.GetCustomAttribute<OptionAttribute>(inherit: true)).OfType<OptionAttribute>()
        .Where(option => !option.Hidden);

    private static string Words(Type verb) => string.Join(' ', Options(verb)
        .SelectMany(option => option.ShortName.Length > 0
            ? [$"-{option.ShortName}", $"--{option.LongName}"]
            : (string[])[$"--{option.LongName}"]));

    // One line's worth: a list beside the prompt, not the help. "e.g. 16G" does not end a sentence.
    private static string Sentence(string help) => SentenceEnd().Split(help)[0].TrimEnd('.').Replace(':', ',');

    [GeneratedRegex(@"\. (?=\p{Lu})")]
    private static partial Regex SentenceEnd();

    private static string Quoted(string text) => $"'{text.Replace("'", "", StringComparison.Ordinal)}'";
}
