"""Signatures that may not land a second time: those whose blockhash is still alive."""

from collections import deque


class RecentSignatures:
    """Added in the order of their slots."""

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._order: deque[tuple[int, str]] = deque()

    def __contains__(self, signature: str) -> bool:
        return signature in self._known

    def add(self, signature: str, slot: int) -> None:
        self._known.add(signature)
        self._order.append((slot, signature))

    def forget_before(self, slot: int) -> None:
        """Older ones cannot come again."""
        while self._order and self._order[0][0] < slot:
            self._known.discard(self._order.popleft()[1])

    def forget_from(self, slot: int) -> list[str]:
        """Undo `add` from that slot on; what is forgotten, oldest first."""
        lost = []
        while self._order and self._order[-1][0] >= slot:
            lost.append(self._order.pop()[1])
        self._known.difference_update(lost)
        return lost[::-1]
