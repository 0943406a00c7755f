"""How the HTML report looks: light or dark as the reader has it, narrow or wide, or on paper."""

from __future__ import annotations

from memq.hunt.reports.coverage import COLOURS

_TONES = "".join(f".tone-{name} {{ --tone: {colour}; }}\n" for name, colour in COLOURS.items())

_STYLE = """
:root {
  color-scheme: light dark;
  --paper: #ffffff; --sunk: #f4f6f8; --ink: #1b2430; --faint: #55606e; --line: #d5dbe2;
  --link: #0b5cad; --tone: #8a93a0;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14181d; --sunk: #1c2229; --ink: #e4e8ed; --faint: #a2adb9; --line: #333c47;
    --link: #7db8f5;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0 auto; padding: 1.5rem clamp(0.75rem, 3vw, 2.5rem) 4rem; max-width: 90rem;
  background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, "Segoe UI", Roboto, "Liberation Sans", sans-serif;
  overflow-wrap: anywhere;
}
h1, h2, h3, h4 { line-height: 1.25; margin: 0; text-wrap: balance; }
h1 { font-size: 1.7rem; }
h2 {
  font-size: 1.3rem; margin: 2.75rem 0 1rem; padding-bottom: 0.35rem;
  border-bottom: 2px solid var(--line);
}
h3 { font-size: 1.1rem; margin: 1.75rem 0 0.5rem; }
h4 { font-size: 1rem; font-weight: 600; margin: 1.1rem 0 0.5rem; }
p { margin: 0.5rem 0; max-width: 72ch; }
a { color: var(--link); text-underline-offset: 0.15em; }
a:focus-visible, .scroll:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
ul { margin: 0; padding: 0; list-style: none; }
code { font: 0.92em ui-monospace, "Liberation Mono", Consolas, monospace; }
.faint { color: var(--faint); }
.small { font-size: 0.875rem; }

.counts {
  display: grid; gap: 0.75rem; margin: 1.25rem 0;
  grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr));
}
.counts a {
  display: block; padding: 0.7rem 1rem; border-radius: 0.5rem; text-decoration: none;
  background: var(--sunk); color: var(--ink); border-left: 0.4rem solid var(--tone);
}
.counts a:hover span { text-decoration: underline; }
.counts strong { display: block; font-size: 1.7rem; line-height: 1.2; }
.facts {
  display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 0.15rem 1.25rem;
  margin: 0; font-size: 0.925rem;
}
.facts dt { color: var(--faint); }
.facts dd { margin: 0; }

.legend { display: flex; flex-wrap: wrap; gap: 0.35rem 1.1rem; margin: 0 0 1rem; }
.legend li::before {
  content: ""; display: inline-block; width: 0.85em; height: 0.85em; margin-right: 0.4em;
  border-radius: 0.2em; background: var(--tone); vertical-align: -0.06em;
}
.matrix {
  display: grid; gap: 1rem;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 13.5rem), 1fr));
}
.matrix + p { margin-top: 1rem; }
.matrix h3 { margin: 0 0 0.5rem; font-size: 1rem; }
.matrix ul ul { margin: 0.3rem 0 0 0.9rem; }
.matrix li + li { margin-top: 0.3rem; }
.cell {
  padding: 0.4rem 0.6rem; border-radius: 0.35rem; border-left: 0.4rem solid var(--tone);
  background: color-mix(in srgb, var(--tone) 20%, var(--paper)); font-size: 0.875rem;
  line-height: 1.35;
}
.cell.unasked { background: none; border-left-color: var(--line); color: var(--faint); }
.cell b { font-weight: 600; }
.cell .state { display: block; }
.cell .state a { display: block; margin-top: 0.15rem; }

.match {
  margin: 0.75rem 0 1.5rem; padding: 0.9rem 1.1rem; border-radius: 0.5rem;
  border: 1px solid var(--line); border-left: 0.4rem solid var(--tone);
}
.match:target { outline: 3px solid var(--tone); }
.match .title { font-size: 1.05rem; margin: 0; line-height: 1.35; }
.level {
  display: inline-block; padding: 0 0.5em; margin-right: 0.5em; border-radius: 0.3em;
  font-size: 0.8rem; font-weight: 600; line-height: 1.6; white-space: nowrap;
  border: 1px solid var(--tone);
  background: color-mix(in srgb, var(--tone) 22%, var(--paper));
}
.scroll { overflow-x: auto; margin: 0.75rem 0; border: 1px solid var(--line); }
table { border-collapse: collapse; font-size: 0.875rem; min-width: 100%; }
th, td {
  padding: 0.3rem 0.65rem; text-align: left; vertical-align: top; max-width: 34rem;
  border-bottom: 1px solid var(--line);
}
th { background: var(--sunk); font-weight: 600; white-space: nowrap; overflow-wrap: normal; }
td { white-space: pre-wrap; overflow-wrap: break-word; }
tbody tr:last-child td { border-bottom: 0; }
td.short { white-space: pre; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
.unknown { color: var(--faint); font-style: italic; }

.told > li {
  padding: 0.5rem 0 0.5rem 0.9rem; margin-bottom: 0.5rem; border-left: 0.4rem solid var(--tone);
}
.told p { margin: 0 0 0.25rem; }
.rules li { padding: 0.1rem 0; }

@media print {
  :root {
    --paper: #ffffff; --sunk: #f4f6f8; --ink: #000000; --faint: #444444; --line: #bbbbbb;
    --link: #000000;
  }
  body { max-width: none; padding: 0; font-size: 10pt; print-color-adjust: exact; }
  h2, h3, h4, .title, th { break-after: avoid; }
  tr, .cell, .told > li { break-inside: avoid; }
  .scroll { overflow: visible; border: 0; }
  th, td { max-width: none; }
  th { white-space: normal; overflow-wrap: break-word; }
  td { overflow-wrap: anywhere; }
  td.number { overflow-wrap: normal; }
  td.short { white-space: pre-wrap; }
}
"""

STYLE = _STYLE + _TONES
"""The whole style sheet; it asks for nothing from outside."""
