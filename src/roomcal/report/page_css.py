"""The looks of the page: one style sheet, inline, for screens, phones, dark rooms and paper."""

from roomcal.report.style import DARK, LIGHT, Theme

# Colours of the page beyond those of the figures: card, good, bad, on either background. All text
# reaches 4.5:1 (WCAG 2.1 AA).
_LIGHT_EXTRA = {"card": "#f5f7f9", "good": "#00694c", "bad": "#a83a00", "link": "#005a8f"}
_DARK_EXTRA = {"card": "#1e2328", "good": "#4fd8ad", "bad": "#ffab5e", "link": "#7cc8f5"}

_RULES = """
* { box-sizing: border-box; }
html { color-scheme: light dark; -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--background); color: var(--text);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
main, header, footer { max-width: 60rem; margin: 0 auto; padding: 0 1.25rem; }
header { padding-top: 2.2rem; }
h1 { font-size: 1.15rem; line-height: 1.3; margin: 0 0 .6rem; color: var(--muted);
  font-weight: 600; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin: 2.4rem 0 .8rem; }
h3 { font-size: 1rem; margin: 1.4rem 0 .3rem; overflow-wrap: anywhere; }
.verdict { font-size: 1.55rem; line-height: 1.3; font-weight: 650; margin: 0;
  padding: .1rem 0 .1rem 1rem; border-left: .35rem solid var(--muted); overflow-wrap: anywhere; }
.verdict.passed { border-color: var(--good); }
.verdict.failed { border-color: var(--bad); }
.mark { font-weight: 700; }
.passed .mark { color: var(--good); }
.failed .mark { color: var(--bad); }
.scroll { overflow-x: auto; margin: 0 0 1.4rem; }
.scroll:focus-visible, summary:focus-visible, a:focus-visible {
  outline: 3px solid var(--link); outline-offset: 2px; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .95rem; }
caption { text-align: left; font-weight: 600; padding: 0 0 .45rem;
  max-width: calc(100vw - 2.5rem); }
th, td { padding: .32rem .9rem .32rem 0; text-align: left; vertical-align: top;
  border-bottom: 1px solid var(--grid); }
thead th { color: var(--muted); font-weight: 600; border-bottom-color: var(--muted); }
th[scope=row] { font-weight: 500; }
.number { text-align: right; white-space: nowrap; }
.hint { color: var(--muted); font-size: .9rem; margin: -.9rem 0 1.4rem; }
figure { margin: 0 0 2rem; }
figure .scroll { margin: 0; }
figure svg { display: block; width: 100%; min-width: 38rem; height: auto; }
.swipe { display: none; color: var(--muted); font-size: .9rem; margin: 0 0 .8rem; }
figcaption { color: var(--muted); font-size: .95rem; margin-top: .3rem; }
ul { margin: .2rem 0 1rem; padding-left: 1.2rem; }
li { margin: .15rem 0; overflow-wrap: anywhere; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1.2rem; margin: 0; }
dt { color: var(--muted); }
dd { margin: 0; overflow-wrap: anywhere; }
footer { color: var(--muted); font-size: .9rem; padding-bottom: 3rem; margin-top: 2.5rem; }
@media (max-width: 34rem) {
  main, header, footer { padding-left: .9rem; padding-right: .9rem; }
  .verdict { font-size: 1.3rem; }
  .swipe { display: block; }
  dl { grid-template-columns: 1fr; gap: 0; }
  dd { margin-bottom: .5rem; }
}
@media print {
  body { font-size: 10pt; }
  main, header, footer { max-width: none; padding: 0; }
  h2, h3, caption { break-after: avoid; }
  figure, table { break-inside: avoid; }
  figure svg { min-width: 0; }
  .swipe { display: none; }
  .scroll { overflow: visible; }
}
"""


def colour_names(theme: Theme) -> dict[str, str]:
    """Every colour of a theme by the name that the style sheet gives it.

    The names are the same for all themes: a figure drawn in one can be shown in another.
    """
    colours = {
        "background": theme.background,
        "text": theme.text,
        "muted": theme.muted,
        "grid": theme.grid,
    }
    seen = list(dict.fromkeys(style.colour for style in theme.series))
    return colours | {f"hue-{i + 1}": colour for i, colour in enumerate(seen)}


def style_sheet() -> str:
    """Return the style sheet with both themes; paper is always light."""
    light = _variables(colour_names(LIGHT) | _LIGHT_EXTRA)
    dark = _variables(colour_names(DARK) | _DARK_EXTRA)
    return (
        f":root {{ {light} }}\n"
        f"@media screen and (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}\n{_RULES.strip()}"
    )


def _variables(colours: dict[str, str]) -> str:
    return " ".join(f"--{name}: {colour};" for name, colour in colours.items())
