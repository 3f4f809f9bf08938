"""The first sentence of a call that we place: that no person is speaking, and for whom.

FCC 24-17 (2024) counts AI voices as artificial ones, which must say at the beginning who is responsible for the call;
several laws ask for "this is no person" as well. One sentence says both.
"""

from __future__ import annotations

_ALONE = {
    "en": "This is an automated assistant.",
    "de": "Hier spricht ein automatischer Assistent.",
    "es": "Le habla un asistente automático.",
    "fr": "Ici un assistant automatique.",
    "it": "Parla un assistente automatico.",
    "pt": "Aqui fala um assistente automático.",
    "nl": "U spreekt met een automatische assistent.",
}
_FOR = {
    "en": "This is an automated assistant calling from {company}.",
    "de": "Hier spricht ein automatischer Assistent von {company}.",
    "es": "Le habla un asistente automático de {company}.",
    "fr": "Ici un assistant automatique de {company}.",
    "it": "Parla un assistente automatico di {company}.",
    "pt": "Aqui fala um assistente automático da {company}.",
    "nl": "U spreekt met een automatische assistent van {company}.",
}


def disclosed(language: str, company: str) -> str:
    """The sentence in this language (`de`, `de-AT` ...); in English where we have none in it."""
    short = language.replace("_", "-").partition("-")[0].lower()
    words = _FOR if company else _ALONE
    return words.get(short, words["en"]).format(company=company)


_SCREENED = {
    "en": "This is {company}, calling about {purpose}.",
    "de": "Hier ist {company}, es geht um {purpose}.",
    "es": "Llama {company}, sobre {purpose}.",
    "fr": "Ici {company}, au sujet de {purpose}.",
    "it": "Chiama {company}, riguardo a {purpose}.",
    "pt": "Aqui é {company}, sobre {purpose}.",
    "nl": "U spreekt met {company}, over {purpose}.",
}


def screened(language: str, company: str, purpose: str) -> str:
    """What a call-screening assistant is told; empty when nobody said who calls, or why."""
    if not company or not purpose:
        return ""
    short = language.replace("_", "-").partition("-")[0].lower()
    return _SCREENED.get(short, _SCREENED["en"]).format(company=company, purpose=purpose.rstrip("."))
