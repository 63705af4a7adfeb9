"""What work takes: passes through the network, and seconds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Cost:
    """What an explanation took: passes count single inputs, so a batch of 16 forward is 16.

    Costs add up, `sum(costs, Cost())` of several; they are subtracted, and multiplied by how often the work is done.

    Attributes:
        forward, backward: passes of single inputs through the network.
        seconds: in the network: spent, or predicted by `estimate`; 0 where only passes are counted.
        half: how many of the forward passes were in half the bits, see `Precision`.
        box: (height, width) of the only part of the input that those passes will change, if there is one.

    Example:
        >>> import explainers as ex
        >>> cost = ex.Cost(forward=16, backward=16) + ex.Cost(forward=4)
        >>> cost.forward, cost.backward
        (20, 16)
        >>> (cost * 3).forward
        60
    """

    forward: int = 0
    backward: int = 0
    seconds: float = 0.0
    half: int = 0
    box: tuple[int, int] | None = None

    def __add__(self, other: Cost) -> Cost:
        boxes = {cost.box for cost in (self, other) if cost.forward or cost.backward}
        return Cost(
            self.forward + other.forward,
            self.backward + other.backward,
            self.seconds + other.seconds,
            self.half + other.half,
            boxes.pop() if len(boxes) == 1 else None,
        )

    def __sub__(self, other: Cost) -> Cost:
        return self + other * -1

    def __mul__(self, count: float) -> Cost:
        return Cost(
            round(self.forward * count),
            round(self.backward * count),
            self.seconds * count,
            round(self.half * count),
            self.box,
        )

    def largest(self, other: Cost) -> Cost:
        """The larger of the two in each kind of pass: what they take together if they share their passes."""
        return Cost(
            max(self.forward, other.forward),
            max(self.backward, other.backward),
            max(self.seconds, other.seconds),
            max(self.half, other.half),
        )
