using System.Diagnostics;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace SharpSeg.EndToEnd.Tests;

/// <summary>
/// A page in headless Chromium, driven through its debugging protocol: what it logs, what it asks the network for, and what a
/// script in it answers.
/// </summary>
internal sealed partial class Browser : IAsyncDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2); // a loaded machine starts a browser slowly

    private static readonly string[] Names = ["chromium", "chromium-browser", "google-chrome"];

    private readonly Process process;
    private readonly ClientWebSocket socket = new();
    private readonly CancellationTokenSource limit = new(Limit);
    private readonly TemporaryFolder profile = new();
    private readonly List<JsonNode> events = [];
    private int lastId;

    private Browser(string program)
    {
        process = Process.Start(new ProcessStartInfo(
            program,
            ["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
                "--remote-debugging-port=0", $"--user-data-dir={profile.At("profile")}", "about:blank"])
        {
            RedirectStandardError = true, RedirectStandardOutput = true,
        })!;
    }

    /// <summary>Chromium, where it is installed.</summary>
    public static string? Program { get; } = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
        .SelectMany(folder => Names.Select(name => Path.Combine(folder, name)))
        .FirstOrDefault(File.Exists);

    /// <summary>Opens a file and waits until it is loaded.</summary>
    public static async Task<Browser> Open(string file)
    {
        var browser = new Browser(Program!);
        try
        {
            string? line;
            do
            {
                line = await browser.process.StandardError.ReadLineAsync(browser.limit.Token)
                    ?? throw new InvalidOperationException("the browser ended");
            }
            while (!Listening().IsMatch(line));

            _ = browser.process.StandardError.ReadToEndAsync();
            using var client = new HttpClient();
            var port = Listening().Match(line).Groups[1].Value;
            var newPage = new Uri($"http://127.0.0.1:{port}/json/new?about:blank");
            var answer = await client.PutAsync(newPage, null, browser.limit.Token);
            var target = JsonNode.Parse(await answer.Content.ReadAsStringAsync(browser.limit.Token))!;
            await browser.socket.ConnectAsync(new Uri((string)target["webSocketDebuggerUrl"]!), browser.limit.Token);
            foreach (var domain in new[] { "Log", "Runtime", "Network", "Page" })
            {
                await browser.Call($"{domain}.enable", []);
            }

            await browser.Call("Page.navigate", new JsonObject { ["url"] = new Uri(file).AbsoluteUri });
            while (!browser.events.Any(item => (string?)item["method"] == "Page.loadEventFired"))
            {
                await browser.Receive();
            }

            return browser;
        }
        catch
        {
            await browser.DisposeAsync();
            throw;
        }
    }

    /// <summary>What stands in the console: errors, warnings, uncaught exceptions.</summary>
    public IEnumerable<string> Complaints => events
        .Where(item => (string?)item["method"] is "Log.entryAdded" or "Runtime.exceptionThrown" or "Runtime.consoleAPICalled")
        .Select(item => item.ToJsonString());

    /// <summary>Addresses that were asked for, without those of pictures in the page.</summary>
    public IEnumerable<string> Requests => events.Where(item => (string?)item["method"] == "Network.requestWillBeSent")
        .Select(item => (string)item["params"]!["request"]!["url"]!).Where(url => !url.StartsWith("data:", StringComparison.Ordinal));

    /// <summary>The value of an expression in the page, as text.</summary>
    public async Task<string> Evaluate(string expression)
    {
        var answer = await Call("Runtime.evaluate", new JsonObject { ["expression"] = expression, ["returnByValue"] = true });
        return answer["result"]!["result"]!["value"]?.ToString() ?? answer.ToJsonString();
    }

    /// <summary>Sets the width of the window, pixels.</summary>
    public Task Resize(int width) => Call("Emulation.setDeviceMetricsOverride", new JsonObject
    {
        ["width"] = width, ["height"] = 900, ["deviceScaleFactor"] = 1, ["mobile"] = false,
    });

    public async ValueTask DisposeAsync()
    {
        if (!process.HasExited)
        {
            process.Kill(entireProcessTree: true);
        }

        await process.WaitForExitAsync(CancellationToken.None);
        process.Dispose();
        socket.Dispose();
        limit.Dispose();
        profile.Dispose();
    }

    private async Task<JsonNode> Call(string method, JsonObject parameters)
    {
        var id = ++lastId;
        var request = new JsonObject { ["id"] = id, ["method"] = method, ["params"] = parameters };
        await socket.SendAsync(
            Encoding.UTF8.GetBytes(request.ToJsonString()), WebSocketMessageType.Text, endOfMessage: true, limit.Token);
        while (true)
        {
            var message = await Receive();
            if ((int?)message["id"] == id)
            {
                return message["error"] is null ? message : throw new InvalidOperationException(message.ToJsonString());
            }
        }
    }

    private async Task<JsonNode> Receive()
    {
        using var bytes = new MemoryStream();
        var buffer = new byte[1 << 16];
        ValueWebSocketReceiveResult part;
        do
        {
            part = await socket.ReceiveAsync(buffer.AsMemory(), limit.Token);
            bytes.Write(buffer, 0, part.Count);
        }
        while (!part.EndOfMessage);
        var message = JsonNode.Parse(bytes.ToArray())!;
        if (message["method"] is not null)
        {
            events.Add(message);
        }

        return message;
    }

    [GeneratedRegex("DevTools listening on ws://[^:]+:([0-9]+)/")]
    private static partial Regex Listening();
}
