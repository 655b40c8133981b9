using SharpSeg.AutoPlanner.Workspaces;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Workspaces;

/// <summary>Paths that machines of a site have different names for.</summary>
public sealed class PlaceNamesTests
{
    [Fact]
    public void A_path_is_looked_for_under_the_other_names_of_its_place()
    {
        static string At(params string[] parts) => Path.Combine([Path.GetPathRoot(Path.GetTempPath())!, .. parts]);
        var separator = Path.DirectorySeparatorChar;
        var text = $"{At("home")}={At("mnt", "home")}={At("net", "home")}{separator};{At("data")}={At("export", "data")}";
        var names = PlaceNames.Parse(text, "a test");
        Assert.Equal(
            [At("home", "me", "work"), At("mnt", "home", "me", "work"), At("net", "home", "me", "work")],
            names.Candidates(At("home", "me", "work")));
        Assert.Equal([At("net", "home"), At("home"), At("mnt", "home")], names.Candidates(At("net", "home")));
        Assert.Equal([At("homework")], names.Candidates(At("homework")));
        Assert.Equal(names.Text, PlaceNames.Parse(names.Text, "again").Text);
        Assert.Equal(At("home", "nobody", "here"), names.Here(At("home", "nobody", "here")));
    }

    [Fact]
    public void What_exists_is_not_looked_for_elsewhere_and_what_does_not_is_found()
    {
        using var temporary = new TemporaryFolder();
        var (one, other) = (Path.Combine(temporary.Path, "one"), Path.Combine(temporary.Path, "other"));
        Directory.CreateDirectory(Path.Combine(other, "data"));
        var names = PlaceNames.Of([[one, other]], "a test");
        Assert.Equal(Path.Combine(other, "data"), names.Here(Path.Combine(one, "data")));
        Assert.Equal(Path.Combine(other, "data"), names.Here(Path.Combine(other, "data")));
        Directory.CreateDirectory(Path.Combine(one, "data"));
        Assert.Equal(Path.Combine(one, "data"), names.Here(Path.Combine(one, "data")));
        Assert.Equal(Path.Combine(other, "data"), names.Here(Path.Combine(other, "data")));
    }

    [Theory]
    [InlineData("/home")]
    [InlineData("home=/mnt/home")]
    public void A_list_that_names_no_places_is_refused(string text) =>
        Assert.Contains("SOURCE: `", Assert.Throws<SharpSegException>(() => PlaceNames.Parse(text, "SOURCE")).Message,
            StringComparison.Ordinal);
}
