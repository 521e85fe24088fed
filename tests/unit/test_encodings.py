# ruff: noqa: RUF001 - letters of many scripts are what this is about
"""Text of files in the encodings that people send, and what is refused as a guess."""

from __future__ import annotations

import codecs
import random
import time

import pytest

from core.domain.limits import TEXT_FILE_BYTES
from core.prompt.encodings import ENOUGH, Decoded, NoText, decoded
from core.prompt.files import FileKind, FileRules, read
from tests.paper import CSV

RULES = FileRules()
GUESSED = "it does not state its encoding, which is guessed to be "


def text_of(data: bytes) -> str:
    found = decoded(data)
    assert isinstance(found, Decoded), found
    return found.text


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (CSV, CSV.decode()),
        ("Grüße 👋".encode(), "Grüße 👋"),
        ("АБВГ ПОНМ".encode(), "АБВГ ПОНМ"),
        (codecs.BOM_UTF8 + b"a,b", "a,b"),
        (codecs.BOM_UTF16_LE + "Käse".encode("utf-16-le"), "Käse"),
        (codecs.BOM_UTF16_BE + "Käse".encode("utf-16-be"), "Käse"),
        (codecs.BOM_UTF32_LE + "Käse".encode("utf-32-le"), "Käse"),
        (b"\x1b[31mred\x1b[0m", "\x1b[31mred\x1b[0m"),
        (b"DIR\r\nA.TXT\r\n\x1a", "DIR\r\nA.TXT\r\n"),
    ],
)
def test_text_that_states_its_encoding(data: bytes, text: str) -> None:
    assert decoded(data) == Decoded(text)


SAMPLES = {
    "cp932": ("処理区分,件数\r\n1,2\r\n", "日付,店舗,売上金額\r\n2024/01/05,新宿店,12000\r\n"),
    "euc_jp": ("品名;数量\r\nりんごとみかん;3\r\n",),
    "iso2022_jp": ("エラーが発生しました。\r\n",),
    "gb18030": ("姓名,部门\r\n张三,财务\r\n", "交易时间,商户,金额\n2026-08-11,测试商户,19.80\n"),
    "big5": ("姓名,部門\r\n張三,財務\r\n", "發生錯誤。請再試一次。\r\n"),
    "euc_kr": ("이름,부서\r\n김,재무\r\n", "오류가 발생했습니다.\r\n"),
    "cp1251": ("Привет, мир\n", "Имя;Отдел\r\nИванов;Бухгалтерия\r\n"),
    "koi8_r": ("Ошибка в строке 4. Привет!\r\n",),
    "iso8859_5": ("Дата,Сумма,Примечание\r\n2024-01-05,1200,оплачено\r\n",),
    "cp866": ("Не удалось открыть файл C:\\temp\\a.txt\r\n",),
    "cp1252": ("Grüße aus Köln", "L’été dernier – 12 €", "Año;Población\r\n", "naïve"),
    "cp1250": ("Příliš žluťoučký kůň úpěl ďábelské ódy.\r\n", "Imię;Nazwisko\r\nŁukasz;Żółć\r\n"),
    "iso8859_2": ("Proszę przesłać ofertę do wtorku. Dziękuję.\r\n",),
    "cp1253": ("Όνομα;Επώνυμο\r\nΓιώργος;Παπαδόπουλος\r\n",),
    "cp1254": ("Adı;Soyadı\r\nAyşe;Yılmaz\r\nGökhan;Şahin\r\n",),
    "cp1255": ("שם;מחלקה\r\nדוד;כספים\r\n",),
    "cp1256": ("الاسم;القسم\r\nأحمد;المالية\r\n",),
    "cp874": ("ชื่อ;แผนก\r\nสมชาย;บัญชี\r\n",),
    "cp850": ("Grüße aus Köln", "déjà réglé"),
    "mac_roman": ("Stückzahl;Größe\r",),
}
"""Short files as Excel and programs write them, by encoding."""


@pytest.mark.parametrize(
    ("encoding", "text"),
    [(name, text) for name, texts in SAMPLES.items() for text in texts],
)
@pytest.mark.parametrize("times", [1, 40])
def test_text_in_the_encodings_of_countries(encoding: str, text: str, times: int) -> None:
    found = decoded((text * times).encode(encoding))
    assert isinstance(found, Decoded), found
    assert found.text == text * times
    assert found.note.startswith(GUESSED) or encoding == "iso2022_jp"


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize(
    "text",
    [
        "Name", "error at line 4\r\n", "Ошибка в строке\r\n", "Привет",
        "姓名,部门\r\n张三,财务\r\n",
        "안녕하세요, 여러분\r\n", "Γιώργος\n", "שלום\n", "ok 👋\n", "Grüße;10 €\r\n",
    ],
)  # fmt: skip
def test_wide_characters_without_a_mark(encoding: str, text: str) -> None:
    assert decoded(text.encode(encoding)) == Decoded(text)


@pytest.mark.parametrize(
    "data",
    [
        "你好".encode("gbk"),
        "売上\r\n100\r\n".encode("euc_jp"),
        "氏名,住所,電話\r\n".encode("euc_jp"),  # Chinese as well
        "ｶﾀｶﾅ,ﾃｽﾄ\r\n1,2\r\n".encode("cp932"),
    ],
)  # fmt: skip
def test_text_that_is_too_short_for_a_guess_is_said_to_be_so(data: bytes) -> None:
    assert decoded(data) is NoText.UNKNOWN
    assert read(data, RULES).why == ("I can't determine the encoding of its text: save it as UTF-8")


def test_a_guess_is_said_to_be_one() -> None:
    file = read("Привет, мир".encode("cp1251"), RULES)
    assert (file.kind, file.text, file.why) == (FileKind.TEXT, "Привет, мир", "")
    assert file.note == (
        f"{GUESSED}windows-1251; if it reads like gibberish, say so and ask for it in UTF-8"
    )


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"[main] ok\n" * 5 + b"\0" + b"[main] ok\n", "[main] ok\n" * 5 + "\ufffd[main] ok\n"),
        (b"short\0log line here\n", "short\ufffdlog line here\n"),
        ("Grüße äöü".encode() + b"\xff", "Grüße äöü\ufffd"),
        ("日本語のログ\n".encode() * 9 + b"\x83\n", "日本語のログ\n" * 9 + "\ufffd\n"),
        ("build 👋 ok ".encode() + b"\x8f\n", "build 👋 ok \ufffd\n"),
        (b"[main] ok\n" * 9 + b"\x81\n", "[main] ok\n" * 9 + "\ufffd\n"),
    ],
)
def test_a_stray_byte_is_shown_as_damaged(data: bytes, text: str) -> None:
    note = "1 of its characters are damaged, and shown as \ufffd"
    assert decoded(data) == Decoded(text, note)


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ('<?xml version="1.0" encoding="Shift_JIS"?><a>売上</a>', "cp932"),
        ("<?xml version='1.0' encoding='ISO-8859-1'?><a>Gr\xfc\xdfe \u20ac</a>", "cp1252"),
        ('<html><head><meta charset="gb2312"><p>你好</p>', "gb18030"),
        ('<META http-equiv=x content="text/html; charset=windows-1251"><p>Да</p>', "cp1251"),
        ("From: a@b\r\nContent-Type: text/plain; charset=euc-jp\r\n\r\n売上\r\n", "euc_jp"),
    ],
)
def test_a_page_that_states_its_encoding_is_believed(text: str, encoding: str) -> None:
    assert decoded(text.encode(encoding)) == Decoded(text)


def test_a_statement_that_is_wrong_is_not_believed() -> None:
    for stated in ("big5", "utf-16", "base64", "rot13", "no-such", "ascii"):
        text = f'<meta charset="{stated}"><p>Привет, мир</p>'
        found = decoded(text.encode("cp1251"))
        assert isinstance(found, Decoded)
        assert (found.text, found.note[: len(GUESSED)]) == (text, GUESSED)


def test_a_table_of_the_console() -> None:
    text = "┌───┐\r\n│a  │\r\n└───┘\r\n"
    assert text_of(text.encode("cp437")) == text


def test_wide_characters_of_a_file_that_was_cut() -> None:
    assert text_of("Zeile eins\n".encode("utf-16-le") + b"a") == "Zeile eins\n"


def test_zeros_at_the_end_of_a_log_are_left_out() -> None:
    assert decoded(b"last line before the crash\n" + bytes(4_000)) == Decoded(
        "last line before the crash\n"
    )
    assert decoded("Ошибка\n".encode("cp1251") + bytes(500)) == decoded("Ошибка\n".encode("cp1251"))
    assert decoded(bytes(500)) is NoText.BINARY


def test_a_nul_beside_words_of_an_old_encoding() -> None:
    assert text_of("Ошибка в\0строке".encode("cp1251")) == "Ошибка в\ufffdстроке"


def test_the_first_foreign_letter_may_stand_far_from_the_beginning() -> None:
    text = "id,name\r\n" + "1,Smith\r\n" * 9_000 + "2,処理区分の件数\r\n"
    assert text_of(text.encode("cp932")) == text


@pytest.mark.parametrize(
    ("encoding", "text"),
    [("gb18030", "会议纪要"), ("cp932", "会議の記録"), ("utf-8", "会議"), ("euc_kr", "회의 기록")],
)
@pytest.mark.parametrize("shift", [0, 1, 2])
def test_a_character_that_is_cut_does_not_change_the_guess(
    encoding: str, text: str, shift: int
) -> None:
    long = "a" * shift + (text + "\r\n") * (ENOUGH // len(text))
    assert text_of(long.encode(encoding)).startswith(long[: TEXT_FILE_BYTES // 4])


@pytest.mark.parametrize(
    "data",
    [
        b"PK\x03\x04\x14\0\0\0",
        b"\x7fELF\x02\x01\x01\0",
        bytes(range(256)),
        codecs.BOM_UTF16_LE + b"\1\0\2\0\0\0",
        b"MZ\x01\x02\x03\x04",
        b"\x89HDF\r\n\x1a\n",
        b"abc\0def\0" * 20,
        random.Random(1).randbytes(5_000),
    ],
)
def test_what_is_no_text(data: bytes) -> None:
    assert decoded(data) is NoText.BINARY


@pytest.mark.parametrize(
    "data",
    [
        "会议纪要\r\n".encode("gbk") * 200_000,
        "ü".encode("latin-1") * 2_000_000,
        b"\x1b$" * 500_000,
        "a".encode("utf-16-le") * 500_000,
        b"\xe0\x80" * 500_000,
        b"a" * 1_000_000 + b"\xff",
    ],
)
def test_a_megabyte_takes_no_longer_than_what_is_shown_of_it(data: bytes) -> None:
    started = time.process_time()
    decoded(data)
    assert time.process_time() - started < 0.5
