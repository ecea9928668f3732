"""The looks of the page: one style sheet, inline, for screens, phones, dark rooms and paper."""

from roomcal.report.assets import asset_text
from roomcal.report.style import DARK, LIGHT, Theme

# Colours of the page beyond those of the figures: card, good, bad, on either background. All text
# reaches 4.5:1 (WCAG 2.1 AA).
_LIGHT_EXTRA = {"card": "#f4f6f8", "good": "#00694c", "bad": "#a83a00", "link": "#005a8f"}
_DARK_EXTRA = {"card": "#1f242a", "good": "#4fd8ad", "bad": "#ffab5e", "link": "#7cc8f5"}


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


def style_sheet(*, with_charts: bool) -> str:
    """Return the style sheet with both themes; paper is always light.

    The screen decides, until the reader does: `data-theme` of the root wins.
    """
    light = _variables(colour_names(LIGHT) | _LIGHT_EXTRA)
    dark = _variables(colour_names(DARK) | _DARK_EXTRA) + " color-scheme: dark;"
    return "\n".join(
        [
            *([asset_text("vendor/uPlot.min.css").strip()] if with_charts else []),
            asset_text("own/page.css").strip(),
            f":root {{ {light} }}",
            "@media screen and (prefers-color-scheme: dark) "
            f"{{ :root:not([data-theme=light]) {{ {dark} }} }}",
            f"@media screen {{ :root[data-theme=dark] {{ {dark} }} }}",
        ]
    )


def _variables(colours: dict[str, str]) -> str:
    return " ".join(f"--{name}: {colour};" for name, colour in colours.items())
