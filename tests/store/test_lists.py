"""Who must not be called, who agreed, who did what, and what was spent: the same on both databases."""

from __future__ import annotations

import sqlalchemy as sa
from store_house import House

from bridge.store import audit, base, consents, do_not_call, spending, tables
from bridge.store.audit import Audit
from bridge.store.base import AuditEntry, Consent, DoNotCall
from bridge.store.database import Database
from bridge.store.do_not_call import DoNotCallList

ANNA, BEN = "+14155550101", "+14155550102"


def number(n: int) -> str:
    return f"+1415{n:07}"


async def with_contacts(db: Database, states: dict[str, tuple[str, base.ContactState]]) -> None:
    def put(conn: sa.Connection) -> None:
        for campaign_id in states:
            campaign = base.Campaign(campaign_id, campaign_id, "running", "", "", {}, 1.0)
            conn.execute(tables.campaigns.insert(), tables.values(campaign))
        for line, (campaign_id, (phone, state)) in enumerate(states.items(), 2):
            contact = base.Contact(line, campaign_id, line, phone, state=state)
            conn.execute(tables.contacts.insert(), tables.values(contact))

    await db.write(put)


async def states(db: Database) -> dict[str, tuple[str, str]]:
    query = sa.select(tables.contacts.c.campaign_id, tables.contacts.c.state, tables.contacts.c.outcome)
    return {row[0]: (row[1], row[2]) for row in await db.read(lambda conn: conn.execute(query).all())}


# ---- do not call --------------------------------------------------------------------------------------------------


def test_who_said_no_is_skipped_in_every_campaign_at_once(house: House) -> None:
    async def story(db: Database) -> None:
        await with_contacts(
            db,
            {
                "a": (ANNA, "waiting"),
                "b": (ANNA, "retry_at"),
                "c": (ANNA, "in_call"),
                "d": (ANNA, "done"),
                "e": (BEN, "waiting"),
            },
        )
        book = DoNotCallList(db)
        assert await book.add(DoNotCall(ANNA, 5.0, "call", "said so", "call_1"))
        assert await states(db) == {
            "a": ("skipped", "do_not_call"),
            "b": ("skipped", "do_not_call"),
            "c": ("in_call", ""),
            "d": ("done", ""),
            "e": ("waiting", ""),
        }
        assert not await book.add(DoNotCall(ANNA, 9.0, "import")), "the first one stays"
        assert (await book.page(10))[0] == DoNotCall(ANNA, 5.0, "call", "said so", "call_1")

    house.run(story)


def test_a_contact_that_came_in_later_is_skipped_when_the_number_is_told_again(house: House) -> None:
    async def story(db: Database) -> None:
        book = DoNotCallList(db)
        await book.add(DoNotCall(ANNA, 5.0, "call"))
        await with_contacts(db, {"a": (ANNA, "waiting")})
        assert not await book.add(DoNotCall(ANNA, 6.0, "call"))
        assert await states(db) == {"a": ("skipped", "do_not_call")}

    house.run(story)


def test_a_long_list_is_taken_in_parts_and_looked_up_at_once(house: House) -> None:
    async def story(db: Database) -> None:
        book = DoNotCallList(db)
        entries = (DoNotCall(number(n % 1200), float(n), "import") for n in range(1500))
        assert await book.add_many(entries) == 1200
        assert await book.listed(number(n) for n in range(1000, 3000)) == {number(n) for n in range(1000, 1200)}
        assert await book.listed([]) == frozenset()

    house.run(story)


def test_the_list_is_read_page_by_page_newest_first(house: House) -> None:
    async def story(db: Database) -> None:
        book = DoNotCallList(db)
        await book.add_many(DoNotCall(number(n), float(n // 3), "import") for n in range(10))
        seen: list[DoNotCall] = []
        while page := await book.page(4, seen[-1] if seen else None):
            seen += page
        assert [entry.phone for entry in seen] == [number(n) for n in reversed(range(10))]

    house.run(story)


def test_a_number_comes_off_only_with_a_word_about_who_and_why(house: House) -> None:
    async def story(db: Database) -> None:
        book = DoNotCallList(db)
        await book.add(DoNotCall(ANNA, 5.0, "import", "wrong file"))
        assert await book.remove(ANNA, who="operator", at=7.0, why="the file was last year's")
        assert not await book.remove(ANNA, who="operator", at=8.0, why="again")
        assert await book.listed([ANNA]) == frozenset()
        (entry,) = (await Audit(db).page(10, subject=ANNA)).entries
        assert (entry.who, entry.before["reason"], entry.after["why"]) == (
            "operator",
            "wrong file",
            "the file was last year's",
        )

    house.run(story)


# ---- consent, audit, spending -------------------------------------------------------------------------------------


def test_consent_is_kept_once_however_often_a_list_is_imported(house: House) -> None:
    async def story(db: Database) -> None:
        form = Consent(ANNA, 10.0, "web form", "2026-01-05", "c1", "reminders")
        phone = Consent(ANNA, 11.0, "on the phone", "2026-02-05", "c2")
        await db.write(consents.record, [form, phone])
        await db.write(consents.record, [Consent(ANNA, 99.0, "web form", "2026-01-05", "c1", "reminders")])
        await db.write(consents.record, [])
        assert await db.read(consents.of, ANNA) == [form, phone]
        assert await db.read(consents.of, BEN) == []

    house.run(story)


def test_an_import_keeps_its_consents_or_nothing(house: House) -> None:
    def fails(conn: sa.Connection) -> None:
        consents.record(conn, [Consent(ANNA, 1.0, "form")])
        raise LookupError

    async def story(db: Database) -> None:
        try:
            await db.write(fails)
        except LookupError:
            assert await db.read(consents.of, ANNA) == []

    house.run(story)


def test_the_trail_is_read_by_subject_and_page_by_page(house: House) -> None:
    async def story(db: Database) -> None:
        trail = Audit(db)
        for n in range(7):
            entry = AuditEntry(float(n), "anna", "campaign.pause", f"c{n % 2}", {"state": "running"}, {"n": n})
            await trail.add(entry)
        seen, before = [], None
        while True:
            page = await trail.page(3, before=before)
            seen += [entry.after["n"] for entry in page.entries]
            before = page.before
            if before is None:
                break
        assert seen == [6, 5, 4, 3, 2, 1, 0]
        assert [entry.after["n"] for entry in (await trail.page(9, subject="c1")).entries] == [5, 3, 1]
        await db.write(audit.note, AuditEntry(9.0, "ben", "x", "c9"))
        assert (await trail.page(1)).entries[0] == AuditEntry(9.0, "ben", "x", "c9")

    house.run(story)


def test_spending_adds_up_by_day_and_by_campaign(house: House) -> None:
    async def story(db: Database) -> None:
        assert await db.read(spending.spent, None, None) == 0.0
        for day, campaign_id, usd in (
            ("2026-05-01", "a", 0.25),
            ("2026-05-01", "a", 0.5),
            ("2026-05-01", "", 1.0),
            ("2026-05-02", "a", 2.0),
        ):
            await db.write(spending.add, day, campaign_id, usd)
        assert await db.read(spending.spent, "2026-05-01", "a") == 0.75
        assert await db.read(spending.spent, "2026-05-01", None) == 1.75
        assert await db.read(spending.spent, None, "a") == 2.75
        assert await db.read(spending.spent, None, "") == 1.0
        await db.write(spending.add, "2026-05-02", "a", -0.5)
        assert await db.read(spending.spent, None, None) == 3.25

    house.run(story)


def test_a_claim_may_look_at_the_list_in_its_own_transaction(house: House) -> None:
    def claim(conn: sa.Connection) -> frozenset[str]:
        do_not_call.add(conn, [DoNotCall(ANNA, 1.0, "key")])
        return do_not_call.listed(conn, [ANNA, BEN])

    async def story(db: Database) -> None:
        assert await db.write(claim) == {ANNA}

    house.run(story)
