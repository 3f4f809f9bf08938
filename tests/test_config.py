"""Settings: who wins, where each value came from, one sentence for what cannot be used, and no secret ever shown."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from bridge.config import DOTENV_FILE, TOML_FILE, Settings, Sourced, check_public_url, is_loopback, load
from bridge.errors import ConfigError

SECRETS = {
    "OPENAI_API_KEY": "openai_api_key",
    "SUPERVISOR_API_KEY": "supervisor_api_key",
    "TWILIO_AUTH_TOKEN": "twilio_auth_token",
    "TWILIO_API_SECRET": "twilio_api_secret",
    "BRIDGE_ADMIN_TOKEN": "admin_token",
}


def refused(folder: Path, env: Mapping[str, str], flags: Mapping[str, object] | None = None) -> str:
    with pytest.raises(ConfigError) as error:
        load(flags, env, folder)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_without_anything_the_defaults_hold(tmp_path: Path) -> None:
    found = load(None, {}, tmp_path)
    assert found.settings == Settings()
    assert (found.settings.port, found.settings.realtime_model, found.settings.data) == (
        8080,
        "gpt-realtime-2.1",
        Path("data"),
    )
    assert {row["source"] for row in found.rows()} == {"default"}
    assert all(row["why"] and row["name"].isupper() for row in found.rows())
    assert len({row["name"] for row in found.rows()}) == len(dataclasses.fields(Settings))


def test_flag_beats_environment_beats_dotenv_beats_toml_beats_default(tmp_path: Path) -> None:
    (tmp_path / TOML_FILE).write_text('port = 1\nhost = "h1"\nadmin_port = 1\ndrain_s = 1\nrealtime_model = "toml"\n')
    (tmp_path / DOTENV_FILE).write_text("PORT=2\nBRIDGE_HOST=h2\nBRIDGE_ADMIN_PORT=2\nOTHER_PROGRAM=x\nBRIDGE_AGENT=\n")
    env = {"PORT": "3", "BRIDGE_HOST": "h3", "PATH": "/bin", "REALTIME_MODEL": ""}
    found = load({"port": 4, "host": None, "drain_s": None}, env, tmp_path)
    s = found.settings
    assert (s.port, s.host, s.admin_port, s.drain_s, s.limit_calls) == (4, "h3", 2, 1, 1000)
    assert (s.realtime_model, s.agent) == ("toml", ""), "an empty variable is not given"
    sources = {row["name"]: row["source"] for row in found.rows()}
    assert sources["PORT"] == "flag"
    assert sources["BRIDGE_HOST"] == "environment"
    assert sources["BRIDGE_ADMIN_PORT"] == DOTENV_FILE
    assert sources["BRIDGE_DRAIN_S"] == sources["REALTIME_MODEL"] == TOML_FILE
    assert sources["BRIDGE_AGENT"] == "default"


def test_values_get_their_types(tmp_path: Path) -> None:
    (tmp_path / TOML_FILE).write_text('insecure_dev = true\nport = 9000\ndata = "here"\n')
    env = {"REALTIME_INPUT_AUDIO": "pcmu", "BRIDGE_RECORD": " stereo ", "LOG_LEVEL": "DEBUG"}
    s = load({"drain_s": 7}, env, tmp_path).settings
    assert (s.insecure_dev, s.port, s.data, s.record, s.drain_s) == (True, 9000, Path("here"), "stereo", 7)
    assert (s.input_audio, s.output_audio) == ("pcmu", "pcm")
    for word, meant in {"yes": True, "ON": True, "1": True, "false": False, "Off": False, "0": False}.items():
        assert load(None, {"BRIDGE_INSECURE_DEV": word}, tmp_path).settings.insecure_dev is meant


def test_several_tokens_while_one_is_rotated() -> None:
    assert Settings(twilio_auth_token=" new , old ,, ").auth_tokens == ("new", "old")
    assert Settings().auth_tokens == ()


@pytest.mark.parametrize(
    ("changes", "url", "key"),
    [
        ({}, "https://api.openai.com/v1", "sk-o"),
        ({"realtime_url": "ws://127.0.0.1:9610/v1/realtime"}, "http://127.0.0.1:9610/v1", "sk-o"),
        ({"realtime_url": "wss://us.example.test/openai/v1/realtime?x=1"}, "https://us.example.test/openai/v1", "sk-o"),
        ({"realtime_url": "wss://us.example.test/talk"}, "https://us.example.test/v1", "sk-o"),
        (
            {"realtime_url": "ws://h/v1/realtime", "supervisor_url": "https://api.openai.com/v1/"},
            "https://api.openai.com/v1",
            "sk-o",
        ),
        ({"supervisor_url": "http://127.0.0.1:11434/v1"}, "http://127.0.0.1:11434/v1", ""),
        ({"supervisor_url": "http://api.openai.com/v1"}, "http://api.openai.com/v1", ""),
        ({"supervisor_url": "https://api.openai.com:444/v1"}, "https://api.openai.com:444/v1", ""),
        (
            {"supervisor_url": "https://llm.example.test/v1", "supervisor_api_key": "k"},
            "https://llm.example.test/v1",
            "k",
        ),
    ],
)
def test_the_text_model_is_beside_the_voice_and_the_key_goes_to_no_stranger(
    changes: dict[str, str], url: str, key: str
) -> None:
    found = Settings(openai_api_key="sk-o", **changes)  # type: ignore[arg-type]
    assert (found.text_url, found.text_key) == (url, key)


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings().port = 1  # type: ignore[misc]


# ---- secrets in files ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("env", SECRETS)
def test_a_secret_may_stand_in_a_mounted_file(tmp_path: Path, env: str) -> None:
    (tmp_path / "secret").write_text("  from-file\n")
    twin = {f"{env}_FILE": str(tmp_path / "secret")}
    assert getattr(load(None, twin, tmp_path).settings, SECRETS[env]) == "from-file"
    assert getattr(load(None, twin | {env: "itself"}, tmp_path).settings, SECRETS[env]) == "itself"
    (tmp_path / DOTENV_FILE).write_text(f"{env}_FILE={tmp_path / 'secret'}\n")
    found = load(None, {}, tmp_path)
    assert (getattr(found.settings, SECRETS[env]), found.sources[SECRETS[env]]) == ("from-file", DOTENV_FILE)


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_secret_file_that_cannot_be_read(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "secret"
    if content is not None:
        path.write_bytes(content)
    words = refused(tmp_path, {"OPENAI_API_KEY_FILE": str(path)})
    assert words.startswith(f"OPENAI_API_KEY_FILE: cannot read {path}: ")
    assert "cannot read" in refused(tmp_path, {"OPENAI_API_KEY_FILE": "a\0b"})
    assert "cannot read" in refused(tmp_path, {"OPENAI_API_KEY_FILE": str(tmp_path)})


def test_what_is_no_secret_has_no_twin(tmp_path: Path) -> None:
    assert "unknown setting BRIDGE_HOST_FILE" in refused(tmp_path, {"BRIDGE_HOST_FILE": "x"})


# ---- what cannot be used ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("env", "words"),
    [
        ({"PORT": "eighty"}, "PORT is 'eighty' (environment): it must be a whole number"),
        ({"PORT": "80.5"}, "whole number"),
        ({"PORT": "65536"}, "PORT is 65536 (environment): out of range"),
        ({"PORT": "-1"}, "out of range"),
        ({"BRIDGE_DRAIN_S": "-1"}, "out of range"),
        ({"BRIDGE_LIMIT_CALLS": "9" * 5000}, "whole number"),
        ({"REALTIME_DIALECT": "GA"}, "it can be ga or beta"),
        ({"REALTIME_AUDIO": "mp3"}, "REALTIME_AUDIO is 'mp3' (environment): it can be pcm or pcmu"),
        ({"REALTIME_OUTPUT_AUDIO": "None"}, "it can be pcm or pcmu"),
        ({"BRIDGE_RECORD": "mono"}, "it can be off or stereo"),
        ({"BRIDGE_INSECURE_DEV": "maybe"}, "it can be true or false"),
        ({"LOG_LEVEL": "loud"}, "it can be debug, info, warning or error"),
        (
            {"BRIDGE_ADMIN_PROT": "1"},
            "unknown setting BRIDGE_ADMIN_PROT in the environment; did you mean BRIDGE_ADMIN_PORT?",
        ),
        ({"BRIDGE_X": "1"}, "unknown setting BRIDGE_X in the environment"),
        ({"REALTIME_URL": "https://api.example.test"}, "it must look like wss://host/v1/realtime"),
        ({"REALTIME_URL": "wss://"}, "it must look like wss://"),
        ({"REALTIME_URL": "wss://[::1/x"}, "it must look like wss://"),
        ({"REALTIME_URL": "wss://h:port/x"}, "it must look like wss://"),
        ({"REALTIME_URL": "wss://h:99999/x"}, "it must look like wss://"),
        ({"REALTIME_URL": "wss://h/x#y"}, "it must look like wss://"),
        ({"SUPERVISOR_URL": "wss://h/v1"}, "SUPERVISOR_URL cannot be used: it must look like https://host/v1"),
        ({"SUPERVISOR_URL": "https://h:port/v1"}, "it must look like https://host/v1"),
        ({"SUPERVISOR_URL": "https://sk-x@h/v1"}, "without key or query"),
        ({"SUPERVISOR_API": "assistants"}, "it can be responses or chat"),
    ],
)
def test_a_bad_value_is_one_sentence(tmp_path: Path, env: dict[str, str], words: str) -> None:
    assert words in refused(tmp_path, env)


def test_bad_files_are_one_sentence_with_their_name(tmp_path: Path) -> None:
    toml = tmp_path / TOML_FILE
    for content, words in {
        b"port = ": "Invalid value",
        b"prot = 1": "unknown key 'prot'; did you mean port?",
        b"\xff": "decode",
        b"port = [1]": "whole number",
        b'insecure_dev = "perhaps"': "true or false",
    }.items():
        toml.write_bytes(content)
        said = refused(tmp_path, {})
        assert words in said
        assert TOML_FILE in said
    toml.unlink()
    (tmp_path / DOTENV_FILE).write_bytes(b"PORT=\xff\n")
    assert DOTENV_FILE in refused(tmp_path, {})
    (tmp_path / DOTENV_FILE).write_text("BRIDGE_AGNET=x\n")
    assert "in .env; did you mean BRIDGE_AGENT?" in refused(tmp_path, {})


def test_a_flag_is_checked_like_any_value(tmp_path: Path) -> None:
    assert "(flag): out of range" in refused(tmp_path, {}, {"port": 70000})


@pytest.mark.parametrize(
    "url",
    ["https://b.example.test", "https://b.example.test/", "https://b.example.test:8443/phone", "http://127.0.0.1:8080", "http://localhost",
     "http://[::1]:8080", "https://[2001:db8::1]/x"],
)  # fmt: skip
def test_public_urls(tmp_path: Path, url: str) -> None:
    assert load(None, {"PUBLIC_URL": url}, tmp_path).settings.public_url == url


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("b.example.test", "must look like https://"),
        ("wss://b.example.test", "must look like https://"),
        ("https://", "must look like https://"),
        ("https://b.example.test:0", "must look like https://"),
        ("https://b.example.test:99999", "must look like https://"),
        ("https://[::1", "must look like https://"),
        ("https://b.example.test?x=1", "must not hold a query"),
        ("https://b.example.test#x", "must not hold a query"),
        ("https://me@b.example.test", "must not hold a query"),
        ("http://b.example.test", "http:// is only for loopback"),
        ("http://10.0.0.1", "http:// is only for loopback"),
        ("http://127.evil.example.test", "http:// is only for loopback"),
    ],
)
def test_what_is_no_public_url(tmp_path: Path, url: str, words: str) -> None:
    assert words in refused(tmp_path, {"PUBLIC_URL": url})


@examples(deadline=None, database=None, derandomize=True, max_examples=200)
@given(st.text(max_size=30) | st.text(":/[]@?#.%0123abhtps", max_size=30).map("https://".__add__))
def test_any_public_url_is_taken_or_refused(text: str) -> None:
    try:
        check_public_url(text)
    except ConfigError:
        return
    assert text.strip().lower().startswith("http")


def test_what_loopback_is() -> None:
    assert all(map(is_loopback, ("localhost", "127.0.0.1", "127.1.2.3", "::1")))
    assert not any(map(is_loopback, ("", "0.0.0.0", "127.evil.test", "127", "example.test", "::", "10.0.0.1")))  # noqa: S104


# ---- nothing shows a secret ---------------------------------------------------------------------------------------

HIDDEN = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=12, max_size=40)


@examples(deadline=None, database=None, derandomize=True, max_examples=50)
@given(st.fixed_dictionaries({env: HIDDEN.map("zq".__add__) for env in SECRETS}))
def test_no_secret_is_ever_shown(env: dict[str, str]) -> None:
    found = load(None, env, Path("/nowhere"))
    shown = repr(found) + repr(found.settings) + str(found.settings) + f"{found.settings!s}" + repr(found.rows())
    assert not any(value in shown for value in env.values())
    assert {name: getattr(found.settings, field) for name, field in SECRETS.items()} == env
    masked = {row["name"]: row["value"] for row in found.rows() if row["name"] in env}
    assert set(masked.values()) == {"***"}
    wrong = env | {"PORT": "x", "TWILIO_API_KEY": "SK1"}
    assert not any(value in refused(Path("/nowhere"), wrong) for value in env.values())


def test_a_secret_that_is_not_set_is_shown_as_not_set() -> None:
    rows = Sourced(Settings(), {}).rows()
    assert {row["value"] for row in rows if row["name"] in SECRETS} == {""}


def test_every_setting_whose_name_sounds_secret_is_one() -> None:
    for field in dataclasses.fields(Settings):
        sounds = any(word in field.name for word in ("token", "secret", "password", "api_key"))
        # TWILIO_API_KEY is an identifier (SK...) that stands in logs and consoles; its secret is TWILIO_API_SECRET.
        expected = (sounds and field.name != "twilio_api_key") or field.name in ("database_url", "webhook_url")
        assert bool(field.metadata["secret"]) is expected, field.name


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://anna:zqpw@db.example.test/bridge", "postgresql://anna:***@db.example.test/bridge"),
        ("postgresql://anna:zq@pw@db/bridge?sslmode=require", "postgresql://anna:***@db/bridge?sslmode=require"),
        ("postgresql://db/bridge?user=anna&password=zqpw&a=b", "postgresql://db/bridge?user=anna&password=***&a=b"),
        ("anna:zqpw@db.example.test", "***"),
        ("sqlite:///data/callbridge.db", "sqlite:///data/callbridge.db"),
        ("", ""),
    ],
)
def test_of_the_database_s_url_all_but_the_password_is_shown(tmp_path: Path, url: str, shown: str) -> None:
    found = load(None, {"DATABASE_URL": url}, tmp_path)
    assert {row["value"] for row in found.rows() if row["name"] == "DATABASE_URL"} == {shown}
    assert "zqpw" not in repr(found)
    (tmp_path / "url").write_text(url)
    assert load(None, {"DATABASE_URL_FILE": str(tmp_path / "url")}, tmp_path).settings.database_url == url
