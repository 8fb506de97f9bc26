# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finds the route for a method and a raw path. The path is split first, then each segment is decoded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from .account import Account

Json = dict[str, Any]


@dataclass(frozen=True)
class Call:
    """A request as an endpoint sees it."""

    parameters: dict[str, str] = field(default_factory=dict)
    query: dict[str, str] = field(default_factory=dict)
    body: Json = field(default_factory=dict)
    api_key: str = ""
    every_second_fails: bool = False


Endpoint = Callable[[Account, Call], Json]


@dataclass(frozen=True)
class Route:
    """One endpoint of one version."""

    method: str
    path: str
    endpoint: Endpoint

    @property
    def template(self) -> str:
        return f"{self.method} {self.path}"


class RouteTable:
    """The routes of one version. ``slashes_matter``: a trailing slash matters."""

    def __init__(self, routes: tuple[Route, ...], slashes_matter: bool = True) -> None:
        self._slashes_matter = slashes_matter
        # Routes with fewer parameters first: a fixed segment such as "batch" precedes an alias.
        self.routes = sorted(routes, key=lambda route: route.path.count("{"))
        self._split = [(route, route.path.split("/")) for route in self.routes]

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]] | None:
        """The route for this method and raw path, with its decoded parameters."""
        segments = self._segments(path)
        for route, pattern in self._split:
            if route.method == method:
                parameters = _match(pattern, segments)
                if parameters is not None:
                    return route, parameters
        return None

    def knows(self, path: str) -> bool:
        """Whether the path exists for any method."""
        segments = self._segments(path)
        return any(_match(pattern, segments) is not None for route, pattern in self._split)

    def _segments(self, path: str) -> list[str]:
        return (path if self._slashes_matter else path.removesuffix("/")).split("/")


def _match(pattern: list[str], segments: list[str]) -> dict[str, str] | None:
    if len(pattern) != len(segments):
        return None
    parameters: dict[str, str] = {}
    for part, segment in zip(pattern, segments, strict=True):
        if part.startswith("{") and segment:
            parameters[part[1:-1]] = unquote(segment)
        elif part != segment:
            return None
    return parameters
