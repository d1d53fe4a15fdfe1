"""Texts whose charset nobody said: which is found, and what stays as it is."""

import pytest

from recommender.charsets import check, decode, detect, mend
from recommender.errors import InputError

WORLD = {  # artist and title as ripped, per charset
    "cp1251": [
        ("Браво", "Этот город"),
        ("Земфира", "Искала"),
        ("Кино", "Группа крови"),
        ("Океан Ельзи", "Обійми"),
        ("Аквариум", "город золотой"),
        ("ДДТ", "Что такое осень"),
        ("Алла Пугачёва", "Миллион алых роз"),
        ("Щурците", "Клетва"),
    ],
    "koi8-r": [("Кино", "Звезда по имени Солнце"), ("Сплин", "Выхода нет"), ("Аквариум", "Сны о чём-то большем")],
    "cp866": [("Браво", "Московский бит"), ("Мумий Тролль", "Владивосток 2000")],
    "shift_jis": [
        ("音楽隊", "夜に駆ける"),
        ("宇多田ヒカル", "First Love"),
        ("久石譲", "風のとおり道"),
        ("坂本龍一", "戦場のメリークリスマス"),
        ("スピッツ", "ロビンソン"),
    ],
    "euc-jp": [("スピッツ", "空も飛べるはず"), ("中島みゆき", "時代")],
    "gbk": [
        ("周杰伦", "青花瓷"),
        ("邓丽君", "月亮代表我的心"),
        ("王菲", "我愿意"),
        ("崔健", "一无所有"),
        ("刘德华", "忘情水"),
    ],
    "big5": [("周杰倫", "青花瓷"), ("鄧麗君", "月亮代表我的心"), ("張學友", "吻別"), ("五月天", "倔強")],
    "euc-kr": [
        ("조용필", "돌아와요 부산항에"),
        ("아이유", "좋은 날"),
        ("김광석", "서른 즈음에"),
        ("이문세", "붉은 노을"),
    ],
    "cp1253": [
        ("Μίκης Θεοδωράκης", "Ζορμπάς"),
        ("Χάρις Αλεξίου", "Όλα σε θυμίζουν"),
        ("Νάνα Μούσχουρη", "Τα παιδιά του Πειραιά"),
    ],
    "cp1255": [("נעמי שמר", "ירושלים של זהב"), ("עפרה חזה", "חי")],
    "cp1256": [("أم كلثوم", "إنت عمري"), ("فيروز", "نسم علينا الهوى")],
    "cp874": [("คาราบาว", "เมดอินไทยแลนด์"), ("ธงไชย", "สบาย สบาย")],
    "cp1250": [("Czesław Niemen", "Dziwny jest ten świat"), ("Maanam", "Kocham cię, kochanie moje ż łąka")],
    "utf-8": [("Beyoncé", "Déjà Vu"), ("Кино", "Кукушка"), ("坂本龍一", "Energy Flow")],
}
WEST = [
    *[("Beyoncé", "Déjà Vu"), ("Motörhead", "Ace of Spades"), ("Sigur Rós", "Ágætis byrjun"), ("Sigur Rós", "Þú")],
    *[("Björk", "Jóga"), ("Björk", "Það sést ekki sætari mey"), ("Mötley Crüe", "Too Young"), ("Röyksopp", "Eple")],
    *[("Édith Piaf", "Non, je ne regrette rien"), ("Serge Gainsbourg", "Élisa"), ("Zaz", "Éblouie par la nuit")],
    *[("Étienne Daho", "Ouverture à la française"), ("Noël", "À l'été"), ("Alizée", "J'en ai marre !"), ("À", "É")],
    *[("Die Ärzte", "Männer sind Schweine"), ("Herbert Grönemeyer", "Männer"), ("Die Toten Hosen", "Über Österreich")],
    *[("Xavier Naidoo", "Dieser Weg ß"), ("Blümchen", "Heut' ist mein Tag"), ("Karajan", "Götterdämmerung: Größe")],
    *[("Caetano Veloso", "Coração Vagabundo"), ("Tom Jobim", "Águas de Março"), ("Chico", "Construção, não é")],
    *[
        ("Juanes", "Año Nuevo"),
        ("Maná", "Mariposa Traicionera"),
        ("Niña Pastori", "¿Qué tú sabes?"),
        ("Él", "Así ¡Olé!"),
    ],
    *[("Håkan Hellström", "Känn ingen sorg för mig Göteborg"), ("ABBA", "Så länge"), ("Kent", "Dom andra på ön")],
    *[("Mø", "Kamikaze"), ("Sidsel Endresen", "Så stille på øya"), ("Värttinä", "Äijö"), ("Nightwish", "Élan")],
    *[
        ("Antonín Dvoøák", "Symfonie"),
        ("Ólafur Arnalds", "Ljósið"),
        ("Andrea Bocelli", "Con te partirò"),
        ("Øystein", "Ææ"),
    ],
    *[
        ("Joaquín Rodrigo", "Concierto de Aranjuez: Adagio"),
        ("Céline Dion", "Où s'en vont les cœurs"[:10]),
        ("X", "«Là»"),
    ],
]


@pytest.mark.parametrize(("charset", "pair"), [(c, p) for c, pairs in WORLD.items() for p in pairs])
def test_tags_marked_as_latin_are_read_in_the_charset_that_they_hold(charset, pair):
    held = [text.encode(charset).decode("latin-1") for text in pair]
    assert tuple(mend(held)) == pair


@pytest.mark.parametrize("pair", [*WEST, ("Größ’s", "“Gruß”"), ("Café’s – “Olé”", "Étoile…")])
def test_western_texts_stay(pair):
    assert tuple(mend(pair)) == pair


def test_signs_of_windows_are_no_controls():
    assert mend(["Don\x92t Stop \x96 \x93Live\x94"]) == ["Don’t Stop – “Live”"]


def test_texts_that_were_spoilt_and_then_kept_as_unicode_are_mended():
    for text in ("Это", "Déjà Vu", "夜歌"):
        assert mend([text.encode().decode("cp1252")]) == [text]
    assert mend(["Этот".encode("cp1251").decode("cp1252")]) == ["Этот"]


def test_texts_of_one_file_are_read_together():
    """One word says too little alone; what was Unicode already stays, and a tag may be cut within a sign."""
    assert mend(["\xc0\xf0\xe8\xff"] * 2 + ["Дом"]) == ["Ария", "Ария", "Дом"]
    cut = "夜に駆けるいちにち、夜に駆けるいちにち".encode("shift_jis")[:29].decode("latin-1")
    assert mend([cut, "音楽隊".encode("shift_jis").decode("latin-1")]) == ["夜に駆けるいちにち、夜に駆け", "音楽隊"]
    assert mend(["ascii", "夜"]) == ["ascii", "夜"]
    assert detect(b"\x81\x8d") is None


def test_a_charset_that_a_person_knows_is_taken():
    held = "Șatra".encode().decode("latin-1")
    assert mend([held, "Ýòîò"], "cp1251")[1] == "Этот"
    assert mend(["\x81", "\x85 !"], "cp932") == ["\x81", "\x85 !"]  # no text in that charset
    check("cp1251")
    for wrong in ("cp12510", "hex", "a\0b", "rot13"):
        with pytest.raises(InputError, match="no charset that is known; such as cp1251"):
            check(wrong)


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1251", "koi8-r"]
)
def test_files_of_text_in_any_charset(encoding):
    text = "music/Земфира.mp3\r\nmusic/Кино - Кукушка.mp3\r\n"
    assert decode(text.encode(encoding)) == text


def test_bytes_that_are_no_text_are_kept():
    assert decode(b"\x81\x8d\xff\n").encode("utf-8", "surrogateescape") == b"\x81\x8d\xff\n"
