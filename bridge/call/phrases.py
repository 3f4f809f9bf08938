"""What machines say when they pick up a telephone, in English, German, Spanish and French.

Matched against what the callee's line was transcribed as: lower case, no accents, no punctuation, single spaces. Each
phrase is one that people do not use when they pick up themselves ("she is not available" is said by people too, and
stands here only with what machines say around it).
"""

from __future__ import annotations

import re
import unicodedata

_FULL = (
    r"(mailbox|mail box|voicemail|voice mail|memory|inbox) (is|appears to be) (currently )?full",
    r"cannot accept (any )?(new |more )?messages",
    r"not accepting (any )?(new )?messages",
    r"(mailbox|mailbox des teilnehmers|speicher|postfach) ist voll",
    r"buzon (de voz )?(esta|se encuentra) lleno",
    r"(messagerie|boite vocale) est (pleine|saturee)",
)
_SCREENING = (
    r"(state|say) your name",
    r"(record|give) your name and (the |a )?(reason|purpose|why)",
    r"screening (service|assistant|your call)",
    r"call (is being screened|screening)",
    r"who('s| is) calling and why",
    r"why you('re| are) calling",
    r"reason for (your call|calling)",
    r"(ihren namen und den|namen und grund|grund ihres anrufs)",
    r"(diga|indique|grabe) su nombre",
    r"motivo de (su|la) llamada",
    r"(dites|indiquez|enregistrez|donnez) votre nom",
    r"(motif|raison) de votre appel",
)
_MACHINE = (
    r"(leave|record) (me |us |him |her |them )?(a |your |the )?(short |brief |detailed )?(voice )?message",
    r"leave (me |us )?your (full )?name",
    r"(after|at|following|wait for) the (tone|beep|signal)",
    r"(has been|been|being) forwarded to",
    r"(voice mail|voicemail|answering machine|automated voice messag)",
    r"(person|number|party|customer|subscriber) you(('re| are| have| were))? (calling|trying to reach|dialed|called) "
    r"(is|are|can't|cannot|can not) (not|currently|take|answer|unavailable)",
    r"(can't|cannot|can not|unable to) (take|answer) your call",
    r"(can't|cannot|can not|unable to) (come|get) to the phone",
    r"you('ve| have) reached the (voice|mailbox)",
    r"nach dem (signalton|ton|piep|pfeifton)",
    r"hinterlass(en sie|t)? (uns |mir |bitte )?(eine|ihre) nachricht",
    r"nachricht (hinterlassen|auf band|nach dem)",
    r"(teilnehmer|anschluss|gesprachspartner) ist (derzeit |zurzeit |zur zeit |im moment |momentan |leider )*nicht",
    r"(anrufbeantworter|mailbox von|sprachbox)",
    r"(despues de|tras|al oir) (la|el) (senal|tono|pitido)",
    r"(deje|dejar|dejanos|grabe) (su|un|tu|el) mensaje",
    r"(buzon de voz|contestador)",
    r"apres le (bip|signal)",
    r"(laissez|laisser) (moi |nous )?(un|votre) message",
    r"(messagerie vocale|boite vocale|repondeur)",
)
_MENU = (
    r"press (the )?(\d|one|two|three|four|five|six|seven|eight|nine|zero|star|pound|hash)\b",
    r"(main|following) (menu|options)",
    r"menu options have changed",
    r"drucken sie( bitte)? (die )?(\d|eins|zwei|drei|vier|funf|null)",
    r"(oprima|marque|pulse|presione) (el |la )?(\d|uno|dos|tres|cero)",
    r"(appuyez sur|tapez|faites le) (la touche )?(\d|un|deux|trois|zero)",
)
_WAIT = (
    r"(please )?(hold|stay) (on )?(the line|on)",
    r"^(please )?hold\b",
    r"see if (this|the|that) person",
    r"one moment",
    r"(thank you|thanks)$",
    r"(bleiben sie|einen moment)",
    r"(no cuelgue|un momento|espere)",
    r"(ne quittez pas|un instant|patientez)",
)

_KINDS = {
    kind: re.compile("|".join(phrases))
    for kind, phrases in (
        ("mailbox_full", _FULL),
        ("screening", _SCREENING),
        ("machine", _MACHINE),
        ("menu", _MENU),
        ("wait", _WAIT),
    )
}
_APOSTROPHE = re.compile(r"[\u2019`\u00b4]")
_NO_WORD = re.compile(r"[^\w']+")


def spoken_by(text: str) -> str:
    """Whose words these are: mailbox_full, screening, machine, menu or wait ("please hold"); "": anybody's.

    A mailbox that is full says so beside all else; a screening assistant may offer to take a message, and a voicemail
    greeting may offer keys.
    """
    plain = "".join(c for c in unicodedata.normalize("NFKD", text.lower()) if not unicodedata.combining(c))
    words = _NO_WORD.sub(" ", _APOSTROPHE.sub("'", plain)).strip()
    return next((kind for kind, pattern in _KINDS.items() if pattern.search(words)), "")
