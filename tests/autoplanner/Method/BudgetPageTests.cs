using SharpSeg.AutoPlanner.Training;
using SharpSeg.Tests;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Method;

/// <summary>The rule on docs/method/budget.md is the one that runs follow.</summary>
public sealed class BudgetPageTests
{
    private static readonly MethodPage Page = MethodPage.Open("docs/method/budget.md");

    [Fact]
    public void Budget_page_recipe_rule()
    {
        var first = 1L;
        var rows = Page.Table("recipe-rule");
        for (var i = 0; i < rows.Count; i++)
        {
            // "below A", then "A to B", then "B + 1 or more": no number of iterations lies between two rows or in both.
            var numbers = rows[i].Numbers("Iterations");
            if (i > 0)
            {
                Assert.Equal(first, numbers[0].Whole);
            }

            var isLast = i == rows.Count - 1;
            var last = isLast ? 250_000 : i == 0 ? numbers[0].Whole - 1 : numbers[1].Whole;
            foreach (var iterations in (long[])[first, last])
            {
                AssertIs(rows[i], TrainingRecipe.ByIterations(iterations, mirrorsAll: false) ?? TrainingRecipe.Published);
                var mirrored = TrainingRecipe.ByIterations(iterations, mirrorsAll: true) ?? TrainingRecipe.Published;
                Assert.Equal(RecipeMirroring.All, mirrored.Mirroring);
            }

            first = last + 1;
        }
    }

    private static void AssertIs(PageRow row, TrainingRecipe recipe)
    {
        row.Number("Momentum").Agrees(recipe.Momentum);
        row.Number("First rate").Agrees(recipe.InitialRate);
        var mirroring = row["Mirroring"] switch
        {
            "yes" => RecipeMirroring.All,
            "no" => RecipeMirroring.None,
            var other => throw new InvalidOperationException($"mirroring: {other}"),
        };
        var strength = row["Other augmentation"] switch
        {
            "as published" => 1,
            "half as often" => 0.5,
            var other => throw new InvalidOperationException($"augmentation: {other}"),
        };
        Assert.Equal(
            new TrainingRecipe
            {
                Momentum = recipe.Momentum, InitialRate = recipe.InitialRate, Mirroring = mirroring,
                AugmentationStrength = strength,
            },
            recipe);
    }
}
