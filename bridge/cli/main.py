"""`callbridge`: the verbs, and what their errors mean to a shell.

Exit codes: 0 ok, 1 problem found, 2 usage (a setting, an agent, an argument), 3 an outside service failed,
130 interrupted. A user's mistake is one sentence on stderr, never a stack.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from bridge.cli import campaign, db, do_not_call, numbers, sim_plays, tokens, webhook
from bridge.errors import BridgeError, CarrierError, ModelError, TunnelError, UsageError

if TYPE_CHECKING:
    from bridge.sim.ears import EarsKind

app = typer.Typer(
    name="callbridge",
    help="A speech-to-speech model on the telephone.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
calls_app = typer.Typer(help="Look at calls, live and past.", no_args_is_help=True)
agents_app = typer.Typer(help="Look at agents without a call.", no_args_is_help=True)
config_app = typer.Typer(help="Look at the settings.", no_args_is_help=True)
sim_app = typer.Typer(help="The parts of the pretend world, each alone.", no_args_is_help=True)
app.add_typer(agents_app, name="agents")
app.add_typer(calls_app, name="calls")
app.add_typer(campaign.app, name="campaign")
app.add_typer(config_app, name="config")
app.add_typer(db.app, name="db")
app.add_typer(do_not_call.app, name="do-not-call")
app.add_typer(numbers.app, name="numbers")
app.add_typer(sim_app, name="sim")
sim_app.command("world")(sim_plays.world)
sim_app.command("campaign")(sim_plays.campaign)
app.add_typer(tokens.app, name="tokens")
app.add_typer(webhook.app, name="webhook")

Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
Host = Annotated[str, typer.Option(help="Address to listen on.")]
Port = Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.", min=0, max=65535)]
PublicUrl = Annotated[str, typer.Option(help="The application's URL as the carrier knows it (PUBLIC_URL).")]
Connect = Annotated[str, typer.Option(metavar="HOST:PORT", help="Where PUBLIC_URL really listens, on this machine.")]
Sid = Annotated[str, typer.Option(help="The account's SID (TWILIO_ACCOUNT_SID).")]
Token = Annotated[str, typer.Option(help="The account's token, to sign with (TWILIO_AUTH_TOKEN).")]
Latency = Annotated[float, typer.Option(help="The way between carrier and phone, in ms.", min=0, max=10_000)]


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
def dialer(
    agent: Annotated[str | None, typer.Argument(help="Who talks where a campaign names nobody, as in serve.")] = None,
) -> None:
    """Run campaigns without answering calls: beside `serve`, as many as wanted on PostgreSQL."""
    from bridge.cli.dialer import run

    run({"agent": agent})


@app.command()
def call(  # noqa: PLR0913, PLR0917 - each is a flag
    to: Annotated[str, typer.Argument(help="Their number: +14155550123.")],
    agent: Annotated[str, typer.Option(help="Who talks: module:attr or a file; default: who serves.")] = "",
    from_: Annotated[str, typer.Option("--from", help="One of your numbers (TWILIO_PHONE_NUMBER).")] = "",
    var: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="What the agent knows. Repeat it.")
    ] = None,
    max_minutes: Annotated[float | None, typer.Option(help="The call ends after this time.")] = None,
    voicemail: Annotated[str | None, typer.Option(help="On a machine: hang_up, message or recording.")] = None,
    voicemail_text: Annotated[str | None, typer.Option(help="The message that is left.")] = None,
    sets: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Another rule.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Ask no questions.")] = False,
    json_: Json = False,
) -> None:
    """Call one number by a running `serve`, and follow the call to its end. Exit code 1: nobody was reached."""
    from bridge.cli import given
    from bridge.cli.call import Wish, run

    flags = {"max_minutes": max_minutes, "voicemail": voicemail, "voicemail_text": voicemail_text}
    rules = given.pairs("--set", sets or []) | {name: value for name, value in flags.items() if value is not None}
    run(Wish(to, agent, from_, given.pairs("--var", var or []), rules, yes, json_))


@app.command()
def openapi() -> None:
    """Print the admin API as OpenAPI 3.1, one JSON document."""
    import json

    from bridge.web.openapi import document

    print(json.dumps(document(), ensure_ascii=False, indent=1))


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


@app.command()
def talk(
    agent: Annotated[str, typer.Argument(help="module:attr or an agent file; default: the configured one.")] = "",
    browser: Annotated[
        bool,
        typer.Option("--browser/--text", help="By voice, on the page /talk (served, if nobody does); or in writing."),
    ] = False,
    open_: Annotated[bool, typer.Option("--open/--no-open", help="Open that page.")] = True,
) -> None:
    """Talk to an agent: in this terminal, in writing, or in the browser, by voice."""
    if browser:
        from bridge.cli.talk_browser import run as run_browser

        run_browser(agent, open_page=open_)
        return
    from bridge.cli.talk import run

    run(agent)


@app.command()
def dev(
    agent: Annotated[str, typer.Argument(help="module:attr or an agent file; default: the configured one.")] = "",
    tunnel: Annotated[str, typer.Option(help="ngrok, cloudflared, none, or an https:// URL that leads here.")] = "",
    number: Annotated[str, typer.Option(help="Point this number here meanwhile; default: TWILIO_PHONE_NUMBER.")] = "",
    port: Annotated[int | None, typer.Option(help="Public listener's port (PORT).")] = None,
    admin_port: Annotated[int | None, typer.Option(help="Admin listener's port (BRIDGE_ADMIN_PORT).")] = None,
    reload: Annotated[
        bool, typer.Option("--reload/--no-reload", help="Start anew when the agent's files change.")
    ] = True,
    open_: Annotated[bool, typer.Option("--open", help="Open the console in a browser.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Ask nothing.")] = False,
) -> None:
    """Serve an agent while you write it: new calls go to its newest code. It needs no key and no number."""
    from bridge.cli.dev import DevWish, run

    run(DevWish(agent, tunnel, number, port, admin_port, reload, open_, yes))


@app.command()
def doctor(
    only: Annotated[str, typer.Option(help="Some checks alone, by their ids: openai,twilio.")] = "",
    fix: Annotated[bool, typer.Option("--fix", help="Mend what can be mended, after a question each.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Ask nothing.")] = False,
    json_: Json = False,
) -> None:
    """Is everything there that a call needs? What is wrong, why, what mends it. Exit code 1 when something fails."""
    from bridge.cli.doctor import run

    run(only=only, fix=fix, yes=yes, as_json=json_)


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="The agent's name: a folder of this name is made.")],
    template: Annotated[str, typer.Option(help="blank, reception, survey, or file (TOML, no Python).")] = "blank",
) -> None:
    """Make a folder with an agent, a test that calls it, and a README. Overwrites nothing."""
    from bridge.cli.new import new

    new(name, template)


@agents_app.command("check")
def agents_check(
    specs: Annotated[
        list[str] | None,
        typer.Argument(metavar="[SPEC]...", help="module:attr or a file; default: BRIDGE_AGENT."),
    ] = None,
    json_: Json = False,
) -> None:
    """What is wrong with agents, by file and line. Exit code 1 when one of them has an error."""
    from bridge.cli.agents import check

    check(specs or [], as_json=json_)


@agents_app.command("list")
def agents_list(json_: Json = False) -> None:
    """The agent that answers, and the bundled examples."""
    from bridge.cli.agents import list_agents

    list_agents(as_json=json_)


@agents_app.command("show")
def agents_show(
    spec: Annotated[str | None, typer.Argument(help="module:attr or an agent file; default: BRIDGE_AGENT.")] = None,
    json_: Json = False,
) -> None:
    """Everything about one agent: its words, tools and settings."""
    from bridge.cli.agents import show

    show(spec, as_json=json_)


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


@calls_app.command("explain")
def calls_explain(
    call_id: Annotated[str, typer.Argument(help="The call's id, or `last`.")] = "last", json_: Json = False
) -> None:
    """Why a call ended and what went wrong in it: gaps, one-way audio, slow turns, tools, interruptions."""
    from bridge.cli.explain import explain

    explain(call_id, as_json=json_)


@calls_app.command("replay")
def calls_replay(
    call_id: Annotated[str, typer.Argument(help="The call whose caller is played.")],
    agent: Annotated[str, typer.Option(help="Who answers: module:attr or a file; default: BRIDGE_AGENT.")] = "",
    model: Annotated[str, typer.Option(help="Another model (REALTIME_MODEL), whatever the agent says.")] = "",
    json_: Json = False,
) -> None:
    """Play a past call's caller to another agent or model, and show both calls side by side. Tools really run."""
    from bridge.cli.replay import run

    run(call_id, agent, model, as_json=json_)


@sim_app.command("model")
def sim_model(  # noqa: PLR0913, PLR0917 - each is a flag
    host: Host = "127.0.0.1",
    port: Port = 0,
    ears: Annotated[str, typer.Option(help="auto, energy, silero or sphinx.")] = "auto",
    script: Annotated[str, typer.Option(help="A bundled script's name, or a TOML file.")] = "reception",
    speed: Annotated[float, typer.Option(help="How many times faster than it plays sound is sent.")] = 8.0,
    delta_ms: Annotated[int, typer.Option(help="Sound in one delta, in ms.")] = 200,
    latency_ms: Annotated[int, typer.Option(help="Thinking time before an answer, in ms.", min=0)] = 100,
    session_seconds: Annotated[float, typer.Option(help="Longest session.")] = 3600.0,
    require_key: Annotated[str, typer.Option(help="Refuse every other API key.")] = "",
    strict_ga: Annotated[bool, typer.Option("--strict-ga", help="Refuse the beta dialect.")] = False,
    fault: Annotated[list[str] | None, typer.Option(help="Something to go wrong, as drop@event40. Repeat it.")] = None,
) -> None:
    """The local speech-to-speech model (LOCAL_LLM_URL, LOCAL_STT_URL, LOCAL_TTS_URL are followed)."""
    from bridge.cli.sim import run_model
    from bridge.sim.model import ModelOptions

    run_model(
        ModelOptions(
            host,
            port,
            cast("EarsKind", ears),
            script,
            speed,
            delta_ms,
            latency_ms,
            session_seconds,
            require_key,
            strict_ga,
            tuple(fault or ()),
        )
    )


@sim_app.command("carrier")
def sim_carrier(  # noqa: PLR0913, PLR0917 - each is a flag
    host: Host = "127.0.0.1",
    port: Port = 0,
    public_url: PublicUrl = "",
    connect: Connect = "",
    account_sid: Sid = "",
    auth_token: Token = "",
    strict: Annotated[bool, typer.Option("--strict", help="Let a call fail at its first problem.")] = False,
    phone_latency_ms: Latency = 0.0,
    recordings: Annotated[Path | None, typer.Option(help="Folder for what phones heard.")] = None,
    crowd: Annotated[
        int | None, typer.Option(metavar="SEED", help="Put people at all numbers, the same for one seed.")
    ] = None,
    people: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Who is at certain numbers: +14155550123,no_answer human")
    ] = None,
    share: Annotated[str, typer.Option(help="How many of whom are in the crowd: human=0.4,no_answer=0.6")] = "",
    silent: Annotated[bool, typer.Option("--silent", help="Nobody in the crowd says a word.")] = False,
    cps: Annotated[float, typer.Option(help="Calls begun each second; more wait in the queue.", min=0.001)] = 1.0,
    concurrency: Annotated[int | None, typer.Option(help="Calls at once; more are refused.", min=1)] = None,
    faults: Annotated[str, typer.Option(help="What orders meet: rate_limited=0.01,timeout_placed=0.01")] = "",
    callbacks: Annotated[str, typer.Option(help="What callbacks meet: lost=0.05,doubled=0.05,late=0.1")] = "",
    owns: Annotated[list[str] | None, typer.Option(help="A number of the account, to be pointed. Repeat it.")] = None,
) -> None:
    """The pretend phone company: REST API, signed webhooks, media streams; rung by POST /sim/calls."""
    from bridge.cli.sim import CarrierFlags, PopulationFlags, run_carrier

    flags = CarrierFlags(host, port, public_url, connect, account_sid, auth_token, strict, phone_latency_ms, recordings)
    run_carrier(
        flags, PopulationFlags(crowd, people, share, silent, cps, concurrency, faults, callbacks, tuple(owns or ()))
    )


@sim_app.command("phone")
def sim_phone(  # noqa: PLR0913, PLR0917 - each is a flag
    host: Host = "127.0.0.1",
    port: Port = 0,
    public_url: PublicUrl = "",
    connect: Connect = "",
    account_sid: Sid = "",
    auth_token: Token = "",
    phone_latency_ms: Latency = 0.0,
    from_: Annotated[str, typer.Option("--from", help="Who calls.")] = "+14155550100",
    to: Annotated[str, typer.Option(help="Who is called.")] = "+14155550199",
    say: Annotated[list[str] | None, typer.Option(help="What the caller says. Repeat it.")] = None,
    wav: Annotated[Path | None, typer.Option(help="A WAV file that the caller plays.")] = None,
    script: Annotated[Path | None, typer.Option(help="A score: a text of one step a line.")] = None,
) -> None:
    """One caller, who rings a running `serve` through a pretend carrier and tells what happens."""
    from bridge.cli.sim import CarrierFlags
    from bridge.cli.sim_phone import PhoneFlags, run_phone

    flags = CarrierFlags(host, port, public_url, connect, account_sid, auth_token, phone_latency_ms=phone_latency_ms)
    run_phone(flags, PhoneFlags(from_, to, say or [], wav, script))


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
    except (ModelError, CarrierError, TunnelError) as error:
        _fail(error, 3)
    except BridgeError as error:
        _fail(error, 1)
    except KeyboardInterrupt:
        sys.exit(130)


def _fail(error: BridgeError, code: int) -> None:
    print(f"callbridge: {error}", file=sys.stderr)
    sys.exit(code)
