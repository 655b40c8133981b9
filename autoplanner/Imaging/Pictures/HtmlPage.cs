using System.Text;

namespace SharpSeg.AutoPlanner.Imaging.Pictures;

/// <summary>
/// A page that needs nothing but itself: its style, its pictures and its one small script stand in it, and its policy forbids
/// every request and every other script. Light or dark as the reader's system is; without the script tables cannot be sorted,
/// nothing else is missing.
/// </summary>
internal static class HtmlPage
{
    /// <summary>The text of a page.</summary>
    /// <param name="title">Of the window.</param>
    /// <param name="body">What it shows.</param>
    public static string Of(string title, HtmlText body)
    {
        // A policy in the page itself: only this script, no request, and links that leave it leak no path.
        var hash = Convert.ToBase64String(Sha256.Bytes(Encoding.UTF8.GetBytes(Script)));
        var policy = $"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'";
        var head = new HtmlText();
        head.Add($"<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
        head.Add($"<meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n");
        head.Add($"<meta name=\"referrer\" content=\"no-referrer\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
        head.Add($"<link rel=\"icon\" href=\"data:,\">\n<title>{title}</title>\n<style>");
        return $"{head}{Style}</style>\n</head>\n<body>\n<main>\n{body}</main>\n<script>{Script}</script>\n</body>\n</html>\n";
    }

    private const string Style = """

        :root { color-scheme: light dark; --paper: #fcfcfb; --ink: #1c1f23; --soft: #5d646d; --line: #d9dcdf; --card: #ffffff;
          --accent: #0b62b8; --warn: #9a4a00; --warn-paper: #fff4e5; --c0: #1766b3; --c1: #c2410c; --c2: #9cb8a6; --c3: #0d7a4f; }
        @media (prefers-color-scheme: dark) { :root { --paper: #15171a; --ink: #e7e9ec; --soft: #a2a9b2; --line: #363b42;
          --card: #1c1f24; --accent: #7ab8f5; --warn: #f5b971; --warn-paper: #33270f; --c0: #6db1f2; --c1: #fb8f5a; --c2: #4f6f5c;
          --c3: #4cc38a; } }
        * { box-sizing: border-box; }
        body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
        main { max-width: 1120px; margin: 0 auto; padding: 1.2rem 1rem 4rem; }
        h1 { font-size: 1.7rem; line-height: 1.25; margin: .4rem 0 .2rem; } h2 { font-size: 1.25rem; margin: 2.4rem 0 .4rem;
          border-bottom: 1px solid var(--line); padding-bottom: .25rem; } h3 { font-size: 1.02rem; margin: 1.1rem 0 .3rem; }
        h1, h2, h3, code, a, li, figcaption { overflow-wrap: anywhere; } td { overflow-wrap: break-word; max-width: 34rem; } p { margin: .4rem 0; max-width: 75ch; } a { color: var(--accent); }
        .lead { font-size: 1.15rem; } .soft, figcaption, .caption { color: var(--soft); } .caption, figcaption { font-size: .9rem; max-width: 80ch; margin: .3rem 0 .8rem; }
        .caption b, figcaption b { color: var(--ink); font-weight: 600; }
        nav { font-size: .92rem; margin: .6rem 0; display: flex; flex-wrap: wrap; gap: .1rem 1rem; }
        code { display: inline-block; max-width: 100%; font: .92em ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; background: color-mix(in srgb, var(--line) 45%, transparent); padding: 0 .25em; border-radius: 3px; }
        .notes { background: var(--warn-paper); border-left: 4px solid var(--warn); padding: .5rem .9rem .5rem 1.9rem; margin: .8rem 0; border-radius: 0 6px 6px 0; }
        .notes li { margin: .25rem 0; }
        .scroll { overflow-x: auto; margin: .5rem 0; } table { border-collapse: collapse; font-size: .92rem; }
        th, td { padding: .3rem .65rem; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
        thead th { position: sticky; top: 0; background: var(--paper); white-space: nowrap; font-weight: 600; }
        th button { all: unset; cursor: pointer; font: inherit; } th button:focus-visible { outline: 2px solid var(--accent); }
        th button::after { content: " \2195"; color: var(--soft); } th[aria-sort=ascending] button::after { content: " \2191"; }
        th[aria-sort=descending] button::after { content: " \2193"; }
        td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
        td.bar { background: linear-gradient(90deg, color-mix(in srgb, var(--c3) 24%, transparent) var(--v, 0%), transparent var(--v, 0%)); }
        .case { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: .6rem .9rem .8rem; margin: .9rem 0; }
        .case h3 { margin-top: .1rem; } .which { font-size: .85rem; color: var(--soft); margin: .5rem 0 .2rem; }
        .tiles { display: grid; grid-template-columns: repeat(3, minmax(0, 1fr)); gap: .5rem; }
        .tile { position: relative; background: #000; border-radius: 4px; display: flex; align-items: center; justify-content: center; min-height: 5rem; padding: 1.3rem .9rem 1.1rem; }
        .tile svg { width: 100%; max-height: 19rem; display: block; } .tile image { image-rendering: pixelated; }
        .tile path { fill: var(--c); fill-opacity: .22; fill-rule: evenodd; stroke: var(--c); stroke-width: 2px; vector-effect: non-scaling-stroke; }
        .tile b, .what { position: absolute; color: #fff; font-size: .72rem; line-height: 1; text-shadow: 0 0 3px #000; }
        .what { left: .3rem; top: .3rem; color: #c9ced6; } .tile .l { left: .25rem; top: 50%; } .tile .r { right: .25rem; top: 50%; } .tile .t { top: .3rem; left: calc(50% - .3em); } .tile .b { bottom: .25rem; left: calc(50% - .3em); }
        @media (max-width: 560px) { .what { font-size: .62rem; } .tile { padding: 1.1rem .7rem 1rem; min-height: 4rem; } .tiles { gap: .25rem; } .tile .t { left: auto; right: 35%; } }
        .legend { display: flex; flex-wrap: wrap; gap: .15rem 1.1rem; list-style: none; padding: 0; margin: .5rem 0 0; font-size: .92rem; }
        .legend i { display: inline-block; width: .8em; height: .8em; border-radius: 2px; margin-right: .4em; background: var(--c, transparent); border: 1px solid color-mix(in srgb, var(--c, var(--soft)) 70%, var(--ink)); }
        .charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 25rem), 1fr)); gap: .6rem 1.2rem; }
        .charts h3 { grid-column: 1 / -1; margin-bottom: 0; } svg.chart { width: 100%; height: auto; max-width: 40rem; }
        .chart text { fill: var(--soft); font: 12px system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; } .chart .title { fill: var(--ink); font-weight: 600; }
        .chart .grid { stroke: var(--line); fill: none; } .chart .curve { fill: none; stroke: var(--k); stroke-width: 2; stroke-linejoin: round; } .chart .dot { fill: var(--k); fill-opacity: .75; }
        .c0 { --k: var(--c0); } .c1 { --k: var(--c1); } .c2 { --k: var(--c2); } .c3 { --k: var(--c3); }
        details { margin: .5rem 0; } summary { cursor: pointer; font-weight: 600; } img.pic { max-width: 100%; height: auto; image-rendering: pixelated; background: #000; border-radius: 4px; }
        figure { margin: .5rem 0; }
        @media print { .case, table { break-inside: avoid; } }

        """;

    private const string Script = """
        for (const table of document.querySelectorAll('table.sort')) {
          const body = table.tBodies[0];
          [...table.tHead.rows[0].cells].forEach((head, column) => {
            const button = document.createElement('button');
            button.textContent = head.textContent;
            head.replaceChildren(button);
            button.addEventListener('click', () => {
              const up = head.getAttribute('aria-sort') !== 'ascending';
              const value = row => row.cells[column].dataset.v ?? row.cells[column].textContent;
              const order = (a, b) => {
                const [p, q] = [value(a), value(b)], [m, n] = [parseFloat(p), parseFloat(q)];
                if (p === '' || q === '') return (p === '') - (q === '');
                const d = isNaN(m) || isNaN(n) ? p.localeCompare(q, 'en', { numeric: true }) : m - n;
                return up ? d : -d;
              };
              for (const other of table.tHead.rows[0].cells) other.removeAttribute('aria-sort');
              head.setAttribute('aria-sort', up ? 'ascending' : 'descending');
              body.append(...[...body.rows].sort(order));
            });
          });
        }
        """;
}
