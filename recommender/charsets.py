"""Texts whose charset nobody said: lists of files, and tags marked as Latin-1 that hold another charset.

Such texts are short, so what is weighed is how their letters stand together: a charset explains a text where nearly all
of it are frequent signs of one script, words are of one script and capitals begin them. Where none clearly does better
than Western Europe's, a text stays as it is.
"""

import re
import unicodedata
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NamedTuple

from recommender.errors import Argument, InputError
from recommender.text import show

_BOMS: tuple[tuple[bytes, str], ...] = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\0\0", "utf-32"),
    (b"\0\0\xfe\xff", "utf-32"),
)
_BOMS += ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_LEAST, _LEAD = 0.3, 0.35  # what a charset must reach, and by how much it must explain a text better than Western
_CUT = 28  # bytes, of 30 that a text of ID3v1 has at most
_SIGNS = 3  # of another script, at least
_LAST = "ςםןךףץة"  # letters that only end words
_ABOVE = "ัิีึืฺุู็่้๊๋์ํ๎"  # Thai marks that stand on a letter
_POLISH = re.compile(  # ł and ą where no number stands before them, ż in a word, Ł before a letter
    rb"(?<!\d)[\xb3\xb9](?=[a-z\xe0-\xff])|[a-z\xe0-\xff]\xbf(?=[a-z\xe0-\xff])|\xa3(?=[a-z])"
)
_OPEN = "\u2018\u2019\u201c\u201d\u201e\u2013\u2014\u2026\u2022\xab\xbb\xb0\xa9\xae\xb7\xa1\xbf\xa0\xaa\xba\xb4\u2122"


class _Charset(NamedTuple):
    """A charset with the signs that are frequent in its language, the most frequent first.

    `known` weighs any other sign, by its bytes: from 1 for a frequent one to -1 for one that nobody writes.
    """

    codec: str
    frequent: str
    known: Callable[[bytes, str], float]
    cased: bool = False
    odds: float = 0.0  # added where other texts hardly ever are texts of the charset


def _letter(code: bytes, sign: str) -> float:
    return -1.0


def _leads(low: int, high: int, common: float) -> Callable[[bytes, str], float]:
    """Weighs signs of two bytes by their first: standards put the frequent ones into a range of their own."""
    return lambda code, sign: common if len(code) == 2 and low <= code[0] <= high else -0.8


def _kana(level: Callable[[bytes, str], float]) -> Callable[[bytes, str], float]:
    """Weighs signs of Japanese: its two syllabaries, and kanji."""
    return lambda code, sign: (
        1.0 if "\u3040" <= sign <= "\u30ff" else 0.3 if sign in "々、。・「」〜！？" else level(code, sign)
    )


_CYRILLIC = "оаеинтрсвлкдмупяьзгыбчйіхжцшюєщїэфґъё"
_HANS = (
    "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里用道行所然家"
    "种事成方多经么去法学如都同现当没动面起看定天分还进好小部其些主样理心她本前开但因只从想实日军者意无力它与长把机"
    "十民第公此已工使情明性知全三又关点正业外将两高间由问很最重并物手应战向头文体政美相见被利什二等产或新己制身果加"
    "西斯月话合回特代内信表化老给世位次度门任常先海通教儿原东声提立及比员解水名真论处走义各入几口认条平系气题活尔更"
    "别打女变四神总何电数安少报才结反受目太量再感建务做接必场件计管期市直德资命山金指许爱歌梦花雨风夜星王李张刘陈杨"
)
_HANT = (
    "的一是不了在人有我他這個們中來上大為和國地到以說時要就出會可也你對生能而子那得於著下自之年過發後作裡用道行所然家"
    "種事成方多經麼去法學如都同現當沒動面起看定天分還進好小部其些主樣理心她本前開但因只從想實日軍者意無力它與長把機"
    "十民第公此已工使情明性知全三又關點正業外將兩高間由問很最重並物手應戰向頭文體政美相見被利什二等產或新己制身果加"
    "西斯月話合回特代內信表化老給世位次度門任常先海通教兒原東聲提立及比員解水名真論處走義各入幾口認條平系氣題活爾更"
    "別打女變四神總何電數安少報才結反受目太量再感建務做接必場件計管期市直德資命山金指許愛歌夢花雨風夜星王李張劉陳楊"
)
_HANGUL = (
    "이다는의에가을고하지한은로사기를도리어나자들시서인아그해대있수으정일게과부보만구스라전주상니면제장화공선적동원우"
    "조성여년경영유소오신모무안비연미당요김박최강윤임습것되와내러세계진거야너마음람랑노래눈날길별꿈밤봄사랑바위할합"
)
_CHARSETS = (
    _Charset("cp1251", _CYRILLIC, _letter, cased=True),
    _Charset("koi8-u", _CYRILLIC, _letter, cased=True),
    _Charset("cp866", _CYRILLIC, _letter, cased=True),
    _Charset("cp1253", "αοιετσνηυρπκμλωςγάδίόήέύχθώφβξζψϊϋΐΰ", _letter, cased=True),
    _Charset("cp1255", "יוהלאברתשמנםדעכחקפטסצגזןךץף", _letter),
    _Charset("cp1256", "اليمونرتبةعدسفهكقحجشطصخذثغضزظءآأإىئؤپچگـًٌٍَُِّْ", _letter),
    _Charset("cp874", "านรกอเมยลวงทสดตะคปพแจขหบชไซโผภศถใณธญฉฟฐษฮฝ็่้๊๋์ัิีึืุู", _letter),
    _Charset("cp932", "", _kana(_leads(0x88, 0x98, 0.6)), odds=0.25),
    _Charset("euc-jp", "", _kana(_leads(0xB0, 0xCF, 0.3)), odds=0.25),
    _Charset("gbk", _HANS, _leads(0xB0, 0xD7, 0.3), odds=0.25),
    _Charset("cp950", _HANT, _leads(0xA4, 0xC6, 0.3), odds=0.25),
    _Charset("cp949", _HANGUL, lambda code, sign: 0.4 if "가" <= sign <= "힣" and code[1] > 0xA0 else -0.8, odds=0.25),
)


_WIDE = {"utf-8", *(one.codec for one in _CHARSETS if one.known is not _letter)}


def decode(data: bytes) -> str:
    """The text of a file in any charset, without its byte-order mark; bytes that make no sense as surrogates."""
    if form := unicode_form(data):
        return data.decode(form, "surrogateescape" if form == "utf-8-sig" else "replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        codec = detect(data)
    return data.decode("utf-8", "surrogateescape") if codec is None else data.decode(codec, "replace")


def unicode_form(data: bytes) -> str | None:
    """The codec of Unicode that a mark tells, or the NULs of UTF-16 without one; None where neither is there."""
    for mark, codec in _BOMS:
        if data.startswith(mark):
            return codec
    if 0 not in data:
        return None
    # Text holds no NUL: every second byte of UTF-16 is one, in Western texts and at the ends of lines.
    return "utf-16-le" if data[1::2].count(0) > data[::2].count(0) else "utf-16-be"


def mend(texts: Sequence[str], charset: str | None = None) -> list[str]:
    """The texts of one file that were decoded as Latin-1, in the charset that they hold.

    `charset`: theirs, where it is known; else it is found from all of them. A text with other signs than those of
    Latin-1, or that is none in the charset, stays as it is.
    """
    held = [_latin(text) for text in texts]
    codec = charset or detect(b"\n".join(filter(None, held)))
    mended = [None if data is None or codec is None else _read(data, codec) for data in held]
    return [text if new is None else new for text, new in zip(texts, mended, strict=True)]


def check(charset: str) -> None:
    """Raise InputError for what is no charset."""
    try:
        b"a".decode(charset)
    except (LookupError, UnicodeError, ValueError):
        told = f" {show(charset)}: no charset that is known; such as cp1251, cp1253, shift_jis, gbk, big5, euc-kr"
        raise InputError(Argument("tag_charset"), told) from None


def detect(data: bytes) -> str | None:
    """The charset of a text in bytes, None where it is ASCII or Western, or may as well be."""
    if data.isascii():
        return None
    if _is_utf8(data):
        return "utf-8"
    scores = {one.codec: _score(data, one) for one in _CHARSETS}
    best = max(scores, key=lambda codec: scores[codec])
    western = _western(data)
    if scores[best] >= max(_LEAST, western + _LEAD):
        return best
    if _POLISH.search(data):
        return "cp1250"
    return "cp1252" if western > 0 else None


def _latin(text: str) -> bytes | None:
    """The bytes that were decoded as Latin-1 or Windows-1252, None where there are other signs or ASCII alone."""
    if text.isascii():
        return None
    try:
        return b"".join(sign.encode("latin-1" if sign <= "\xff" else "cp1252") for sign in text)
    except UnicodeEncodeError:
        return None


def _read(line: bytes, codec: str) -> str | None:
    """A line in a charset, but for half a sign at its end, where tags are cut; None where it is no text in it."""
    for cut in range(4 if codec in _WIDE and len(line) >= _CUT else 1):
        with suppress(UnicodeDecodeError, LookupError):
            if end := line[: len(line) - cut]:
                return end.decode(codec)
    return None if line else ""


def _is_utf8(data: bytes) -> bool:
    """Whether every line is UTF-8; a single sign of it is one of Latin, else it is as likely a letter and a quote."""
    lines = [_read(line, "utf-8") for line in data.split(b"\n")]
    signs = [sign for line in lines for sign in line or "" if not sign.isascii()]
    return None not in lines and (len(signs) > 1 or max(signs, default="\uffff") < "\u0180")


def _score(data: bytes, charset: _Charset) -> float:
    """How well a charset explains `data`: 1 where all signs are frequent ones in words of one script; -1 where not."""
    lines = [_read(line, charset.codec) for line in data.split(b"\n")]
    if None in lines:
        return -1.0
    text = "\n".join(filter(None, lines))
    total, signs, before = 0.0, 0, " "
    for sign in text:
        if not sign.isascii():
            weight = _weigh(sign, charset)
            signs += weight > 0
            total += weight
        total -= 2 * _is_broken(before, sign, charset)
        before = sign
    others = sum(not sign.isascii() for sign in text)
    least, odds = _SIGNS if charset.known is _letter else 2, charset.odds
    if charset.cased and (text.islower() or text.isupper()):
        odds -= 0.15  # capitals are where names and titles begin
    return total / others + odds if signs >= least else -1.0


def _weigh(sign: str, charset: _Charset) -> float:
    at = charset.frequent.find(sign.lower())
    if at >= 0:
        return 1.0 - 0.7 * at / len(charset.frequent)
    if charset.known is _letter:
        return 0.0 if sign in _OPEN else -1.0
    return charset.known(sign.encode(charset.codec), sign)


def _is_broken(before: str, sign: str, charset: _Charset) -> bool:
    """Whether two signs in a row are of no word: of two scripts, a capital after a small letter, a mark alone."""
    if charset.known is not _letter:
        return False
    if unicodedata.combining(sign) or sign in _ABOVE:
        return not (before.isalpha() or before in _ABOVE)
    if not (before.isalpha() and sign.isalpha()):
        return False
    turned = charset.cased and before.islower() and sign.isupper()
    return before.isascii() != sign.isascii() or turned or before in _LAST


def _western(data: bytes) -> float:
    """How well Windows-1252 explains `data`, as `_score`: there single letters with accents stand among plain ones."""
    text = data.decode("cp1252", "replace")
    total, count = 0.0, 0
    for word in re.findall(r"[^\x00-\x7f]{3,}|[^\W\d_]+|[^\x00-\x7f]", text):
        strange = [sign for sign in word if not sign.isascii()]
        if not strange:
            continue
        count += len(strange)
        if not word.isalpha():
            total += 0.5 if word in _OPEN else -1
        elif len(strange) < len(word):
            runs = max(map(len, re.findall(r"[^\x00-\x7f]+", word)))
            total += len(strange) * (1 if runs < 3 and not re.search(r"[a-z][À-ÖØ-Þ]", word) else -1)
        else:
            total += len(strange) * (0.3 if len(word) < 3 else -1)
    return total / max(count, 1)
