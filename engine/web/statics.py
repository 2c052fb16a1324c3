"""The files of the page, by address, in memory: nothing that is asked for is ever a path."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from engine.report.build import source
from engine.web.parts import environment

SCRIPT, STYLE, HTML = "text/javascript; charset=utf-8", "text/css; charset=utf-8", "text/html; charset=utf-8"


def statics(start: Mapping[str, Any]) -> dict[str, tuple[bytes, str]]:
    """Path -> (body, type). The page itself holds nothing of the session but empty places."""
    from plotly.offline import get_plotlyjs

    from engine import __version__

    plotly = get_plotlyjs()
    page = (
        environment()
        .get_template("live.html")
        .render(version=__version__, taken=styled(plotly), several="beside" in start)
    )
    return {
        "/": (page.encode(), HTML),
        "/theme.js": (source("theme.js").encode(), SCRIPT),
        "/live.js": (own("live.js").encode(), SCRIPT),
        "/plotly.js": (plotly.encode(), SCRIPT),
        "/style.css": ((source("style.css") + own("live.css")).encode(), STYLE),
        "/icon.svg": (ICON.encode(), "image/svg+xml"),
    }


def styled(plotly: str) -> list[str]:
    """The ids of style elements that plotly would fill for its maps, which the policy refuses: where one is taken, it does not."""
    return sorted(set(re.findall(r'document\.getElementById\("([0-9a-f]{40,64})"\)', plotly)))


ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><path d="M3 3v10M3 6h3v4H3M10 2v12M10 4h3v7h-3" '
    'fill="none" stroke="#1d5fa8" stroke-width="1.6"/></svg>'
)


def own(name: str) -> str:
    """The text of a file among the page's templates."""
    return files("engine.web").joinpath("templates", name).read_text(encoding="utf-8")
