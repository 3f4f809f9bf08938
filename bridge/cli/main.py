"""`callbridge`: the verbs, and what their errors mean to a shell.

Exit codes: 0 ok, 1 problem found, 2 usage (a setting, an agent, an argument), 3 an outside service failed,
130 interrupted. A user's mistake is one sentence on stderr, never a stack.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from bridge.errors import BridgeError, CarrierError, ModelError, UsageError

app = typer.Typer(
    name="callbridge",
    help="A speech-to-speech model on the telephone.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
calls_app = typer.Typer(help="Look at calls, live and past.", no_args_is_help=True)
config_app = typer.Typer(help="Look at the settings.", no_args_is_help=True)
sim_app = typer.Typer(help="The parts of the pretend world, each alone.", no_args_is_help=True)
app.add_typer(calls_app, name="calls")
app.add_typer(config_app, name="config")
app.add_typer(sim_app, name="sim")

Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
Host = Annotated[str, typer.Option(help="Address to listen on.")]
Port = Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.")]


@app.command()
def serve(
    agent: Annotated[str | None, typer.Argument(help="module:attr or an agent file; default: reception.")] = None,
    host: Annotated[str | None, typer.Option(help="Public listener's address (BRIDGE_HOST).")] = None,
    port: Annotated[int | None, typer.Option(help="Public listener's port (PORT).")] = None,
    admin_port: Annotated[int | None, typer.Option(help="Admin listener's port (BRIDGE_ADMIN_PORT).")] = None,
    insecure_dev: Annotated[
        bool, typer.Option("--insecure-dev", help="No signatures. Only on a loopback address.")
    ] = False,
) -> None:
    """Answer calls: the public listener for the carrier, the admin listener for people."""
    from bridge.cli.serve import run

    flags = {"agent": agent, "host": host, "port": port, "admin_port": admin_port, "insecure_dev": insecure_dev or None}
    run(flags)


@app.command()
def demo(
    say: Annotated[
        list[str] | None, typer.Option(help="What your caller says, instead of the script. Repeat it.")
    ] = None,
    wav: Annotated[Path | None, typer.Option(help="A WAV file that your caller plays, instead of the script.")] = None,
    data: Annotated[Path | None, typer.Option(help="Where the call's folder goes (BRIDGE_DATA).")] = None,
    audio: Annotated[str | None, typer.Option(help="pcm or pcmu (REALTIME_AUDIO).")] = None,
    dialect: Annotated[str | None, typer.Option(help="ga or beta (REALTIME_DIALECT).")] = None,
    json_: Json = False,
) -> None:
    """Place one simulated call through the real bridge: no key, no number, no internet."""
    from bridge.cli.demo import run

    run(say=say or [], wav=wav, data=data, audio=audio, dialect=dialect, as_json=json_)


@calls_app.command("show")
def calls_show(
    call_id: Annotated[str, typer.Argument(help="The call's id, or `last`.")] = "last", json_: Json = False
) -> None:
    """One call: who, when, why it ended, and every turn."""
    from bridge.cli.calls import show

    show(call_id, as_json=json_)


@calls_app.command("list")
def calls_list(limit: Annotated[int, typer.Option(help="How many.", min=1)] = 20, json_: Json = False) -> None:
    """Calls, newest first."""
    from bridge.cli.calls import list_calls

    list_calls(limit, as_json=json_)


@config_app.command("show")
def config_show(json_: Json = False) -> None:
    """Every setting with its value, where it came from, and what it is for. Secrets are masked."""
    from bridge.cli.config import show

    show(as_json=json_)


def main() -> None:
    """The console script."""
    try:
        app()
    except UsageError as error:
        _fail(error, 2)
    except (ModelError, CarrierError) as error:
        _fail(error, 3)
    except BridgeError as error:
        _fail(error, 1)
    except KeyboardInterrupt:
        sys.exit(130)


def _fail(error: BridgeError, code: int) -> None:
    print(f"callbridge: {error}", file=sys.stderr)
    sys.exit(code)
