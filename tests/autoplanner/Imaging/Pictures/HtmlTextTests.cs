using SharpSeg.AutoPlanner.Imaging.Pictures;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Imaging.Pictures;

public sealed class HtmlTextTests
{
    private const string Evil = "<script>alert('a & \"b\"')</script>";
    private const string Escaped = "&lt;script&gt;alert(&#39;a &amp; &quot;b&quot;&#39;)&lt;/script&gt;";

    [Fact]
    public void What_stands_in_braces_is_escaped_and_pieces_are_not()
    {
        Assert.Equal($"<p title=\"{Escaped}\">{Escaped}</p>", new HtmlText().Add($"<p title=\"{Evil}\">{Evil}</p>").ToString());
        Assert.Equal($"<b>{Escaped}</b>", HtmlText.Of($"<b>{Evil}</b>").ToString());
        Assert.Equal(Escaped, HtmlText.Plain(Evil).ToString());
        Assert.Equal("<i><b>x</b></i>", HtmlText.Of($"<i>{HtmlText.Of($"<b>{"x"}</b>")}</i>").ToString());
        Assert.Equal($"look at <code>{Escaped}</code> now", HtmlText.Prose($"look at `{Evil}` now").ToString());
        Assert.Equal("a `b", HtmlText.Prose("a `b").ToString());
    }

    [Fact]
    public void Braces_in_a_name_and_numbers_are_written_as_they_are() =>
        Assert.Equal("{0} 0.5 1,5 -3", new HtmlText().Add($"{"{0}"} {0.5:0.0##} {"1,5"} {-3}").ToString());

    [Fact]
    public void A_page_forbids_requests_and_every_script_but_its_own()
    {
        var page = HtmlPage.Of(Evil, HtmlText.Plain("text"));
        Assert.Contains($"<title>{Escaped}</title>", page, StringComparison.Ordinal);
        Assert.Contains("default-src &#39;none&#39;; img-src data:;", page, StringComparison.Ordinal);
        Assert.Contains("script-src &#39;sha256-", page, StringComparison.Ordinal);
        Assert.Single(page.Split("<script>").Skip(1));
        Assert.DoesNotContain("http:", page, StringComparison.Ordinal);
        Assert.DoesNotContain("https:", page, StringComparison.Ordinal);
    }
}
