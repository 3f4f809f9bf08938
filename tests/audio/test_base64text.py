"""Base64 is strict, and the same with and without the faster package."""

from __future__ import annotations

import base64
import importlib.util
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.audio import base64text


@given(st.binary(max_size=400), st.sampled_from([0, base64text.SHORT]))
def test_it_is_the_usual_base64(data: bytes, more: int) -> None:
    data += bytes(more)
    text = base64text.encode(data)
    assert text == base64.b64encode(data).decode()
    assert base64text.encode_ascii(data) == text.encode()
    assert base64text.decode(text) == base64text.decode(text.encode()) == data


@pytest.mark.parametrize("text", ["not base64!", "AAA", "AA=", "A", "AAAA\n", "AA==AA==", "ÄÄÄÄ", "AA-_"])
@pytest.mark.parametrize("before", ["", "A" * (base64text.SHORT + 4)], ids=["short", "long"])
@pytest.mark.parametrize("with_pybase64", [True, False])
def test_what_is_not_base64_is_refused(
    text: str, before: str, with_pybase64: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if with_pybase64:
        pytest.importorskip("pybase64")
    else:
        monkeypatch.setattr(base64text, "pybase64", None)
    with pytest.raises(ValueError):
        base64text.decode(before + text)


def test_it_works_where_pybase64_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pybase64", None)
    spec = importlib.util.spec_from_file_location("base64text_alone", base64text.__file__)
    assert spec is not None and spec.loader is not None
    alone = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(alone)
    assert alone.pybase64 is None
    for size in (160, base64text.SHORT + 1):
        assert alone.decode(alone.encode_ascii(b"\xff" * size)) == b"\xff" * size
