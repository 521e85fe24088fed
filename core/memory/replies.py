"""Whether what a model wrote instead of a summary replies to the conversation. Pure.

Weak models answer a question of the transcript instead of summing it up, and not all of them say
"I" or "you": "The capital of France is Paris." Such a text speaks of what was asked, and most of
the rest is new, since nobody has said it. A summary, however short, reports: it names who spoke, or
says that they asked, want or decided; and what it says was said.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from core.domain.session import Turn

_NEW = 1 / 4
"""The share of words that nobody has said from which on a text that reports nothing is a reply."""
_SENTENCE = re.compile(
    r"[^.!?\u2026\u3002\uff01\uff1f\u061f\n]+[.!?\u2026\u3002\uff01\uff1f\u061f]*"
)
_REQUEST = re.compile(
    r"(?i)\W*(?:please|pls|tell|give|write|explain|translate|list|show|name|describe|define|compute"
    r"|calculate|summari[sz]e|compare|suggest|recommend|spell|convert|finish|complete|continue"
    r"|bitte|nenne?|sag\w*|schreib\w*|erklär\w*|übersetz\w*|zeig\w*|gib|berechne"
    r"|dis|donne\w*|écris|expli\w+|tradui\w+|nomme\w*|montre\w*|calcule\w*"
    r"|di|dime|dame|escrib\w+|traduc\w+|nombra|muestra|dimmi|dammi|scrivi|spiega|traduci|elenca"
    r"|diga|dê|escreva|traduza|liste|geef|schrijf|vertaal|leg|noem|powiedz|napisz|wyjaśnij|podaj"
    r"|söyle|yaz|a\u00e7\u0131kla|çevir"
    r"|\u0441\u043a\u0430\u0436\u0438\w*|\u043d\u0430\u043f\u0438\u0448\u0438\w*"
    r"|\u043e\u0431\u044a\u044f\u0441\u043d\u0438\w*|\u043d\u0430\u0437\u043e\u0432\u0438\w*)\b"
    r"|\W*(?:请|告诉|翻译|写|解释|说明|教えて|書いて|訳して|説明して)"
    r"|.*(?:教えて|ください|알려|써\s?줘|주세요)"
)
_ASKS = re.compile(r"[?\uff1f\u061f]|[\u5417\u5462\u304b][\u3002.]?\Z")
_READ = 4_000
"""Characters of a text by which it is judged."""
_QUESTION = 500
"""The most characters of a question that count: its end."""
_REPORTS = re.compile(
    r"(?i)\b(?:users?|assistant|bot|participants?|speakers?|people|persons?|someone|everyone"
    r"|conversation|discussion|talk|chat|thread|transcript|summary|question|messages?|topics?"
    r"|ask(?:s|ed|ing)|said|says|told|tells|want(?:s|ed)|wish(?:es|ed)|mention(?:s|ed)"
    r"|discuss(?:es|ed|ing)|decid(?:es|ed)|agree[sd]?|plan(?:s|ned)|prefer(?:s|red)"
    r"|request(?:s|ed)|explain(?:s|ed)|suggest(?:s|ed)|recommend(?:s|ed)|answer(?:s|ed)"
    r"|repl(?:ies|ied)|report(?:s|ed)|need(?:s|ed)|promis(?:es|ed)|offer(?:s|ed)|confirm(?:s|ed)"
    r"|greet(?:s|ed)|clarif(?:ies|ied)|corrected|remember|remembers|allergic"
    r"|(?:be)?nutzer\w*|anwender\w*|assistent\w*|gespräch\w*|unterhaltung|zusammenfassung|thema"
    r"|frag(?:e|t|te|ten)|gefragt|sagt|sagte|möchte|wünscht|erwähnt\w*|besprochen|plant|bittet"
    r"|erklärt\w*|antwortet\w*|empfiehlt|braucht|beschlossen|vereinbart"
    r"|utilisat\w+|l['\u2019]assistant|conversation|résumé|demand(?:e|é|ait)|dit|souhaite|veut"
    r"|mentionn\w+|discut\w+|prévoi\w+|explique|répond\w*|préfère"
    r"|usuari\w+|asistente|conversación|resumen|pregunt(?:a|ó)|dijo|dice|quiere|mencion\w+"
    r"|explic(?:a|ó)|respond(?:e|ió)|prefiere|pide|pidió"
    r"|utente|assistente|conversazione|riassunto|chiede|chiesto|vuole|spiega(?:to)?|dice|detto"
    r"|usuário|conversa|resumo|pergunt(?:a|ou)|disse|quer|gebruiker|gesprek|samenvatting|vraagt"
    r"|vroeg|wil|użytkowni\w+|asystent\w*|rozmow\w+|podsumowanie|pyta|zapytał\w*|chce"
    r"|kullan\u0131c\u0131\w*|asistan\w*|konuşma\w*|özet|sordu|istiyor"
    r"|\u043f\u043e\u043b\u044c\u0437\u043e\u0432\u0430\u0442\w+"
    r"|\u0430\u0441\u0441\u0438\u0441\u0442\u0435\u043d\u0442\w*|\u0441\u043f\u0440\u043e\u0441\u0438\w+"
    r"|\u0441\u043f\u0440\u0430\u0448\u0438\w+|\u0445\u043e\u0447\u0435\u0442"
    r"|\u0441\u043a\u0430\u0437\u0430\w+|\u0440\u0430\u0437\u0433\u043e\u0432\u043e\u0440\w*"
    r"|\u0431\u0435\u0441\u0435\u0434\w+)\b"
    r"|用户|助手|询问|问了|表示|提到|讨论|希望|要求|决定|对话|总结|ユーザー|アシスタント|尋ね|質問|述べ"
    r"|言った|会話|要約|希望|사용자|어시스턴트|물었|질문|말했|대화|요약|원한다|المستخدم|المساعد|سأل|طلب|محادثة"
    r"|उपयोगकर\u094dता|पूछा|कहा|बातचीत"
)
"""Words by which a summary reports, in the languages that are spoken most in chats."""
_LABEL = re.compile(r"(?m)^[^\w\n]{0,9}[\w .]{1,40}[:\uff1a]")
"""Who speaks, as in a transcript that a model goes on with."""


def answers(text: str, turns: Sequence[Turn]) -> bool:
    """Return whether a text answers what people asked in these turns, and reports nothing.

    Then it says something new of what was asked. A text without a word of the conversation, such as
    "Paris.", is taken for a summary: a terse or translated one may look like that.
    """
    from core.memory.recall.words import ENGLISH, language_of, terms_of  # noqa: PLC0415 - rarely

    text, people = text[:_READ], _texts_of_people(turns)
    names = {entry.author.name for turn in turns for entry in turn.entries}
    questions = [each for said in people for each in _asking(said)]
    if not questions or _reports(text, names):
        return False
    language = language_of("\n".join(people)) or ENGLISH

    def words(texts: Iterable[str]) -> set[int]:
        return set(terms_of("\n".join(texts), language).words)

    said = words([text]) - words(names)  # whom it speaks to
    asked = words(questions)
    known = asked | words([*people, *[turn.answer.text for turn in turns]])
    new = len(said - known)
    return new >= _NEW * len(said) and not said.isdisjoint(asked)


def _texts_of_people(turns: Sequence[Turn]) -> list[str]:
    """Return what people said, quoted and named."""
    texts: list[str] = []
    for entry in [entry for turn in turns for entry in turn.entries]:
        texts += [entry.text, *[quote.text for quote in entry.quotes]]
        texts += [each.name for each in entry.attachments]
    return texts


def _asking(text: str) -> list[str]:
    """Return the ends of the sentences that ask for something."""
    sentences = [found[0] for found in _SENTENCE.finditer(text)]
    return [each[-_QUESTION:] for each in sentences if _ASKS.search(each) or _REQUEST.match(each)]


def _reports(text: str, names: Iterable[str]) -> bool:
    """Return whether a text says who did what; names by which people are addressed do not count."""
    plain = _LABEL.sub("", text)
    if _REPORTS.search(plain):
        return True
    said = [re.escape(part) for name in names for part in [name, *name.split()] if len(part) > 1]
    if not said:
        return False
    called = rf"(?i)(?<![\w@])(?:{'|'.join(said)})(?!\w|[,!:\uff0c\uff1a]|\.?\s*$)"
    return bool(re.search(called, plain))
