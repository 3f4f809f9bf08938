"""No secret is compared by `==` or `in`: that takes longer the more of it is right. `hmac.compare_digest` does not."""

import ast
from pathlib import Path

BRIDGE = Path(__file__).parents[1] / "bridge"
WORDS = ("token", "secret", "signature", "nonce", "api_key", "password")

ALLOWED: dict[str, str] = {}
"""`file: comparison` -> why it is safe. A look-up of a random 144-bit token in a dict needs no `in` (`pop`, `get`)."""


def names_in(node: ast.expr) -> set[str]:
    """The names a compared value is made of; what a call returns or a length says is not the value itself."""
    if isinstance(node, ast.Name):
        return {node.id}
    if isinstance(node, ast.Attribute):
        return {node.attr}
    if isinstance(node, ast.Subscript):
        key = node.slice.value if isinstance(node.slice, ast.Constant) else ""
        return names_in(node.value) | ({key} if isinstance(key, str) else set())
    if isinstance(node, ast.Call):
        if not is_getter(node):
            return set()
        keys = {arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)}
        return keys | names_in(node.func.value) if isinstance(node.func, ast.Attribute) else keys
    return set()


def is_getter(node: ast.Call) -> bool:
    return isinstance(node.func, ast.Attribute) and node.func.attr in (
        "get",
        "strip",
        "lower",
        "encode",
        "removeprefix",
    )


def sounds_secret(node: ast.expr) -> bool:
    return any(word in name.lower().replace("-", "_") for name in names_in(node) for word in WORDS)


def is_nothing(node: ast.expr) -> bool:
    """A constant from our own text: comparing with `None` or `""` tells nobody more than whether there is one."""
    return isinstance(node, ast.Constant)


def findings(source: str) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Compare):
            continue
        sides = [node.left, *node.comparators]
        compares = any(isinstance(op, ast.Eq | ast.NotEq | ast.In | ast.NotIn) for op in node.ops)
        if compares and any(map(sounds_secret, sides)) and not any(map(is_nothing, sides)):
            found.append(ast.unparse(node))
    return found


def test_no_secret_is_compared_by_its_characters() -> None:
    found = {
        f"{path.relative_to(BRIDGE)}: {text}"
        for path in sorted(BRIDGE.rglob("*.py"))
        for text in findings(path.read_text("utf-8"))
    }
    assert found - set(ALLOWED) == set(), "use hmac.compare_digest, or say in ALLOWED why this one is safe"
    assert set(ALLOWED) - found == set(), "no longer there: take it out of ALLOWED"


def test_the_search_finds_what_it_should() -> None:
    bads = ["token == given", "given in tokens", "a.auth_token != b", "nonce not in seen", "x == secret.strip()"]
    for bad in [*bads, 'h["x-twilio-signature"] == s', 'headers.get("admin-token", "") == x']:
        assert findings(bad) == [ast.unparse(ast.parse(bad).body[0].value)], bad  # type: ignore[attr-defined]
    for good in (
        "compare_digest(token, given)",
        "token is None",
        'token == ""',
        "len(token) > 3",
        "tokens[token]",
        "kind == 'token'",
    ):
        assert findings(good) == [], good


def test_the_search_covers_the_whole_house() -> None:
    rooms = {path.relative_to(BRIDGE).parts[0] for path in BRIDGE.rglob("*.py")}
    assert {"carriers", "realtime", "live", "web", "config.py"} <= rooms
