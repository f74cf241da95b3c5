"""Traditional characters to simplified ones, by OpenCC."""

import threading

import opencc


class OpenccScript:
    """Call it with a text. One converter for all threads, one thread at a time."""

    def __init__(self) -> None:
        self._converter = opencc.OpenCC("t2s")
        self._lock = threading.Lock()

    def __call__(self, text: str) -> str:
        """The text in simplified characters."""
        with self._lock:
            return str(self._converter.convert(text))
