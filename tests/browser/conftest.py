"""Offline pages of the one browser of a process: what they asked and said."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from geocn.maps import PlanningMap

SETTLE = 120


class Opened:
    """A page, what it asked for and what it said."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.requests: list[str] = []
        self.said: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("console", lambda message: self.said.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: self.said.append(f"error: {error}"))
        page.on("dialog", lambda dialog: (self.said.append("dialog"), dialog.dismiss()))

    def check(self) -> None:
        """One request, silence, and no hostile text run."""
        assert len(self.requests) == 1, self.requests
        assert self.said == []
        assert self.page.evaluate("window.__pwned === undefined")


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("maps")


@pytest.fixture
def show(browser: Any, folder: Path) -> Iterator[Callable[..., Opened]]:
    contexts = []

    def opened(plan: PlanningMap, *, width: int = 1280, height: int = 800) -> Opened:
        path = plan.save(folder / f"map-{len(list(folder.iterdir()))}.html")
        context = browser.new_context(
            viewport={"width": width, "height": height}, offline=True, accept_downloads=True
        )
        contexts.append(context)
        result = Opened(context.new_page())
        result.page.goto(path.as_uri())
        result.page.wait_for_selector("html[data-ready=true]", timeout=20_000)
        result.page.wait_for_timeout(SETTLE)
        return result

    yield opened
    for context in contexts:
        context.close()


def sees(page: Any, selector: str) -> str:
    return str(page.inner_text(selector))
