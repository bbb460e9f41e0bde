"""The picture of the root README: what both sides of one experiment counted, as bars in an SVG."""

from html import escape

from nexus.compose import ROOT
from nexus.figures import results_of

PICTURE = ROOT / "docs/double_click.svg"
EXPERIMENT, COUNT = "rest_demo/double_click", "orders"
CAPTION = "orders after {requests} identical requests at once"
WIDTH, LEFT, RIGHT, HEIGHT = 720, 90, 70, 30
COLOURS = {"naive": "#c0392b", "solved": "#1e8449"}


def drawn() -> str:
    """Black on white, so that it can be read on light and dark pages."""
    [result] = results_of(EXPERIMENT)
    sides = {side: result[side][COUNT] for side in COLOURS}
    caption = CAPTION.format(**result["naive"])
    room = (WIDTH - LEFT - RIGHT) / max(*sides.values(), 1)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} 130" role="img" font-family="sans-serif" font-size="16">',
        f"<title>{escape(caption)}: {', '.join(f'{side} {count}' for side, count in sides.items())}</title>",
        f'<rect width="{WIDTH}" height="130" rx="6" fill="#ffffff"/>',
        f'<text x="12" y="26" fill="#222222">{escape(caption)}</text>',
    ]
    for row, (side, count) in enumerate(sides.items()):
        top, length = 42 + row * 42, max(round(count * room), 3)
        lines += [
            f'<text x="12" y="{top + 21}" fill="#222222">{side}</text>',
            f'<rect x="{LEFT}" y="{top}" width="{length}" height="{HEIGHT}" fill="{COLOURS[side]}"/>',
            f'<text x="{LEFT + length + 8}" y="{top + 21}" fill="#222222" font-weight="bold">{count:,}</text>',
        ]
    return "\n".join([*lines, "</svg>", ""])
