"""Directed graphs, as far as orders need them: distances, circles, levels.

Rule.
- A graph is a mapping from a node to those that follow it; a node that nothing follows may be left out. Nodes can be
  ordered, and every choice is made by that order, never by the order of a set or of hashes.
- Time is that of the edges and of sorting the nodes once; nothing recurses, so a chain may be of any length.
- A level is the longest way to a node, counted in circles: nodes that lead to each other share one (Tarjan 1972).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol, TypeVar


class Ordered(Protocol):
    """What can stand before another."""

    def __lt__(self, other: Any, /) -> bool: ...

    def __hash__(self) -> int: ...


Node = TypeVar("Node", bound=Ordered)


def distances(starts: Iterable[Node], follow: Mapping[Node, Sequence[Node]]) -> dict[Node, int]:
    """How many edges away each node is from the nearest start; what cannot be reached is left out."""
    found = dict.fromkeys(starts, 0)
    queue = deque(found)
    while queue:
        node = queue.popleft()
        for one in follow.get(node, ()):
            if one not in found:
                found[one] = found[node] + 1
                queue.append(one)
    return found


def levels(nodes: Iterable[Node], follow: Mapping[Node, Sequence[Node]]) -> dict[Node, int]:
    """The level of each node; edges that leave these nodes count for nothing."""
    known = sorted(set(nodes))
    level = dict.fromkeys(known, 0)
    for circle in reversed(list(circles(known, follow))):  # those that lead come first
        here = max(level[node] for node in circle)
        for node in circle:
            level[node] = here
        inside = set(circle)
        for node in circle:
            for one in follow.get(node, ()):
                if one in level and one not in inside:
                    level[one] = max(level[one], here + 1)
    return level


def circles(nodes: Sequence[Node], follow: Mapping[Node, Sequence[Node]]) -> Iterator[list[Node]]:
    """The sets of nodes that lead to each other, each after all that it leads to; a lone node is one of its own."""
    known = set(nodes)
    number: dict[Node, int] = {}
    low: dict[Node, int] = {}
    stack: list[Node] = []
    on_stack: set[Node] = set()
    for start in nodes:
        if start in number:
            continue
        way: list[tuple[Node, Iterator[Node]]] = []

        def enter(node: Node, way: list[tuple[Node, Iterator[Node]]] = way) -> None:
            number[node] = low[node] = len(number)
            stack.append(node)
            on_stack.add(node)
            way.append((node, iter(follow.get(node, ()))))

        enter(start)
        while way:
            node, rest = way[-1]
            following = next((one for one in rest if one in known), None)
            if following is None:
                way.pop()
                if way:
                    low[way[-1][0]] = min(low[way[-1][0]], low[node])
                if low[node] == number[node]:
                    yield _cut(stack, on_stack, node)
            elif following not in number:
                enter(following)
            elif following in on_stack:
                low[node] = min(low[node], number[following])


def _cut(stack: list[Node], on_stack: set[Node], node: Node) -> list[Node]:
    """Take the circle that ends at a node from the stack."""
    found: list[Node] = []
    while not found or found[-1] != node:
        found.append(stack.pop())
        on_stack.discard(found[-1])
    return sorted(found)


def circle(nodes: Iterable[Node], follow: Mapping[Node, Sequence[Node]]) -> tuple[Node, ...]:
    """One way round in a circle, from its first node back to it, the shortest there is; () where there is none."""
    known = sorted(set(nodes))
    rounds = [one for one in circles(known, follow) if len(one) > 1 or one[0] in follow.get(one[0], ())]
    if not rounds:
        return ()
    inside = min(rounds)
    first, members = inside[0], set(inside)
    came: dict[Node, Node] = {}
    queue = deque([first])
    while first not in came:
        node = queue.popleft()
        for one in sorted(set(follow.get(node, ())) & members):
            if one not in came:
                came[one] = node
                queue.append(one)
    way = [first]
    while len(way) == 1 or way[-1] != first:
        way.append(came[way[-1]])
    return tuple(reversed(way))
