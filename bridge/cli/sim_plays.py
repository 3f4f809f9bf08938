"""`callbridge sim world` and `callbridge sim campaign`: plays in which everybody is pretended but us."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
Share = Annotated[str, typer.Option(help="Who they are: human=0.5,voicemail=0.3,no_answer=0.2.")]


def world(
    agent: Annotated[str, typer.Argument(help="Who talks: module:attr or an agent file; default: reception.")] = "",
    data: Annotated[Path, typer.Option(help="Where calls and database go (BRIDGE_DATA).")] = Path("data"),
    crowd: Annotated[int, typer.Option(metavar="SEED", help="Which people are at the numbers.")] = 1,
    share: Share = "",
    cps: Annotated[float, typer.Option(help="Calls the carrier begins each second.", min=0.001)] = 5.0,
    countries: Annotated[str, typer.Option(help="Countries that may be called (BRIDGE_COUNTRIES).")] = "US",
    port: Annotated[int, typer.Option(help="Public listener's port.")] = 8080,
    admin_port: Annotated[int, typer.Option(help="Admin listener's port.")] = 8081,
) -> None:
    """The whole pretend world, until Ctrl-C: other commands find it by themselves. No key, no number, no internet."""
    from bridge.cli.sim_world import WorldWish, run

    wish = WorldWish(
        data=data,
        agent=agent,
        port=port,
        admin_port=admin_port,
        seed=crowd,
        share=share,
        cps=cps,
        countries=countries,
    )
    sys.exit(run(wish))


def campaign(  # noqa: PLR0913, PLR0917 - each is a flag
    file: Annotated[Path | None, typer.Argument(help="A contact file; default: made-up people.")] = None,
    contacts: Annotated[int, typer.Option(help="How many made-up people.", min=1)] = 50,
    crowd: Annotated[int, typer.Option(metavar="SEED", help="Which people are at the numbers.")] = 1,
    share: Share = "",
    silent: Annotated[bool, typer.Option("--silent", help="Nobody says a word; costs next to nothing.")] = False,
    faults: Annotated[str, typer.Option(help="What orders meet: rate_limited=0.01,timeout_placed=0.01.")] = "",
    callbacks: Annotated[str, typer.Option(help="What callbacks meet: lost=0.05,doubled=0.05,late=0.1.")] = "",
    rules: Annotated[Path | None, typer.Option(help="The campaign's rules, TOML or JSON.")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="One rule. Repeat it.")] = None,
    real_time: Annotated[bool, typer.Option("--real-time", help="As long as it takes, not virtual time.")] = False,
    data: Annotated[Path | None, typer.Option(help="Keep calls and database in this empty folder.")] = None,
    json_: Json = False,
) -> None:
    """Run a whole campaign against the pretend carrier: days of windows and retries in seconds."""
    from bridge.cli.given import rules as given_rules
    from bridge.cli.sim import PopulationFlags
    from bridge.cli.sim_campaign import CampaignPlay, run

    people = PopulationFlags(crowd=crowd, share=share, silent=silent, faults=faults, callbacks=callbacks)
    play = CampaignPlay(
        contacts=contacts,
        file=file,
        population=people,
        rules=given_rules(rules, set_ or []),
        real_time=real_time,
        data=data,
        as_json=json_,
    )
    sys.exit(run(play))
